import { createPublicKey, verify } from 'node:crypto'
import type { JsonWebKey, KeyObject } from 'node:crypto'

export type Claims = Readonly<Record<string, unknown>>

export interface Expectations {
  /** Exact `iss`; its keys are looked up at its own discovery document. */
  readonly issuer: string
  readonly audience: string
  readonly scope: string
}

/** Why the ERP takes no order from this caller. */
export class TokenRefused extends Error {}

/**
 * The ERP's whole access control, the way an ERP does it: a genuine access token of its own IdP, for itself, with
 * the right scope, or nothing. Checks typ, alg, signature, issuer, audience, times and scope on every call.
 *
 * @throws TokenRefused by the function it gives, which takes an Authorization header
 */
export function machineTokenCheck ({ issuer, audience, scope }: Expectations, now: () => number = Date.now) {
  const keyOf = keyStore(issuer)
  return async (authorization: string | undefined): Promise<Claims> => {
    const token = /^Bearer ([\w-]+\.[\w-]+\.[\w-]+)$/i.exec(authorization ?? '')?.[1]
    if (token === undefined) throw new TokenRefused('a machine token is needed')
    const [head = '', body = '', signature = ''] = token.split('.')
    const header = readJson(head)
    if (header.alg !== 'RS256') throw new TokenRefused('the token must be signed with RS256')
    if (header.typ !== 'at+jwt') throw new TokenRefused('this is not an access token')
    const key = await keyOf(header.kid)
    if (!verify('sha256', Buffer.from(`${head}.${body}`), key, Buffer.from(signature, 'base64url'))) throw new TokenRefused('the signature is wrong')
    const claims = readJson(body)
    if (claims.iss !== issuer) throw new TokenRefused('the token is from another issuer')
    if (![claims.aud].flat().includes(audience)) throw new TokenRefused(`the token is not for ${audience}`)
    if (typeof claims.exp !== 'number' || claims.exp * 1000 <= now()) throw new TokenRefused('the token has expired')
    if (typeof claims.scope !== 'string' || !claims.scope.split(' ').includes(scope)) throw new TokenRefused(`the token lacks the scope ${scope}`)
    return claims
  }
}

function readJson (part: string): Claims {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'))
    // Checked just here: an object that is no array has string keys.
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Claims
  } catch { /* not JSON: refused below like every other shape */ }
  throw new TokenRefused('this is no token')
}

/** Keys by `kid`, fetched when first wanted, and again for an unknown one, but not more than once a second. */
function keyStore (issuer: string) {
  let keys: ReadonlyMap<unknown, KeyObject> = new Map()
  let fetched = -Infinity
  return async (kid: unknown): Promise<KeyObject> => {
    if (!keys.has(kid) && Date.now() - fetched > 1000) {
      fetched = Date.now()
      keys = await fetchKeys(issuer)
    }
    const key = keys.get(kid)
    if (key === undefined) throw new TokenRefused('the token is signed with an unknown key')
    return key
  }
}

async function fetchKeys (issuer: string): Promise<ReadonlyMap<unknown, KeyObject>> {
  const get = async (url: string) => (await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(3000) })).json()
  // The demo's own IdP writes these two documents; a broken one fails below with a TypeError, as it should.
  const { jwks_uri: jwksUri } = await get(`${issuer}/.well-known/openid-configuration`) as { jwks_uri: string }
  const { keys } = await get(jwksUri) as { keys: JsonWebKey[] }
  return new Map(keys.map((jwk) => [jwk.kid, createPublicKey({ key: jwk, format: 'jwk' })]))
}
