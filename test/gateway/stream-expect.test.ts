import t from 'tap'
import { answering } from '../support/erp.ts'
import { openConnection } from '../support/raw-http.ts'
import { scene } from './upstream-scene.ts'

const EXPECT = 'Expect: 100-continue'

t.test('100 Continue once the request is allowed, then the answer', async t => {
  const { erp, gateway, head } = await scene(t)
  for (const [framing, body] of [['Content-Length: 5', 'hello'], ['Transfer-Encoding: chunked', '5\r\nhello\r\n0\r\n\r\n']] as const) {
    const connection = await openConnection(gateway.port)
    connection.socket.write(head('POST /x', EXPECT, framing))
    await connection.until('HTTP/1.1 100 Continue\r\n\r\n')
    connection.socket.write(body)
    const text = await connection.until('"bytes":5')
    t.match(text, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK\r\n/)
    t.equal(erp.requests.at(-1)?.body.toString(), 'hello')
    t.notOk('expect' in (erp.requests.at(-1)?.headers ?? {}))
    // The connection serves on.
    connection.socket.write(head('GET /next'))
    await connection.until('/next')
    connection.socket.destroy()
  }
})

t.test('a caller that does not wait gets both', async t => {
  const { erp, gateway, head } = await scene(t)
  const { response, ending } = await gateway.raw(head('POST /x', EXPECT, 'Content-Length: 5') + 'hello')
  t.match(response, { status: 200, informational: [{ status: 100 }], complete: true })
  t.equal(ending, 'open')
  t.equal(erp.requests[0]?.body.toString(), 'hello')
})

t.test('a refused request is never told to go on, and its body never asked for', async t => {
  const { erp, gateway, head } = await scene(t, undefined, { routes: [{ match: 'POST /x', require: 'client', body_limit: '4B' }, { match: 'POST /y', require: 'user', body_limit: '4B' }] })
  const refused = {
    401: `POST /x HTTP/1.1\r\nHost: gateway.test\r\n${EXPECT}\r\nContent-Length: 5\r\n\r\n`,
    403: head('POST /x', EXPECT, 'Content-Length: 4'),
    404: head('POST /none', EXPECT, 'Content-Length: 5'),
    405: head('PUT /x', EXPECT, 'Content-Length: 5'),
    413: head('POST /y', EXPECT, 'Content-Length: 5')
  }
  for (const [status, request] of Object.entries(refused)) {
    const { response, ending } = await gateway.raw(request)
    t.match(response, { status: Number(status), informational: { length: 0 }, headers: { connection: 'close' }, complete: true })
    t.equal(ending, 'closed')
  }
  t.equal(erp.requests.length, 0)
})

t.test('a limit is met after 100 Continue too', async t => {
  const { erp, gateway, head } = await scene(t, undefined, { rule: { body_limit: '4B' } })
  const connection = await openConnection(gateway.port)
  connection.socket.write(head('POST /y', EXPECT, 'Transfer-Encoding: chunked'))
  await connection.until('100 Continue')
  connection.socket.write('5\r\nhello\r\n')
  t.match(await connection.until('body-too-large'), /HTTP\/1\.1 413 /)
  await erp.requests[0]?.closed
  t.equal(erp.requests.every(one => one.aborted), true)
  connection.socket.destroy()
})

t.test('other expectations are ignored, and go no further', async t => {
  const { erp, gateway, head } = await scene(t)
  for (const expect of ['Expect: 200-ok', 'Expect: a, b', 'Expect: 100-Continue']) {
    t.match((await gateway.raw(head('POST /x', expect, 'Content-Length: 2') + 'ok')).response, { status: 200, complete: true })
    t.notOk('expect' in (erp.requests.at(-1)?.headers ?? {}))
    t.equal(erp.requests.at(-1)?.body.toString(), 'ok')
  }
})

t.test('an expectation without a body, and in HTTP/1.0, is none', async t => {
  const { gateway, head } = await scene(t)
  t.match((await gateway.raw(head('POST /x', EXPECT, 'Content-Length: 0'))).response, { status: 200, informational: { length: 0 } })
  t.match((await gateway.raw(head('GET /x', EXPECT))).response, { status: 200, informational: { length: 0 } })
  t.match((await gateway.raw(head('POST /x', EXPECT, 'Content-Length: 2').replace('HTTP/1.1', 'HTTP/1.0') + 'ok')).response, { status: 200, informational: { length: 0 } })
})

t.test('an ERP that answers before the body is asked for is the one that decides', async t => {
  const { gateway, head } = await scene(t, answering(200, 'ok'))
  t.match((await gateway.raw(head('DELETE /x', EXPECT, 'Transfer-Encoding: chunked') + '0\r\n\r\n')).response, { status: 200, complete: true })
})
