import t from 'tap'
import { randomBytes } from 'node:crypto'
import { registerSecret } from '../support/secrets.ts'
import { startOdoo, type Odoo } from '../support/erps/odoo.ts'
import type { TestContext } from '../support/teardown.ts'
import { startRecipe, until, type Recipe, type Replaced } from './recipe-scene.ts'

const PAGE = 'docs/erps/odoo.md'
const SEARCH = '/json/2/res.partner/search_read'
const CREATE = '/json/2/res.partner/create'
const WORKERS = 4

async function scene (t: TestContext, changed: Replaced = []): Promise<Recipe & { readonly erp: Odoo, readonly key: string }> {
  const key = registerSecret(randomBytes(20).toString('hex'), 'an API key')
  const erp = await startOdoo(t, { key, database: 'mycompany', workers: WORKERS })
  const recipe = await startRecipe(t, PAGE, { replaced: [['https://mycompany.odoo.com', erp.origin], ['/run/secrets/odoo', 'odoo'], ...changed], files: { odoo: `bearer ${key}` } })
  return { ...recipe, erp, key }
}

t.test('partners are found and created, an order is confirmed, with the bot user\'s key', async t => {
  const { gateway, erp, user, client, key } = await scene(t)
  const found = await gateway.call({ method: 'POST', path: SEARCH, token: user('read:partner'), body: { domain: [['is_company', '=', true]], fields: ['name'] } })
  t.same([found.status, found.json()], [200, [{ id: 25, name: 'Deco Addict' }]])
  const created = await gateway.call({ method: 'POST', path: CREATE, token: client('write:partner'), headers: { 'Idempotency-Key': 'p-1' }, body: { vals_list: [{ name: 'New' }] } })
  t.equal(created.status, 200)
  t.match(erp.partners.at(-1), { name: 'New' })
  t.equal((await gateway.call({ method: 'POST', path: '/orders/confirm', token: user('confirm:order'), headers: { 'Idempotency-Key': 'o-1' }, body: { ids: [7] } })).status, 200)
  t.same(erp.confirmed, [7])

  t.same(erp.requests.map(({ url }) => url), [SEARCH, CREATE, '/json/2/sale.order/action_confirm'])
  for (const { headers } of erp.requests) t.match(headers, { authorization: `bearer ${key}`, 'x-odoo-database': 'mycompany', 'content-type': 'application/json' })
})

t.test('what no rule of the page allows does not reach Odoo', async t => {
  const { gateway, erp, user, client } = await scene(t)
  const post = { method: 'POST', body: {} }
  for (const [status, code, options] of [
    [401, 'credential-missing', { ...post, path: SEARCH }],
    [403, 'scope-missing', { ...post, path: SEARCH, token: user('openid') }],
    [403, 'principal-kind', { ...post, path: CREATE, token: user('write:partner'), headers: { 'Idempotency-Key': 'k' } }],
    [403, 'principal-kind', { ...post, path: '/orders/confirm', token: client('confirm:order'), headers: { 'Idempotency-Key': 'k' } }],
    [400, 'idempotency-key-missing', { ...post, path: CREATE, token: client('write:partner') }],
    [405, 'method-not-allowed', { path: SEARCH, token: user('read:partner') }],
    [404, 'route-not-found', { ...post, path: '/json/2/res.partner/unlink', token: client('write:partner') }],
    [404, 'route-not-found', { ...post, path: '/json/2/res.users.apikeys/generate', token: client('write:partner') }],
    [404, 'route-not-found', { ...post, path: '/json/2/sale.order/action_confirm', token: user('confirm:order') }],
    [404, 'route-not-found', { ...post, path: '/jsonrpc', token: client('write:partner') }],
    [400, 'query-refused', { ...post, path: `${SEARCH}?db=other`, token: user('read:partner') }],
    [400, 'query-refused', { ...post, path: `${SEARCH}?session_id=stolen`, token: user('read:partner') }]
  ] as const) {
    const { status: got, code: word } = await gateway.call(options)
    t.same([got, word], [status, code], `${code}: ${'method' in options ? options.method : 'GET'} ${options.path}`)
  }
  t.same(erp.requests, [])
})

t.test('which database, and whose session, no caller says', async t => {
  const { gateway, erp, user } = await scene(t)
  const { status } = await gateway.call({
    method: 'POST',
    path: SEARCH,
    token: user('read:partner'),
    body: {},
    headers: { 'X-Odoo-Database': 'other', 'X-Odoo-dbfilter': 'other', 'X-Openerp-Session-Id': 'stolen', Cookie: 'session_id=stolen' }
  })
  t.equal(status, 200)
  const { headers = {} } = erp.requests[0] ?? {}
  t.equal(headers['x-odoo-database'], 'mycompany')
  for (const name of ['x-odoo-dbfilter', 'x-openerp-session-id', 'cookie']) t.notOk(name in headers, name)
})

t.test('Odoo\'s own refusals come through as it wrote them', async t => {
  const { gateway, client } = await scene(t)
  const { status, json } = await gateway.call({ method: 'POST', path: CREATE, token: client('write:partner'), headers: { 'Idempotency-Key': 'p-2' }, body: { values: {} } })
  t.equal(status, 422)
  t.match(json(), { name: 'builtins.TypeError', message: /vals_list/ })
})

t.test('a create that is repeated with its key makes one partner', async t => {
  const { gateway, erp, client } = await scene(t)
  const write = { method: 'POST', path: CREATE, token: client('write:partner'), headers: { 'Idempotency-Key': 'once' }, body: { vals_list: [{ name: 'Once' }] } }
  const [first, repeat] = [await gateway.call(write), await gateway.call(write)]
  t.same([repeat.status, repeat.text, repeat.headers['idempotency-replayed']], [first.status, first.text, 'true'])
  t.equal(erp.requests.length, 1)
})

t.test('a key that has ended is told to no caller', async t => {
  const { gateway, erp, user } = await scene(t)
  erp.expire()
  const { status, code, text } = await gateway.call({ method: 'POST', path: SEARCH, token: user('read:partner'), body: {} })
  t.same([status, code], [502, 'upstream-credential-refused'])
  t.notMatch(text, /apikey/)
})

t.test('twenty at once never have more than the page\'s places; without its `concurrency` they do', async t => {
  for (const [changed, peak, refused] of [[[], WORKERS, 0], [[['max: 4', 'max: 100']], WORKERS + 1, 16]] as const) {
    const { gateway, erp, user } = await scene(t, changed)
    const release = erp.places.hold()
    const calls = Promise.all(Array.from({ length: 20 }, async () => await gateway.call({ method: 'POST', path: SEARCH, token: user('read:partner'), body: {} })))
    await until(() => erp.places.open === WORKERS && erp.places.refused === refused)
    release()
    t.equal((await calls).filter(({ status }) => status === 200).length, 20 - refused)
    t.same([erp.places.peak, erp.places.refused], [peak, refused])
  }
})
