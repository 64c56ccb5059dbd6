import t, { type Test } from 'tap'
import { DATAVERSE_API, startDynamics } from '../support/erps/dynamics.ts'
import { asEntra } from '../support/erps/microsoft-api.ts'
import type { TestGateway } from '../support/gateway.ts'
import { APPLICATION, startEntra } from './entra.ts'
import { assertRecipes, startRecipe } from './recipe.ts'

const PAGE = 'docs/erps/dynamics.md'
const ACCOUNTS = `${DATAVERSE_API}/accounts`
const HEADINGS = ['With a certificate', 'With a secret']
const ODATA = { 'odata-version': '4.0', 'odata-maxversion': '4.0' }

t.test('each gateway.yaml of the page is tried, and check says nothing of it', async t => {
  await assertRecipes(t, PAGE, HEADINGS)
})

for (const heading of HEADINGS) {
  t.test(`${heading}: what the page allows reaches Dataverse as the application user, and links lead to the gateway`, async t => {
    const { idp, dynamics, gateway, user, client } = await scene(t, heading)
    const made = await gateway.call({ method: 'POST', path: ACCOUNTS, token: user, headers: { ...ODATA, 'idempotency-key': 'one' }, body: { name: 'Contoso' } })
    t.equal(made.status, 204, made.text)
    t.equal(made.headers['odata-version'], '4.0')
    const [[id] = []] = [...dynamics.accounts]
    const link = `http://127.0.0.1:${gateway.port}${ACCOUNTS}(${id})`
    t.same([made.headers['odata-entityid'], made.headers.location], [link, link])

    const path = new URL(link).pathname
    const read = await gateway.call({ path: `${path}?$select=name`, token: client, headers: ODATA })
    t.match(read.json(), { accountid: id, name: 'Contoso' })
    t.equal((await gateway.call({ path: ACCOUNTS, token: user })).status, 200)
    const change = async () => await gateway.call({ method: 'PATCH', path, token: client, headers: { 'if-match': String(read.headers.etag) }, body: { name: 'Fabrikam' } })
    t.equal((await change()).status, 204)
    t.match(await change(), { status: 412, code: undefined }, 'an older ETag is told by Dataverse itself')
    const shown = await gateway.call({ method: 'POST', path: ACCOUNTS, token: user, headers: { ...ODATA, prefer: 'return=representation', 'idempotency-key': 'two' }, body: { name: 'Northwind' } })
    t.match(shown, { status: 201, headers: { 'preference-applied': 'return=representation' } })
    t.equal((await gateway.call({ method: 'DELETE', path, token: client })).status, 204)
    t.same([...dynamics.accounts.values()].map(({ properties }) => properties), [{ name: 'Northwind' }])

    t.same(idp.tokenRequests.map(({ params, client }) => [params.get('scope'), client]), [[`${dynamics.origin}/.default`, APPLICATION]])
    t.match(dynamics.requests[0]?.headers, ODATA)
    t.notOk(dynamics.requests.some(({ headers }) => [user, client].includes(String(headers.authorization).slice(7))))
  })

  t.test(`${heading}: what the page forbids does not`, async t => {
    const { idp, dynamics, gateway, user, client } = await scene(t, heading)
    const refused = async (status: number, options: Parameters<TestGateway['call']>[0], code: string) => { t.match(await gateway.call(options), { status, code }, `${options?.method ?? 'GET'} ${options?.path ?? ''}`) }
    const one = `${ACCOUNTS}(00000000-0000-0000-0000-000000000001)`
    const post = { method: 'POST', path: ACCOUNTS, body: {} }
    await refused(401, { path: ACCOUNTS }, 'credential-missing')
    await refused(403, { ...post, token: idp.mintUser({ scope: 'read:account' }), headers: { 'idempotency-key': 'k' } }, 'scope-missing')
    await refused(400, { ...post, token: user }, 'idempotency-key-missing')
    await refused(403, { method: 'PATCH', path: one, token: user, body: {} }, 'principal-kind')
    await refused(403, { method: 'DELETE', path: one, token: idp.mintClient({ scope: 'write:account' }) }, 'scope-missing')
    await refused(405, { method: 'PUT', path: one, token: client, body: {} }, 'method-not-allowed')
    await refused(404, { path: `${DATAVERSE_API}/contacts`, token: client }, 'route-not-found')
    await refused(404, { path: `${one}/primarycontactid`, token: client }, 'route-not-found')
    await refused(404, { method: 'POST', path: `${DATAVERSE_API}/$batch`, token: client, body: 'x' }, 'route-not-found')
    await refused(400, { path: `${ACCOUNTS}?$expand=contact_customer_accounts`, token: client }, 'query-refused')
    t.equal(dynamics.requests.length, 0, 'Dataverse saw nothing')
  })
}

