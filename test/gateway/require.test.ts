// The test that matters most. Every row that is refused holds a genuine access token of this API: only the rule stands
// between it and the ERP. Make `decide` in src/policy/decide.ts begin with
//
//     return { granted: true, findings: [] }
//
// and every row below with a code fails, at its status and at "the ERP saw nothing"; with it the refusals of step-up,
// issuers, tokens (the rule's part) and test/policy/decide. `return denied('internal', [], [])` fails every other row.
import t from 'tap'
import { startIdp, type Idp } from '../support/idp.ts'
import { startErp } from '../support/erp.ts'
import { startGateway } from '../support/gateway.ts'
import type { Settings } from '../support/settings.ts'
import { startGatehouse, type Wanted } from './gatehouse.ts'

type Mint = (idp: Idp) => string

interface Row {
  readonly promise: string
  readonly require: unknown
  readonly token: Mint
  readonly path?: string
  /** the code of the refusal; let in where it is left out */
  readonly code?: string
  /** `scope` of the challenge */
  readonly scope?: string
}

const user = (claims: Settings = {}): Mint => idp => idp.mintUser(claims)
const client = (claims: Settings = {}): Mint => idp => idp.mintClient(claims)
// Nothing in it tells a login, and its subject is not its client.
const unknown: Mint = idp => idp.mintUser({ auth_time: undefined })
const agent = (mint: (claims: Settings) => Mint): Mint => mint({ sub_profile: 'ai_agent' })
const KIND = 'principal-kind'
const NEW = { scope: 'read:address write:address' }

