import { refuse } from '../policy/problems.ts'

const BEARER = /^[Bb][Ee][Aa][Rr][Ee][Rr] +([A-Za-z0-9\-._~+/]+=*)$/

/**
 * The caller's Bearer token (RFC 6750 section 2.1), or undefined where there is none: another scheme is no credential.
 * @param authorization the one Authorization header, or undefined
 * @throws {Refusal} credential-malformed, credential-ambiguous
 */
export function extractCredential (authorization: string | undefined): string | undefined {
  if (authorization === undefined) return undefined
  const token = BEARER.exec(authorization)?.[1]
  if (token !== undefined) return token
  const [, scheme, rest] = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+)(.*)$/.exec(authorization) ?? []
  if (scheme === undefined || rest === undefined) throw malformed()
  if (scheme.toLowerCase() !== 'bearer') return undefined
  // Two headers that a proxy in front has joined: "Bearer a, Bearer b".
  if (/,\s*[A-Za-z]+ /.test(rest)) throw refuse('credential-ambiguous', 'Send one Authorization header with one Bearer token.')
  throw malformed()
}

function malformed () {
  return refuse('credential-malformed', 'Send Authorization: Bearer, one space, and the access token.')
}
