import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { answering, startErp, type Erp } from '../support/erp.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { startIdp, type Idp } from '../support/idp.ts'
import { tearDown } from '../support/teardown.ts'
import { lastRequest, metric, until } from './upstream-scene.ts'

interface Scene {
  readonly idp: Idp
  readonly hosts: readonly [Erp, Erp, Erp]
  readonly gateway: TestGateway
  readonly token: string
  /** Requests that each has seen since the last time. */
  counts (): number[]
}

/** A gateway before one ERP of three hosts. */
async function threeHosts (t: Test, settings: object = {}, rule: object = {}): Promise<Scene> {
  const idp = await startIdp(t)
  const hosts = [await startErp(t), await startErp(t), await startErp(t)] as const
  tearDown(t, async () => { await until(() => hosts.every(({ openSockets }) => openSockets === 0)) })
  const gateway = await startGateway(t, {
    idp,
    erp: hosts[0],
    routes: [{ match: 'ANY /*', require: 'user', ...rule }],
    changes: { upstreams: { erp: { url: hosts.map(({ origin }) => origin), ...settings } } }
  })
  return {
    idp, hosts: [...hosts], gateway, token: idp.mintUser(),
    counts: () => hosts.map(({ requests }) => requests.splice(0).length)
  }
}

const EJECTED = 'countersign_upstream_hosts_ejected{upstream="erp"}'
const UNHEALTHY = 'countersign_upstream_hosts_unhealthy{upstream="erp"}'

t.test('each host has its turn, under its own name, and the log says which', async t => {
  const { hosts, gateway, token, counts } = await threeHosts(t)
  for (let at = 0; at < 9; at++) t.equal((await gateway.call({ token })).status, 200)
  for (const { origin, requests } of hosts) t.match(requests[0]?.headers.host, new URL(origin).host)
  t.same(counts(), [3, 3, 3])
  t.same(new Set(gateway.logLines().filter(line => line['msg'] === 'request').map(({ host }) => host)), new Set(hosts.map(({ origin }) => origin)))
})

t.test('by least pending, a host that is slow gets no more than it answers', async t => {
  const { hosts, gateway, token, counts } = await threeHosts(t, { balance: 'least_pending' })
  let letGo = (): void => {}
  const held = new Promise<void>(resolve => { letGo = resolve })
  hosts[0].answerWith(async (_req, res) => {
    await held
    res.end('ok')
  })
  const slow: Array<Promise<unknown>> = []
  const next = hosts[0].next()
  for (let at = 0; at < 3; at++) slow.push(gateway.call({ token }))
  await next
  for (let at = 0; at < 20; at++) t.equal((await gateway.call({ token })).status, 200)
  t.equal(counts()[0], 1)
  letGo()
  await Promise.all(slow)
})

t.test('a Location under any of them leads to the gateway', async t => {
  const { hosts, gateway, token } = await threeHosts(t)
  const [one, two, three] = hosts
  one.answerWith(answering(302, '', { location: `${two.origin}/x` }))
  two.answerWith(answering(302, '', { location: `${three.origin}/x` }))
  three.answerWith(answering(302, '', { location: 'http://elsewhere.example.com/x' }))
  const seen: string[] = []
  for (let at = 0; at < 3; at++) seen.push(String((await gateway.call({ token })).headers.location))
  t.same(seen.sort(), [`http://127.0.0.1:${gateway.port}/x`, `http://127.0.0.1:${gateway.port}/x`, 'http://elsewhere.example.com/x'])
})

t.test('one of three is killed: no request fails that may be tried again, none goes there after that, and it is back when it is', async t => {
  const { hosts, gateway, token, counts } = await threeHosts(t, { eject_after: 3 }, { retry: { backoff: '1ms' } })
  const [killed] = hosts
  let failed = 0
  const stopped = new AbortController()
  const traffic = Array.from({ length: 6 }, async () => {
    while (!stopped.signal.aborted) if ((await gateway.call({ token })).status !== 200) failed += 1
  })
  await until(() => hosts.every(({ requests }) => requests.length > 10))
  await killed.stop()
  await until(async () => await metric(gateway, EJECTED) === 1)
  counts()
  await until(() => hosts[1].requests.length > 50)
  t.equal(counts()[0], 0)
  await killed.start()
  await until(() => killed.requests.length > 10)
  stopped.abort()
  await Promise.all(traffic)
  t.equal(failed, 0)
  t.equal(await metric(gateway, EJECTED), 0)
  t.match(gateway.logLines().filter(line => line['msg'] === 'a host of an upstream has changed'), [
    { upstream: 'erp', host: killed.origin, ejected: true }, { upstream: 'erp', host: killed.origin, ejected: false }
  ])
})

t.test('without retries, so many requests fail as it takes, and no more', async t => {
  const { hosts, gateway, token } = await threeHosts(t, { eject_after: 4 })
  await hosts[1].stop()
  const statuses: number[] = []
  for (let at = 0; at < 60; at++) statuses.push((await gateway.call({ token })).status)
  t.equal(statuses.filter(status => status !== 200).length, 4)
})

