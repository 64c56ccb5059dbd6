import t from 'tap'
import { PROFILES, PROFILE_NAMES, profileOfUrl } from '../../../src/policy/profiles/index.ts'

t.test('every profile is found under its own name, rfc9068 first', async t => {
  t.equal(PROFILE_NAMES[0], 'rfc9068')
  t.same(Object.keys(PROFILES).toSorted(), [...PROFILE_NAMES].toSorted())
  for (const name of PROFILE_NAMES) t.equal(PROFILES[name].name, name)
})

t.test('every profile tells an access token from an ID token', async t => {
  for (const name of PROFILE_NAMES) t.equal(PROFILES[name].tellsAccessTokens, true, name)
})

t.test('Cognito alone needs allowed_clients, Oracle alone wants its tenant named', async t => {
  t.same(PROFILE_NAMES.filter(name => PROFILES[name].needsAllowedClients), ['cognito'])
  t.same(PROFILE_NAMES.filter(name => PROFILES[name].wantsTenantClaims), ['oracle'])
})

t.test('an IdP is known by its URLs', async t => {
  const known = {
    'https://t.eu.auth0.com/': 'auth0',
    'https://kc.example.com/realms/main': 'keycloak',
    'https://kc.example.com/auth/realms/main': 'keycloak',
    'https://login.microsoftonline.com/T/v2.0': 'entra',
    'https://sts.windows.net/T/': 'entra',
    'https://acme.ciamlogin.com/T/v2.0': 'entra',
    'https://d.okta.com/oauth2/default': 'okta',
    'https://cognito-idp.eu-west-1.amazonaws.com/P': 'cognito',
    'https://auth.pingone.com.au/E/as': 'pingone',
    'https://t.forgeblocks.com:443/am/oauth2/alpha': 'pingam',
    'https://slug.projects.oryapis.com': 'hydra',
    'https://i.zitadel.cloud': 'zitadel',
    'https://ak.example.com/application/o/app/': 'authentik',
    'https://demo.duendesoftware.com': 'duende',
    'https://identity.oraclecloud.com/': 'oracle',
    'https://idcs-1.identity.oraclecloud.com': 'oracle',
    'https://t.authentication.eu10.hana.ondemand.com/oauth/token': 'xsuaa'
  }
  for (const [url, name] of Object.entries(known)) t.equal(profileOfUrl(new URL(url)), name, url)
})

t.test('a URL that only looks like an IdP\'s is nobody\'s', async t => {
  for (const url of ['https://as.example.com/', 'https://notauth0.com/', 'https://auth0.com.example.com/', 'https://example.com/?okta.com', 'http://127.0.0.1:9000/']) {
    t.equal(profileOfUrl(new URL(url)), undefined, url)
  }
})
