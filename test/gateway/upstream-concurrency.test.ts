import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import type { Called } from '../support/call.ts'
import { answering, startErp, type ErpHandler } from '../support/erp.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { startIdp } from '../support/idp.ts'
import { openConnection } from '../support/raw-http.ts'
import { lastRequest, metric, noise, scene, until } from './upstream-scene.ts'

const limited = (concurrency: object, more: object = {}) => ({ changes: { upstreams: { erp: { concurrency, ...more } } } })

/** Counts what is open at the ERP at once. */
function counted (handler: ErpHandler): { readonly handler: ErpHandler, most: number, open: number } {
  const counts = {
    most: 0,
    open: 0,
    handler: ((req, res, seen) => {
      counts.open += 1
      counts.most = Math.max(counts.most, counts.open)
      res.once('close', () => { counts.open -= 1 })
      return handler(req, res, seen)
    }) satisfies ErpHandler
  }
  return counts
}

const held = async (gateway: TestGateway) => await Promise.all(['open', 'queued'].map(async what => await metric(gateway, `countersign_upstream_requests_${what}{upstream="erp"}`)))

t.test('at ten times its concurrency the ERP never sees more than max; the rest wait in order, or are 503 in time', async t => {
  let refused = 0
  const counts = counted(async (_req, res) => {
    await until(() => refused === 28)
    await sleep(20)
    res.end('ok')
  })
  const { erp, gateway, token } = await scene(t, counts.handler, limited({ max: 4, queue: 8, queue_timeout: '10s' }))
  const answers = await Promise.all(Array.from({ length: 40 }, async () => {
    const answer = await gateway.call({ token })
    if (answer.status !== 200) refused += 1
    return answer
  }))
  t.equal(counts.most, 4)
  t.equal(answers.filter(({ status }) => status === 200).length, 12)
  t.equal(erp.requests.length, 12)
  const busy = answers.filter(({ status }) => status !== 200)
  for (const answer of busy) t.match(answer, { status: 503, code: 'upstream-busy', complete: true, headers: { 'retry-after': '10' } })
  t.same(await held(gateway), [0, 0])
  t.equal((await gateway.call({ token })).status, 200, 'and it serves again at once')
})

t.test('nor does it where callers leave again and again, though it learns of that a moment later', async t => {
  const counts = counted(async (_req, res) => {
    await sleep(60)
    res.end('ok')
  })
  const { gateway, token, head } = await scene(t, counts.handler, limited({ max: 3, queue: 50 }))
  const patient = Array.from({ length: 15 }, async () => await gateway.call({ token }))
  const impatient = Array.from({ length: 30 }, async (_value, number) => {
    const { socket } = await openConnection(gateway.port)
    socket.write(head('GET /x'))
    await sleep(number * 15)
    socket.destroy()
  })
  const [answers] = await Promise.all([Promise.all(patient), Promise.all(impatient)])
  t.ok(answers.every(({ status }) => status === 200))
  t.equal(counts.most, 3)
  await until(async () => (await held(gateway)).join() === '0,0')
})

t.test('one that waits too long is 503, and the ERP sees nothing of it', async t => {
  let letGo = (): void => {}
  const { erp, gateway, token } = await scene(t, async (_req, res) => {
    await new Promise<void>(resolve => { letGo = resolve })
    res.end('ok')
  }, limited({ max: 1, queue_timeout: '200ms' }))
  const first = gateway.call({ token, path: '/first' })
  await until(() => erp.requests.length === 1)
  const late = await gateway.call({ token, path: '/late' })
  t.match(late, { status: 503, code: 'upstream-busy', headers: { 'retry-after': '1' } })
  const { queued_ms: waited } = lastRequest(gateway)
  t.match(lastRequest(gateway), { code: 'upstream-busy', granted: true, upstream: 'erp', saw: 'no place came free in time' })
  t.ok(Number(waited) >= 190, String(waited))
  t.same(await held(gateway), [1, 0])
  letGo()
  t.equal((await first).status, 200)
  t.match(lastRequest(gateway), { queued_ms: 0, upstream_status: 200 })
  t.same(erp.requests.map(({ url }) => url), ['/first'])
})

t.test('they have their turn in the order in which they came', async t => {
  const { erp, gateway, token } = await scene(t, async (_req, res) => {
    await sleep(30)
    res.end('ok')
  }, limited({ max: 1, queue: 10 }))
  const answers: Array<Promise<Called>> = []
  for (let number = 0; number < 8; number++) {
    answers.push(gateway.call({ token, path: `/${number}` }))
    await until(() => erp.requests.length + answers.length > number)
    await sleep(5)
  }
  await Promise.all(answers)
  t.same(erp.requests.map(({ url }) => url), Array.from({ length: 8 }, (_value, number) => `/${number}`))
})

