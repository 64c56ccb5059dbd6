import t from 'tap'
import { classify, type Principal } from '../../../src/policy/principal.ts'
import { PROFILE_NAMES, type ProfileName } from '../../../src/policy/profiles/index.ts'
import { ACCESS_TOKENS } from './access-tokens.ts'
import { issuer, saw, type Json } from './table.ts'

/** The IdP's good access token with these claims and header parameters added. */
function changed (name: ProfileName, claims: Json, header: Json = {}): Principal {
  const good = ACCESS_TOKENS[name]
  return classify(issuer(name), { header: { ...good.header, ...header }, claims: { ...good.claims, ...claims } })
}

const FOREIGN = ['dpop+jwt', 'secevent+jwt', 'entity-statement+jwt', 'client-authentication+jwt', 'oauth-authz-req+jwt',
  'token-introspection+jwt', 'dc+sd-jwt', 'vc+sd-jwt', 'sd+jwt', 'kb+jwt', 'JWE', 'JOSE+JSON', 'at+jwt+x', 'okta-internal-at+jwt']
const UNMARKED: readonly ProfileName[] = ['pingfederate', 'zitadel']

for (const name of PROFILE_NAMES) {
  t.test(`${name}: a good access token names its client and its user`, async t => {
    const { tokenKind, kind, client } = changed(name, {})
    t.same([tokenKind, kind, client], ['access', UNMARKED.includes(name) ? 'unknown' : 'user', 'app'])
  })

  t.test(`${name}: the type of another token makes it none, a logout token's a logout token`, async t => {
    for (const typ of [...FOREIGN, ['at+jwt'], null]) t.equal(changed(name, {}, { typ }).tokenKind, 'unknown', String(typ))
    t.equal(changed(name, {}, { typ: 'logout+jwt' }).tokenKind, 'logout')
    t.equal(changed(name, { events: {} }).tokenKind, 'logout')
  })

  t.test(`${name}: a hash makes it none`, async t => {
    for (const hash of ['at_hash', 'c_hash', 's_hash']) {
      const { tokenKind, kind } = changed(name, { [hash]: 'h' })
      t.same([tokenKind, kind], ['unknown', 'unknown'], hash)
    }
  })

  t.test(`${name}: an agent's is an agent's`, async t => {
    for (const claims of [{ sub_profile: 'ai_agent' }, { sub_profile: ['service', 'AI_Agent'] }, { xms_sub_fct: '3 11' }, { xms_sub_fct: ['13'] }, { xms_sub_fct: 13 }]) {
      t.equal(changed(name, claims).kind, 'agent')
    }
  })

  t.test(`${name}: an actor changes nothing, and is noted`, async t => {
    const principal = changed(name, { act: { sub: 'svc' } })
    t.equal(principal.kind, changed(name, {}).kind)
    t.ok(saw(principal, 'act'))
    t.notOk(saw(changed(name, {}), 'act'))
  })
}
