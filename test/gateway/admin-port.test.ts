import { connect, createServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import t from 'tap'
import { setTimeout as sleep } from 'node:timers/promises'
import { answering, startErp } from '../support/erp.ts'
import * as faults from '../support/faults.ts'
import { startGateway } from '../support/gateway.ts'
import { startIdp } from '../support/idp.ts'
import { run } from '../../src/run.ts'
import { collectLog } from '../support/gateway-log.ts'
import { standardGateway, writeFiles } from '../support/settings.ts'
import { tearDown } from '../support/teardown.ts'
import { movableClock, sceneRoutes, startScene, type Scene } from './idp-scene.ts'

const readiness = async ({ gateway }: Pick<Scene, 'gateway'>) => {
  const { status, text } = await gateway.admin('/readyz')
  const body = JSON.parse(text) as { status: string, degraded: string[] }
  return { code: status, status: body.status, degraded: body.degraded }
}

async function untilState (scene: Pick<Scene, 'gateway'>, state: string) {
  for (const deadline = Date.now() + 15_000; ; await sleep(50)) {
    const now = await readiness(scene)
    if (now.status === state || Date.now() > deadline) return now
  }
}

const free = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  // A TCP server's address is an object.
  const { port } = server.address() as AddressInfo
  server.close()
  return port
}

t.test('it lives before it is ready, is ready once all was tried, and stays so through an outage', async t => {
  const clock = movableClock()
  const scene = await startScene(t, { clock, keyRefresh: 500, idp: { clock }, before: async idp => { await idp.stop() } })
  const { idp, gateway } = scene
  t.match(await gateway.admin('/livez'), { status: 200 })
  t.same(await untilState(scene, 'starting'), { code: 503, status: 'starting', degraded: ['issuers.main.keys', 'upstreams.erp.credential'] })
  await idp.start()
  clock.by += 5000
  t.same(await untilState(scene, 'ready'), { code: 200, status: 'ready', degraded: [] })
  await idp.stop()
  clock.by += 25 * 3_600_000
  t.equal((await gateway.call({ path: '/status' })).status, 503)
  t.same(await untilState(scene, 'degraded'), { code: 200, status: 'degraded', degraded: ['issuers.main.keys', 'upstreams.erp.credential'] })
  t.match(await gateway.admin('/livez'), { status: 200 })
  await idp.start()
  clock.by += 5000
  t.same(await untilState(scene, 'ready'), { code: 200, status: 'ready', degraded: [] })
})

t.test('one issuer and one credential suffice, once all were tried', async t => {
  const idp = await startIdp(t, { alg: 'ES256' })
  const broken = await startIdp(t, { alg: 'ES256' })
  broken.fail('jwks', faults.slow(1000), 1)
  const erp = await startErp(t)
  broken.fail('token', faults.answer(500))
  const gateway = await startGateway(t, {
    idp,
    erp,
    routes: [{ match: 'GET /orders', require: 'user', issuers: 'main', upstream: 'erp' }],
    changes: {
      issuers: { broken: { issuer: broken.issuer, audience: 'a' } },
      upstreams: { other: { url: erp.origin, credential: { client_credentials: { issuer: 'broken', client_id: 'x', client_secret: 'a-secret-of-tests' } } } }
    }
  })
  for (const deadline = Date.now() + 15_000; idp.requests.token === 0 && Date.now() < deadline;) await sleep(10)
  await sleep(100)
  t.match(await readiness({ gateway }), { code: 503, status: 'starting' })
  t.same(await untilState({ gateway }, 'degraded'), { code: 200, status: 'degraded', degraded: ['upstreams.other.credential'] })
})

t.test('an idle gateway is ready, however late it is asked', async t => {
  const scene = await startScene(t, { before: idp => { idp.machine.expiresIn = 2 } })
  await sleep(2500)
  t.same(await readiness(scene), { code: 200, status: 'ready', degraded: [] })
  t.equal(scene.idp.requests.token, 1)
})

t.test('draining: not ready, still alive, requests are answered until the delay is over and the open ones to their end', async t => {
  const scene = await startScene(t, {
    changes: { drain_delay: '2s' },
    async erp (req, res, seen) {
      await sleep(2500)
      await answering(200, 'late')(req, res, seen)
    }
  })
  const { gateway, erp, ask } = scene
  t.match(await untilState(scene, 'ready'), { code: 200 })
  const next = erp.next()
  const open = ask()
  await next
  const closed = gateway.close()
  t.match(await readiness(scene), { code: 503, status: 'draining' })
  t.match(await gateway.admin('/livez'), { status: 200 })
  const within = await ask()
  t.match(within, { status: 200, text: 'late', headers: { connection: 'close' } })
  t.match(await open, { status: 200, text: 'late', headers: { connection: 'close' } })
  await closed
  await t.rejects(ask(), { code: 'ECONNREFUSED' })
  await t.rejects(gateway.admin('/livez'), { code: 'ECONNREFUSED' })
})

t.test('nothing of it is on the data port', async t => {
  const { gateway, erp, idp } = await startScene(t)
  for (const path of ['/livez', '/readyz', '/metrics', '/', '/snapshot', '/rules', '/decisions', '/icon.svg']) {
    t.match(await gateway.call({ path }), { status: 404, code: 'route-not-found' })
    t.match(await gateway.call({ path, token: idp.mint() }), { status: 404, code: 'route-not-found' })
  }
  t.equal(erp.requests.length, 0)
})