t.test('a queue of none: 503 at once; left out, as many wait as may be open', async t => {
  for (const [concurrency, answered] of [[{ max: 2, queue: 0 }, 2], [{ max: 2 }, 4]] as const) {
    let refused = 0
    const { gateway, token } = await scene(t, async (_req, res) => {
      await until(() => refused === 10 - answered)
      res.end('ok')
    }, limited(concurrency))
    const answers = await Promise.all(Array.from({ length: 10 }, async () => {
      const answer = await gateway.call({ token })
      if (answer.status !== 200) refused += 1
      return answer
    }))
    t.equal(answers.filter(({ status }) => status === 200).length, answered)
  }
})

t.test('a caller that leaves while it waits frees its place in the queue, and the ERP sees nothing of it', async t => {
  let letGo = (): void => {}
  const { erp, gateway, token, head } = await scene(t, async (_req, res) => {
    await new Promise<void>(resolve => { letGo = resolve })
    res.end('ok')
  }, limited({ max: 1, queue: 1 }))
  const first = gateway.call({ token, path: '/first' })
  await until(() => erp.requests.length === 1)
  const leaver = await openConnection(gateway.port)
  leaver.socket.write(head('POST /leaver', 'Content-Length: 2') + 'ok')
  await until(async () => (await held(gateway))[1] === 1)
  t.equal((await gateway.call({ token })).code, 'upstream-busy')
  leaver.socket.destroy()
  await until(async () => (await held(gateway))[1] === 0)
  const second = gateway.call({ token, path: '/second' })
  await until(async () => (await held(gateway))[1] === 1)
  letGo()
  await until(() => erp.requests.length === 2)
  letGo()
  t.same((await Promise.all([first, second])).map(({ status }) => status), [200, 200])
  t.same(erp.requests.map(({ url }) => url), ['/first', '/second'])
})

t.test('a caller that reads slowly keeps no place once the ERP is done', async t => {
  const { gateway, token, head } = await scene(t, answering(200, noise(300_000)), limited({ max: 1, queue: 5 }))
  const slow = await openConnection(gateway.port)
  slow.socket.pause()
  slow.socket.write(head('GET /slow'))
  for (let at = 0; at < 3; at++) t.equal((await gateway.call({ token })).status, 200)
  slow.socket.destroy()
})

t.test('a token that ended while its request waited is not shown', async t => {
  let now = Date.now()
  let letGo = (): void => {}
  const idp = await startIdp(t)
  // It ends by the gateway's clock alone.
  Object.assign(idp.machine, { format: 'opaque' })
  const erp = await startErp(t, async (_req, res) => {
    await new Promise<void>(resolve => { letGo = resolve })
    res.end('ok')
  })
  const gateway = await startGateway(t, { idp, erp, routes: [{ match: 'ANY /*', require: 'user' }], ...limited({ max: 1 }), clock: () => now })
  const token = idp.mintUser()
  const first = gateway.call({ token })
  await until(() => erp.requests.length === 1)
  const second = gateway.call({ token })
  await until(async () => (await held(gateway))[1] === 1)
  now += 24 * 3_600_000
  letGo()
  await until(() => erp.requests.length === 2)
  letGo()
  await Promise.all([first, second])
  t.not(erp.requests[0]?.headers.authorization, erp.requests[1]?.headers.authorization)
  t.equal(idp.requests.token, 2)
})

t.test('where the circuit opens, those that wait are told at once', async t => {
  let letGo = (): void => {}
  const { erp, gateway, token } = await scene(t, async (_req, res) => {
    await new Promise<void>(resolve => { letGo = resolve })
    res.writeHead(503).end('down')
  }, limited({ max: 1, queue: 10, queue_timeout: '1m' }, { breaker: { failures: 1, open_for: '1m' } }))
  const first = gateway.call({ token })
  await until(() => erp.requests.length === 1)
  const others = Array.from({ length: 5 }, async () => await gateway.call({ token }))
  await until(async () => (await held(gateway))[1] === 5)
  letGo()
  t.match(await first, { status: 503, text: 'down' })
  for (const answer of await Promise.all(others)) t.match(answer, { status: 503, code: 'upstream-unavailable', headers: { 'retry-after': '60' } })
  t.equal(erp.requests.length, 1)
  t.same(await held(gateway), [0, 0])
})
