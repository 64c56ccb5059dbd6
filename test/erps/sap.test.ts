import { X509Certificate } from 'node:crypto'
import t, { type Test } from 'tap'
import type { TestGateway } from '../support/gateway.ts'
import { startIdp, type Idp } from '../support/idp.ts'
import { SAP_SERVICE, startSap, type Sap, type SapOptions } from '../support/erps/sap.ts'
import { registerSecret } from '../support/secrets.ts'
import { selfSigned } from '../support/self-signed.ts'
import { assertRecipes, startRecipe, type RecipeOptions } from './recipe.ts'

const PAGE = 'docs/erps/sap.md'
const PARTNERS = `${SAP_SERVICE}/A_BusinessPartner`
const ON_PREMISES = 'https://sap.example.com:44300'
const CLOUD = 'https://my000000-api.s4hana.cloud.sap'

interface Scene { readonly idp: Idp, readonly sap: Sap, readonly gateway: TestGateway, readonly user: string, readonly client: string }

/** The recipes of the page, by the heading of each. */
const RECIPES: Readonly<Record<string, (t: Test) => Promise<Scene>>> = {
  'With a password': async t => await withPassword(t, 'With a password', ON_PREMISES),
  'With a certificate': withCertificate,
  'With a token': withToken,
  'S/4HANA Cloud': async t => await withPassword(t, 'S/4HANA Cloud', CLOUD)
}

t.test('each gateway.yaml of the page is tried, and check says nothing of it', async t => {
  await assertRecipes(t, PAGE, Object.keys(RECIPES))
})

for (const [heading, start] of Object.entries(RECIPES)) {
  t.test(`${heading}: what the page allows reaches SAP as the technical user, and writes have a session`, async t => {
    const { sap, gateway, user, client } = await start(t)
    const made = await gateway.call({ method: 'POST', path: PARTNERS, token: user, headers: { 'idempotency-key': 'one' }, body: { BusinessPartner: '4711', City: 'Bonn' } })
    t.equal(made.status, 201, made.text)
    t.equal(made.headers.location, `http://127.0.0.1:${gateway.port}${PARTNERS}('4711')`)
    t.notOk('set-cookie' in made.headers)
    t.equal((await gateway.call({ path: `${PARTNERS}('4711')?$select=City`, token: user })).status, 200)
    t.equal((await gateway.call({ path: `${PARTNERS}?$top=1`, token: client })).status, 200)
    t.equal((await gateway.call({ path: `${SAP_SERVICE}/$metadata`, token: user })).status, 200)
    const change = async (etag: string) => await gateway.call({ method: 'PATCH', path: `${PARTNERS}('4711')`, token: client, headers: { 'if-match': etag }, body: { City: 'Ulm' } })
    t.equal((await change(String(made.headers.etag))).status, 204)
    t.equal((await change(String(made.headers.etag))).status, 412, 'an older ETag')
    t.match(sap.data.stored('A_BusinessPartner', '4711'), { City: 'Ulm' })
    t.same([sap.fetches, sap.sessions.begun, sap.malformed], [1, 1, 0])
    for (const { headers } of sap.requests) {
      t.equal(headers['sap-client'], heading === 'S/4HANA Cloud' ? undefined : '100', 'the operator says which client')
      t.notOk(String(headers.authorization).includes(user))
    }
  })

  t.test(`${heading}: what the page forbids does not`, async t => {
    const { idp, sap, gateway, user, client } = await start(t)
    const post = { method: 'POST', path: PARTNERS, body: {} }
    const refused = async (status: number, options: Parameters<TestGateway['call']>[0], code: string) => { t.match(await gateway.call(options), { status, code }, `${options?.method ?? 'GET'} ${options?.path ?? ''}`) }
    await refused(401, { path: PARTNERS }, 'credential-missing')
    await refused(403, { ...post, token: idp.mintUser({ scope: 'read:partner' }), headers: { 'idempotency-key': 'k' } }, 'scope-missing')
    await refused(400, { ...post, token: user }, 'idempotency-key-missing')
    await refused(403, { method: 'PATCH', path: `${PARTNERS}('1')`, token: user, body: {} }, 'principal-kind')
    await refused(405, { method: 'DELETE', path: `${PARTNERS}('1')`, token: client }, 'method-not-allowed')
    await refused(404, { path: `${SAP_SERVICE}/A_Customer`, token: client }, 'route-not-found')
    await refused(404, { method: 'POST', path: `${SAP_SERVICE}/$batch`, token: client, body: 'x' }, 'route-not-found')
    for (const query of ['$expand=to_BusinessPartnerBank', 'sap-client=200', 'sap-user=ADMIN']) await refused(400, { path: `${PARTNERS}?${query}`, token: client }, 'query-refused')
    t.equal(sap.requests.length, 0, 'SAP saw nothing')
  })

  t.test(`${heading}: a session that ended costs the caller nothing, and a repeat with the same key is one partner`, async t => {
    const { sap, gateway, user } = await start(t)
    const post = async (key: string) => await gateway.call({ method: 'POST', path: PARTNERS, token: user, headers: { 'idempotency-key': key, 'x-csrf-token': 'mine', 'sap-user': 'ADMIN' }, body: { BusinessPartner: key } })
    t.equal((await post('1')).status, 201)
    sap.sessions.expire()
    t.equal((await post('2')).status, 201)
    t.match(await post('2'), { status: 201, headers: { 'idempotency-replayed': 'true' } })
    t.same([sap.data.created, sap.fetches, sap.refused], [['1', '2'], 2, 1])
    t.notOk(sap.requests.some(({ headers }) => 'sap-user' in headers || headers['x-csrf-token'] === 'mine'))
  })
}