const rows: readonly Row[] = [
  { promise: 'a user by user', require: 'user', token: user() },
  { promise: 'no client by user', require: 'user', token: client(), code: KIND },
  { promise: 'a client by client', require: 'client', token: client() },
  { promise: 'no user by client', require: 'client', token: user(), code: KIND },
  { promise: 'a user by user|client', require: 'user|client', token: user() },
  { promise: 'a client by user|client', require: 'user|client', token: client() },
  ...['user', 'client', 'user|client', { user: { scope: 'api' } }, { 'user|client': { where: 'true' } }, ['user', 'client']].flatMap((require): Row[] => [
    { promise: `no unknown principal by ${JSON.stringify(require)}`, require, token: unknown, code: KIND },
    { promise: `no agent with a client's token by ${JSON.stringify(require)}`, require, token: agent(client), code: KIND },
    { promise: `no agent with a user's token by ${JSON.stringify(require)}`, require, token: agent(user), code: KIND }
  ]),
  { promise: 'a user for whom an agent acts', require: 'user', token: user({ act: { sub: 'agent-1' } }) },
  { promise: 'no client that an agent calls a user', require: 'user', token: client({ act: { sub: 'user-1' } }), code: KIND },
  { promise: 'no conflict of signs', require: 'user|client', token: client({ auth_time: 1 }), code: KIND },

  { promise: 'by a list, of which one suffices', require: ['user', { client: { scope: 'read:address' } }], token: user() },
  { promise: 'by the other one of a list', require: ['user', { client: { scope: 'read:address' } }], token: client(NEW) },
  { promise: 'no one whom neither of a list admits', require: ['user', { client: { scope: 'read:address' } }], token: client(), code: 'scope-missing', scope: 'read:address' },
  { promise: 'no one by the other kind\'s scope', require: [{ user: { scope: 'a' } }, { client: { scope: 'b' } }], token: user({ scope: 'b' }), code: 'scope-missing', scope: 'a' },
  { promise: 'no client by the other kind\'s scope', require: [{ user: { scope: 'a' } }, { client: { scope: 'b' } }], token: client({ scope: 'a' }), code: 'scope-missing', scope: 'b' },
  { promise: 'no kind that the list leaves out', require: [{ user: { scope: 'a' } }, { user: { scope: 'b' } }], token: client({ scope: 'a b' }), code: KIND },
  { promise: 'no one, and names what is missing from all alternatives of the kind', require: [{ user: { scope: ['a', 'b'] } }, { user: { scope: 'c' } }, { client: { scope: 'd' } }], token: user({ scope: 'b' }), code: 'scope-missing', scope: 'a c' },

  { promise: 'with all scopes', require: { user: { scope: ['read:address', 'write:address'] } }, token: user(NEW) },
  { promise: 'with all scopes of a list, split at spaces', require: { user: { scope: 'read:address write:address' } }, token: user(NEW) },
  { promise: 'no one without one of the scopes', require: { user: { scope: ['read:address', 'write:address'] } }, token: user({ scope: 'read:address x' }), code: 'scope-missing', scope: 'write:address' },
  { promise: 'no one without any scope', require: { user: { scope: ['read:address', 'write:address'] } }, token: user({ scope: undefined }), code: 'scope-missing', scope: 'read:address write:address' },
  { promise: 'with scp as a list', require: { client: { scope: 'read:address' } }, token: client({ scope: undefined, scp: ['x', 'read:address'] }) },
  { promise: 'with scp as a text', require: { client: { scope: 'read:address' } }, token: client({ scope: undefined, scp: 'x read:address' }) },
  { promise: 'with scope as a list', require: { client: { scope: 'read:address' } }, token: client({ scope: ['read:address'] }) },
  { promise: 'no one by scp where scope is there', require: { client: { scope: 'read:address' } }, token: client({ scope: 'x', scp: 'read:address' }), code: 'scope-missing', scope: 'read:address' },
  { promise: 'no one by scp where scope is empty', require: { client: { scope: 'read:address' } }, token: client({ scope: '', scp: 'read:address' }), code: 'scope-missing', scope: 'read:address' },
  ...['read:addresses', 'read:addres', 'Read:Address', 'read:address,write:address', 'read', 'xread:address', 'read:address:x', 'read:\taddress', ['read:address write:address'], [['read:address']], { 'read:address': true }, 7, null].map((scope): Row => (
    { promise: `no one by the scope ${JSON.stringify(scope)}`, require: { client: { scope: 'read:address' } }, token: client({ scope }), code: 'scope-missing', scope: 'read:address' })),
  { promise: 'with any_scope: one of them', require: { client: { any_scope: ['a', 'b'] } }, token: client({ scope: 'b c' }) },
  { promise: 'no one with any_scope: none of them', require: { client: { any_scope: ['a', 'b'] } }, token: client({ scope: 'c' }), code: 'scope-missing', scope: 'a b' },

  { promise: 'with all permissions', require: { user: { permission: ['p:a', 'p:b'] } }, token: user({ permissions: ['p:b', 'p:a'] }) },
  { promise: 'no one without one of the permissions', require: { user: { permission: ['p:a', 'p:b'] } }, token: user({ permissions: ['p:a'] }), code: 'permission-missing' },
  { promise: 'no one by permissions in a text: only scopes split', require: { user: { permission: 'p:a' } }, token: user({ permissions: 'p:a p:b' }), code: 'permission-missing' },
  { promise: 'no one by a permission with a space', require: { user: { permission: 'p:a' } }, token: user({ permissions: ['p:a p:b'] }), code: 'permission-missing' },
  { promise: 'no one by a scope that is a permission', require: { user: { permission: 'p:a' } }, token: user({ scope: 'p:a' }), code: 'permission-missing' },
  { promise: 'with any_permission: one of them', require: { user: { any_permission: ['p:a', 'p:b'] } }, token: user({ permissions: ['p:b'] }) },
  { promise: 'no one with any_permission: none of them', require: { user: { any_permission: ['p:a', 'p:b'] } }, token: user({ permissions: [] }), code: 'permission-missing' },

  { promise: 'a client by its id', require: { client: { client_id: 'saas' } }, token: client() },
  { promise: 'a client by its name', require: { client: { client_id: ['other', 'nightly'] } }, token: client({ client_id: 'b-42' }) },
  { promise: 'a user by the client', require: { user: { client_id: 'saas' } }, token: user() },
  { promise: 'no client of another id', require: { client: { client_id: 'nightly' } }, token: client(), code: 'client-not-listed' },
  { promise: 'no client whose id is another\'s name', require: { client: { client_id: 'nightly' } }, token: client({ client_id: 'nightly' }), code: 'client-not-listed' },
  { promise: 'no client in capitals', require: { client: { client_id: 'saas' } }, token: client({ client_id: 'SAAS' }), code: 'client-not-listed' },
  { promise: 'no client by an inherited name', require: { client: { client_id: 'constructor' } }, token: client(), code: 'client-not-listed' },

  { promise: 'with one of the audiences', require: { client: { audience: ['urn:x', 'urn:y'] } }, token: client({ aud: ['https://api.example.com', 'urn:y'] }) },
  { promise: 'no one without any of the audiences', require: { client: { audience: ['urn:x', 'urn:y'] } }, token: client({ aud: ['https://api.example.com', 'urn:z'] }), code: 'audience-missing' },

  { promise: 'with a claim', require: { user: { claims: { dept: 'sales' } } }, token: user({ dept: 'sales' }) },
  { promise: 'with one of the values', require: { user: { claims: { dept: ['hr', 'sales'] } } }, token: user({ dept: 'sales' }) },
  { promise: 'with a list that contains one', require: { user: { claims: { dept: ['hr', 'sales'] } } }, token: user({ dept: ['x', 'hr'] }) },
  { promise: 'with a path', require: { user: { claims: { 'ext.org.id': 7 } } }, token: user({ ext: { org: { id: 7 } } }) },
  { promise: 'with a dot in the name', require: { user: { claims: { 'ext\\.org': 'x' } } }, token: user({ 'ext.org': 'x' }) },
  { promise: 'with a namespaced claim', require: { user: { claims: { 'https://example.com/claims/a.b': true } } }, token: user({ 'https://example.com/claims/a.b': true }) },
  { promise: 'with false and 0', require: { user: { claims: { blocked: false, strikes: 0 } } }, token: user({ blocked: false, strikes: 0 }) },
  { promise: 'no one by an escaped dot as a path', require: { user: { claims: { 'ext\\.org': 'x' } } }, token: user({ ext: { org: 'x' } }), code: 'claim-mismatch' },
  { promise: 'no one by a dotted name as a path', require: { user: { claims: { 'ext.org': 'x' } } }, token: user({ 'ext.org': 'x' }), code: 'claim-mismatch' },
  { promise: 'no one without all the claims', require: { user: { claims: { a: 1, b: 2 } } }, token: user({ a: 1 }), code: 'claim-mismatch' },
  ...[undefined, null, 'Sales', 'sales ', 'sales hr', ['Sales'], [], [['sales']], { sales: 'sales' }, { 0: 'sales' }, true].map((dept): Row => (
    { promise: `no one by the claim ${JSON.stringify(dept)}`, require: { user: { claims: { dept: 'sales' } } }, token: user({ dept }), code: 'claim-mismatch' })),
  { promise: 'no one by a number in quotes', require: { user: { claims: { level: 1 } } }, token: user({ level: '1' }), code: 'claim-mismatch' },
  { promise: 'no one by true for 1', require: { user: { claims: { level: 1 } } }, token: user({ level: true }), code: 'claim-mismatch' },
  { promise: 'no one by an absent false', require: { user: { claims: { blocked: false } } }, token: user(), code: 'claim-mismatch' },
  ...['constructor.name', '__proto__.constructor.name', 'ext.constructor.name', 'toString.name', 'dept.length'].map((path): Row => (
    { promise: `no one by the inherited ${path}`, require: { user: { claims: { [path]: ['Object', 'toString', 5] } } }, token: user({ ext: {}, dept: 'sales' }), code: 'claim-mismatch' })),
  { promise: 'no one by a claim nested thousands deep, and without a failure', require: { user: { claims: { deep: 'x' } } }, token: idp => deeplyNested(idp, 'deep'), code: 'claim-mismatch' },

  { promise: 'where an expression holds', require: { user: { where: 'claims.level >= 2 && principal.subject == "user-1"' } }, token: user({ level: 2 }) },
  { promise: 'where the parameter, decoded once, is the caller\'s', require: { user: { where: 'request.params.id == claims.org' } }, path: '/a%20b', token: user({ org: 'a b' }) },
  { promise: 'where method, path, address and scopes are as seen', require: { user: { where: 'request.method == "GET" && request.path.startsWith("/r") && request.address == "127.0.0.1" && "x" in principal.scopes && principal.kind == "user" && principal.client == "saas" && principal.issuer == "main"' } }, token: user({ scope: 'x y' }) },
  { promise: 'no one where it does not hold', require: { user: { where: 'claims.level >= 2' } }, token: user({ level: 1 }), code: 'where-not-met' },
  ...['claims.level >= 2', 'claims.level != 2', '!(claims.level == 2)', 'claims.a.b.c == 1', 'claims["level"] == 2 || claims.other == 1', 'principal.subject == claims.owner', 'request.params.nope != "x"'].map((where): Row => (
    { promise: `no one on something absent: ${where}`, require: { user: { where } }, token: user(), code: 'where-not-met' })),
  { promise: 'no one where it fails: a text is no number', require: { user: { where: 'claims.level >= 2' } }, token: user({ level: 'high' }), code: 'where-not-met' },
  { promise: 'no one where it is no yes or no in the end', require: { user: { where: 'claims.level' } }, token: user({ level: 'true' }), code: 'where-not-met' },
  { promise: 'no one by an inherited claim', require: { user: { where: 'has(claims.constructor) || has(claims.toString) || "constructor" in claims' } }, token: user(), code: 'where-not-met' },

  { promise: 'with every condition at once', require: { user: { scope: 'a', any_scope: ['b', 'c'], permission: 'p', client_id: 'saas', audience: 'https://api.example.com', claims: { dept: 'x' }, max_age: 3600, acr: 'gold', where: 'claims.n == 1' } }, token: user({ scope: 'a c', permissions: ['p'], dept: 'x', acr: 'gold', n: 1 }) },
  ...([['scope', 'c', 'scope-missing', 'a'], ['permissions', [], 'permission-missing', undefined], ['dept', 'y', 'claim-mismatch', undefined], ['n', 2, 'where-not-met', undefined], ['client_id', 'other', 'client-not-listed', undefined]] as const).map(([name, value, code, scope]): Row => (
    { promise: `no one where all conditions hold but that on ${name}`, require: { user: { scope: 'a', any_scope: ['b', 'c'], permission: 'p', client_id: 'saas', audience: 'https://api.example.com', claims: { dept: 'x' }, max_age: 3600, acr: 'gold', where: 'claims.n == 1' } }, token: user({ scope: 'a c', permissions: ['p'], dept: 'x', acr: 'gold', n: 1, [name]: value }), code, ...scope !== undefined && { scope } }))
]

