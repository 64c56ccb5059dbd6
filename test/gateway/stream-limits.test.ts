import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { answering } from '../support/erp.ts'
import { noise, scene, until } from './upstream-scene.ts'

/** Goes on sending for 400 ms after its answer began, as callers do; gives the answer, or throws where it was reset. */
async function sendOn (port: number, start: string, piece: () => Buffer): Promise<string> {
  const socket: Socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
  // Rejects where the connection is reset.
  const failed = once(socket, 'close')
  let text = ''
  socket.on('data', chunk => { text += chunk.toString('latin1') })
  socket.write(start, 'latin1')
  const sending = (async () => {
    for (const until = Date.now() + 5000; Date.now() < until && !text.includes('\r\n\r\n'); await sleep(5)) socket.write(piece())
    for (const until = Date.now() + 400; Date.now() < until; await sleep(20)) socket.write(piece())
  })()
  try {
    await Promise.race([sending, failed])
    return text
  } finally {
    socket.destroy()
  }
}

const chunk = (bytes: Buffer): Buffer => Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')])

t.test('what is announced as too large is refused before the ERP hears of it', async t => {
  const { erp, gateway, token, head } = await scene(t, undefined, { rule: { body_limit: '10B' } })
  t.match(await gateway.call({ method: 'POST', token, body: 'x'.repeat(11) }), { status: 413, code: 'body-too-large', headers: { connection: 'close' } })
  t.match(await gateway.raw(head('POST /x', 'Content-Length: 99999999999')), { response: { status: 413 } })
  t.match(await gateway.raw(head('POST /x', 'Content-Length: 9999999999999999999999')), { response: { status: /413|400/ } })
  t.equal(erp.requests.length, 0)
  t.match(await gateway.call({ method: 'POST', token, body: 'x'.repeat(10) }), { status: 200 })
  t.match(erp.requests, [{ bodyLength: 10 }])
})

t.test('a stream is cut at the limit, and its request at the ERP is over', async t => {
  const { erp, gateway, head } = await scene(t, answering(), { rule: { body_limit: '10B' } })
  const open = erp.openSockets
  const start = head('POST /x', 'Transfer-Encoding: chunked')
  t.match((await gateway.raw(`${start}a\r\n0123456789\r\n0\r\n\r\n`)).response, { status: 200 })
  const { response, ending } = await gateway.raw([start, '5\r\n01234\r\n', 50, '5\r\n56789\r\n', 50, '1\r\nx\r\n'], { timeout: 5000 })
  t.match(response, { status: 413, complete: true, headers: { connection: 'close', 'content-type': 'application/problem+json' } })
  t.match(JSON.parse(response.body.toString()), { type: /body-too-large$/ })
  t.not(ending, 'reset')
  const seen = erp.requests.at(-1)
  t.equal(await seen?.received, false)
  await seen?.closed
  t.match(seen, { aborted: true })
  t.ok((seen?.bodyLength ?? 0) <= 10)
  await until(() => erp.openSockets <= open + 1)
  t.match(gateway.logLines().filter(line => line['msg'] === 'request').at(-1), { status: 413, code: 'body-too-large' })
})

t.test('the ERP never sees a whole body that is too large, in one packet either', async t => {
  const { erp, gateway, head } = await scene(t, answering(), { rule: { body_limit: '10B' } })
  t.match((await gateway.raw(`${head('POST /x', 'Transfer-Encoding: chunked')}b\r\n01234567890\r\n0\r\n\r\n`)).response, { status: 413 })
  for (const seen of erp.requests) t.equal(await seen.received, false)
})

t.test('a limit of 0 lets through what has no body', async t => {
  const { gateway, head } = await scene(t, answering(), { rule: { body_limit: '0B' } })
  t.match((await gateway.raw(head('POST /x', 'Content-Length: 0'))).response, { status: 200 })
  t.match((await gateway.raw(`${head('POST /x', 'Transfer-Encoding: chunked')}0\r\n\r\n`)).response, { status: 200 })
  t.match((await gateway.raw(`${head('POST /x', 'Content-Length: 1')}x`)).response, { status: 413 })
  t.match((await gateway.raw(`${head('POST /x', 'Transfer-Encoding: chunked')}1\r\nx\r\n0\r\n\r\n`)).response, { status: 413 })
})

t.test('a caller that still sends is told, not reset', async t => {
  const { erp, gateway, head } = await scene(t, answering(), { routes: [{ match: 'POST /limited', require: 'user', body_limit: '1KiB' }, { match: 'POST /*', require: 'user' }] })
  const large = `Content-Length: ${1024 ** 3}`
  const bytes = noise(8192)
  const raw = () => bytes
  const framed = () => chunk(bytes)
  t.match(await sendOn(gateway.port, 'POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n', framed), /^HTTP\/1\.1 401 [^]*credential-missing/)
  t.match(await sendOn(gateway.port, head('POST /limited', large), raw), /^HTTP\/1\.1 413 [^]*body-too-large/)
  t.match(await sendOn(gateway.port, head('POST /limited', 'Transfer-Encoding: chunked'), framed), /^HTTP\/1\.1 413 [^]*body-too-large/)
  t.match(await sendOn(gateway.port, head('POST /limited', 'Transfer-Encoding: chunked', 'Expect: 100-continue'), framed), /HTTP\/1\.1 413 [^]*body-too-large/)
  erp.answerWith(req => { req.socket.resetAndDestroy() })
  t.match(await sendOn(gateway.port, head('POST /x', large), raw), /^HTTP\/1\.1 502 [^]*upstream-reset/)
  t.match(await sendOn(gateway.port, head('POST /x', 'Transfer-Encoding: chunked', 'Expect: 100-continue'), framed), /HTTP\/1\.1 502 [^]*upstream-reset/)
  erp.answerWith((_req, res) => { res.writeHead(400, { 'content-length': 3 }).end('bad') })
  t.match(await sendOn(gateway.port, head('POST /x', large), raw), /^HTTP\/1\.1 400 [^]*bad/)
  erp.answerWith((_req, res) => { res.writeHead(401).end() })
  t.match(await sendOn(gateway.port, head('POST /x', large), raw), /^HTTP\/1\.1 502 [^]*upstream-credential-refused/)
})
