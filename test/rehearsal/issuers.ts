import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Test } from 'tap'
import { loadConfiguration, type Configuration } from '../../src/config/load.ts'
import type { ProfileName } from '../../src/policy/profiles/index.ts'

const AUDIENCE = 'https://api.example.com'
const MARKED = { user_when: { principal_type: 'user' }, client_when: { principal_type: 'client' } }

/** An issuer of each IdP, as its page in docs/idps/ sets it up. */
export const ISSUERS: Readonly<Record<ProfileName, Readonly<Record<string, unknown>>>> = {
  rfc9068: { issuer: 'https://id.example.com', audience: AUDIENCE },
  auth0: { issuer: 'https://tenant.eu.auth0.com/', idp: 'auth0', audience: AUDIENCE },
  keycloak: { issuer: 'https://kc.example.com/realms/acme', idp: 'keycloak', audience: 'erp-gateway' },
  entra: { issuer: 'https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0', idp: 'entra', audience: '99999999-8888-7777-6666-555555555555' },
  okta: { issuer: 'https://acme.okta.com/oauth2/default', idp: 'okta', audience: 'api://default' },
  cognito: { issuer: 'https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEfGhI', idp: 'cognito', allowed_clients: ['saas', 'saas-jobs'], clients: { saas: '1a2b3c4d5e6f', 'saas-jobs': '6f5e4d3c2b1a' } },
  pingone: { issuer: 'https://auth.pingone.eu/11111111-2222-3333-4444-555555555555/as', idp: 'pingone', audience: AUDIENCE },
  pingfederate: { issuer: 'https://sso.example.com', idp: 'pingfederate', audience: AUDIENCE, ...MARKED },
  pingam: { issuer: 'https://acme.forgeblocks.com:443/am/oauth2/realms/root/realms/alpha', idp: 'pingam', allowed_clients: ['saas', 'saas-jobs'] },
  hydra: { issuer: 'https://hydra.example.com/', idp: 'hydra', audience: AUDIENCE },
  zitadel: { issuer: 'https://acme-x1y2z3.zitadel.cloud', idp: 'zitadel', audience: '284755555555555555', ...MARKED },
  authentik: { issuer: 'https://auth.example.com/application/o/saas/', idp: 'authentik', audience: 'aBcDeFgHiJkLmNoP', client_when: { principal_type: 'client' } },
  duende: { issuer: 'https://identity.example.com', idp: 'duende', audience: AUDIENCE },
  oracle: { issuer: 'https://identity.oraclecloud.com/', idp: 'oracle', audience: 'https://api.example.com/', claims: { tenant: 'idcs-0123456789abcdef' }, jwks_uri: 'https://idcs-0123456789abcdef.identity.oraclecloud.com/admin/v1/SigningCert/jwk' },
  xsuaa: { issuer: 'https://acme.authentication.eu10.hana.ondemand.com/oauth/token', idp: 'xsuaa', audience: 'erp-gateway!t4711', claims: { zid: '99999999-2222-3333-4444-555555555555' } }
}

/** The two files, in a folder of the test's. */
export async function writePolicy (t: Test, issuers: object, routes: readonly object[] | string, defaults?: object): Promise<{ readonly config: string, readonly routes: string, readonly folder: string }> {
  const folder = t.testdir({})
  const files = { config: join(folder, 'gateway.yaml'), routes: join(folder, 'routes.yaml') }
  await writeFile(files.config, JSON.stringify({ issuers, upstreams: { erp: { url: 'https://erp.example.com', credential: 'none' } } }))
  await writeFile(files.routes, typeof routes === 'string' ? routes : JSON.stringify({ ...defaults && { defaults }, routes }, undefined, 2))
  return { ...files, folder }
}

/** Them, as a gateway takes them. */
export async function configurationOf (t: Test, issuers: object, routes: readonly object[], defaults?: object): Promise<Configuration> {
  const { configuration, mistakes } = await loadConfiguration(await writePolicy(t, issuers, routes, defaults), {}, { secrets: 'optional' })
  if (configuration === undefined) throw new Error(mistakes.map(({ message }) => message).join('; '))
  return configuration
}
