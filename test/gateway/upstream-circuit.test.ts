import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { answering } from '../support/erp.ts'
import { openConnection } from '../support/raw-http.ts'
import { rawAnswers, sends, sendsThenCloses, type RawHandler } from '../support/raw-erp.ts'
import { lastRequest, metric, rawScene, scene, until } from './upstream-scene.ts'

const breaking = (breaker: object) => ({ changes: { upstreams: { erp: { breaker } } } })

const STATE = 'countersign_upstream_circuit_state{upstream="erp"}'

t.test('an ERP that fails again and again is left alone; then one request tries', async t => {
  const { erp, gateway, token } = await scene(t, answering(503, 'down'), breaking({ failures: 3, open_for: '1s' }))
  t.equal(await metric(gateway, STATE), 0)
  for (let at = 0; at < 3; at++) t.match(await gateway.call({ token }), { status: 503, text: 'down' })
  t.equal(await metric(gateway, STATE), 2)
  for (let at = 0; at < 5; at++) t.match(await gateway.call({ token }), { status: 503, code: 'upstream-unavailable', complete: true, headers: { 'retry-after': '1' } })
  t.match(lastRequest(gateway), { code: 'upstream-unavailable', granted: true, upstream: 'erp', saw: 'the circuit is open' })
  t.notOk('upstream_ms' in lastRequest(gateway))
  t.equal(erp.requests.length, 3)
  await until(async () => await metric(gateway, STATE) === 1)

  let letGo = (): void => {}
  erp.answerWith(async (_req, res) => {
    await new Promise<void>(resolve => { letGo = resolve })
    res.end('ok')
  })
  const probe = gateway.call({ token, path: '/probe' })
  await until(() => erp.requests.length === 4)
  t.match(await gateway.call({ token }), { status: 503, code: 'upstream-unavailable' }, 'one alone')
  letGo()
  t.match(await probe, { status: 200 })
  t.equal(await metric(gateway, STATE), 0)
  erp.answerWith(answering())
  t.equal((await gateway.call({ token })).status, 200)
  t.match(gateway.logLines().filter(line => String(line['msg']).startsWith('the circuit breaker')), [{ upstream: 'erp', state: 'open' }, { upstream: 'erp', state: 'closed' }])
})

t.test('a try that fails opens it for another while', async t => {
  const { erp, gateway, token } = await scene(t, answering(502, 'down'), breaking({ failures: 1, open_for: '300ms' }))
  await gateway.call({ token })
  await until(async () => await metric(gateway, STATE) === 1)
  t.match(await gateway.call({ token }), { status: 502, text: 'down' })
  t.equal(await metric(gateway, STATE), 2)
  t.equal((await gateway.call({ token })).code, 'upstream-unavailable')
  t.equal(erp.requests.length, 2)
})

t.test('a caller that leaves while it tries leaves the next one to try', async t => {
  const { erp, gateway, token, head } = await scene(t, answering(504, 'down'), breaking({ failures: 1, open_for: '200ms' }))
  await gateway.call({ token })
  await until(async () => await metric(gateway, STATE) === 1)
  erp.answerWith(() => {})
  const leaver = await openConnection(gateway.port)
  leaver.socket.write(head('GET /leaver'))
  await until(() => erp.requests.length === 2)
  t.equal((await gateway.call({ token })).code, 'upstream-unavailable')
  leaver.socket.destroy()
  erp.answerWith(answering())
  await until(() => gateway.logLines().some(line => line['code'] === 'client-gone'))
  t.equal((await gateway.call({ token })).status, 200)
  t.equal(await metric(gateway, STATE), 0)
})

t.test('an answer that has begun well is enough: nobody waits for its end', async t => {
  const { erp, gateway, token, head } = await scene(t, answering(503, 'down'), breaking({ failures: 1, open_for: '200ms' }))
  await gateway.call({ token })
  await until(async () => await metric(gateway, STATE) === 1)
  erp.answerWith((_req, res) => { res.writeHead(200).write('begun') })
  const long = await openConnection(gateway.port)
  long.socket.write(head('GET /long'))
  await long.until('begun')
  t.equal(await metric(gateway, STATE), 0)
  erp.answerWith(answering())
  t.equal((await gateway.call({ token })).status, 200)
  long.socket.destroy()
})

