import t, { type Test } from 'tap'
import { createBuiltInIssuers, type Kind, type Wish } from '../../src/built-in-issuer/built-in-issuer.ts'
import type { Shape } from '../../src/built-in-issuer/shape.ts'
import { SHAPES, SHAPES_BY_NAME } from '../../src/built-in-issuer/shapes/index.ts'
import { explain } from '../../src/explain/explain.ts'
import type { Explanation } from '../../src/explain/explanation.ts'
import { openFiles } from '../../src/file-world.ts'
import { PROFILE_NAMES, type ProfileName } from '../../src/policy/profiles/index.ts'
import { configurationOf, ISSUERS } from './issuers.ts'

const ROUTES = [
  { match: 'GET /user', require: 'user' },
  { match: 'GET /client', require: 'client' },
  { match: 'GET /scope', require: { 'user|client': { scope: ['read:address', 'x'] } } },
  { match: 'GET /permission', require: { 'user|client': { permission: 'erase' } } },
  { match: 'GET /role', require: { 'user|client': { role: 'clerk' } } },
  { match: 'GET /listed', require: { 'user|client': { client_id: 'saas-jobs' } } },
  { match: 'GET /claimed', require: { 'user|client': { claims: { 'team.name': 'blue', groups: ['a', 'b'] } } } }
]

async function scene (t: Test, idp: ProfileName, more: object = {}) {
  const configuration = await configurationOf(t, { main: { ...ISSUERS[idp], ...more } }, ROUTES)
  const { byName, createClient } = createBuiltInIssuers(configuration.gateway.issuers, Date.now)
  const world = openFiles(configuration, { now: Date.now, createClient })
  t.teardown(() => { world.close() })
  const issuer = byName.get('main')
  if (issuer === undefined) throw new Error('there is one')
  const show = async (target: string, token: string): Promise<Explanation> => await explain({ method: 'GET', target, shown: { token } }, world)
  return { issuer, show, ask: async (target: string, as: Kind | Shape, wish?: Wish) => await show(target, issuer.sign(issuer.draft(as, wish))) }
}

for (const idp of PROFILE_NAMES) {
  t.test(`${idp}: the data plane tells its user, its client and its ID token apart, and a shown one is really signed`, async t => {
    const { issuer, ask, show } = await scene(t, idp)
    t.match(await ask('/user', 'user'), { passes: true, token: { kind: 'access' }, principal: { kind: 'user', issuer: 'main' } })
    t.match(await ask('/client', 'user'), { passes: false, code: 'principal-kind' })
    t.match(await ask('/client', 'client'), { passes: true, token: { kind: 'access' }, principal: { kind: 'client' } })
    t.match(await ask('/user', 'client'), { passes: false, code: 'principal-kind' })
    t.match(await ask('/user', 'id-token'), { passes: false, status: 401, code: 'id-token' })
    for (const kind of ['user', 'client'] as const) {
      t.match(await show('/user', issuer.forge(issuer.draft(kind))), { passes: false, status: 401, code: 'token-invalid' })
      t.match(await show('/user', issuer.unsecured(issuer.draft(kind))), { passes: false, status: 401, code: 'token-invalid' })
      t.match(await ask('/user', kind, { lifetime: -3600 }), { passes: false, code: 'token-expired' })
    }
  })

  t.test(`${idp}: scopes, permissions, roles, clients and claims stand where it writes them`, async t => {
    const { ask } = await scene(t, idp)
    const wish: Wish = { scopes: ['read:address', 'x'], permissions: ['erase'], roles: ['clerk', 'my-api:clerk'] }
    for (const kind of ['user', 'client'] as const) {
      // What an app may do by itself is a role there, which no condition on scopes will ever see.
      const rolesAlone = idp === 'entra' && kind === 'client'
      t.equal((await ask('/scope', kind, wish)).passes, !rolesAlone, `${kind}: scopes`)
      if (rolesAlone) t.same((await ask('/scope', kind, wish)).principal?.roles, ['clerk', 'my-api:clerk', 'read:address', 'x'])
      t.match(await ask('/scope', kind, { ...wish, scopes: ['x'] }), { passes: false, code: 'scope-missing' })
      t.match(await ask('/scope', kind, { ...wish, scopes: [] }), { passes: false, code: 'scope-missing' })
      t.match(await ask('/scope', kind), { passes: false, code: 'scope-missing' })
      t.match(await ask('/permission', kind, wish), { passes: true, principal: { permissions: ['erase'] } })
      t.match(await ask('/permission', kind), { passes: false, code: 'permission-missing' })
      const { passes, principal } = await ask('/role', kind, wish)
      t.ok(passes)
      t.ok(principal?.roles.includes('my-api:clerk'))
      t.match(await ask('/role', kind), { passes: false, code: 'role-missing' })
      const client = idp === 'cognito' ? '6f5e4d3c2b1a' : 'saas-jobs'
      t.match(await ask('/listed', kind, { client }), { passes: true, principal: { kind, client } })
      t.match(await ask('/listed', kind), { passes: false, code: 'client-not-listed' })
      const conditions = [{ name: 'team.name', path: ['team', 'name'], values: ['blue'] }, { name: 'groups', path: ['groups'], values: ['b'] }]
      t.equal((await ask('/claimed', kind, { conditions })).passes, true)
      t.match(await ask('/claimed', kind, { conditions, claims: [[['team', 'name'], undefined]] }), { passes: false, code: 'claim-mismatch' })
    }
  })

  t.test(`${idp}: every shape is taken for what it is`, async t => {
    const { ask } = await scene(t, idp)
    for (const [name, shape] of Object.entries<Shape>(SHAPES[idp])) {
      const meant = { user: ['access', 'user'], client: ['access', 'client'], agent: ['access', 'agent'], anonymous: ['access', 'unknown'], 'id-token': ['id', 'unknown'], 'refresh-token': ['refresh', 'unknown'], nothing: ['unknown', 'unknown'] }[shape.of]
      const { token, principal, passes } = await ask('/user', shape)
      t.same([token?.kind, principal?.kind], meant, name)
      t.equal(passes, shape.of === 'user', name)
      t.equal(SHAPES_BY_NAME.get(`${idp}-${name}`), shape)
    }
  })
}