t.test('nothing of the data port is on it', async t => {
  const { gateway, erp } = await startScene(t)
  for (const path of ['/orders', '/status', '/livez/', '/metrics/x', '/snapshot/']) t.equal((await gateway.admin(path)).status, 404)
  t.equal(erp.requests.length, 0)
})

t.test('the metrics are those that are documented, and count', async t => {
  const { gateway, ask, idp } = await startScene(t)
  t.equal((await ask()).status, 200)
  t.equal((await ask('x')).status, 401)
  t.equal((await gateway.call({ path: '/none' })).status, 404)
  await gateway.raw('NONSENSE\r\n\r\n')
  const { text, headers } = await gateway.admin('/metrics')
  t.match(headers['content-type'], /^text\/plain/)
  const names = [...text.matchAll(/^# TYPE (countersign_\S+) (\S+)/gm)].map(([, name, type]) => `${name} ${type}`).sort()
  t.same(names, [
    'countersign_batch_parts_total counter',
    'countersign_certificate_ends_timestamp_seconds gauge',
    'countersign_config_accepted gauge',
    'countersign_config_reloads_total counter',
    'countersign_connections_dropped_total counter',
    'countersign_csrf_fetches_total counter',
    'countersign_csrf_sessions gauge',
    'countersign_http2_connections_ended_total counter',
    'countersign_idempotency_remembered gauge',
    'countersign_idempotency_total counter',
    'countersign_issuer_keys gauge',
    'countersign_issuer_keys_fetched_timestamp_seconds gauge',
    'countersign_key_fetches_total counter',
    'countersign_machine_token_ends_timestamp_seconds gauge',
    'countersign_machine_token_fetches_total counter',
    'countersign_machine_tokens_total counter',
    'countersign_old_client_secret_used_total counter',
    'countersign_reported_total counter',
    'countersign_request_duration_seconds histogram',
    'countersign_requests_in_flight gauge',
    'countersign_requests_total counter',
    'countersign_shadow_decisions_total counter',
    'countersign_shed_ratio gauge',
    'countersign_store_operations_total counter',
    'countersign_store_up gauge',
    'countersign_telemetry_exports_total counter',
    'countersign_telemetry_spans_total counter',
    'countersign_tls_errors_total counter',
    'countersign_tokens_known gauge',
    'countersign_upstream_circuit_state gauge',
    'countersign_upstream_duration_seconds histogram',
    'countersign_upstream_hosts_ejected gauge',
    'countersign_upstream_hosts_unhealthy gauge',
    'countersign_upstream_maintenance gauge',
    'countersign_upstream_requests_open gauge',
    'countersign_upstream_requests_queued gauge',
    'countersign_upstream_retries_total counter'
  ])
  for (const line of [
    'countersign_requests_total{rule="GET /orders",status="200",code=""} 1',
    'countersign_requests_total{rule="GET /orders",status="401",code="token-not-jwt"} 1',
    'countersign_requests_total{rule="",status="404",code="route-not-found"} 1',
    'countersign_requests_total{rule="",status="400",code="request-malformed"} 1',
    'countersign_key_fetches_total{issuer="main",outcome="ok"} 1',
    'countersign_machine_token_fetches_total{credential="erp",outcome="ok"} 1',
    'countersign_machine_tokens_total{credential="erp",origin="fetched"} 1',
    'countersign_issuer_keys{issuer="main"} 1',
    'countersign_requests_in_flight 0'
  ]) t.ok(text.split('\n').includes(line), line)
  t.notMatch(text, 'countersign_store_up{', 'without a store there is nothing to be up')
  t.ok(Number(/^countersign_machine_token_ends_timestamp_seconds\{credential="erp"\} (\S+)/m.exec(text)?.[1]) > Date.now() / 1000)
  // A failing fetch is one failing fetch.
  idp.keys.published = []
  t.equal((await ask(idp.mint({}, { header: { kid: 'unknown' } }))).status, 503)
  t.match((await gateway.admin('/metrics')).text, 'countersign_key_fetches_total{issuer="main",outcome="error"} 1')
  t.match((await gateway.admin('/metrics')).text, 'countersign_key_fetches_total{issuer="main",outcome="ok"} 1')
})

t.test('the data port is open before /livez answers', async t => {
  const idp = await startIdp(t, { alg: 'ES256' })
  const erp = await startErp(t)
  const [data, admin] = [await free(), await free()]
  const files = await writeFiles(t, { gateway: standardGateway({ idp, erp }, { listen: { port: data }, admin: { port: admin } }), routes: sceneRoutes })
  const opens = async (port: number): Promise<boolean> => await new Promise(resolve => {
    const socket = connect(port, '127.0.0.1', () => { resolve(true) }).on('error', () => { resolve(false) })
    socket.on('connect', () => socket.destroy())
  })
  const running = run({ ...files, env: {}, log: collectLog(t).stream })
  tearDown(t, async () => { await (await running).close() })
  while (!await opens(admin)) await new Promise(resolve => { setImmediate(resolve) })
  t.equal(await opens(data), true)
})

t.test('a start that fails leaves neither port open', async t => {
  const idp = await startIdp(t, { alg: 'ES256' })
  const erp = await startErp(t)
  const data = await free()
  const files = await writeFiles(t, { gateway: standardGateway({ idp, erp }, { listen: { port: data }, admin: { port: erp.port } }), routes: sceneRoutes })
  await t.rejects(run({ ...files, env: {}, log: collectLog(t).stream }), { code: 'EADDRINUSE' })
  const after = await new Promise(resolve => { connect(data, '127.0.0.1').once('error', resolve).once('connect', resolve) })
  t.match(after, { code: 'ECONNREFUSED' })
})
