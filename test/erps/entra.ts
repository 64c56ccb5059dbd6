import type { Test } from 'tap'
import { startIdp, type Idp } from '../support/idp.ts'
import { registerSecret } from '../support/secrets.ts'
import { selfSigned, signedBy } from '../support/self-signed.ts'
import type { Signer } from '../support/assertions.ts'
import type { IdpClient } from '../support/token-endpoint.ts'
import { ownKey } from '../gateway/assertion-scene.ts'
import type { RecipeOptions } from './recipe.ts'

/** The application's client id on both pages. */
export const APPLICATION = '66666666-7777-8888-9999-000000000000'

const TOKEN_ENDPOINT = 'https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/oauth2/v2.0/token'

/** A stand-in of Entra that knows the application by what a heading of the page says, and what to put in the place of the page's. */
export async function startEntra (t: Test, heading: string): Promise<{ readonly idp: Idp } & Pick<RecipeOptions, 'replace' | 'files'>> {
  const { clients, signers, names, files } = proofs(heading)
  const idp = await startIdp(t, { clients, ...signers && { signers } })
  return { idp, replace: { 'https://id.example.com': idp.issuer, [TOKEN_ENDPOINT]: idp.tokenEndpoint, ...names }, files }
}

interface Proofs {
  readonly clients: Record<string, IdpClient>
  readonly signers?: Record<string, Signer>
  readonly names: RecipeOptions['replace']
  readonly files: Readonly<Record<string, string>>
}

function proofs (heading: string): Proofs {
  if (heading === 'With a secret') {
    const secret = registerSecret('a secret of the application', 'a client secret')
    return { clients: { [APPLICATION]: { secret, authMethod: 'client_secret_post' } }, names: { '/run/secrets/entra': 'entra' }, files: { entra: secret } }
  }
  const { key, pem, publicKey } = ownKey('rsa')
  const { cert } = signedBy(selfSigned({ commonName: 'an authority' }), { ownKey: key })
  return {
    clients: {},
    signers: { [APPLICATION]: { publicKey, alg: 'PS256', certificate: cert } },
    names: { '/run/secrets/entra.key': 'entra.key', '/run/secrets/entra.crt': 'entra.crt' },
    files: { 'entra.key': pem, 'entra.crt': cert }
  }
}