t.test('one that answers that it is down is out for its time; the last one is never out', async t => {
  const { hosts, gateway, token, counts } = await threeHosts(t, { eject_after: 2, eject_for: '500ms', eject_max: 1 })
  for (const host of hosts) host.answerWith(answering(503, 'down'))
  for (let at = 0; at < 20; at++) t.match(await gateway.call({ token }), { status: 503, text: 'down' })
  t.equal(await metric(gateway, EJECTED), 2)
  for (const host of hosts) host.answerWith(answering())
  await until(async () => await metric(gateway, EJECTED) === 0)
  counts()
  for (let at = 0; at < 9; at++) t.equal((await gateway.call({ token })).status, 200)
  t.same(counts(), [3, 3, 3])
})

t.test('what a caller does takes no host out', async t => {
  const { gateway, token } = await threeHosts(t, { eject_after: 1 }, { body_limit: '5B' })
  for (let at = 0; at < 6; at++) t.equal((await gateway.call({ method: 'POST', token, body: 'too large' })).status, 413)
  t.equal(await metric(gateway, EJECTED), 0)
})

t.test('a retry goes to another host', async t => {
  const { hosts, gateway, token, counts } = await threeHosts(t, {}, { retry: { attempts: 3, on: [500], budget: 1, backoff: '1ms' } })
  for (const host of hosts) host.answerWith(answering(500, 'broken'))
  for (let at = 0; at < 3; at++) {
    t.equal((await gateway.call({ token })).status, 500)
    t.same(counts(), [1, 1, 1])
  }
  t.match(lastRequest(gateway), { attempts: 3, upstream_status: 500 })
  hosts[1].answerWith(answering())
  for (let at = 0; at < 6; at++) t.equal((await gateway.call({ token })).status, 200)
})

t.test('a POST goes to another host where there was no connection', async t => {
  const { hosts, gateway, token } = await threeHosts(t, { eject_after: 100 }, { retry: { backoff: '0ms' } })
  await hosts[0].stop()
  for (let at = 0; at < 9; at++) t.match((await gateway.call({ method: 'POST', token, body: 'abc' })).json(), { bytes: 3 })
  t.equal(hosts[1].requests.length + hosts[2].requests.length, 9)
})

t.test('the ceiling is over all hosts', async t => {
  const { hosts, gateway, token } = await threeHosts(t, { concurrency: { max: 4, queue: 100 } })
  let [open, most] = [0, 0]
  for (const host of hosts) {
    host.answerWith(async (_req, res) => {
      most = Math.max(most, ++open)
      res.once('close', () => { open -= 1 })
      await sleep(20)
      res.end('ok')
    })
  }
  const answers = await Promise.all(Array.from({ length: 60 }, async () => await gateway.call({ token })))
  t.ok(answers.every(({ status }) => status === 200))
  t.equal(most, 4)
})

t.test('health checks take a host out and bring it back; they carry no credential', async t => {
  const { hosts, idp, gateway, token, counts } = await threeHosts(t, { health_check: { path: '/health', every: '100ms', timeout: '1s', expect: [204], unhealthy: 2 } })
  const health = { well: true, headers: {} }
  for (const host of hosts) {
    host.answerWith(async (req, res, seen) => {
      if (req.url !== '/health') return await answering()(req, res, seen)
      health.headers = { ...health.headers, ...req.headers }
      res.writeHead(host !== hosts[2] || health.well ? 204 : 500).end()
    })
  }
  await until(() => hosts.every(({ requests }) => requests.some(({ url }) => url === '/health')))
  await until(async () => await metric(gateway, UNHEALTHY) === 0)
  health.well = false
  await until(async () => await metric(gateway, UNHEALTHY) === 1)
  counts()
  for (let at = 0; at < 6; at++) t.equal((await gateway.call({ token })).status, 200)
  t.same(hosts.map(({ requests }) => requests.filter(({ url }) => url !== '/health').length), [3, 3, 0])
  health.well = true
  await until(async () => await metric(gateway, UNHEALTHY) === 0)
  for (let at = 0; at < 6; at++) await gateway.call({ token })
  t.ok(hosts[2].requests.some(({ url }) => url !== '/health'))
  t.same(Object.keys(health.headers).sort(), ['connection', 'host', 'user-agent'])
  t.equal(idp.requests.token, 1)
})

t.test('where no host is well, all of them serve', async t => {
  const { hosts, gateway, token, counts } = await threeHosts(t, { health_check: { path: '/nowhere', every: '100ms', unhealthy: 1 } })
  for (const host of hosts) host.answerWith(async (req, res, seen) => { await answering(req.url === '/nowhere' ? 404 : 200, 'x')(req, res, seen) })
  await until(async () => await metric(gateway, UNHEALTHY) === 3)
  counts()
  for (let at = 0; at < 6; at++) t.equal((await gateway.call({ token })).status, 200)
  t.same(hosts.map(({ requests }) => requests.filter(({ url }) => url !== '/nowhere').length), [2, 2, 2])
})
