// By what an IdP is known, and where it writes a client and roles.
import t from 'tap'
import { classify } from '../../../src/policy/principal.ts'
import { PROFILES, PROFILE_NAMES, type ProfileName } from '../../../src/policy/profiles/index.ts'
import { issuer, token } from './table.ts'

const knows = (name: ProfileName, url: string): boolean => PROFILES[name].knownUrl(new URL(url))

const DOMAINS: Readonly<Partial<Record<ProfileName, readonly string[]>>> = {
  auth0: ['auth0.com'],
  entra: ['login.microsoftonline.com', 'login.microsoftonline.us', 'login.partner.microsoftonline.cn', 'sts.windows.net', 'ciamlogin.com', 'b2clogin.com'],
  okta: ['okta.com', 'oktapreview.com', 'okta-emea.com', 'okta-gov.com', 'okta.mil'],
  pingam: ['forgeblocks.com'],
  hydra: ['oryapis.com'],
  zitadel: ['zitadel.cloud'],
  duende: ['duendesoftware.com'],
  oracle: ['identity.oraclecloud.com']
}

for (const [name, domains] of Object.entries(DOMAINS) as ReadonlyArray<readonly [ProfileName, readonly string[]]>) {
  t.test(`${name} is known by its domains and what is below them`, async t => {
    for (const domain of domains) {
      for (const host of [domain, `t.${domain}`, `a.b.${domain.toUpperCase()}:443`]) t.equal(knows(name, `https://${host}/`), true, host)
      for (const host of [`not${domain}`, `${domain}.example.com`, `example.com/t.${domain}`, `t.${domain}@example.com`, domain.replace('.', '-')]) {
        t.equal(knows(name, `https://${host}/`), false, host)
      }
    }
  })
}

interface Urls { readonly its: readonly string[], readonly others: readonly string[] }

/** Without the `https://`. */
const URLS: Readonly<Partial<Record<ProfileName, Urls>>> = {
  keycloak: {
    its: ['kc/realms/r', 'kc/realms/r/', 'kc/auth/realms/r'],
    others: ['kc/realms/', 'kc/realms//', 'kc/realms/r/x', 'kc/realms/r//', 'kc/xrealms/r', 'kc/?/realms/r', 'kc/Realms/r']
  },
  authentik: {
    its: ['ak/application/o/app', 'ak/application/o/app/'],
    others: ['ak/x/application/o/app/', 'ak/application/o/app/x', 'ak/application/o/app//', 'ak/application/o/', 'ak/application/o//', 'ak/?/application/o/app']
  },
  cognito: {
    its: ['cognito-idp.eu-west-1.amazonaws.com/P', 'cognito-idp.cn-north-1.amazonaws.com.cn/P'],
    others: ['x-cognito-idp.eu-west-1.amazonaws.com/P', 'x.cognito-idp.eu-west-1.amazonaws.com/P', 'cognito-idp.eu-west-1.amazonaws.com.example.com/P',
      'cognito-idp.eu-west-1.amazonaws.computer/P', 'cognito-idp.amazonaws.com/P', 'cognito-idp.a.b.amazonaws.com/P', 'cognito-idp-eu-west-1.amazonaws.com/P']
  },
  pingone: {
    its: ['com', 'eu', 'ca', 'asia', 'sg', 'com.au'].map(end => `auth.pingone.${end}/E/as`),
    others: ['xauth.pingone.eu/E/as', 'x.auth.pingone.eu/E/as', 'auth.pingone.eu.example.com/E/as', 'auth.pingone.com.example.com/E/as',
      'auth.pingone.community/E/as', 'auth.pingone.au/E/as', 'auth.pingone.eu.au/E/as', 'auth-pingone.eu/E/as', 'api.pingone.eu/E/as']
  },
  pingam: {
    its: ['account.demandware.com/dwsso/oauth2'],
    others: ['x.account.demandware.com/', 'xaccount.demandware.com/', 'demandware.com/', 'account.demandware.com.example.com/']
  },
  xsuaa: {
    its: ['t.authentication.hana.ondemand.com/', 't.authentication.eu10.hana.ondemand.com/oauth/token', 't.authentication.eu10-004.hana.ondemand.com/'],
    others: ['authentication.eu10.hana.ondemand.com/', 't.authentication.eu10.hana.ondemand.com.example.com/', 't.authentication.hana.ondemand.community/',
      't.authentication.a.b.hana.ondemand.com/', 't.authentication.xhana.ondemand.com/', 'tauthentication.hana.ondemand.com/', 't.x.hana.ondemand.com/']
  }
}

