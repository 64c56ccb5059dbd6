import t from 'tap'
import { answering } from '../support/erp.ts'
import { openConnection } from '../support/raw-http.ts'
import { rawAnswers, sends } from '../support/raw-erp.ts'
import { rawScene, scene } from './upstream-scene.ts'

/** Names and values of an answer's headers, less those that differ from run to run. */
const headersOf = (raw: ReadonlyArray<readonly [string, string]>) => raw.map(([name]) => name.toLowerCase()).filter(name => !['date', 'connection', 'keep-alive', 'x-request-id'].includes(name))

t.test('an answer to HEAD has the length and no body, and the connection goes on', async t => {
  const { gateway, head } = await scene(t, (req, res) => {
    if (req.url === '/chunked') res.writeHead(200, { 'transfer-encoding': 'chunked' })
    else res.writeHead(200, { 'content-length': 1234, etag: '"1"' })
    res.end()
  })
  const { responses, ending } = await gateway.raw(head('HEAD /x') + head('HEAD /chunked') + head('HEAD /x'), { responses: 3 })
  t.match(responses, [{ status: 200, headers: { 'content-length': '1234', etag: '"1"' } }, { status: 200 }, { status: 200 }])
  t.equal(responses.length, 3)
  t.equal(responses[1]?.headers['content-length'], undefined)
  t.equal(ending, 'open')
})

for (const [name, answer] of Object.entries({
  'with a length': 'HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n',
  'without one': 'HTTP/1.1 204 No Content\r\n\r\n',
  'with a transfer coding': 'HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n'
})) {
  t.test(`204 ${name}: no body, no framing, and the connection goes on`, async t => {
    const { gateway, head } = await rawScene(t, sends(answer))
    const { responses, ending, rest } = await gateway.raw(head('DELETE /x') + head('POST /x', 'Content-Length: 2') + 'ok' + head('GET /x'), { responses: 3 })
    t.match(responses.map(one => one.status), [204, 204, 204])
    for (const { rawHeaders } of responses) t.same(headersOf(rawHeaders), [])
    t.same([ending, rest.length], ['open', 0])
  })
}

for (const [name, answer] of Object.entries({
  'with a length': rawAnswers.notModifiedWithLength,
  'without one': 'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\n\r\n',
  'with a transfer coding': 'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\nTransfer-Encoding: chunked\r\n\r\n'
})) {
  t.test(`304 ${name}: its ETag, no body, and the connection goes on`, async t => {
    const { erp, gateway, head } = await rawScene(t, sends(answer))
    const conditional = head('GET /x', 'If-None-Match: "1"')
    const { responses, ending, rest } = await gateway.raw(conditional + conditional + conditional, { responses: 3 })
    t.match(responses, [{ status: 304, headers: { etag: '"1"' } }, { status: 304 }, { status: 304 }])
    t.equal(responses[0]?.headers['content-length'], name === 'with a length' ? '1234' : undefined)
    t.equal(responses[0]?.headers['transfer-encoding'], undefined)
    t.same([ending, rest.length], ['open', 0])
    t.match(erp.requests[0]?.toString(), /If-None-Match: "1"/)
    t.match(gateway.logLines().filter(line => line['msg'] === 'request'), [{ status: 304 }, { status: 304 }, { status: 304 }])
  })
}

t.test('other statuses and reasons without meaning pass as they are', async t => {
  const { gateway, token } = await scene(t, (req, res) => {
    const status = Number(req.url?.slice(1))
    if (status === 206) res.writeHead(206, { 'content-range': 'bytes 0-1/9' }).end('ok')
    else res.writeHead(status, { 'content-length': '0', 'retry-after': '7' }).end()
  })
  for (const status of [200, 201, 202, 203, 205, 206, 207, 226, 299, 300, 301, 400, 402, 403, 404, 405, 407, 409, 418, 422, 429, 451, 499, 500, 501, 502, 503, 504, 599]) {
    const answer = await gateway.call({ path: `/${status}`, token })
    t.match(answer, { status, complete: true, problem: undefined })
    t.equal(answer.headers['retry-after'], status === 206 ? undefined : '7')
    if (status === 206) t.match(answer, { text: 'ok', headers: { 'content-range': 'bytes 0-1/9' } })
  }
})

