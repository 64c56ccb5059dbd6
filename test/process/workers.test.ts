import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { runCommand, untilOutput } from '../support/command.ts'
import { answering, startErp } from '../support/erp.ts'
import { tempDir } from '../support/files.ts'
import { forkGateway, type ForkedGateway } from '../support/fork-gateway.ts'
import { startIdp } from '../support/idp.ts'
import { openConnection } from '../support/raw-http.ts'
import { rewrite, standardGateway, type Settings } from '../support/settings.ts'
import { stringify } from 'yaml'

// Each starts three processes, and mostly waits for them.
t.jobs = 2

const ORDERS = { match: 'GET /orders', require: 'user' }

async function fork (t: Test, changes: Settings = {}) {
  const idp = await startIdp(t, { alg: 'ES256' })
  const erp = await startErp(t)
  const gateway = await forkGateway(t, { idp, erp, routes: [ORDERS], changes: { workers: 2, ...changes } })
  await untilServing(gateway, Number(changes['workers'] ?? 2))
  const ask = async () => (await gateway.call({ path: '/orders', token: idp.mint() })).status
  return { idp, erp, gateway, ask }
}

async function untilServing (gateway: ForkedGateway, wanted: number): Promise<void> {
  for (const until = Date.now() + 60_000; Date.now() < until; await sleep(50)) {
    if ((await gateway.admin('/metrics')).text.includes(`countersign_workers ${wanted}\n`) && (await gateway.admin('/readyz')).status === 200) return
  }
  throw new Error(`there are not ${wanted} workers:\n${gateway.log}`)
}

const workersOf = (gateway: ForkedGateway): number[] => gateway.logLines().flatMap(({ msg, pid }) => msg === 'a worker serves' ? [Number(pid)] : [])

t.test('workers share the port, and the admin port speaks for all of them', { buffered: true }, async t => {
  const { gateway, ask } = await fork(t)
  t.match(gateway.logLines().find(({ msg }) => msg === 'listening'), { workers: 2, routes: 1 })
  t.equal(workersOf(gateway).length, 2)
  for (let at = 0; at < 20; at++) t.equal(await ask(), 200)
  const { text } = await gateway.admin('/metrics')
  t.match(text, /^countersign_requests_total\{rule="GET \/orders",status="200",code=""\} 20$/m, 'the sum of both')
  t.match(text, /^countersign_request_duration_seconds_count\{rule="GET \/orders"\} 20$/m)
  for (const line of [/^countersign_config_accepted 1$/m, /^countersign_issuer_keys\{issuer="main"\} 1$/m, /^countersign_workers_lost_total 0$/m]) t.match(text, line)
  t.match(text, /^countersign_machine_token_ends_timestamp_seconds\{credential="erp"\} \d{10}\.?\d*$/m, 'an instant, not a sum of two')
  t.same({ ...(await gateway.admin('/readyz')).json() as object, config: '' }, { status: 'ready', degraded: [], config: '' })
  for (let at = 0; at < 4; at++) await gateway.call({ path: '/orders' })
  t.match((await gateway.admin('/snapshot')).json(), { process: { count: 2 }, totals: { outcomes: { answered: 20, refused: 4 } }, refusals: { remembered: 4, code: [{ name: 'credential-missing', count: 4 }] } })
  t.match((await gateway.admin('/decisions?code=credential-missing&most=3')).json(), [{}, {}, {}])
  t.match((await gateway.admin('/rules')).json(), [{ name: 'GET /orders' }])
  t.equal((await gateway.admin('/livez')).status, 200)
  gateway.kill()
  t.same(await gateway.exited, { code: 0, signal: null })
})

t.test('they share one machine token, and count a limit together', { buffered: true }, async t => {
  const { idp, gateway } = await fork(t, { workers: 4, listen: { rate_limit: { max: 30, per: '1h' } } })
  // Each on a connection of its own, so that they come to different workers.
  const statuses = await Promise.all(Array.from({ length: 40 }, async () => (await gateway.call({ path: '/orders', token: idp.mint() })).status))
  t.same([200, 429].map(status => statuses.filter(one => one === status).length), [30, 10])
  t.equal(idp.requests.token, 1)
  const { text } = await gateway.admin('/metrics')
  t.match(text, /^countersign_machine_tokens_total\{credential="erp",origin="fetched"\} 1$/m)
  t.match(text, /^countersign_machine_tokens_total\{credential="erp",origin="shared"\} 3$/m)
})

