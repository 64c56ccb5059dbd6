import t from 'tap'
import { randomBytes } from 'node:crypto'
import { startIdp } from '../support/idp.ts'
import { registerSecret } from '../support/secrets.ts'
import { startOracleFusion, type OracleFusion } from '../support/erps/oracle-fusion.ts'
import type { TestContext } from '../support/teardown.ts'
import { startRecipe, until, type Recipe, type RecipeOptions, type Replaced } from './recipe-scene.ts'

const PAGE = 'docs/erps/oracle-fusion.md'
const INVOICES = '/fscmRestApi/resources/11.13.18.05/invoices'
const INVOICE = `${INVOICES}/300100170996427`
const LIMIT = 8
const URL_OF_THE_PAGE = 'https://servername.fa.us2.oraclecloud.com'

/** The page's two files, with HTTP Basic. */
async function scene (t: TestContext, { changed = [], password = randomBytes(18).toString('hex'), ...options }: Pick<RecipeOptions, 'clock'> & { readonly changed?: Replaced, readonly password?: string } = {}): Promise<Recipe & { readonly erp: OracleFusion, readonly password: string }> {
  registerSecret(password, 'the password')
  const erp = await startOracleFusion(t, { users: { COUNTERSIGN: password }, limit: LIMIT })
  const recipe = await startRecipe(t, PAGE, { replaced: [[URL_OF_THE_PAGE, erp.origin], ['/run/secrets/fusion', 'fusion'], ...changed], files: { fusion: password }, ...options })
  return { ...recipe, erp, password }
}

t.test('an invoice is created, read and changed by the technical user', async t => {
  const { gateway, erp, user, client, password } = await scene(t)
  const created = await gateway.call({ method: 'POST', path: INVOICES, token: client('write:invoice'), headers: { 'Idempotency-Key': 'i-1' }, body: { InvoiceNumber: 'INV-2', InvoiceAmount: 5 } })
  t.equal(created.status, 201)
  const location = new URL(created.headers.location ?? '')
  t.equal(location.origin, `http://127.0.0.1:${gateway.port}`, 'under the gateway\'s URL')
  t.match(created.json(), { InvoiceNumber: 'INV-2', links: [{ rel: 'self', href: erp.origin + location.pathname }] }, 'links of a body are as Fusion wrote them')

  const read = await gateway.call({ path: location.pathname, token: user('read:invoice') })
  t.match(read.json(), { InvoiceAmount: 5 })
  const patch = { method: 'PATCH', path: location.pathname, token: client('write:invoice'), headers: { 'If-Match': read.headers.etag ?? '' }, body: { InvoiceAmount: 6 } }
  t.equal((await gateway.call(patch)).status, 200)
  const late = await gateway.call(patch)
  t.equal(late.status, 412, 'an old ETag')
  t.match(late.json(), { InvoiceAmount: 6 })
  t.not(late.headers.etag, read.headers.etag)

  for (const { headers } of erp.requests) t.equal(headers.authorization, `Basic ${Buffer.from(`COUNTERSIGN:${password}`).toString('base64')}`)
  t.same(erp.requests.map(({ headers }) => headers['content-type']), ['POST', undefined, 'PATCH', 'PATCH'].map(writes => writes && 'application/vnd.oracle.adf.resourceitem+json'))
})

t.test('with a token of the identity domain, as the second gateway.yaml has it', async t => {
  const secret = randomBytes(18).toString('hex')
  const domain = await startIdp(t, { clients: { 'id-of-the-application': { secret } } })
  const erp = await startOracleFusion(t, { users: {}, domain, limit: LIMIT })
  const { gateway, user } = await startRecipe(t, PAGE, {
    which: 1,
    replaced: [[URL_OF_THE_PAGE, erp.origin], ['https://idcs-0123456789.identity.oraclecloud.com/oauth2/v1/token', domain.tokenEndpoint], ['/run/secrets/fusion', 'fusion']],
    files: { fusion: secret }
  })
  t.equal((await gateway.call({ path: INVOICE, token: user('read:invoice') })).status, 200)
  t.equal(domain.tokenRequests[0]?.params.get('scope'), 'as-the-identity-domain-shows-it')
  t.equal(erp.requests[0]?.headers.authorization, `Bearer ${domain.tokenRequests[0]?.token}`)
})

t.test('what no rule of the page allows does not reach Fusion', async t => {
  const { gateway, erp, user, client } = await scene(t)
  for (const [status, code, options] of [
    [401, 'credential-missing', { path: INVOICE }],
    [403, 'scope-missing', { path: INVOICE, token: user('openid') }],
    [403, 'principal-kind', { method: 'POST', path: INVOICES, token: user('write:invoice'), headers: { 'Idempotency-Key': 'k' }, body: {} }],
    [400, 'idempotency-key-missing', { method: 'POST', path: INVOICES, token: client('write:invoice'), body: {} }],
    [405, 'method-not-allowed', { method: 'DELETE', path: INVOICE, token: client('write:invoice') }],
    [404, 'route-not-found', { path: `${INVOICE}/child/invoiceLines`, token: user('read:invoice') }],
    [404, 'route-not-found', { path: '/hcmRestApi/resources/11.13.18.05/workers', token: user('read:invoice') }],
    [400, 'query-refused', { path: `${INVOICE}?expand=all`, token: user('read:invoice') }],
    [400, 'query-refused', { path: `${INVOICE}?fields=invoiceLines:LineAmount`, token: user('read:invoice') }],
    [400, 'method-override', { method: 'POST', path: INVOICES, token: client('write:invoice'), headers: { 'X-HTTP-Method-Override': 'PATCH' }, body: {} }]
  ] as const) {
    const { status: got, code: word } = await gateway.call(options)
    t.same([got, word], [status, code], `${code}: ${'method' in options ? options.method : 'GET'} ${options.path}`)
  }
  t.same(erp.requests, [])
})

