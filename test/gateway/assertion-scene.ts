import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { startErp } from '../support/erp.ts'
import { startGateway } from '../support/gateway.ts'
import { startIdp, type Idp } from '../support/idp.ts'
import { registerSecret } from '../support/secrets.ts'
import { rewrite, standardGateway, type Settings } from '../support/settings.ts'
import type { Signer } from '../support/assertions.ts'
import type { IdpClient } from '../support/token-endpoint.ts'
import type { TestContext } from '../support/teardown.ts'

/** A private key, and the PEM of it that stands in gateway.yaml: no log may show a line of it. */
export function ownKey (type: 'rsa' | 'ec' = 'ec'): { readonly key: KeyObject, readonly pem: string, readonly publicKey: KeyObject } {
  const { privateKey: key } = type === 'ec' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('rsa', { modulusLength: 2048 })
  const pem = key.export({ type: 'pkcs8', format: 'pem' }).toString()
  for (const line of pem.split('\n').filter(line => line.length > 40 && !line.startsWith('--'))) registerSecret(line, 'a line of a private key')
  return { key, pem, publicKey: createPublicKey(key) }
}

export interface AssertionSceneOptions {
  readonly signers: Record<string, Signer>
  readonly credential: (idp: Idp) => Settings
  readonly files?: Readonly<Record<string, string>>
  readonly clock?: () => number
  readonly clients?: Record<string, IdpClient>
}

/** An IdP that knows these signers, an ERP, and a gateway with this credential between them. */
export async function assertionScene (t: TestContext, { signers, credential, files = {}, clock, clients }: AssertionSceneOptions) {
  const idp = await startIdp(t, { alg: 'ES256', signers, ...clock && { clock }, ...clients && { clients } })
  const erp = await startErp(t)
  const changes = (to: Settings): Settings => ({ upstreams: { erp: { credential: { client_credentials: undefined, ...to } } } })
  const gateway = await startGateway(t, { idp, erp, routes: [{ match: 'GET /status', require: 'public' }], files, changes: changes(credential(idp)), ...clock && { clock } })
  const ask = async () => await gateway.call({ path: '/status' })
  const change = async (to: Settings, changed: Readonly<Record<string, string>> = {}): Promise<void> => {
    await rewrite(gateway.dir, { gateway: standardGateway({ idp, erp }, changes(to)), files: changed })
    await gateway.reload()
  }
  return { idp, erp, gateway, ask, change }
}
