import t, { type Test } from 'tap'
import { BUSINESS_CENTRAL, startBusinessCentral } from '../support/erps/businesscentral.ts'
import { asEntra } from '../support/erps/microsoft-api.ts'
import type { TestGateway } from '../support/gateway.ts'
import { APPLICATION, startEntra } from './entra.ts'
import { assertRecipes, startRecipe } from './recipe.ts'

const PAGE = 'docs/erps/businesscentral.md'
const BASE = '/v2.0/11111111-2222-3333-4444-555555555555/Production/api/v2.0'
const HEADINGS = ['With a certificate', 'With a secret']

t.test('each gateway.yaml of the page is tried, and check says nothing of it', async t => {
  await assertRecipes(t, PAGE, HEADINGS)
})

for (const heading of HEADINGS) {
  t.test(`${heading}: what the page allows reaches Business Central as the application, in its tenant and environment`, async t => {
    const { idp, erp, gateway, user, client, customers } = await scene(t, heading)
    const made = await gateway.call({ method: 'POST', path: customers, token: user, headers: { 'idempotency-key': 'one' }, body: { number: 'C1', displayName: 'Coho' } })
    t.equal(made.status, 201, made.text)
    const { id } = made.json() as { id: string }
    t.equal(made.headers.location, `http://127.0.0.1:${gateway.port}${customers}(${id})`)
    const read = await gateway.call({ path: `${customers}(${id})`, token: client })
    const { '@odata.etag': etag } = read.json() as { '@odata.etag': string }
    const change = async (headers: Record<string, string>) => await gateway.call({ method: 'PATCH', path: `${customers}(${id})`, token: client, headers, body: { displayName: 'Winery' } })
    t.match(await change({}), { status: 400, code: undefined }, 'If-Match is required')
    t.equal((await change({ 'if-match': etag })).status, 200)
    t.match(await change({ 'if-match': etag }), { status: 409, code: undefined }, 'changed since')
    t.match(erp.customers.get(id)?.properties, { number: 'C1', displayName: 'Winery' })
    t.match(await gateway.call({ path: `${customers}?$top=1`, token: user }), { status: 200, headers: { 'odata-version': '4.0' } })

    t.same(idp.tokenRequests.map(({ params, client }) => [params.get('scope'), client]), [[`${BUSINESS_CENTRAL}/.default`, APPLICATION]])
    t.ok(erp.requests.every(({ url }) => url.startsWith(`${BASE}/companies(${erp.company})/customers`)))
    t.notOk(erp.requests.some(({ headers }) => [user, client].includes(String(headers.authorization).slice(7))))
  })

  t.test(`${heading}: what the page forbids does not`, async t => {
    const { idp, erp, gateway, user, client, customers } = await scene(t, heading)
    const refused = async (status: number, options: Parameters<TestGateway['call']>[0], code: string) => { t.match(await gateway.call(options), { status, code }, `${options?.method ?? 'GET'} ${options?.path ?? ''}`) }
    const one = `${customers}(00000000-0000-0000-0000-000000000001)`
    const post = { method: 'POST', path: customers, body: {} }
    await refused(401, { path: customers }, 'credential-missing')
    await refused(403, { ...post, token: idp.mintUser({ scope: 'read:customer', company: erp.company }), headers: { 'idempotency-key': 'k' } }, 'scope-missing')
    await refused(400, { ...post, token: user }, 'idempotency-key-missing')
    await refused(403, { method: 'PATCH', path: one, token: user, body: {} }, 'principal-kind')
    await refused(405, { method: 'DELETE', path: one, token: client }, 'method-not-allowed')
    await refused(404, { path: '/companies', token: client }, 'route-not-found')
    await refused(404, { path: `/companies(${erp.company})/vendors`, token: client }, 'route-not-found')
    await refused(404, { method: 'POST', path: '/$batch', token: client, body: 'x' }, 'route-not-found')
    for (const query of ['$expand=currency', 'company=CRONUS', 'tenant=other']) await refused(400, { path: `${customers}?${query}`, token: client }, 'query-refused')
    t.equal(erp.requests.length, 0, 'Business Central saw nothing')
  })
}