t.test('no batch, and no upsert, comes by a rule for one invoice', async t => {
  const { gateway, erp, client } = await scene(t)
  const token = client('write:invoice')
  const batch = { parts: [{ id: '1', path: '/workers/1', operation: 'delete' }] }
  for (const [method, path] of [['POST', INVOICES], ['PATCH', INVOICE]] as const) {
    await gateway.call({ method, path, token, headers: { 'Content-Type': 'application/vnd.oracle.adf.batch+json', 'Idempotency-Key': 'b-1' }, body: batch })
  }
  t.equal(erp.requests.length, 2)
  t.same(erp.batches, [])
  const upsert = await gateway.call({ method: 'POST', path: INVOICES, token, headers: { 'Upsert-Mode': 'true', 'Idempotency-Key': 'b-2' }, body: { InvoiceNumber: 'INV-1', InvoiceAmount: 9999 } })
  t.equal(upsert.status, 400, 'it is there already')
  t.equal(erp.invoices.get('300100170996427')?.fields['InvoiceAmount'], 10)
})

t.test('who is calling is not believed of a header', async t => {
  const { gateway, erp, user } = await scene(t)
  const headers = { OAM_REMOTE_USER: 'SYSADMIN', 'OAM-IDENTITY-ASSERTION': 'x', 'Proxy-Remote-User': 'SYSADMIN', 'WL-Proxy-Client-Cert': 'x', 'WL-Proxy-SSL': 'true' }
  for (const [name, value] of Object.entries(headers)) {
    await gateway.call({ path: INVOICE, token: user('read:invoice'), headers: { [name]: value, 'REST-Framework-Version': '4' } })
  }
  for (const seen of erp.requests) {
    t.equal(seen.headers['rest-framework-version'], '4')
    for (const name of Object.keys(headers)) t.notOk(Object.keys(seen.headers).some(one => one.replaceAll('_', '-') === name.toLowerCase().replaceAll('_', '-')), name)
  }
  t.ok(erp.requests.length >= 4)
})

t.test('a write that is repeated with its key makes one invoice', async t => {
  const { gateway, erp, client } = await scene(t)
  const write = { method: 'POST', path: INVOICES, token: client('write:invoice'), headers: { 'Idempotency-Key': 'once' }, body: { InvoiceNumber: 'INV-3' } }
  const [first, repeat] = [await gateway.call(write), await gateway.call(write)]
  t.same([first.status, repeat.status], [201, 201])
  t.equal(repeat.headers['idempotency-replayed'], 'true')
  t.equal(repeat.text, first.text)
  t.equal(erp.requests.length, 1)
})

t.test('a password that has ended is told to no caller, nor is the challenge', async t => {
  const { gateway, erp, user } = await scene(t)
  const other = await startRecipe(t, PAGE, { replaced: [[URL_OF_THE_PAGE, erp.origin], ['/run/secrets/fusion', 'fusion']], files: { fusion: registerSecret('an-old-password', 'the old password') } })
  const { status, code, headers } = await other.gateway.call({ path: INVOICE, token: other.user('read:invoice') })
  t.same([status, code, headers['www-authenticate']], [502, 'upstream-credential-refused', undefined])
  t.equal((await gateway.call({ path: INVOICE, token: user('read:invoice') })).status, 200)
})

t.test('in the window of the page nothing is sent', async t => {
  const { gateway, erp, user } = await scene(t, { clock: () => Date.parse('2099-03-07T00:00:00Z') })
  const { status, code, headers } = await gateway.call({ path: INVOICE, token: user('read:invoice') })
  t.same([status, code, headers['retry-after']], [503, 'upstream-maintenance', String(8 * 3600)])
  t.same(erp.requests, [])
})

t.test('thirty at once never meet the limit; without the page\'s `concurrency` they do', async t => {
  for (const [changed, peak, refused] of [[[], LIMIT, 0], [[['max: 8', 'max: 100']], LIMIT + 1, 22]] as const) {
    const { gateway, erp, user } = await scene(t, { changed })
    const release = erp.places.hold()
    const calls = Promise.all(Array.from({ length: 30 }, async () => await gateway.call({ path: INVOICE, token: user('read:invoice') })))
    await until(() => erp.places.open === LIMIT && erp.places.refused === refused)
    release()
    t.equal((await calls).filter(({ status }) => status === 200).length, 30 - refused)
    t.same([erp.places.peak, erp.places.refused], [peak, refused])
  }
})