for (const [name, { its, others }] of Object.entries(URLS) as ReadonlyArray<readonly [ProfileName, Urls]>) {
  t.test(`${name} is known by its URLs, from end to end`, async t => {
    for (const url of its) t.equal(knows(name, `https://${url}`), true, url)
    for (const url of others) t.equal(knows(name, `https://${url}`), false, url)
  })
}

t.test('an IdP that anyone may run anywhere is known by no URL', async t => {
  for (const name of PROFILE_NAMES.filter(name => DOMAINS[name] === undefined && URLS[name] === undefined)) {
    for (const url of ['https://as.example.com/', 'https://t.auth0.com/', 'https://kc/realms/r']) t.equal(knows(name, url), false, `${name} ${url}`)
  }
})

const CLIENTS: Readonly<Record<ProfileName, readonly string[]>> = {
  rfc9068: ['client_id'],
  auth0: ['azp', 'client_id'],
  keycloak: ['azp'],
  entra: ['azp', 'appid'],
  okta: ['cid'],
  cognito: ['client_id'],
  pingone: ['client_id'],
  pingfederate: ['client_id'],
  pingam: ['client_id', 'aud'],
  hydra: ['client_id'],
  zitadel: ['client_id', 'azp'],
  authentik: ['azp'],
  duende: ['client_id'],
  oracle: ['client_id'],
  xsuaa: ['cid']
}

t.test('each IdP\'s claims name the client, and no other claim does', async t => {
  for (const name of PROFILE_NAMES) {
    for (const claim of ['azp', 'client_id', 'cid', 'appid', 'aud', 'sub', 'client']) {
      t.equal(classify(issuer(name), token({ [claim]: 'app' })).client, CLIENTS[name].includes(claim) ? 'app' : undefined, `${name} ${claim}`)
    }
  }
})

t.test('of several the first that is a string with something in it counts', async t => {
  for (const name of PROFILE_NAMES) {
    const claims = Object.fromEntries(CLIENTS[name].map(claim => [claim, claim]))
    const [first = '', second] = CLIENTS[name]
    t.equal(classify(issuer(name), token(claims)).client, first, name)
    for (const none of ['', 7, [first], null]) t.equal(classify(issuer(name), token({ ...claims, [first]: none })).client, second, name)
  }
})

t.test('roles are the strings of the roles claim, but for Keycloak\'s', async t => {
  for (const name of PROFILE_NAMES) {
    const claims = { roles: ['clerk', '', 7, 'two words'], realm_access: { roles: ['realm'] }, resource_access: { api: { roles: ['boss'] } } }
    const { roles } = classify(issuer(name), token(claims))
    t.same(roles, name === 'keycloak' ? ['realm', 'api:boss'] : ['clerk', 'two words'], name)
  }
})

t.test('Keycloak roles that are not where they belong are none', async t => {
  for (const access of [undefined, null, 'clerk', 7, ['clerk'], { roles: 'clerk' }, { role: ['clerk'] }, [{ roles: ['clerk'] }]]) {
    const { roles } = classify(issuer('keycloak'), token({ realm_access: access, resource_access: access }))
    t.same(roles, [], JSON.stringify(access))
    t.same(classify(issuer('keycloak'), token({ resource_access: { api: access } })).roles, [], JSON.stringify(access))
  }
})
