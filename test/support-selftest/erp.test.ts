import { connect } from 'node:net'
import { request } from 'node:https'
import { Readable } from 'node:stream'
import t from 'tap'
import { answering, startErp } from '../support/erp.ts'
import { openConnection, call, rawRequest } from '../support/raw-http.ts'
import { rawAnswers, sends, sendsThenCloses, sendsThenResets, startRawErp } from '../support/raw-erp.ts'
import { selfSigned, type CertificateOptions } from '../support/self-signed.ts'

const get = 'GET / HTTP/1.1\r\nHost: erp\r\n\r\n'

t.test('the ERP remembers the request to the byte', async t => {
  const erp = await startErp(t)
  const next = erp.next()
  const answer = await rawRequest(erp.port, 'POST /a%2Fb?x=%20&x HTTP/1.1\r\nHost: erp\r\nX-Odd:  v\r\nx-odd: w\r\nContent-Length: 3\r\n\r\na\0b')
  t.match(answer.response, { status: 200, complete: true })
  const seen = await next
  t.match(seen, { method: 'POST', url: '/a%2Fb?x=%20&x', body: Buffer.from('a\0b'), bodyLength: 3, aborted: false })
  t.same(seen.rawHeaders, ['Host', 'erp', 'X-Odd', 'v', 'x-odd', 'w', 'Content-Length', '3'])
  t.equal(erp.requests.length, 1)
})

t.test('it answers as told, and counts bodies that it does not keep', async t => {
  const erp = await startErp(t, answering(201, 'made', { location: '/1', 'set-cookie': ['a=1', 'b=2'] }), { keepBodies: false })
  const stream = Readable.from([Buffer.alloc(100_000), Buffer.alloc(100_000)])
  t.match(await call(erp.port, { method: 'PUT', body: stream }), { status: 201, text: 'made', headers: { location: '/1', 'set-cookie': ['a=1', 'b=2'] } })
  t.match(erp.requests, [{ bodyLength: 200_000, body: { length: 0 }, headers: { 'transfer-encoding': 'chunked' } }])
  erp.answerWith((_req, res) => res.destroy())
  await t.rejects(call(erp.port), { code: 'ECONNRESET' })
})

t.test('it notices who goes away, while sending and while waiting', async t => {
  const erp = await startErp(t, () => {})
  const waiting = call(erp.port, { signal: AbortSignal.timeout(100) })
  const first = await erp.next()
  await t.rejects(waiting)
  await first.closed
  t.match(first, { aborted: true })
  t.equal(await first.received, true)

  const sending = await openConnection(erp.port)
  sending.socket.write('POST / HTTP/1.1\r\nHost: erp\r\nContent-Length: 10\r\n\r\nhalf')
  const second = await erp.next()
  sending.socket.destroy()
  t.equal(await second.received, false)
  await second.closed
  t.match(second, { aborted: true, body: Buffer.from('half') })
})

t.test('a handler can hold the body back', async t => {
  const erp = await startErp(t, async (req, res, seen) => {
    req.pause()
    await new Promise(resolve => setTimeout(resolve, 200))
    const held = seen.bodyLength
    req.resume()
    await seen.received
    res.end(String(held))
  })
  const answer = await call(erp.port, { method: 'POST', body: Buffer.alloc(2_000_000) })
  t.equal(answer.text, '0')
  t.match(erp.requests, [{ bodyLength: 2_000_000 }])
})

t.test('it tells open connections, and what was no HTTP', async t => {
  const erp = await startErp(t)
  const { socket } = await openConnection(erp.port)
  socket.write(get)
  await erp.next()
  t.equal(erp.openSockets, 1)
  socket.write('NONSENSE\r\n\r\n')
  await new Promise(resolve => socket.once('close', resolve))
  t.match(erp, { malformed: 1, accepted: 1 })
})

t.test('its TLS has a certificate that verifies, or fails for the very reason that it was made with', async t => {
  const over = async (options: CertificateOptions, trusted = true) => {
    const tls = selfSigned(options)
    const erp = await startErp(t, answering(204), { tls })
    return await new Promise((resolve, reject) => {
      const req = request(erp.origin, { agent: false, ca: trusted ? tls.cert : undefined }, res => { resolve(res.resume().statusCode) })
      req.on('error', reject).end()
    })
  }
  t.equal(await over({}), 204)
  await t.rejects(over({}, false), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' })
  await t.rejects(over({ names: ['erp.example.com'] }), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' })
  await t.rejects(over({ notAfter: new Date(Date.now() - 1000) }), { code: 'CERT_HAS_EXPIRED' })
  await t.rejects(over({ notBefore: new Date(Date.now() + 60_000) }), { code: 'CERT_NOT_YET_VALID' })
})

t.test('a raw ERP sees whole requests, one by one, and answers any bytes', async t => {
  const erp = await startRawErp(t, sends(rawAnswers.whole))
  const post = 'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n'
  const result = await rawRequest(erp.port, [post.slice(0, 30), 20, `${post.slice(30)}${get}`], { responses: 2 })
  t.same(erp.requests.map(String), [post, get])
  t.match(result.responses.map(one => one.body.toString()), ['ok', 'ok'])
  erp.answerWith(sendsThenResets(rawAnswers.short))
  t.match(await rawRequest(erp.port, get), { ending: 'reset', response: { status: 200, complete: false, body: Buffer.from('half') } })
  erp.answerWith(sendsThenCloses(rawAnswers.untilClose))
  t.match(await rawRequest(erp.port, get), { ending: 'closed', response: { complete: true } })
})

t.test('an outage is an outage', async t => {
  const erp = await startErp(t)
  await erp.stop()
  const error = await new Promise(resolve => connect(erp.port, '127.0.0.1').once('error', resolve))
  t.match(error, { code: 'ECONNREFUSED' })
  await erp.start()
  t.equal((await call(erp.port)).status, 200)
})
