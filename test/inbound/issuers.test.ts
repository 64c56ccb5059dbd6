import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { issuerSchema, type Issuer } from '../../src/config/gateway-schema.ts'
import { IdpError, type IdpClient } from '../../src/idp/http.ts'
import { createIssuer, type IssuerSurroundings } from '../../src/inbound/issuers.ts'
import type { KeyFetch } from '../../src/inbound/key-store.ts'
import { ALGORITHMS } from '../../src/policy/algorithms.ts'
import { PROFILES } from '../../src/policy/profiles/index.ts'
import { createSigningKey } from '../support/signing-keys.ts'
import { tearDown, type TestContext } from '../support/teardown.ts'

const main = 'https://main.example.com'
const partner = 'http://partner.example.com/realm'
const [ec, edwards] = [await createSigningKey('ES256', 'ec'), await createSigningKey('EdDSA', 'ed')]
const keySet = { keys: [ec.publicJwk, edwards.publicJwk] }

const DOCUMENTS: Readonly<Record<string, unknown>> = {
  [`${main}/.well-known/openid-configuration`]: { issuer: main, jwks_uri: `${main}/keys`, token_endpoint: `${main}/token` },
  [`${main}/keys`]: keySet,
  [`${partner}/metadata`]: { issuer: partner, jwks_uri: `${partner}/other-keys`, token_endpoint: `${partner}/token` },
  [`${partner}/keys`]: keySet
}

const configured = {
  main: issuerSchema.parse({ issuer: main, audience: 'urn:api' }),
  partner: issuerSchema.parse({
    issuer: partner, idp: 'keycloak', audience: ['a', 'b'], allowed_clients: 'saas', algorithms: 'ES256', claims: { tenant: 't' }, clock_tolerance: '7s', keys_max_stale: '1m',
    discovery: `${partner}/metadata`, jwks_uri: `${partner}/keys`, access_token_when: { use: 'access' }, user_when: { kind: 'user' }, client_when: { kind: 'client' }, allow_http: true
  })
}

/** These issuers at IdPs that answer from a table. */
function start (t: TestContext, changes: Partial<IssuerSurroundings> = {}, issuers: Readonly<Record<string, Issuer>> = configured) {
  const clock = { now: 5_000_000 }
  const asked: string[] = []
  const judged: Array<readonly [string, boolean]> = []
  const fetches: Array<readonly [string, KeyFetch]> = []
  const client: IdpClient = {
    send: async () => { throw new IdpError('is asked for documents only') },
    json: async url => {
      asked.push(url)
      return DOCUMENTS[url]
    }
  }
  const surroundings: IssuerSurroundings = {
    client,
    now: () => clock.now,
    keyRefresh: 3_600_000,
    mayCall (url, allowHttp) {
      judged.push([url, allowHttp])
      return true
    },
    onKeyFetch (name, outcome) { fetches.push([name, outcome]) },
    ...changes
  }
  const live = Object.entries(issuers).map(([name, issuer]) => createIssuer(name, issuer, surroundings))
  const trusted = live.map(one => one.trusted)
  const providers = new Map(live.map(one => [one.trusted.name, one.provider]))
  tearDown(t, () => { for (const { keys } of trusted) keys.close() })
  return { clock, asked, judged, fetches, trusted, providers }
}

t.test('an issuer is trusted as it is configured', async t => {
  const { trusted } = start(t)
  t.same(trusted.map(({ keys, ...rest }) => rest), [
    {
      name: 'main',
      issuer: main,
      policy: { name: 'main', profile: PROFILES.rfc9068, access_token_when: undefined, user_when: undefined, client_when: undefined },
      audience: ['urn:api'],
      allowedClients: undefined,
      claims: [],
      algorithms: ALGORITHMS,
      clockTolerance: 5000
    }, {
      name: 'partner',
      issuer: partner,
      policy: {
        name: 'partner',
        profile: PROFILES.keycloak,
        access_token_when: [{ name: 'use', path: ['use'], values: ['access'] }],
        user_when: [{ name: 'kind', path: ['kind'], values: ['user'] }],
        client_when: [{ name: 'kind', path: ['kind'], values: ['client'] }]
      },
      audience: ['a', 'b'],
      allowedClients: ['saas'],
      claims: [{ name: 'tenant', path: ['tenant'], values: ['t'] }],
      algorithms: ['ES256'],
      clockTolerance: 7000
    }
  ])
  const [noAudience] = start(t, {}, { main: issuerSchema.parse({ issuer: main, allowed_clients: ['saas'] }) }).trusted
  t.match(noAudience, { audience: { length: 0 }, allowedClients: ['saas'] })
  t.same(start(t, {}, {}), { clock: { now: 5_000_000 }, asked: [], judged: [], fetches: [], trusted: [], providers: new Map() })
})

t.test('its keys are fetched at once: from where it is configured, or from where its document says', async t => {
  const { asked, judged, fetches, trusted, clock } = start(t)
  const found = await Promise.all(trusted.map(async ({ keys }) => await keys.find('ec', 'ES256')))
  t.match(found, [{ kid: 'ec' }, { kid: 'ec' }])
  t.same([...asked].sort(), [`${partner}/keys`, `${main}/.well-known/openid-configuration`, `${main}/keys`])
  t.same(judged, [[`${main}/keys`, false], [`${main}/token`, false]])
  t.match(fetches.sort(([one], [other]) => one.localeCompare(other)), [['main', { ok: true, keys: 2, unusable: { length: 0 } }], ['partner', { ok: true, keys: 1, unusable: { length: 1 } }]])
  t.match(trusted.map(({ keys }) => keys.status()), [{ usable: true, keys: 2, fetchedAt: clock.now }, { usable: true, keys: 1, fetchedAt: clock.now }])
  for (const [by, usable] of [[60_000, [true, true]], [60_001, [true, false]], [86_400_000, [true, false]], [86_400_001, [false, false]]] as const) {
    t.same(trusted.map(({ keys }) => { clock.now = 5_000_000 + by; return keys.status().usable }), usable, String(by))
  }
})

t.test('and again, as often as is said', async t => {
  const { fetches, trusted } = start(t, { keyRefresh: 5 })
  for (const deadline = Date.now() + 5000; fetches.length < 6 && Date.now() < deadline;) await sleep(2)
  for (const { name } of trusted) t.ok(fetches.filter(([one, { ok }]) => one === name && ok).length >= 2, name)
})

t.test('each has a provider of its own, by its name', async t => {
  const { providers, judged } = start(t)
  t.same([...providers.keys()], ['main', 'partner'])
  t.same(await providers.get('main')?.metadata(), { jwks_uri: `${main}/keys`, token_endpoint: `${main}/token` })
  t.same(await providers.get('partner')?.metadata(), { jwks_uri: `${partner}/other-keys`, token_endpoint: `${partner}/token` })
  t.same(judged.filter(([url]) => url.startsWith(partner)), [[`${partner}/other-keys`, true], [`${partner}/token`, true]])
})

t.test('an endpoint that may not be called is none: that fetch fails, and is told with its issuer\'s name', async t => {
  const { fetches, trusted, providers, asked } = start(t, { mayCall: () => false })
  t.equal(await trusted[0]?.keys.find('ec', 'ES256'), 'unavailable')
  t.match(fetches.filter(([name]) => name === 'main'), [['main', { ok: false, error: { name: 'IdpError' } }]])
  t.notOk(asked.includes(`${main}/keys`))
  await t.rejects(async () => { await providers.get('partner')?.metadata() }, { name: 'IdpError' })
})
