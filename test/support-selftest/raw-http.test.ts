import t from 'tap'
import { startErp } from '../support/erp.ts'
import { parseResponses, type Ending } from '../support/http-messages.ts'
import { call, openConnection, rawRequest } from '../support/raw-http.ts'
import { rawAnswers, sends, sendsThenCloses, startRawErp } from '../support/raw-erp.ts'

const parse = (text: string, ending: Ending = 'closed', ...methods: string[]) => parseResponses(Buffer.from(text, 'latin1'), methods, ending)

t.test('an answer is complete by its own framing only', async t => {
  const complete = (text: string, ending?: Ending) => parse(text, ending).responses[0]?.complete
  t.equal(complete(rawAnswers.whole, 'open'), true)
  t.equal(complete(rawAnswers.trailers, 'open'), true)
  t.equal(complete(rawAnswers.untilClose, 'closed'), true)
  t.equal(complete(rawAnswers.notModifiedWithLength, 'open'), true)
  t.equal(complete(rawAnswers.short), false)
  t.equal(complete(rawAnswers.unfinishedChunks), false)
  t.equal(complete(rawAnswers.badChunkSize), false)
  t.equal(complete(rawAnswers.untilClose, 'reset'), false)
  t.equal(complete(rawAnswers.untilClose, 'open'), false)
  for (let cut = rawAnswers.trailers.indexOf('\r\n\r\n') + 4; cut < rawAnswers.trailers.length; cut++) {
    t.equal(complete(rawAnswers.trailers.slice(0, cut)), false)
  }
})

t.test('what is no answer is left over', async t => {
  t.match(parse(rawAnswers.garbage), { responses: [], rest: Buffer.from(rawAnswers.garbage) })
  t.match(parse(rawAnswers.headOnly), { responses: [], rest: Buffer.from(rawAnswers.headOnly) })
  t.match(parse(`${rawAnswers.whole}extra`), { responses: [{ status: 200 }], rest: Buffer.from('extra') })
})

t.test('several answers are told apart, 1xx belong to the one that follows', async t => {
  const { responses } = parse(`${rawAnswers.earlyHints}${rawAnswers.trailers}${rawAnswers.switchingProtocols}\u0081\u0005`, 'open')
  t.match(responses.map(({ status, body, informational }) => [status, body.toString('latin1'), informational.map(one => one.status)]), [
    [200, 'ok', [103]], [200, 'ok', []], [101, '\u0081\u0005', []]
  ])
  const head = parse(rawAnswers.whole.slice(0, -2) + rawAnswers.whole, 'open', 'HEAD', 'GET')
  t.match(head.responses.map(one => [one.body.length, one.complete]), [[0, true], [2, true]])
})

t.test('headers are by lower-case name, and as sent', async t => {
  const { responses } = parse('HTTP/1.1 200 OK\r\nSet-Cookie: a\r\nset-cookie: b\r\nContent-Length: 0\r\n\r\n')
  t.match(responses, [{ headers: { 'set-cookie': 'a, b' }, rawHeaders: [['Set-Cookie', 'a'], ['set-cookie', 'b'], ['Content-Length', '0']] }])
})

t.test('rawRequest writes with pauses, knows HEAD, and gives what came until the time is up', async t => {
  const erp = await startErp(t)
  const slow = await rawRequest(erp.port, ['HEAD / HT', 50, 'TP/1.1\r\nHost: erp\r\n', 50, '\r\n'])
  t.match(slow.response, { status: 200, complete: true, body: { length: 0 } })
  const raw = await startRawErp(t, sends(rawAnswers.short))
  t.match(await rawRequest(raw.port, 'GET / HTTP/1.1\r\n\r\n', { timeout: 200 }), { ending: 'open', response: { complete: false } })
  t.match(await rawRequest(raw.port, 'GET / HTTP/1.1\r\n', { timeout: 100 }), { response: { status: 0, complete: false } })
})

t.test('a connection by hand waits for a text', async t => {
  const erp = await startErp(t)
  const connection = await openConnection(erp.port)
  connection.socket.write('POST / HTTP/1.1\r\nHost: erp\r\nExpect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\n')
  await connection.until('100 Continue')
  connection.socket.write('ok')
  t.match(await connection.until('"bytes":2'), /200 OK/)
  await t.rejects(connection.until('never'))
})

t.test('call gives problems parsed, and their code', async t => {
  const erp = await startErp(t, (_req, res) => {
    res.writeHead(403, { 'content-type': 'application/problem+json; charset=utf-8' }).end('{"type":"urn:countersign:problem:scope-missing","status":403}')
  })
  t.match(await call(erp.port), { status: 403, code: 'scope-missing', problem: { status: 403 }, complete: true })
})

t.test('call sends a token, JSON, and headers twice; an answer that breaks off is incomplete', async t => {
  const erp = await startErp(t)
  await call(erp.port, { method: 'PATCH', path: '/x', token: 'a.b.c', body: { a: 1 }, headers: { 'x-two': ['1', '2'] } })
  t.match(erp.requests, [{ method: 'PATCH', url: '/x', headers: { authorization: 'Bearer a.b.c', 'content-type': 'application/json', 'x-two': '1, 2' } }])
  t.equal(erp.requests[0]?.body.toString(), '{"a":1}')
  const raw = await startRawErp(t, sendsThenCloses(rawAnswers.earlyHints.replace('2\r\n\r\nok', '9\r\n\r\nhalf')))
  t.match(await call(raw.port), { status: 200, complete: false, text: 'half', informational: [103] })
})
