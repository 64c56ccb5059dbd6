import t from 'tap'
import type { Explanation, PastLine } from '../../src/explain/explanation.ts'
import { startErp } from '../support/erp.ts'
import { startGateway } from '../support/gateway.ts'
import { startIdp } from '../support/idp.ts'
import { registerSecret } from '../support/secrets.ts'
import type { Settings } from '../support/settings.ts'
import type { TestContext } from '../support/teardown.ts'

async function scene (t: TestContext, admin: Settings = {}) {
  const idp = await startIdp(t)
  const erp = await startErp(t)
  const gateway = await startGateway(t, {
    idp,
    erp,
    changes: { admin },
    routes: [{ match: 'GET /a/:id', require: { client: { scope: 'read:a' } } }, { match: 'POST /b', require: { user: { claims: { tenant: 'acme' } } } }]
  })
  return { idp, erp, gateway }
}

t.test('a refusal can be asked about afterwards by its decision, without the token, the query or other claims', async t => {
  const { idp, gateway } = await scene(t)
  const token = idp.mintClient({ scope: 'other', email: 'somebody@example.com', tenant: 'globex' })
  const refused = await gateway.call({ path: '/a/17?secret=query', token })
  const answer = await gateway.admin(`/decisions/${refused.problem?.decision ?? ''}`)
  t.equal(answer.status, 200)
  t.match(answer.json(), {
    request: { method: 'GET', target: '/a/17' },
    passes: false,
    status: 403,
    code: 'scope-missing',
    detail: refused.problem?.detail,
    remedy: /read:a/,
    rule: { name: 'GET /a/:id', at: /routes\.yaml:2$/ },
    alternatives: [{ holds: false, ofThisKind: true, steps: [{ name: 'scope', outcome: 'fail' }] }],
    principal: { kind: 'client', client: 'saas', scopes: ['other'] }
  } satisfies Record<keyof Explanation, unknown> | object)
  for (const kept of [token, 'secret=query', 'somebody@example.com', 'globex']) t.notMatch(answer.text, kept)
  t.match(await gateway.admin('/decisions/none'), { status: 404 })
})

t.test('the path is the caller\'s wherever requests are counted, and of a long one no more than its beginning is kept', async t => {
  const idp = await startIdp(t)
  const erp = await startErp(t)
  const gateway = await startGateway(t, { idp, erp, routes: [{ match: 'GET /a/:id', require: 'user', rate_limit: { max: 100, per: '1h', by: 'user' } }] })
  await gateway.call({ path: '/a/17?secret=query' })
  await gateway.call({ path: `/a/${'x'.repeat(5000)}` })
  await gateway.call({ path: `/a/18?secret=${'y'.repeat(5000)}` })
  const [query, long, short] = (await gateway.admin('/decisions')).json() as PastLine[]
  t.equal(short?.path, '/a/17')
  t.equal(long?.path, `/a/${'x'.repeat(1021)}…`)
  t.equal(query?.path, '/a/18')
})

t.test('the last refusals are listed, the newest first, and only refusals', async t => {
  const { idp, gateway } = await scene(t)
  await gateway.call({ path: '/a/17' })
  await gateway.call({ path: '/a/17', token: idp.mintClient({ scope: 'read:a' }) })
  await gateway.call({ path: '/nowhere', token: idp.mintIdToken() })
  await gateway.call({ path: '/a/17', token: idp.mintIdToken() })
  const lines = (await gateway.admin('/decisions')).json() as PastLine[]
  t.same(lines.map(({ method, path, status, code }) => `${method} ${path} ${status} ${code}`), ['GET /a/17 401 id-token', 'GET /nowhere 404 route-not-found', 'GET /a/17 401 credential-missing'])
  t.equal(((await gateway.admin('/decisions?most=1')).json() as PastLine[]).length, 1)
})

t.test('a question is answered by the rules and keys in use; what is no question is told so', async t => {
  const { idp, erp, gateway } = await scene(t)
  const ask = async (body: object) => await gateway.admin('/explain', { method: 'POST', body })
  t.match((await ask({ method: 'GET', target: '/a/17', token: idp.mintClient({ scope: 'read:a' }) })).json(), { passes: true, upstream: { target: '/a/17' } })
  t.match((await ask({ method: 'POST', target: '/b', claims: { iss: idp.issuer, sub: 'u', client_id: 'saas', aud: 'https://api.example.com', auth_time: 1, exp: 4_000_000_000, tenant: 'acme' }, header: { typ: 'at+jwt' } })).json(), { passes: true, notes: [/signature/] })
  for (const body of [{}, { method: 'get', target: '/a' }, { method: 'GET', target: 'a' }, { method: 'GET', target: '/a', token: 'x', claims: {} }, { method: 'GET', target: '/a', surprise: 1 }, []]) {
    t.match(await ask(body), { status: 400 }, JSON.stringify(body))
  }
  t.equal(erp.requests.length, 0)
})

t.test('other sites may not ask, by a page that a browser on this machine shows', async t => {
  const { gateway } = await scene(t)
  const own = `127.0.0.1:${gateway.adminPort}`
  t.match(await gateway.admin('/decisions', { headers: { host: 'rebound.example.com' } }), { status: 403 })
  t.match(await gateway.admin('/decisions', { headers: { host: own, origin: 'https://evil.example.com' } }), { status: 403 })
  t.match(await gateway.admin('/decisions', { headers: { host: own, 'sec-fetch-site': 'cross-site' } }), { status: 403 })
  t.match(await gateway.admin('/explain', { method: 'POST', body: '{"method":"GET","target":"/"}', headers: { host: own, 'content-type': 'text/plain' } }), { status: 403 })
  t.match(await gateway.admin('/decisions', { headers: { host: own, origin: `http://${own}`, 'sec-fetch-site': 'same-origin' } }), { status: 200 })
  t.match(await gateway.admin('/livez', { headers: { host: 'rebound.example.com' } }), { status: 200 })
})

t.test('with admin.token it is for whoever shows it; off loopback without one, for nobody', async t => {
  const token = registerSecret('an-admin-token-of-some-length', 'the admin token')
  const { gateway } = await scene(t, { token })
  t.match(await gateway.admin('/decisions'), { status: 401, headers: { 'www-authenticate': /^Bearer/ } })
  t.match(await gateway.admin('/decisions', { token: 'another-admin-token-of-a-length' }), { status: 401 })
  t.match(await gateway.admin('/decisions', { token, headers: { host: 'gateway.example.com' } }), { status: 200 })
  for (const path of ['/livez', '/readyz', '/metrics']) t.not((await gateway.admin(path)).status, 401)
  const { gateway: open } = await scene(t, { host: '0.0.0.0' })
  t.match(await open.admin('/decisions'), { status: 403 })
  t.match(await open.admin('/livez'), { status: 200 })
  const { gateway: guarded } = await scene(t, { host: '0.0.0.0', token })
  t.match(await guarded.admin('/decisions', { token }), { status: 200 })
})