async function withPassword (t: Test, heading: string, host: string): Promise<Scene> {
  const password = registerSecret('a password of the technical user', 'a password')
  return await scene(t, { users: { COUNTERSIGN: password } }, ({ origin }) => ({ heading, replace: { [host]: origin, '/run/secrets/sap': 'sap' }, files: { sap: password } }))
}

async function withCertificate (t: Test): Promise<Scene> {
  const own = selfSigned()
  const shown = selfSigned({ commonName: 'countersign' })
  const sap: SapOptions = {
    tls: { ...own, requestCert: true, rejectUnauthorized: false, ca: shown.cert },
    certificates: { [new X509Certificate(shown.cert).fingerprint256]: 'COUNTERSIGN' }
  }
  return await scene(t, sap, ({ origin }) => ({
    heading: 'With a certificate',
    replace: { [ON_PREMISES]: origin, '/run/tls/sap-ca.pem': 'sap-ca.pem', '/run/tls/gateway.crt': 'gateway.crt', '/run/tls/gateway.key': 'gateway.key' },
    files: { 'sap-ca.pem': own.cert, 'gateway.crt': shown.cert, 'gateway.key': shown.key }
  }))
}

async function withToken (t: Test): Promise<Scene> {
  const secret = registerSecret('a secret of the client COUNTERSIGN', 'a client secret')
  const idp = await startIdp(t, { clients: { COUNTERSIGN: { secret, authMethod: 'client_secret_basic' } } })
  const made = await scene(t, { idp, wants: { scope: 'ZAPI_BUSINESS_PARTNER_0001' } }, ({ origin }) => ({
    heading: 'With a token',
    replace: { [`${ON_PREMISES}/sap/bc/sec/oauth2/token?sap-client=100`]: idp.tokenEndpoint, [ON_PREMISES]: origin, '/run/secrets/sap': 'sap' },
    files: { sap: secret }
  }), idp)
  return made
}

async function scene (t: Test, options: SapOptions, recipe: (sap: Sap) => Omit<RecipeOptions, 'page'>, known?: Idp): Promise<Scene> {
  const idp = known ?? await startIdp(t)
  const sap = await startSap(t, options)
  const { heading, replace, files = {} } = recipe(sap)
  const gateway = await startRecipe(t, { page: PAGE, heading, replace: { 'https://id.example.com': idp.issuer, ...replace }, files })
  return { idp, sap, gateway, user: idp.mintUser({ scope: 'read:partner write:partner' }), client: idp.mintClient({ scope: 'read:partner write:partner' }) }
}
