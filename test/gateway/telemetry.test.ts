import { randomBytes } from 'node:crypto'
import { createRequire } from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { answering, startErp } from '../support/erp.ts'
import { startGateway, registerSecret, type TestGateway } from '../support/gateway.ts'
import { startIdp } from '../support/idp.ts'
import { startCollector, type Collector } from '../support/otlp.ts'
import { rewrite, standardGateway, type Settings } from '../support/settings.ts'

const ROUTES = [
  { match: 'GET /addresses/:id', require: { user: { scope: 'openid' } } },
  { match: 'POST /addresses', require: 'client', retry: { on: [503], attempts: 3, methods: 'POST' } },
  { match: 'GET /open', require: 'public' }
]

async function scene (t: Test, telemetry: Settings = {}, changes: Settings = {}) {
  const collector = await startCollector(t)
  const idp = await startIdp(t, { alg: 'ES256' })
  const erp = await startErp(t)
  const all = { telemetry: { otlp: { endpoint: collector.origin, traces: { sample: '100%' }, ...telemetry } }, ...changes }
  const gateway = await startGateway(t, { idp, erp, routes: ROUTES, changes: all })
  return { collector, idp, erp, gateway, all }
}

const ofKind = ({ spans }: Collector, kind: 'server' | 'client') => spans.filter(span => span.kind === (kind === 'server' ? 2 : 3))
const traceparent = (flags: string) => `00-${randomBytes(16).toString('hex')}-${randomBytes(8).toString('hex')}-${flags}`
const idsOf = (header: unknown) => String(header).split('-')

const loadedOfSdk = (): string[] => Object.keys(createRequire(import.meta.url).cache).filter(file => file.includes('@opentelemetry/sdk-trace/'))

async function spansCounted ({ admin }: TestGateway, outcome: string): Promise<number> {
  const [, count = 0] = new RegExp(`^countersign_telemetry_spans_total\\{outcome="${outcome}"\\} (\\d+)$`, 'm').exec((await admin('/metrics')).text) ?? []
  return Number(count)
}

