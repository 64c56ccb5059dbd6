import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { answering } from '../support/erp.ts'
import { openConnection } from '../support/raw-http.ts'
import { rawAnswers, sends } from '../support/raw-erp.ts'
import { noise, rawScene, scene, until } from './upstream-scene.ts'

t.test('one connection serves requests of every kind, one after the other', async t => {
  const { erp, gateway, head } = await scene(t)
  const connection = await openConnection(gateway.port)
  for (let round = 0; round < 5; round++) {
    for (const [request, body] of [
      [head(`POST /post/${round}`, 'Content-Length: 200000'), noise(200_000)],
      [head(`PUT /put/${round}`, 'Transfer-Encoding: chunked'), '3\r\nabc\r\n0\r\n\r\n'],
      [head(`GET /get/${round}`), ''],
      [head(`DELETE /delete/${round}`), '']
    ] as const) {
      connection.socket.write(request)
      connection.socket.write(body)
      await connection.until(`/${round}"`)
      await sleep(5)
    }
  }
  await until(() => erp.requests.length === 20)
  t.equal(connection.ending, 'open')
  connection.socket.destroy()
})

t.test('the ERP\'s connections are used again', async t => {
  const { erp, gateway, token } = await scene(t)
  for (let round = 0; round < 20; round++) t.equal((await gateway.call({ method: 'POST', token, body: 'x' })).status, 200)
  t.ok(erp.accepted < 10, `${erp.accepted} connections`)
})

t.test('pipelined requests are answered in their order, each with its own answer', async t => {
  const { gateway, head } = await scene(t, async (req, res, seen) => {
    await seen.received
    if (req.url === '/slow') await sleep(300)
    res.end(`${req.method} ${req.url} ${seen.body.toString()}`)
  })
  const pipeline = head('GET /slow') + head('POST /a', 'Content-Length: 3') + 'abc' + head('POST /b', 'Transfer-Encoding: chunked') + '3\r\ndef\r\n0\r\n\r\n' + head('GET /none', 'Connection: close')
  const { responses, ending } = await gateway.raw(pipeline, { responses: 4 })
  t.same(responses.map(one => one.body.toString()), ['GET /slow ', 'POST /a abc', 'POST /b def', 'GET /none '])
  t.equal(ending, 'closed')
})

t.test('a refusal does not cost the connection where the body is there', async t => {
  const { erp, gateway, head } = await scene(t, answering(200, 'ok'), { routes: [{ match: 'POST /limited', require: 'user', body_limit: '2B' }, { match: 'ANY /*', require: 'user' }] })
  const anonymous = (length: number) => `POST /x HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: ${length}\r\n\r\n${'x'.repeat(length)}`
  for (const length of [0, 3, 1000]) {
    const { responses, ending } = await gateway.raw([anonymous(length), 50, head('GET /after')], { responses: 2, timeout: 3000 })
    t.match(responses[0], { status: 401, complete: true })
    // Whether it stays is the gateway's choice; it says so, and keeps to it.
    if (responses[0]?.headers['connection'] === 'close') t.equal(ending, 'closed', `closed after a body of ${length}`)
    else t.match(responses[1], { status: 200 }, `open after a body of ${length}`)
  }
  const { responses, ending } = await gateway.raw([head('POST /limited', 'Content-Length: 3') + 'abc'], { timeout: 3000 })
  t.match(responses, [{ status: 413, headers: { connection: 'close' } }])
  t.equal(ending, 'closed')
  t.ok(erp.requests.every(({ url }) => url === '/after'))
})

t.test('a connection serves on after the ERP failed', async t => {
  const { erp, gateway, head } = await rawScene(t, socket => { socket.resetAndDestroy() })
  const connection = await openConnection(gateway.port)
  for (const size of [0, 10, 60_000, 70_000, 100_000, 200_000]) {
    erp.answerWith(socket => { socket.resetAndDestroy() })
    connection.socket.write(head(`POST /${size}`, `Content-Length: ${size}`))
    connection.socket.write(noise(size))
    const before = connection.bytes.length
    await until(() => connection.bytes.subarray(before).includes('upstream-reset'))
    t.notMatch(connection.bytes.subarray(before).toString('latin1'), /connection: close/i)
    erp.answerWith(sends(rawAnswers.whole))
    const next = connection.bytes.length
    connection.socket.write(head('GET /next'))
    await until(() => connection.bytes.subarray(next).includes('200 OK'))
  }
  t.pass('after every size of a body')
  connection.socket.destroy()
})

t.test('an HTTP/1.0 caller gets what it understands', async t => {
  const { erp, gateway, token } = await scene(t)
  const old = (line: string, ...headers: string[]) => [`${line} HTTP/1.0`, `Authorization: Bearer ${token}`, ...headers, '', ''].join('\r\n')
  const plain = await gateway.raw(old('GET /x?q=1'))
  t.match(plain.response, { status: 200, complete: true, version: '1.1' })
  t.equal(plain.response.headers['transfer-encoding'], undefined)
  t.equal(plain.ending, 'closed')
  t.match(erp.requests[0], { url: '/x?q=1', headers: { host: new URL(erp.origin).host } })
  t.notOk('x-forwarded-host' in (erp.requests[0]?.headers ?? {}))
  const posted = await gateway.raw(old('POST /x', 'Host: gateway.test', 'Content-Length: 2') + 'ok')
  t.match(posted.response, { status: 200, complete: true })
  t.equal(erp.requests[1]?.body.toString(), 'ok')
  erp.answerWith(answering(200, 'ok', { 'content-length': '2' }))
  const kept = await gateway.raw(old('GET /1', 'Connection: keep-alive') + old('GET /2', 'Connection: keep-alive'), { responses: 2 })
  t.match(kept.responses, [{ status: 200, complete: true }, { status: 200, complete: true }])
  t.equal(kept.ending, 'open')
  erp.answerWith((_req, res) => {
    res.write('a')
    setTimeout(() => { res.end('b') }, 50)
  })
  const chunked = await gateway.raw(old('GET /x', 'Connection: keep-alive'))
  t.match(chunked, { ending: 'closed', response: { status: 200, complete: true } })
  t.equal(chunked.response.body.toString(), 'ab')
  t.match((await gateway.raw(old('GET /x'), { methods: ['GET'] })).response.headers, { 'x-request-id': String })
})

t.test('Connection: close is kept to', async t => {
  const { gateway, head } = await scene(t, answering(200, 'ok'))
  t.match(await gateway.raw(head('GET /x', 'Connection: close') + head('GET /y'), { responses: 2, timeout: 3000 }), { responses: { length: 1 }, ending: 'closed' })
})

t.test('a caller that sends ever more requests behind a slow one is not read on', async t => {
  let answer = (): void => {}
  const { erp, gateway, head } = await scene(t, (req, res) => {
    if (req.url === '/slow') answer = () => { res.end('slow') }
    else res.end('quick')
  })
  const connection = await openConnection(gateway.port)
  const slow = erp.next()
  connection.socket.write(head('GET /slow'))
  await slow
  const requests = Buffer.from(head('GET /x').repeat(100))
  let sent = 0
  // What the kernel holds for both ends is some megabytes at most.
  for (let taken = true; taken && sent < 64 * 1024 ** 2; sent += requests.length) {
    taken = connection.socket.write(requests) || await Promise.race([once(connection.socket, 'drain').then(() => true), sleep(1500).then(() => false)])
  }
  t.ok(sent < 32 * 1024 ** 2, `${sent} bytes were taken`)
  t.equal(erp.requests.length, 1)
  answer()
  await until(() => erp.requests.length > 200)
  connection.socket.destroy()
})
