import type { Credential } from '../config/credential-schema.ts'
import type { Had, Shows, TokenReport } from '../token-report.ts'
import { printable } from './terminal-text.ts'

/** What is printed of a credential: lines, or JSON. */
export function tokenText (of: { readonly upstream: string, readonly credential: Credential['kind'] }, told: TokenReport, json: boolean): string {
  if (json) return printable(JSON.stringify({ ...of, ...told }, undefined, 2))
  return [`upstream ${of.upstream}: ${of.credential}`, ...linesOf(told)].map(printable).join('\n')
}

function linesOf (told: TokenReport): string[] {
  if (!told.ok) {
    const { problem, status, error, error_description: description, took_ms: took } = told
    return [problem, ...row('status', status), ...row('error', error), ...row('error_description', description), ...row('took', `${took} ms`, asIs)]
  }
  return 'shows' in told ? linesOfShows(told.shows) : linesOfToken(told)
}

function linesOfToken ({ token, expires_in: seconds, ends, ends_by: by, scope, header, old_secret: old, took_ms: took }: Had): string[] {
  const isBearer = header.toLowerCase() === 'authorization'
  return [
    ...row('token', `${token.format === 'jwt' ? 'a JWT' : 'opaque'}, ${token.length} characters${token.format === 'jwt' ? '; decoded, not verified' : ''}`, asIs),
    ...Object.entries(token.header ?? {}).map(([name, value]) => `  header ${name}: ${JSON.stringify(value)}`),
    ...Object.entries(token.claims ?? {}).map(([name, value]) => `  claim ${JSON.stringify(name)}: ${JSON.stringify(value)}`),
    ...row('expires_in', seconds === null ? 'not said' : `${seconds} s`, asIs),
    ...row('ends', `${ends}, ${by === 'neither' ? 'five minutes from now: neither the answer nor the token says when' : `by ${by}${by === 'exp' ? ' of the token' : ' of the answer'}`}`, asIs),
    ...row('scope', scope ?? 'not said', scope === null ? asIs : JSON.stringify),
    ...row('shown in', `${header}${isBearer ? ', with the Bearer scheme' : ', bare'}`, asIs),
    ...old ? row('client_secret', 'the first is refused; the second one served', asIs) : [],
    ...row('took', `${took} ms`, asIs)
  ]
}

function linesOfShows ({ headers, certificate }: Shows): string[] {
  if (certificate !== undefined) return [...row('subject', certificate.subject), ...row('issuer', certificate.issuer), ...row('ends', certificate.ends, asIs)]
  return headers.length === 0 ? ['nothing is shown'] : headers.map(name => `header ${name}: [secret]`)
}

function row (name: string, value: string | number | undefined, write: (value: string | number) => string = JSON.stringify): string[] {
  return value === undefined ? [] : [`${name}: ${write(value)}`]
}

function asIs (value: string | number): string {
  return String(value)
}
