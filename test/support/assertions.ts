import { constants, createHash, verify, X509Certificate, type KeyObject } from 'node:crypto'
import { registerSecret } from './secrets.ts'

/** A client, or an issuer of grants, that signs its assertions: as it is registered with the token endpoint. */
export interface Signer {
  publicKey: KeyObject
  readonly alg: string
  readonly kid?: string
  /** PEM: its SHA-256 thumbprint has to be in the header. */
  readonly certificate?: string
  /** What `aud` has to be; the URL of the token endpoint when left out. */
  readonly audience?: string
  /** Of a grant (RFC 7523 section 2.1): the only `sub` that it may speak for. */
  readonly subject?: string
  /** Of a grant: the client that has to prove itself beside it. */
  readonly client?: string
}

/** An assertion that was taken. */
export interface Assertion {
  readonly header: Readonly<Record<string, unknown>>
  readonly claims: Readonly<Record<string, unknown>>
}

/** Why one was not taken, by the word of the check. */
export class AssertionRefused extends Error {}

/** The longest life that is taken, in seconds: that of the strictest of the vendors. */
const LONGEST = 300

/**
 * Verifies assertions as vendors do (RFC 7523 section 3), with node:crypto: the gateway makes them with jose. Each `jti`
 * is taken once.
 * @param clock ms since the epoch
 */
export function createAssertionDesk (clock: () => number) {
  const seen = new Set<string>()

  return function take (assertion: string, signer: Signer, parties: { readonly iss: string, readonly sub: string, readonly aud: string }): Assertion {
    registerSecret(assertion, 'an assertion')
    const [head = '', body = '', signature = '', ...rest] = assertion.split('.')
    const header = parse(head)
    const claims = parse(body)
    const now = clock() / 1000
    const { iat, exp, jti } = claims
    const checks: Readonly<Record<string, boolean>> = {
      parts: rest.length === 0,
      alg: header['alg'] === signer.alg,
      typ: header['typ'] === 'JWT',
      kid: header['kid'] === signer.kid,
      'x5t#S256': header['x5t#S256'] === (signer.certificate === undefined ? undefined : createHash('sha256').update(new X509Certificate(signer.certificate).raw).digest('base64url')),
      signature: isSignedBy(`${head}.${body}`, signature, signer),
      iss: claims['iss'] === parties.iss,
      sub: claims['sub'] === parties.sub,
      aud: claims['aud'] === parties.aud,
      iat: typeof iat === 'number' && Number.isInteger(iat) && iat <= now + 5 && iat > now - LONGEST,
      exp: typeof exp === 'number' && Number.isInteger(exp) && exp > now && exp <= Number(iat) + LONGEST,
      nbf: !('nbf' in claims),
      jti: typeof jti === 'string' && jti.length >= 16 && !seen.has(jti)
    }
    const failed = Object.keys(checks).find(name => checks[name] === false)
    if (failed !== undefined) throw new AssertionRefused(failed)
    seen.add(String(jti))
    return { header, claims }
  }
}

function isSignedBy (input: string, signature: string, { alg, publicKey: key }: Signer): boolean {
  const bytes = Buffer.from(signature, 'base64url')
  if (alg === 'ES256') return verify('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' }, bytes)
  if (alg === 'PS256') return verify('sha256', Buffer.from(input), { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }, bytes)
  return alg === 'RS256' && verify('sha256', Buffer.from(input), key, bytes)
}

function parse (part: string): Record<string, unknown> {
  const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString())
  if (typeof value !== 'object' || value === null) throw new AssertionRefused('json')
  return { ...value }
}
