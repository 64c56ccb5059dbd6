import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { openConnection } from '../support/raw-http.ts'
import { rewrite, standardGateway } from '../support/settings.ts'
import { holding, post, rule } from './idempotency-scene.ts'
import { lastRequest, metric, noise, scene, until } from './upstream-scene.ts'

t.test('one that leaves while it waits is gone, and the others have their answer', async t => {
  const { go, handler } = holding()
  const { erp, gateway, token } = await scene(t, handler, rule())
  const first = gateway.call(post(token))
  await erp.next()
  const leaving = new AbortController()
  const left = gateway.call(post(token, 'k-1', { signal: leaving.signal }))
  await until(async () => await metric(gateway, 'countersign_requests_in_flight') === 2)
  leaving.abort()
  await t.rejects(left)
  await until(async () => await metric(gateway, 'countersign_requests_in_flight') === 1)
  t.match(lastRequest(gateway), { status: 499, code: 'client-gone' })
  go()
  t.equal((await first).status, 201)
  t.equal(erp.requests.length, 1)
})

t.test('a caller that is cut off in mid-flight has its answer when it repeats: one write', async t => {
  for (const protection of [{}, { concurrency: { max: 1 }, breaker: {}, total_timeout: '60s' }]) {
    const { go, handler } = holding()
    const { erp, gateway, token, head } = await scene(t, handler, { ...rule(), changes: { upstreams: { erp: protection } } })
    const next = erp.next()
    const { socket } = await openConnection(gateway.port)
    socket.write(`${head('POST /orders', 'Content-Type: application/json', 'Idempotency-Key: k-1', 'Content-Length: 7')}{"n":1}`)
    const seen = await next
    socket.destroy()
    await once(socket, 'close')
    await sleep(100)
    t.equal(seen.pending, true, 'it goes on')
    const waiting = gateway.call(post(token))
    go()
    t.match(await waiting, { status: 201, headers: { 'idempotency-replayed': 'true', 'x-written': '1' }, text: '{"order":1,"got":"{\\"n\\":1}"}' })
    t.match(await gateway.call(post(token)), { status: 201, headers: { 'x-written': '1' } })
    t.equal(erp.requests.length, 1)
    await until(() => gateway.logLines().some(line => line['idempotency'] === 'first'))
    t.match(gateway.logLines().find(line => line['idempotency'] === 'first'), { status: 499, code: 'client-gone', upstream_status: 201 })
    t.equal(await metric(gateway, 'countersign_requests_in_flight'), 0)
  }
})

t.test('cut off in the middle of the answer: the rest is kept all the same', async t => {
  let rest = (): void => {}
  const { erp, gateway, token, head } = await scene(t, async (_req, res, seen) => {
    await seen.received
    res.writeHead(200, { 'content-type': 'text/plain' })
    res.write('first half, ')
    rest = () => { res.end('second half') }
  }, rule())
  const connection = await openConnection(gateway.port)
  connection.socket.write(`${head('POST /orders', 'Content-Type: application/json', 'Idempotency-Key: k-1', 'Content-Length: 7')}{"n":1}`)
  await connection.until('first half')
  connection.socket.destroy()
  await sleep(50)
  rest()
  t.match(await gateway.call(post(token)), { status: 200, text: 'first half, second half' })
  t.equal(erp.requests.length, 1)
})

t.test('past the limit, a caller that leaves ends it', async t => {
  const { erp, gateway, head } = await scene(t, async (_req, res, seen) => {
    await seen.received
    res.writeHead(200)
    const more = (): void => { while (!res.destroyed && res.write(noise(65_536))); }
    res.on('drain', more)
    more()
  }, rule({ max_body: '4KiB' }))
  const next = erp.next()
  const connection = await openConnection(gateway.port)
  connection.socket.write(`${head('POST /orders', 'Idempotency-Key: k-1', 'Content-Length: 0')}`)
  const seen = await next
  await connection.until('HTTP/1.1 200')
  connection.socket.destroy()
  await seen.closed
  t.equal(seen.aborted, true)
})

t.test('a new configuration remembers what the one before did, also of a write that is under way', async t => {
  const { go, handler } = holding()
  const { idp, erp, gateway, token } = await scene(t, handler, rule())
  const change = async (timeout: string) => {
    await rewrite(gateway.dir, { gateway: standardGateway({ idp, erp }), routes: [{ match: 'ANY /*', require: 'user', timeout, idempotency: {} }] })
    await gateway.reload()
  }
  const next = erp.next()
  const first = gateway.call(post(token))
  await next
  await change('20s')
  const repeated = gateway.call(post(token))
  await until(async () => await metric(gateway, 'countersign_requests_in_flight') === 2)
  go()
  t.match([await first, await repeated].map(({ text }) => text), Array(2).fill('{"order":1,"got":"{\\"n\\":1}"}'))
  await change('21s')
  t.equal((await gateway.call(post(token))).headers['idempotency-replayed'], 'true')
  t.equal(erp.requests.length, 1)
})

t.test('after its time it is forgotten', async t => {
  const { erp, gateway, token } = await scene(t, undefined, rule({ ttl: '1s' }))
  await gateway.call(post(token))
  await sleep(1200)
  t.notOk('idempotency-replayed' in (await gateway.call(post(token))).headers)
  t.equal(erp.requests.length, 2)
})

t.test('a gateway that ends waits for what it carries out for callers that left', async t => {
  const { go, handler } = holding()
  const { erp, gateway, head } = await scene(t, handler, rule())
  const next = erp.next()
  const { socket } = await openConnection(gateway.port)
  socket.write(`${head('POST /orders', 'Idempotency-Key: k-1', 'Content-Length: 2')}{}`)
  const seen = await next
  socket.destroy()
  await sleep(50)
  const closed = gateway.close()
  await sleep(200)
  t.equal(seen.pending, true)
  go()
  await closed
  t.equal(seen.aborted, false)
})

t.test('a pipelined request after a write is answered in its turn', async t => {
  const { erp, gateway, head } = await scene(t, undefined, rule())
  const one = `${head('POST /orders', 'Idempotency-Key: k-1', 'Content-Length: 2')}{}`
  const { responses } = await gateway.raw(`${one}${one}${head('GET /x')}`, { responses: 3 })
  t.same(responses.map(({ status }) => status), [200, 200, 200])
  t.same(responses.map(({ headers }) => headers['idempotency-replayed']), [undefined, 'true', undefined])
  t.equal(erp.requests.length, 2)
})