t.test('no caller acts in the name of another user, or past plug-ins', async t => {
  const { dynamics, gateway, user } = await scene(t)
  const names = ['MSCRMCallerID', 'CallerObjectId', 'MSCRM.BypassCustomPluginExecution', 'MSCRM.BypassBusinessLogicExecution']
  const headers = Object.fromEntries(names.map(name => [name, '11111111-0000-0000-0000-000000000001']))
  t.equal((await gateway.call({ path: ACCOUNTS, token: user, headers })).status, 200)
  t.equal(dynamics.requests.length, 1)
  t.same(Object.keys(dynamics.requests[0]?.headers ?? {}).filter(name => /caller|bypass/i.test(name)), [])
})

t.test('PATCH creates a row that is not there, but with If-Match', async t => {
  const { dynamics, gateway, client } = await scene(t)
  const id = '00000000-0000-0000-0000-000000000001'
  const change = async (headers: Record<string, string>) => (await gateway.call({ method: 'PATCH', path: `${ACCOUNTS}(${id})`, token: client, headers, body: { name: 'Contoso' } })).status
  t.equal(await change({ 'if-match': '*' }), 404)
  t.equal(await change({}), 204)
  t.match(dynamics.accounts.get(id)?.properties, { name: 'Contoso' })
})

t.test('429 goes to the caller with its Retry-After, and is not tried again by the gateway', async t => {
  const { dynamics, gateway, user } = await scene(t)
  dynamics.throttle(1, 17)
  t.match(await gateway.call({ path: ACCOUNTS, token: user }), { status: 429, code: undefined, headers: { 'retry-after': '17' } })
  t.equal(dynamics.requests.length, 1)
  t.equal((await gateway.call({ path: ACCOUNTS, token: user })).status, 200)
})

t.test('a write that 429 stopped is carried out when it is repeated with its key, once', async t => {
  const { dynamics, gateway, user } = await scene(t)
  const post = async () => await gateway.call({ method: 'POST', path: ACCOUNTS, token: user, headers: { 'idempotency-key': 'one' }, body: { name: 'Contoso' } })
  dynamics.throttle(1, 1)
  t.same([(await post()).status, (await post()).status, (await post()).status], [429, 204, 204])
  t.equal(dynamics.accounts.size, 1)
})

t.test('a token for another environment, and an application that is no user, are the operator\'s to mend', async t => {
  const { dynamics, gateway, user } = await scene(t, undefined, { environment: 'https://other.crm4.dynamics.com' })
  const refused = await gateway.call({ path: ACCOUNTS, token: user })
  t.match(refused, { status: 502, code: 'upstream-credential-refused' })
  t.notOk('www-authenticate' in refused.headers)
  t.equal(dynamics.requests.length, 2, 'once more with a new token')

  const stranger = await scene(t, undefined, { applicationUsers: [] })
  t.match(await stranger.gateway.call({ path: ACCOUNTS, token: stranger.user }), { status: 403, code: undefined })
})

async function scene (t: Test, heading = 'With a certificate', { applicationUsers = [APPLICATION], environment }: { readonly applicationUsers?: readonly string[], readonly environment?: string } = {}) {
  const { idp, replace, files } = await startEntra(t, heading)
  const dynamics = await startDynamics(t, idp, applicationUsers)
  // The gateway asks for its first token as it starts.
  asEntra(idp, { resource: environment ?? dynamics.origin, appid: APPLICATION })
  const gateway = await startRecipe(t, { page: PAGE, heading, replace: { ...replace, 'https://contoso.crm4.dynamics.com': dynamics.origin }, ...files && { files } })
  const scope = 'read:account write:account delete:account'
  return { idp, dynamics, gateway, user: idp.mintUser({ scope }), client: idp.mintClient({ scope }) }
}
