import t from 'tap'
import { generateKeyPairSync } from 'node:crypto'
import { registerSecret } from '../support/secrets.ts'
import { startNetSuite, type NetSuite } from '../support/erps/netsuite.ts'
import type { TestContext } from '../support/teardown.ts'
import { startRecipe, until, type Recipe, type Replaced } from './recipe-scene.ts'

const PAGE = 'docs/erps/netsuite.md'
const CUSTOMERS = '/services/rest/record/v1/customer'
const ACCOUNT_LIMIT = 10

// They take their time to be made.
const KEYS = {
  PS256: generateKeyPairSync('rsa', { modulusLength: 3072 }),
  ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' })
}

/** The page's two files before a stand-in account. */
async function scene (t: TestContext, alg: 'PS256' | 'ES256' = 'PS256', changed: Replaced = []): Promise<Recipe & { readonly erp: NetSuite }> {
  const client = 'id-of-the-integration'
  const erp = await startNetSuite(t, { client, signer: { alg, publicKey: KEYS[alg].publicKey, kid: 'id-of-the-certificate' }, limit: ACCOUNT_LIMIT })
  return { ...await before(t, erp, alg, changed), erp }
}

/** A gateway of the page before it, which remembers nothing of any other. */
async function before (t: TestContext, erp: NetSuite, alg: 'PS256' | 'ES256' = 'PS256', changed: Replaced = []): Promise<Recipe> {
  const pem = KEYS[alg].privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  registerSecret(pem.split('\n')[1] ?? '', 'a private key')
  return await startRecipe(t, PAGE, {
    replaced: [
      ['https://1234567.suitetalk.api.netsuite.com', erp.origin],
      ['/run/secrets/netsuite.key', 'netsuite.key'],
      ...alg === 'PS256' ? [] : [['algorithm: PS256', 'algorithm: ES256']] as const,
      ...changed
    ],
    files: { 'netsuite.key': pem }
  })
}

for (const alg of ['PS256', 'ES256'] as const) {
  t.test(`${alg}: a customer is created, read and changed, with a token that the certificate got`, async t => {
    const { gateway, erp, user, client } = await scene(t, alg)
    const created = await gateway.call({ method: 'POST', path: CUSTOMERS, token: client('write:customer'), headers: { 'X-NetSuite-Idempotency-Key': 'c8a1d1f0-0001' }, body: { companyName: 'New' } })
    t.equal(created.status, 204)
    const location = new URL(created.headers.location ?? '')
    t.equal(location.origin, `http://127.0.0.1:${gateway.port}`, 'under the gateway\'s URL')
    t.match(location.pathname, new RegExp(`^${CUSTOMERS}/\\d+$`))

    const read = await gateway.call({ path: location.pathname, token: user('read:customer') })
    t.match(read.json(), { companyName: 'New' })
    t.equal((await gateway.call({ method: 'PATCH', path: location.pathname, token: client('write:customer'), body: { companyName: 'Newer' } })).status, 204)
    t.match(erp.customers.get(location.pathname.slice(CUSTOMERS.length + 1)), { companyName: 'Newer' })

    t.equal(erp.tokens, 1, 'one token for all of it')
    t.match(erp.assertions, [{ header: { alg, kid: 'id-of-the-certificate', typ: 'JWT' }, claims: { scope: ['rest_webservices'] } }])
    for (const { headers } of erp.requests) t.notMatch(headers.authorization, /eyJ/, 'the caller\'s token stays here')
  })
}

t.test('what no rule of the page allows reaches no account', async t => {
  const { gateway, erp, user, client } = await scene(t)
  const key = { 'X-NetSuite-Idempotency-Key': 'k-1' }
  for (const [status, code, options] of [
    [401, 'credential-missing', { path: `${CUSTOMERS}/647` }],
    [403, 'scope-missing', { path: `${CUSTOMERS}/647`, token: user('openid') }],
    [403, 'principal-kind', { method: 'POST', path: CUSTOMERS, token: user('write:customer'), headers: key, body: {} }],
    [403, 'scope-missing', { method: 'POST', path: CUSTOMERS, token: client('read:customer'), headers: key, body: {} }],
    [400, 'idempotency-key-missing', { method: 'POST', path: CUSTOMERS, token: client('write:customer'), body: {} }],
    [405, 'method-not-allowed', { method: 'DELETE', path: `${CUSTOMERS}/647`, token: client('write:customer') }],
    [404, 'route-not-found', { method: 'POST', path: '/services/rest/query/v1/suiteql', token: client('write:customer'), body: { q: 'SELECT 1' } }],
    [404, 'route-not-found', { path: '/services/rest/record/v1/vendor/1', token: user('read:customer') }]
  ] as const) {
    const { status: got, code: word } = await gateway.call(options)
    t.same([got, word], [status, code], `${code}: ${'method' in options ? options.method : 'GET'} ${options.path}`)
  }
  t.same(erp.requests, [])
})

