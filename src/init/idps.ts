import type { ProfileName } from '../policy/profiles/index.ts'

/** What is asked, and written, for an IdP beside what is the same everywhere. docs/idps has where each of it comes from. */
export interface IdpRecipe {
  readonly title: string
  /** its usual issuer; what is in capitals is the operator's */
  readonly issuer: string
  /** what tells this API's tokens, as it usually looks */
  readonly audience: string
  /** what is known of them where they name no audience */
  readonly takesClients?: true
  /** the claim by which a tenant is told, where several share the issuer */
  readonly tenantClaim?: string
  /** lines of the issuer that hold for all of them */
  readonly markers?: Readonly<Record<string, Readonly<Record<string, string>>>>
  /** where its keys are, where its document does not say it usably */
  readonly jwksUri?: string
  /** where machine tokens are asked for, where that is not what the document names */
  readonly tokenEndpoint?: string
  readonly authMethod?: 'client_secret_post'
  /** by which parameters the IdP is told which ERP a token is for, with what usually stands there */
  readonly target: { readonly audience?: string, readonly resource?: string, readonly scope?: string }
  /** what a rule asks of clients */
  readonly asks: 'scope' | 'role' | 'kind alone'
  /** a scope as it is written there; `scope` when left out */
  readonly scopeOf?: (name: string, audience: string) => string
}

const API = 'https://api.example.com'
const ERP = 'https://erp.example.com'
const BOTH_MARKERS = { user_when: { principal_type: 'user' }, client_when: { principal_type: 'client' } }

export const IDPS: Readonly<Record<ProfileName, IdpRecipe>> = {
  rfc9068: { title: 'any that follows RFC 9068', issuer: 'https://ID.EXAMPLE.COM', audience: API, target: { resource: ERP, scope: 'erp' }, asks: 'scope' },
  auth0: { title: 'Auth0', issuer: 'https://TENANT.eu.auth0.com/', audience: API, authMethod: 'client_secret_post', target: { audience: ERP }, asks: 'scope' },
  keycloak: { title: 'Keycloak', issuer: 'https://KEYCLOAK.EXAMPLE.COM/realms/REALM', audience: 'erp-gateway', target: { scope: 'erp' }, asks: 'scope' },
  entra: { title: 'Microsoft Entra ID', issuer: 'https://login.microsoftonline.com/TENANT-ID/v2.0', audience: '99999999-8888-7777-6666-555555555555', authMethod: 'client_secret_post', target: { scope: 'api://erp.example.com/.default' }, asks: 'role' },
  okta: { title: 'Okta', issuer: 'https://COMPANY.okta.com/oauth2/default', audience: 'api://default', tokenEndpoint: 'https://COMPANY.okta.com/oauth2/SERVER-OF-THE-ERP/v1/token', target: { scope: 'erp' }, asks: 'scope' },
  cognito: { title: 'Amazon Cognito', issuer: 'https://cognito-idp.eu-central-1.amazonaws.com/POOL-ID', audience: '', takesClients: true, target: { scope: 'erp/access' }, asks: 'scope', scopeOf: name => `erp-gateway/${name}` },
  pingone: { title: 'PingOne', issuer: 'https://auth.pingone.eu/ENVIRONMENT-ID/as', audience: API, target: { scope: 'erp' }, asks: 'scope' },
  pingfederate: { title: 'PingFederate', issuer: 'https://SSO.EXAMPLE.COM', audience: API, markers: BOTH_MARKERS, target: { resource: ERP, scope: 'erp' }, asks: 'scope' },
  pingam: { title: 'PingAM, Advanced Identity Cloud', issuer: 'https://TENANT.forgeblocks.com:443/am/oauth2/realms/root/realms/alpha', audience: '', takesClients: true, target: { scope: 'erp' }, asks: 'scope' },
  hydra: { title: 'Ory Hydra', issuer: 'https://HYDRA.EXAMPLE.COM/', audience: API, target: { audience: ERP, scope: 'erp' }, asks: 'scope' },
  zitadel: { title: 'Zitadel', issuer: 'https://INSTANCE.zitadel.cloud', audience: '284755555555555555', markers: BOTH_MARKERS, target: { scope: 'openid urn:zitadel:iam:org:project:id:PROJECT-OF-THE-ERP:aud' }, asks: 'kind alone' },
  authentik: { title: 'authentik', issuer: 'https://AUTH.EXAMPLE.COM/application/o/SAAS/', audience: 'client-id-of-the-saas', markers: { client_when: { principal_type: 'client' } }, tokenEndpoint: 'https://AUTH.EXAMPLE.COM/application/o/token/', target: { scope: 'erp' }, asks: 'kind alone' },
  duende: { title: 'Duende IdentityServer', issuer: 'https://IDENTITY.EXAMPLE.COM', audience: API, target: { scope: 'erp' }, asks: 'scope' },
  oracle: { title: 'Oracle identity domains, IDCS', issuer: 'https://identity.oraclecloud.com/', audience: 'https://api.example.com/', tenantClaim: 'tenant', jwksUri: 'https://TENANT.identity.oraclecloud.com/admin/v1/SigningCert/jwk', tokenEndpoint: 'https://TENANT.identity.oraclecloud.com/oauth2/v1/token', target: { scope: 'https://erp.example.com/erp' }, asks: 'scope' },
  xsuaa: { title: 'SAP XSUAA, Cloud Foundry UAA', issuer: 'https://SUBACCOUNT.authentication.eu10.hana.ondemand.com/oauth/token', audience: 'erp-gateway!t4711', tenantClaim: 'zid', tokenEndpoint: 'https://SUBACCOUNT.authentication.eu10.hana.ondemand.com/oauth/token', authMethod: 'client_secret_post', target: {}, asks: 'scope', scopeOf: (name, audience) => `${audience}.${name}` }
}