t.test('a rule lets in', async t => {
  const { idp, lets, refuses } = await startGatehouse(t, {
    routes: rows.map(({ require }, at) => ({ match: `GET /r${at}/:id`, require })),
    changes: { issuers: { main: { clients: { nightly: 'b-42' } } } }
  })
  for (const [at, { promise, path = '/7', token, code, scope }] of rows.entries()) {
    await t.test(promise, async t => {
      const asked = { path: `/r${at}${path}`, token: token(idp) }
      if (code === undefined) await lets(t, asked)
      else await refuses(t, asked, forbidden(code, scope))
    })
  }
})

t.test('a rule lets in by role: Keycloak\'s realm roles plain, a client\'s by its name', async t => {
  const roles: ReadonlyArray<readonly [require: unknown, claims: Settings, granted: boolean]> = [
    [{ role: 'clerk' }, { realm_access: { roles: ['clerk'] } }, true],
    [{ role: ['clerk', 'my-api:editor'] }, { realm_access: { roles: ['clerk'] }, resource_access: { 'my-api': { roles: ['editor'] } } }, true],
    [{ any_role: ['boss', 'my-api:editor'] }, { resource_access: { 'my-api': { roles: ['editor'] } } }, true],
    [{ role: 'clerk' }, { resource_access: { 'my-api': { roles: ['clerk'] } } }, false],
    [{ role: 'my-api:clerk' }, { realm_access: { roles: ['clerk'] } }, false],
    [{ role: 'my-api:clerk' }, { resource_access: { other: { roles: ['clerk'] } } }, false],
    [{ role: ['clerk', 'boss'] }, { realm_access: { roles: ['clerk'] } }, false],
    [{ any_role: ['clerk', 'boss'] }, { realm_access: { roles: ['Clerk'] } }, false],
    [{ role: 'clerk' }, { realm_access: { roles: 'clerk' } }, false],
    [{ role: 'clerk' }, { roles: ['clerk'] }, false],
    [{ role: 'clerk' }, {}, false]
  ]
  const { idp, lets, refuses } = await startGatehouse(t, {
    routes: roles.map(([conditions], at) => ({ match: `GET /r${at}`, require: { user: conditions } })),
    changes: { issuers: { main: { idp: 'keycloak' } } }
  })
  for (const [at, [, claims, granted]] of roles.entries()) {
    const asked = { path: `/r${at}`, token: idp.mint({ typ: 'Bearer', azp: 'saas', sid: 's', ...claims }, { header: { typ: 'JWT' } }) }
    if (granted) await lets(t, asked)
    else await refuses(t, asked, forbidden('role-missing'))
  }
})