t.test('what NetSuite would take for a log-on comes from no caller', async t => {
  const { gateway, erp, user } = await scene(t)
  for (const parameter of ['compid=1', 'nlauth_email=a', 'oauth_token=x', 'OAuth_Signature=y']) {
    const { status, code } = await gateway.call({ path: `${CUSTOMERS}/647?${parameter}`, token: user('read:customer') })
    t.same([status, code], [400, 'query-refused'], parameter)
  }
  t.same(erp.requests, [])
  t.equal((await gateway.call({ path: `${CUSTOMERS}/647?fields=companyName`, token: user('read:customer'), headers: { Cookie: 'JSESSIONID=stolen' } })).status, 200)
  t.equal(erp.requests[0]?.headers.cookie, undefined)
})

t.test('one key serves the gateway and NetSuite: a repeat is answered here, and the job stands once', async t => {
  const { gateway, erp, client } = await scene(t)
  const write = { method: 'POST', path: CUSTOMERS, token: client('write:customer'), headers: { 'X-NetSuite-Idempotency-Key': 'a5c2f6f4-0002', Prefer: 'respond-async' }, body: { companyName: 'Once' } }
  const [first, repeat] = [await gateway.call(write), await gateway.call(write)]
  t.same([first.status, repeat.status], [202, 202])
  t.equal(repeat.headers['idempotency-replayed'], 'true')
  t.equal(repeat.headers.location, first.headers.location)
  t.equal(erp.requests.length, 1)
  t.match(erp.requests[0]?.headers, { 'x-netsuite-idempotency-key': 'a5c2f6f4-0002', prefer: 'respond-async' })
  t.equal((await gateway.call({ path: first.headers.location ?? '', token: write.token })).status, 200, 'and can be asked for')

  // As after a restart.
  const forgotten = await before(t, erp)
  const known = await forgotten.gateway.call({ ...write, token: forgotten.client('write:customer') })
  t.equal(known.status, 400)
  t.match(known.json(), { 'o:errorDetails': [{ 'o:errorCode': 'IDEMPOTENCY_ERROR' }] })
  t.equal(erp.customers.size, 2, 'it was carried out once')
})

t.test('a token that NetSuite takes no more is renewed, and no caller hears of it', async t => {
  const { gateway, erp, user } = await scene(t)
  const read = { path: `${CUSTOMERS}/647`, token: user('read:customer') }
  t.equal((await gateway.call(read)).status, 200)
  erp.revoke()
  t.equal((await gateway.call(read)).status, 200)
  t.equal(erp.tokens, 2)
})

t.test('a certificate that is not mapped gets no token, and no caller gets further', async t => {
  const { gateway, erp, user } = await scene(t, 'PS256', [['id-of-the-certificate', 'another-certificate']])
  const { status, code } = await gateway.call({ path: `${CUSTOMERS}/647`, token: user('read:customer') })
  t.same([status, code], [503, 'machine-token-unavailable'])
  t.equal(erp.assertions[0], 'kid')
  t.same(erp.requests, [])
})

t.test('thirty at once never meet the account\'s limit', async t => {
  const { gateway, erp, user } = await scene(t)
  const release = erp.places.hold()
  const calls = Promise.all(Array.from({ length: 30 }, async () => await gateway.call({ path: `${CUSTOMERS}/647`, token: user('read:customer') })))
  await until(() => erp.places.open === ACCOUNT_LIMIT)
  release()
  t.same(new Set((await calls).map(({ status }) => status)), new Set([200]))
  t.same([erp.places.peak, erp.places.refused], [ACCOUNT_LIMIT, 0])
})

t.test('without the page\'s `concurrency` they do', async t => {
  const { gateway, erp, user } = await scene(t, 'PS256', [['concurrency: { max: 10, queue: 50, queue_timeout: 10s }', 'concurrency: { max: 100 }'], ['on: [connect, 429]', 'on: [connect]']])
  const release = erp.places.hold()
  const calls = Promise.all(Array.from({ length: 30 }, async () => await gateway.call({ path: `${CUSTOMERS}/647`, token: user('read:customer') })))
  await until(() => erp.places.refused === 20)
  release()
  const refused = (await calls).filter(({ status }) => status === 429)
  t.equal(refused.length, 20)
  t.match(refused[0]?.json(), { 'o:errorDetails': [{ 'o:errorCode': 'SSS_REQUEST_LIMIT_EXCEEDED' }] })
})

t.test('a GET that met the limit all the same is sent again, a POST is not', async t => {
  const { gateway, erp, user, client } = await scene(t)
  await gateway.call({ path: `${CUSTOMERS}/647`, token: user('read:customer') })
  erp.requests.splice(0)
  erp.places.limit = 0
  const read = gateway.call({ path: `${CUSTOMERS}/647`, token: user('read:customer') })
  await until(() => erp.places.refused > 0)
  erp.places.limit = ACCOUNT_LIMIT
  t.equal((await read).status, 200)

  erp.places.limit = 0
  erp.requests.splice(0)
  const write = { method: 'POST', path: CUSTOMERS, token: client('write:customer'), headers: { 'X-NetSuite-Idempotency-Key': 'b7-0003' }, body: {} }
  t.equal((await gateway.call(write)).status, 429)
  t.equal(erp.requests.length, 1)
  erp.places.limit = ACCOUNT_LIMIT
  const repeat = await gateway.call(write)
  t.same([repeat.status, repeat.headers['idempotency-replayed']], [204, undefined], 'the repeat is carried out: the 429 did nothing')
})