t.test('without telemetry nothing of its code is loaded, a trace passes as it came, and nothing is counted', async t => {
  const idp = await startIdp(t)
  const erp = await startErp(t)
  const gateway = await startGateway(t, { idp, erp, routes: ROUTES })
  const sent = traceparent('01')
  await gateway.call({ path: '/open', headers: { traceparent: sent } })
  t.equal(erp.requests[0]?.headers['traceparent'], sent)
  t.notMatch((await gateway.admin('/metrics')).text, /^countersign_telemetry_\w+\{/m)
  t.same(loadedOfSdk(), [])
  await scene(t)
  t.ok(loadedOfSdk().length > 0, 'where it is looked for')
})

t.test('a request is a span, each try at the ERP one below it, and the ERP goes on below that very try', async t => {
  const { collector, idp, erp, gateway } = await scene(t)
  const sent = traceparent('01')
  t.equal((await gateway.call({ path: '/addresses/17?secret=query', token: idp.mintUser(), headers: { traceparent: sent, tracestate: 'vendor=1' } })).status, 200)
  const server = await collector.until(({ kind }) => kind === 2)
  const client = await collector.until(({ kind }) => kind === 3)
  const [, traceId, callersSpan] = idsOf(sent)
  t.match(server, { traceId, parentSpanId: callersSpan, name: 'GET /addresses/:id', failed: false })
  t.match(client, { traceId, parentSpanId: server.spanId, name: 'GET', failed: false })
  t.same(erp.requests.map(({ headers }) => [headers['traceparent'], headers['tracestate']]), [[`00-${traceId}-${client.spanId}-01`, 'vendor=1']])
  t.match(server.attributes, {
    'http.request.method': 'GET',
    'http.route': '/addresses/:id',
    'http.response.status_code': 200,
    'url.scheme': 'http',
    'server.address': '127.0.0.1',
    'countersign.rule': 'GET /addresses/:id',
    'countersign.principal': 'user',
    'countersign.client': 'saas',
    'countersign.issuer': 'main',
    'countersign.granted': true,
    'countersign.upstream': 'erp'
  })
  t.equal(server.attributes['countersign.decision'], gateway.logLines().findLast(({ msg }) => msg === 'request')?.['decision'])
  t.match(client.attributes, { 'http.request.method': 'GET', 'http.response.status_code': 200, 'server.address': '127.0.0.1', 'server.port': erp.port, 'url.scheme': 'http' })
  t.match(server.resource, { 'service.name': 'countersign', 'service.instance.id': /-/ })
  t.ok(server.ms >= client.ms)
  for (const kept of ['secret=query', '/addresses/17', 'user-1', 'eyJ']) t.notOk(JSON.stringify(collector.spans).includes(kept), kept)
})

t.test('a refusal is told by its code, whoever it is; a 5xx is a failure, a 4xx is none', async t => {
  const { collector, idp, erp, gateway } = await scene(t)
  t.equal((await gateway.call({ path: '/addresses/17' })).status, 401)
  t.match(await collector.until(({ attributes }) => attributes['error.type'] === 'credential-missing'), { name: 'GET /addresses/:id', failed: false, parentSpanId: undefined, attributes: { 'http.response.status_code': 401, 'countersign.granted': false } })
  t.equal((await gateway.call({ path: '/nowhere', method: 'BREW' })).status, 400)
  t.equal((await gateway.call({ path: '/nowhere', method: 'PURGE' })).status, 404)
  t.match(await collector.until(({ attributes }) => attributes['error.type'] === 'route-not-found'), { name: '_OTHER', attributes: { 'http.request.method': '_OTHER' } })
  t.equal(ofKind(collector, 'client').length, 0)
  await erp.stop()
  t.equal((await gateway.call({ path: '/addresses/17', token: idp.mintUser() })).status, 502)
  t.match(await collector.until(({ attributes }) => attributes['error.type'] === 'upstream-refused' && attributes['http.route'] !== undefined), { failed: true })
  t.match(await collector.until(({ kind }) => kind === 3), { failed: true, attributes: { 'error.type': 'upstream-refused' } })
})

t.test('tries that fail are spans of their own, and each has the ERP go on below it', async t => {
  const { collector, idp, erp, gateway } = await scene(t)
  let asked = 0
  erp.answerWith((req, res, seen) => { answering(++asked < 3 ? 503 : 200, 'x')(req, res, seen) })
  t.equal((await gateway.call({ method: 'POST', path: '/addresses', token: idp.mintClient(), body: 'x' })).status, 200)
  const server = await collector.until(({ kind }) => kind === 2)
  const tries = ofKind(collector, 'client')
  t.same(tries.map(({ parentSpanId, failed, attributes }) => [parentSpanId, failed, attributes['http.response.status_code'], attributes['http.request.resend_count']]), [[server.spanId, true, 503, undefined], [server.spanId, true, 503, 1], [server.spanId, false, 200, 2]])
  t.same(erp.requests.map(({ headers }) => idsOf(headers['traceparent'])[2]), tries.map(({ spanId }) => spanId))
})

t.test('what is not recorded goes on as not recorded: the ERP is told so, and nothing is sent', async t => {
  const { collector, idp, erp, gateway } = await scene(t)
  const sent = traceparent('00')
  await gateway.call({ path: '/addresses/1', token: idp.mintUser(), headers: { traceparent: sent } })
  await gateway.call({ path: '/addresses/2', token: idp.mintUser() })
  await collector.until(({ kind }) => kind === 2)
  const [unrecorded, recorded] = erp.requests.map(({ headers }) => idsOf(headers['traceparent']))
  t.same([unrecorded?.[1], unrecorded?.[3]], [idsOf(sent)[1], '00'])
  t.not(unrecorded?.[2], idsOf(sent)[2], 'below a span of the gateway\'s all the same')
  t.equal(recorded?.[3], '01')
  t.same(new Set(collector.spans.map(({ traceId }) => traceId)), new Set([recorded?.[1]]))
})

t.test('of traces that begin here a part is recorded; with follow_caller: false of all', async t => {
  const { collector, gateway } = await scene(t, { traces: { sample: '1%', follow_caller: false, subject: true } })
  for (let at = 0; at < 50; at++) await gateway.call({ path: '/open', headers: { traceparent: traceparent('01') } })
  await gateway.close()
  t.ok(ofKind(collector, 'server').length < 20, 'whatever callers say')
})

t.test('the subject is named only where that is asked for', async t => {
  const { collector, idp, gateway } = await scene(t, { traces: { sample: '100%', subject: true } })
  await gateway.call({ path: '/addresses/1', token: idp.mintUser() })
  t.match(await collector.until(({ kind }) => kind === 2), { attributes: { 'enduser.id': 'user-1' } })
})

t.test('a collector that is killed, freezes or fails stops nothing and slows nothing; what is lost is counted, and told once', async t => {
  const { collector, idp, erp, gateway } = await scene(t)
  const token = idp.mintUser()
  const ask = async () => (await gateway.call({ path: '/addresses/1', token })).status
  const lines = () => gateway.logLines().flatMap(({ msg, problem }) => msg === 'telemetry cannot be sent' ? [problem] : msg === 'telemetry is sent again' ? ['well'] : [])
  const until = async (wanted: number): Promise<void> => {
    for (const end = Date.now() + 30_000; lines().length < wanted && Date.now() < end;) {
      t.equal(await ask(), 200)
      await sleep(50)
    }
  }
  collector.behave(503)
  await until(1)
  collector.behave('well')
  await until(2)
  await collector.stop()
  await until(3)
  await collector.start()
  await until(4)
  collector.behave('frozen')
  await until(5)
  t.same(lines(), ['answered 503', 'well', lines()[2], 'well', 'did not answer in time'])
  t.match(lines()[2], /refused the connection|broke the connection/)
  t.ok(await spansCounted(gateway, 'failed') > 0)
  t.ok(await spansCounted(gateway, 'sent') > 0)
  t.match((await gateway.admin('/metrics')).text, /^countersign_telemetry_exports_total\{signal="traces",outcome="error"\} [1-9]/m)
  const began = Date.now()
  await gateway.close()
  t.ok(Date.now() - began < 15_000, 'and its end is not held up')
  t.equal(erp.requests.length, gateway.logLines().filter(({ msg }) => msg === 'request').length)
})

t.test('what waits is sent at the end', async t => {
  const { collector, gateway } = await scene(t, { metrics: { every: '1h' } })
  t.equal((await gateway.call({ path: '/open' })).status, 200)
  await gateway.close()
  t.same([ofKind(collector, 'server').length, ofKind(collector, 'client').length], [1, 1])
  const requests = collector.metrics.get('countersign_requests_total')
  t.match(requests?.points, [{ attributes: { rule: 'GET /open', status: '200' }, value: 1 }])
})

t.test('metrics are sent under the names that the admin port has, histograms by bucket', async t => {
  const { collector, gateway } = await scene(t, { traces: undefined, metrics: { every: '1s' } })
  t.equal((await gateway.call({ path: '/open' })).status, 200)
  for (const end = Date.now() + 30_000; Date.now() < end && collector.metrics.get('countersign_request_duration_seconds')?.points[0]?.count !== 1;) await sleep(50)
  const [point] = collector.metrics.get('countersign_request_duration_seconds')?.points ?? []
  t.match(point, { attributes: { rule: 'GET /open' }, count: 1 })
  t.equal(point?.counts.length, (point?.bounds.length ?? 0) + 1)
  t.equal(point?.counts.reduce((sum, count) => sum + count, 0), 1)
  const text = (await gateway.admin('/metrics')).text
  const names = [...text.matchAll(/^# TYPE (\S+) /gm)].map(([, name = '']) => name)
  t.same(names.filter(name => !collector.metrics.has(name)), [])
  t.equal(collector.spans.length, 0)
})

t.test('headers are shown to the collector and to nobody else', async t => {
  const key = registerSecret('an-api-key-of-the-collector', 'the key of the collector')
  const { collector, erp, gateway } = await scene(t, { headers: { 'X-Api-Key': key } })
  await gateway.call({ path: '/open' })
  await collector.until(({ kind }) => kind === 2)
  t.same([...new Set(collector.headers.map(headers => headers['x-api-key']))], [key])
  t.equal(erp.requests[0]?.headers['x-api-key'], undefined)
})

t.test('spans that are not taken are counted, though the answer is a 200', async t => {
  const { collector, gateway } = await scene(t)
  collector.behave({ partialSuccess: { rejectedSpans: '1', errorMessage: 'one too many' } })
  await gateway.call({ path: '/open' })
  for (const end = Date.now() + 30_000; Date.now() < end && await spansCounted(gateway, 'failed') === 0;) await sleep(50)
  t.same([await spansCounted(gateway, 'failed'), await spansCounted(gateway, 'sent')], [1, 1])
  t.notMatch(gateway.log, 'one too many')
})

t.test('another configuration sends elsewhere, and what the one before had is not lost', async t => {
  const { collector, idp, erp, gateway, all } = await scene(t)
  const other = await startCollector(t)
  await gateway.call({ path: '/open' })
  await rewrite(gateway.dir, { gateway: standardGateway({ idp, erp }, { ...all, telemetry: { otlp: { endpoint: other.origin, traces: { sample: '100%' } } } }) })
  await gateway.reload()
  await collector.until(({ kind }) => kind === 2)
  await gateway.call({ path: '/open' })
  await other.until(({ kind }) => kind === 2)
  t.equal(ofKind(collector, 'server').length, 1)
})