t.test('early hints: the links, before the answer', async t => {
  const hints = 'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload; as=style\r\nLink: </b.js>; rel=preload; as=script\r\nSet-Cookie: a=b\r\nX-Secret: 1\r\n\r\n'
  const { gateway, head, token } = await rawScene(t, sends(`${hints}HTTP/1.1 103 Early Hints\r\nX-None: 1\r\n\r\n${rawAnswers.whole}`))
  const { response } = await gateway.raw(head('GET /x'))
  t.match(response, { status: 200, complete: true, informational: { length: 1 } })
  t.match(response.informational, [{ status: 103, headers: { link: '</a.css>; rel=preload; as=style, </b.js>; rel=preload; as=script' } }])
  t.same(response.informational[0]?.rawHeaders.filter(([name]) => name.toLowerCase() !== 'link'), [])
  const old = await gateway.raw(`GET /x HTTP/1.0\r\nHost: gateway.test\r\nAuthorization: Bearer ${token}\r\n\r\n`)
  t.match(old.response, { status: 200, informational: { length: 0 } })
})

t.test('hints that are malformed are left out, and the answer comes', async t => {
  const { gateway, token } = await rawScene(t, sends(`HTTP/1.1 103 Early Hints\r\nLink: what?\r\n\r\n${rawAnswers.whole}`))
  t.match(await gateway.call({ token }), { status: 200, text: 'ok', complete: true, informational: [] })
})

t.test('102 is left out, and the answer comes', async t => {
  const { gateway, token } = await rawScene(t, sends(`HTTP/1.1 102 Processing\r\n\r\n${rawAnswers.whole}`))
  t.match(await gateway.call({ token }), { status: 200, text: 'ok', complete: true })
})

t.test('an answer that ends with the connection is whole', async t => {
  const { gateway, token } = await rawScene(t, socket => { socket.end(rawAnswers.untilClose) })
  t.match(await gateway.call({ token }), { status: 200, text: 'until the end', complete: true, headers: { 'transfer-encoding': 'chunked' } })
})

t.test('the head and the first bytes come when the ERP sends them, not at the end', async t => {
  const { erp, gateway, head } = await scene(t, (_req, res) => { res.writeHead(200).flushHeaders() })
  const headAlone = await openConnection(gateway.port)
  headAlone.socket.write(head('GET /x'))
  await headAlone.until('200 OK')
  headAlone.socket.destroy()
  let release = (): void => {}
  erp.answerWith((_req, res) => {
    res.writeHead(200).write('first')
    release = () => { res.end('last') }
  })
  const answer = await openConnection(gateway.port)
  answer.socket.write(head('GET /x'))
  await answer.until('first')
  release()
  await answer.until('last\r\n0\r\n\r\n')
  answer.socket.destroy()
})

t.test('redirects are not followed', async t => {
  const { erp, gateway, token } = await scene(t, answering(302, 'there', { location: '/there' }))
  t.match(await gateway.call({ token }), { status: 302, text: 'there' })
  t.equal(erp.requests.length, 1)
})

t.test('one Date, and the ERP\'s', async t => {
  const { gateway, head } = await rawScene(t, sends('HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 2\r\n\r\nok'))
  const { rawHeaders } = (await gateway.raw(head('GET /x'))).response
  t.same(rawHeaders.filter(([name]) => name.toLowerCase() === 'date').map(([, value]) => value), ['Sun, 06 Nov 1994 08:49:37 GMT'])
  t.equal(rawHeaders.filter(([name]) => name.toLowerCase() === 'connection').length, 1)
})