t.test('an issuer is played by what gateway.yaml says of it: algorithms, claims of every token, markers, clients', async t => {
  for (const algorithms of ['RS256', 'PS384', 'ES512', 'EdDSA']) {
    const { ask } = await scene(t, 'keycloak', { algorithms })
    t.match(await ask('/user', 'user'), { passes: true, token: { header: { alg: algorithms } } })
  }
  const marked = await scene(t, 'rfc9068', { access_token_when: { use: ['access'] }, user_when: { 'acme.kind': 'human' }, client_when: { 'acme.kind': ['robot'] }, claims: { tenant: 'acme' }, allowed_clients: ['saas', 'jobs'] })
  t.match(await marked.ask('/user', 'user', { claims: [[['auth_time'], undefined]] }), { passes: true, principal: { client: 'saas' } })
  t.match(await marked.ask('/client', 'client', { client: 'jobs' }), { passes: true, principal: { client: 'jobs' } })
  t.match(await marked.ask('/client', 'client', { client: 'other' }), { code: 'token-client-not-allowed' })
  t.match(await marked.ask('/user', 'id-token'), { code: 'id-token' })
  t.match(await marked.ask('/user', 'user', { claims: [[['tenant'], 'other']] }), { code: 'token-claims-mismatch' })
  t.match(await marked.ask('/user', 'user', { audience: ['https://other.example.com'] }), { code: 'audience-mismatch' })
})

t.test('a claim that has to hold is added to a list that is there', async t => {
  const { ask } = await scene(t, 'keycloak', { claims: { 'realm_access.roles': 'tenant-acme' } })
  t.same((await ask('/user', 'user', { roles: ['clerk'] })).principal?.roles, ['clerk', 'tenant-acme'])
  t.same((await ask('/user', 'user', { roles: ['tenant-acme'] })).principal?.roles, ['tenant-acme'])
})

t.test('a marker that is not set leaves nobody: the played IdP is no better than the real one', async t => {
  const { ask } = await scene(t, 'zitadel', { user_when: undefined, client_when: undefined })
  for (const kind of ['user', 'client'] as const) t.match(await ask('/user', kind), { passes: false, code: 'principal-kind', principal: { kind: 'unknown' } })
})

t.test('a claim with a name of the language is a claim as any other', async t => {
  const { ask } = await scene(t, 'rfc9068')
  const { passes } = await ask('/user', 'user', { claims: [[['__proto__', 'x'], 1], [['constructor'], 2]] })
  t.ok(passes)
  t.equal(Reflect.get({}, 'x'), undefined)
})
