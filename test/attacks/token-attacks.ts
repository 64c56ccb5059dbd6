import type { Test } from 'tap'
import type { Gatehouse, Wanted } from '../gateway/gatehouse.ts'
import type { Idp } from '../support/idp.ts'
import type { Settings } from '../support/settings.ts'

export type Attacks = Readonly<Record<string, (t: Test) => Promise<void>>>

export const routes: readonly Settings[] = [{ match: 'GET /orders', require: 'user' }]

/** Without a machine token, so that what the IdP is asked is about keys. */
export const noCredential: Settings = { upstreams: { erp: { credential: 'none' } } }

export const invalid = (code: string): Wanted => ({ status: 401, code, challenge: { error: 'invalid_token' } })

/** What fails before the signature is verified. */
export const INVALID = invalid('token-invalid')
export const NOT_JWT = invalid('token-not-jwt')

/** Each is refused like this, and a valid token passes after them all. */
export async function allRefused (t: Test, { refuses, lets, idp }: Gatehouse, tokens: Readonly<Record<string, string>>, wanted: Wanted = INVALID): Promise<void> {
  t.ok(Object.keys(tokens).length > 0)
  for (const [name, token] of Object.entries(tokens)) {
    // A name with line ends in it would end the report.
    await t.test(name.slice(0, 100).replace(/[^ -~]/g, '?'), async t => { await refuses(t, { path: '/orders', token }, wanted) })
  }
  await lets(t, { path: '/orders', token: idp.mint() })
}

/** The payload of a token that is good, to the byte. */
export function goodPayload (idp: Idp, claims: Readonly<Record<string, unknown>> = {}): Buffer {
  return Buffer.from(idp.mint(claims).split('.')[1] ?? '', 'base64url')
}

export function base64url (value: string | Buffer | object): string {
  return Buffer.from(typeof value === 'string' || Buffer.isBuffer(value) ? value : JSON.stringify(value)).toString('base64url')
}

/** The good token with other bytes as its signature. */
export function resigned (token: string, signature: Buffer | string): string {
  return [...token.split('.').slice(0, 2), base64url(signature)].join('.')
}

export function without (jwk: object, ...names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(jwk).filter(([name]) => !names.includes(name)))
}
