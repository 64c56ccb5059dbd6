import { verify, type KeyObject } from 'node:crypto'

/** What a token says, read by nothing of the gateway's: who is named, in the words of RFC 9068 section 2.2. */
export interface Reading {
  readonly kind: 'user' | 'client'
  readonly subject: string
  readonly client: string
}

/** By what an issuer is known to the reader. */
export interface Known {
  readonly issuer: string
  readonly audience: string
  readonly kid: string
  readonly publicKey: KeyObject
  /** seconds since the epoch */
  readonly now: number
  /** seconds */
  readonly tolerance: number
}

/**
 * Reads a token the strict way, or gives the first thing that speaks against it: a second opinion, that shares no code
 * with the first. Of members of one name the last one counts (RFC 7515 section 4).
 */
export function readToken (token: string, { issuer, audience, kid, publicKey, now, tolerance }: Known): Reading | string {
  const [head = '', payload = '', signature = '', ...more] = token.split('.')
  if (more.length > 0 || ![head, payload, signature].every(part => /^[\w-]+$/.test(part))) return 'no compact JWS'
  const bytes = Buffer.from(signature, 'base64url')
  if (!verify('sha256', Buffer.from(`${head}.${payload}`), { key: publicKey, dsaEncoding: 'ieee-p1363' }, bytes)) return 'not signed by the issuer'
  const [header, claims] = [head, payload].map(membersOf)
  if (header === undefined || claims === undefined) return 'no JSON object'
  if (header.get('alg') !== 'ES256') return 'another alg'
  if (header.has('kid') && header.get('kid') !== kid) return 'another kid'
  if (!/^(?:application\/)?at\+jwt$/i.test(textOf(header.get('typ')))) return 'no access token'
  if (['crit', 'b64', 'zip'].some(name => header.has(name))) return 'an extension'
  if (claims.get('iss') !== issuer) return 'another issuer'
  const aud = claims.get('aud')
  const audiences: readonly unknown[] = Array.isArray(aud) ? aud : [aud]
  if (!audiences.includes(audience) || audiences.some(one => typeof one !== 'string')) return 'another audience'
  const exp = claims.get('exp')
  if (typeof exp !== 'number' || !(exp > now - tolerance) || exp > 253_402_300_799) return 'ended'
  const begins = ['iat', 'nbf'].filter(name => claims.has(name)).map(name => claims.get(name))
  if (!begins.every(time => typeof time === 'number' && time <= now + tolerance)) return 'not begun'
  const [subject, client] = [textOf(claims.get('sub')), textOf(claims.get('client_id'))]
  if (subject === '' || client === '') return 'names nobody'
  const login = ['auth_time', 'acr', 'amr'].some(name => claims.has(name))
  if (subject === client) return login ? 'neither nor' : { kind: 'client', subject, client }
  return login ? { kind: 'user', subject, client } : 'neither nor'
}

function textOf (value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function membersOf (part: string): ReadonlyMap<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString())
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? new Map<string, unknown>(Object.entries(value)) : undefined
  } catch {
    return undefined
  }
}
