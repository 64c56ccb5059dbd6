import type { Called } from '../support/call.ts'
import { startErp, type Erp } from '../support/erp.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { startIdp, type Idp } from '../support/idp.ts'
import type { TestContext } from '../support/teardown.ts'
import type { Jwk } from './wycheproof.ts'

/** A gateway whose issuer publishes keys that somebody else chose, beside one of its own. */
export interface KeyHouse {
  readonly idp: Idp
  readonly erp: Erp
  readonly gateway: TestGateway
  /** One GET with that Bearer token, whatever it is made of. */
  ask (token: string): Promise<Called>
}

/** Starts it, and shows that it works: a token of the issuer's own passes. */
export async function startWithKeys (t: TestContext, keys: readonly Jwk[]): Promise<KeyHouse> {
  const idp = await startIdp(t, { alg: 'ES256' })
  idp.keys.published.push(...keys)
  const erp = await startErp(t)
  const gateway = await startGateway(t, { idp, erp, routes: [{ match: 'GET /vectors', require: 'user' }] })
  const ask = async (token: string): Promise<Called> => await gateway.call({ path: '/vectors', token })
  const own = await ask(idp.mint())
  if (own.status !== 200) throw new Error(`a token of the issuer's own is answered ${own.status}: ${own.text}`)
  return { idp, erp, gateway, ask }
}

/**
 * What a caller gets whose token is not good: 401, and the same words for all; 400 where the credential is not even
 * one of RFC 6750 section 2.1.
 */
export function isRefused (token: string, { status, code }: Called): boolean {
  if (!/^[A-Za-z0-9\-._~+/]+=*$/.test(token)) return status === 400 && code === 'credential-malformed'
  return status === 401 && (code === 'token-invalid' || code === 'token-not-jwt')
}