t.test('a caller has the company that its token names, to the letter, and no other', async t => {
  const { idp, erp, gateway, user, customers } = await scene(t)
  const others = [`/companies(id=${erp.company})/customers`, `/companies(${erp.company.toUpperCase()})/customers`, '/companies(00000000-0000-0000-0000-000000000001)/customers']
  for (const path of others) t.match(await gateway.call({ path, token: user }), { status: 403, code: 'where-not-met' }, path)
  t.match(await gateway.call({ path: customers, token: idp.mintUser({ scope: 'read:customer' }) }), { status: 403, code: 'where-not-met' }, 'no company')
  t.equal(erp.requests.length, 0)
  t.equal((await gateway.call({ path: customers, token: user })).status, 200)
})

t.test('the next page is had by the query of its link', async t => {
  const { gateway, user, customers } = await scene(t, undefined, { pageSize: 2 })
  for (const number of ['1', '2', '3']) await gateway.call({ method: 'POST', path: customers, token: user, headers: { 'idempotency-key': number }, body: { number } })
  const page = async (query: string) => (await gateway.call({ path: `${customers}${query}`, token: user })).json() as Page
  const first = await page('')
  const second = await page(new URL(String(first['@odata.nextLink'])).search)
  t.same([first.value, second.value].map(value => value.map(({ number }) => number)), [['1', '2'], ['3']])
  t.notOk('@odata.nextLink' in second)
})

t.test('429 goes to the caller with its Retry-After, and is not tried again by the gateway', async t => {
  const { erp, gateway, user, customers } = await scene(t)
  erp.throttle(1, 9)
  t.match(await gateway.call({ path: customers, token: user }), { status: 429, code: undefined, headers: { 'retry-after': '9' } })
  t.equal(erp.requests.length, 1)
})

t.test('a write that is repeated with its key is one customer', async t => {
  const { erp, gateway, user, customers } = await scene(t)
  const post = async () => await gateway.call({ method: 'POST', path: customers, token: user, headers: { 'idempotency-key': 'one' }, body: { displayName: 'Coho' } })
  const [first, second] = [await post(), await post()]
  t.same([first.status, second.status, second.headers['idempotency-replayed'], second.text], [201, 201, 'true', first.text])
  t.equal(erp.customers.size, 1)
})

t.test('without the application permission, or the card within Business Central, it is the operator\'s to mend', async t => {
  const { gateway, user, customers } = await scene(t, undefined, { role: 'Automation.ReadWrite.All' })
  t.match(await gateway.call({ path: customers, token: user }), { status: 502, code: 'upstream-credential-refused' })
  const stranger = await scene(t, undefined, { applications: [] })
  t.match(await stranger.gateway.call({ path: stranger.customers, token: stranger.user }), { status: 502, code: 'upstream-credential-refused' })
})

interface Page {
  readonly value: ReadonlyArray<{ readonly number: string }>
  readonly '@odata.nextLink'?: string
}

async function scene (t: Test, heading = 'With a certificate', { role = 'API.ReadWrite.All', ...options }: { readonly role?: string, readonly pageSize?: number, readonly applications?: readonly string[] } = {}) {
  const { idp, replace, files } = await startEntra(t, heading)
  const erp = await startBusinessCentral(t, { idp, applications: [APPLICATION], base: BASE, ...options })
  asEntra(idp, { resource: BUSINESS_CENTRAL, appid: APPLICATION, roles: [role] })
  const gateway = await startRecipe(t, { page: PAGE, heading, replace: { ...replace, [`${BUSINESS_CENTRAL}/v2.0`]: `${erp.origin}/v2.0` }, ...files && { files } })
  const claims = { scope: 'read:customer write:customer', company: erp.company }
  return { idp, erp, gateway, user: idp.mintUser(claims), client: idp.mintClient(claims), customers: `/companies(${erp.company})/customers` }
}