t.test('HEAD is decided by the rule of GET', async t => {
  const { idp, lets, refuses } = await startGatehouse(t, { routes: [{ match: 'GET /a', require: { user: { scope: 'x' } } }, { match: 'POST /a', require: 'user' }] })
  await lets(t, { method: 'HEAD', path: '/a', token: idp.mint({ scope: 'x' }) })
  await refuses(t, { method: 'HEAD', path: '/a', token: idp.mint() }, forbidden('scope-missing', 'x'))
})

t.test('no body of a caller that is refused is waited for', async t => {
  const { idp, gateway, erp } = await startGatehouse(t, { routes: [{ match: 'POST /a', require: 'client' }] })
  const head = `POST /a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${idp.mint()}\r\nContent-Length: 1000000\r\n\r\n`
  const { response } = await gateway.raw(head, { timeout: 5000 })
  t.equal(response.status, 403)
  t.equal(response.headers['connection'], 'close')
  t.equal(erp.requests.length, 0)
})

t.test('names of clients are the issuer\'s own', async t => {
  const [idp, other, erp] = [await startIdp(t, { alg: 'ES256' }), await startIdp(t, { alg: 'ES256' }), await startErp(t)]
  const gateway = await startGateway(t, {
    idp,
    erp,
    changes: { issuers: { main: { clients: { portal: 'm-1' } }, other: { issuer: other.issuer, audience: 'https://api.example.com', clients: { portal: 'o-1' } } } },
    routes: [{ match: 'GET /a', issuers: ['main', 'other'], require: { client: { client_id: 'portal' } } }]
  })
  const status = async (token: string) => (await gateway.call({ path: '/a', token })).status
  t.equal(await status(idp.mintClient({ client_id: 'm-1' })), 200)
  t.equal(await status(other.mintClient({ client_id: 'o-1' })), 200)
  t.equal(await status(idp.mintClient({ client_id: 'o-1' })), 403)
  t.equal(await status(other.mintClient({ client_id: 'm-1' })), 403)
  t.equal(erp.requests.length, 2)
})

function forbidden (code: string, scope?: string): Wanted {
  return { status: 403, code, challenge: { error: 'insufficient_scope', ...scope !== undefined && { scope } } }
}

function deeplyNested (idp: Idp, name: string): string {
  const seconds = Math.floor(Date.now() / 1000)
  const claims = JSON.stringify({ iss: idp.issuer, aud: 'https://api.example.com', sub: 'user-1', client_id: 'saas', exp: seconds + 60, auth_time: seconds })
  return idp.mint({}, { payload: `${claims.slice(0, -1)},"${name}":${'['.repeat(5600)}${']'.repeat(5600)}}` })
}