t.test('a worker that is killed is replaced, and takes with it no request but its own', { buffered: true }, async t => {
  const { gateway, ask } = await fork(t)
  const [first = 0] = workersOf(gateway)
  process.kill(first, 'SIGKILL')
  t.same(await Promise.all(Array.from({ length: 20 }, ask)), Array(20).fill(200))
  await untilOutput(gateway, () => gateway.logLines().find(({ msg }) => msg === 'a worker ended'))
  t.match(gateway.logLines().find(({ msg }) => msg === 'a worker ended'), { level: 50, pid: first, signal: 'SIGKILL' })
  await untilServing(gateway, 2)
  t.match((await gateway.admin('/metrics')).text, /^countersign_workers_lost_total 1$/m)
  t.equal(workersOf(gateway).length, 3)
  t.same({ ...(await gateway.admin('/readyz')).json() as object, config: '' }, { status: 'ready', degraded: [], config: '' })
})

t.test('SIGTERM to all of them, as a terminal sends SIGINT, answers the open requests and ends with 0', { buffered: true }, async t => {
  const { idp, erp, gateway } = await fork(t, { drain_timeout: '10m' })
  erp.answerWith(async (req, res, seen) => {
    await sleep(1500)
    await answering(200, 'late')(req, res, seen)
  })
  const next = erp.next()
  const open = gateway.call({ path: '/orders', token: idp.mint() })
  await next
  for (const worker of workersOf(gateway)) process.kill(worker, 'SIGTERM')
  gateway.kill()
  t.match(await open, { status: 200, text: 'late' })
  t.same(await gateway.exited, { code: 0, signal: null })
  t.equal(gateway.logLines().filter(({ msg }) => msg === 'a worker ended').length, 0)
  t.equal(gateway.logLines().at(-1)?.['msg'], 'stopped')
})

t.test('a second signal ends all of them at once', { buffered: true }, async t => {
  const { idp, erp, gateway } = await fork(t, { drain_timeout: '60s' })
  erp.answerWith(() => {})
  const next = erp.next()
  const { socket } = await openConnection(gateway.port)
  socket.on('error', () => {})
  socket.write(`GET /orders HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer ${idp.mint()}\r\n\r\n`)
  const seen = await next
  gateway.kill()
  await untilOutput(gateway, () => gateway.logLines().find(({ msg, worker }) => msg === 'draining' && worker !== undefined))
  gateway.kill()
  t.same(await gateway.exited, { code: 1, signal: null })
  await seen.closed
  t.equal(seen.aborted, true)
  await t.rejects(gateway.call(), { code: 'ECONNREFUSED' })
})

t.test('each of them takes a new configuration, and /readyz tells of a bad one', { buffered: true }, async t => {
  const { gateway, ask } = await fork(t)
  await rewrite(gateway.dir, { routes: [{ ...ORDERS, require: 'client' }] })
  gateway.kill('SIGHUP')
  await untilOutput(gateway, () => gateway.logLines().filter(({ msg }) => msg === 'configuration reloaded').length === 2 || undefined)
  t.same(await Promise.all(Array.from({ length: 10 }, ask)), Array(10).fill(403))
  await rewrite(gateway.dir, { routes: 'routes: [' })
  for (const until = Date.now() + 30_000; Date.now() < until && !/"configuration"/.test((await gateway.admin('/readyz')).text);) await sleep(50)
  t.match((await gateway.admin('/readyz')).json(), { status: 'degraded', degraded: ['configuration'], configuration: { mistakes: [/routes\.yaml:\d+:\d+$/] } })
})

t.test('what keeps the first from starting is told once, and ends the command as without workers', { buffered: true }, async t => {
  const idp = await startIdp(t, { alg: 'ES256' })
  const erp = await startErp(t)
  const dir = await tempDir(t, {
    'gateway.yaml': stringify(standardGateway({ idp, erp }, { workers: 3, listen: { port: erp.port } })),
    'routes.yaml': stringify({ routes: [ORDERS] })
  })
  const { code, stderr } = await runCommand(t, ['start', '--config', 'gateway.yaml', '--routes', 'routes.yaml'], { cwd: dir })
  t.equal(code, 1)
  t.equal(stderr, `countersign: port ${erp.port} is in use\n`)
})
