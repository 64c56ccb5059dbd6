import t from 'tap'
import { startErp } from '../support/erp.ts'
import { startGateway } from '../support/gateway.ts'
import { startIdp } from '../support/idp.ts'
import { formEncode } from '../support/secrets.ts'
import type { Settings } from '../support/settings.ts'
import type { TestContext } from '../support/teardown.ts'
import type { IdpClient } from '../support/token-endpoint.ts'
import { startScene } from './idp-scene.ts'

const awkward = { id: 'middle ware:+%é', secret: 's€cret: +%&=/"\\~*' }

const byText = (one: readonly string[], other: readonly string[]): number => one.join() < other.join() ? -1 : 1

async function askOnce (t: TestContext, client: IdpClient, id: string, credentials: Settings) {
  const { idp, gateway } = await startScene(t, {
    idp: { clients: { [id]: client } },
    changes: { upstreams: { erp: { credential: { client_credentials: credentials } } } },
    verifies: false
  })
  const answer = await gateway.call({ path: '/status' })
  const [request] = idp.tokenRequests
  return { status: answer.status, request, params: [...request?.params ?? []], gateway, idp }
}

t.test('id and secret are form-encoded within Basic, as the RFC has it', async t => {
  const { status, request, params } = await askOnce(t, { secret: awkward.secret, authMethod: 'client_secret_basic', basicEncoding: 'rfc6749' }, awkward.id, {})
  t.equal(status, 200)
  const sent = Buffer.from(request?.authorization?.slice('Basic '.length) ?? '', 'base64').toString()
  t.same(sent.split(':').map(part => decodeURIComponent(part.replaceAll('+', ' '))), [awkward.id, awkward.secret])
  t.notOk(params.some(([name]) => name.startsWith('client')))
  t.match(request?.contentType, /^application\/x-www-form-urlencoded/)
})

t.test('raw sends them as they are', async t => {
  const plain = { id: 'middleware+a', secret: 'p-ss+w_rd%20/é~' }
  const { status, request } = await askOnce(t, { secret: plain.secret, basicEncoding: 'raw' }, plain.id, { basic_encoding: 'raw' })
  t.equal(status, 200)
  t.equal(request?.authorization, `Basic ${Buffer.from(`${plain.id}:${plain.secret}`).toString('base64')}`)
})

t.test('which of the two it is makes a difference, and a wrong one is told to the operator by its code', async t => {
  const { status, gateway } = await askOnce(t, { secret: awkward.secret, basicEncoding: 'raw' }, 'middleware', {})
  t.equal(status, 503)
  const lines = gateway.logLines().filter(line => line['upstream'] === 'erp' && line['problem'] !== undefined)
  t.match(lines[0]?.['problem'], /invalid_client \(401\)/)
  t.notOk(gateway.log.includes(formEncode(awkward.secret)))
})

t.test('client_secret_post sends them in the body, and no Basic', async t => {
  const { status, request, params } = await askOnce(t, { secret: awkward.secret, authMethod: 'client_secret_post' }, awkward.id, { auth_method: 'client_secret_post' })
  t.equal(status, 200)
  t.equal(request?.authorization, undefined)
  t.same(Object.fromEntries(params.filter(([name]) => name.startsWith('client'))), { client_id: awkward.id, client_secret: awkward.secret })
})

t.test('scope, audience, each resource and further parameters are sent, and nothing else', async t => {
  const { params } = await askOnce(t, { secret: awkward.secret }, 'middleware', {
    scope: 'erp read:all', audience: 'https://erp.example.com', resource: ['urn:a', 'urn:b'], params: { tenant: 'Zoë & co' }
  })
  t.same(params.toSorted(byText), [
    ['audience', 'https://erp.example.com'], ['grant_type', 'client_credentials'],
    ['resource', 'urn:a'], ['resource', 'urn:b'], ['scope', 'erp read:all'], ['tenant', 'Zoë & co']
  ])
  const bare = await askOnce(t, { secret: awkward.secret }, 'middleware', { audience: undefined })
  t.same(bare.params, [['grant_type', 'client_credentials']])
})

t.test('the token goes as Bearer in Authorization, bare in another header', async t => {
  const { idp, erp, gateway } = await startScene(t, { changes: { upstreams: { erp: { credential: { client_credentials: { header: 'X-Erp-Token' } } } } }, verifies: false })
  await gateway.call({ path: '/status', headers: { 'x-erp-token': 'of the caller' } })
  t.match(erp.requests, [{ headers: { 'x-erp-token': idp.tokenRequests[0]?.token, authorization: undefined } }])
})

t.test('two upstreams that would ask for the same share one token; another scope, audience or resource is another', async t => {
  const idp = await startIdp(t, { alg: 'ES256' })
  const erp = await startErp(t)
  const [client_id = '', client] = Object.entries(idp.clients)[0] ?? []
  const credential = (more: Settings): Settings => ({ url: erp.origin, credential: { client_credentials: { issuer: 'main', client_id, client_secret: client?.secret, ...more } } })
  const upstreams: Record<string, Settings> = {
    a: credential({ scope: 'erp', resource: ['urn:a', 'urn:b'] }),
    b: credential({ scope: 'erp', resource: ['urn:a', 'urn:b'], header: 'X-Token' }),
    c: credential({ scope: 'other', resource: ['urn:a', 'urn:b'] }),
    d: credential({ scope: 'erp', resource: 'urn:a' }),
    e: credential({ scope: 'erp', audience: 'urn:a' }),
    f: credential({ scope: 'erp', audience: 'urn:a', params: { x: '1' } })
  }
  const gateway = await startGateway(t, {
    idp, erp,
    routes: Object.keys(upstreams).map(upstream => ({ match: `GET /${upstream}`, require: 'public', upstream })),
    changes: { upstreams: { erp: undefined, ...upstreams } }
  })
  await Promise.all(Object.keys(upstreams).map(async upstream => { t.equal((await gateway.call({ path: `/${upstream}` })).status, 200) }))
  t.equal(idp.requests.token, 5)
  const shownBy = (path: string) => erp.requests.filter(({ url }) => url === path).map(({ headers }) => headers['x-token'] ?? headers.authorization?.replace('Bearer ', ''))
  t.same(shownBy('/a'), shownBy('/b'))
  const shown = new Set(erp.requests.map(({ url }) => shownBy(url)[0]))
  t.equal(shown.size, 5)
})

t.test('no token and no secret is in any answer, metric or line of the log', async t => {
  const { idp, gateway } = await askOnce(t, { secret: awkward.secret }, 'middleware', {})
  const token = idp.tokenRequests[0]?.token ?? ''
  const seen = [
    await gateway.call({ path: '/status' }), await gateway.call({ path: '/orders', token: 'x' }), await gateway.call({ path: '/nothing' }),
    await gateway.admin('/metrics'), await gateway.admin('/readyz'), await gateway.admin('/livez')
  ].map(answer => `${answer.rawHeaders.join('\n')}\n${answer.text}`).join('\n') + gateway.log
  for (const secret of [token, token.split('.')[2] ?? '', awkward.secret, formEncode(awkward.secret)]) t.notOk(seen.includes(secret))
})