const FAILURES: Readonly<Record<string, RawHandler>> = {
  'closes the connection': socket => { socket.end() },
  'resets it': socket => { socket.resetAndDestroy() },
  'answers no HTTP': sends(rawAnswers.garbage),
  'breaks its answer off': sendsThenCloses(rawAnswers.short),
  'is silent': () => {},
  'says 502': sends('HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n'),
  'says 504': sends('HTTP/1.1 504 Gateway Timeout\r\nContent-Length: 0\r\n\r\n')
}

t.test('what an ERP does that is down opens it', async t => {
  for (const [name, handler] of Object.entries(FAILURES)) {
    const { erp, gateway, token } = await rawScene(t, handler, { ...breaking({ failures: 2, open_for: '1m' }), rule: { timeout: '300ms' } })
    for (let at = 0; at < 2; at++) t.not((await gateway.call({ token })).code, 'upstream-unavailable', name)
    t.equal((await gateway.call({ token })).code, 'upstream-unavailable', name)
    t.equal(erp.requests.length, 2)
  }
  const { erp, gateway, token } = await scene(t, undefined, breaking({ failures: 2, open_for: '1m' }))
  await erp.stop()
  for (let at = 0; at < 2; at++) t.equal((await gateway.call({ token })).code, 'upstream-refused')
  t.equal((await gateway.call({ token })).code, 'upstream-unavailable')
})

t.test('what it says of a request does not, and what the caller does neither', async t => {
  const { erp, gateway, token, head } = await scene(t, undefined, { ...breaking({ failures: 1, open_for: '1m' }), rule: { body_limit: '10B', idle_timeout: '300ms' } })
  for (const status of [400, 401, 403, 404, 409, 422, 429, 500, 501, 507]) {
    erp.answerWith(answering(status, 'x'))
    await gateway.call({ token })
  }
  erp.answerWith(answering())
  for (const framing of ['Content-Length: 100', 'Transfer-Encoding: chunked']) {
    t.match((await gateway.raw(head('POST /large', framing) + '10\r\n0123456789abcdef\r\n0\r\n\r\n')).response, { status: 413 })
  }
  t.match((await gateway.raw(head('POST /slow', 'Content-Length: 5') + 'abc')).response, { status: 408 })
  erp.answerWith(() => {})
  for (const leave of ['destroy', 'resetAndDestroy'] as const) {
    const before = erp.requests.length
    const leaver = await openConnection(gateway.port)
    leaver.socket.write(head('GET /leaver'))
    await until(() => erp.requests.length > before)
    leaver.socket[leave]()
  }
  await until(() => gateway.logLines().filter(line => line['code'] === 'client-gone').length === 2)
  // An ERP that waited too long for this caller's body.
  erp.answerWith(async req => {
    await sleep(100)
    req.socket.destroy()
  })
  t.match((await gateway.raw(head('POST /slow', 'Content-Length: 5') + 'abc')).response, { status: 502 })
  t.equal(await metric(gateway, STATE), 0)
  erp.answerWith(answering())
  t.equal((await gateway.call({ token })).status, 200)
})

t.test('a rate of failures opens it, too', async t => {
  let count = 0
  const { gateway, token } = await scene(t, async (req, res, seen) => { await answering(count++ % 2 === 0 ? 503 : 200, 'x')(req, res, seen) }, breaking({ failures: 100, failure_rate: '40%', min_requests: 6, window: '1m', open_for: '1m' }))
  const statuses: number[] = []
  for (let at = 0; at < 8; at++) statuses.push((await gateway.call({ token })).status)
  t.same(statuses, [503, 200, 503, 200, 503, 200, 503, 503])
  t.equal(count, 7)
})
