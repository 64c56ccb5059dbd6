import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { setImmediate as immediate } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { answerParserError, askForBody, expectsContinue, listenForExpectations, refuseConnect, type ParserError } from '../../src/inbound/server-events.ts'
import type { Refusal } from '../../src/policy/problems.ts'
import { openConnection, rawRequest, type RawConnection, type RawResult } from '../support/raw-http.ts'
import { serve } from '../support/server.ts'

interface Refused { readonly refusal: Refusal, readonly decisionId: string, readonly requestId: string }

const BASE = 'urn:example:problem:'
const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/

/** A server with these listeners only, as the gateway sets them; what it holds is answered by the test. */
async function stage (t: Test, handle?: (incoming: IncomingMessage, response: ServerResponse) => void) {
  const held: ServerResponse[] = []
  const refused: Refused[] = []
  const onRefused = (refusal: Refusal, decisionId: string, requestId: string): void => { refused.push({ refusal, decisionId, requestId }) }
  const listener = handle ?? ((_incoming, response) => { held.push(response) })
  const server = createServer({ maxHeaderSize: 500 }, listener)
  listenForExpectations(server, listener)
  refuseConnect(server, () => BASE, onRefused)
  server.on('clientError', (error: ParserError, socket: Socket) => { answerParserError(error, socket, BASE, onRefused) })
  const { port, sockets } = await serve(t, server)

  return {
    held,
    refused,
    sockets,
    onRefused,
    raw: async (input: string, idle: number, responses = 1): Promise<RawResult> => await rawRequest(port, input, { idle, timeout: 2000, responses }),
    /** Writes it and waits until the server says `event`. */
    async after (event: string, input: string): Promise<RawConnection> {
      const said = once(server, event)
      const connection = await openConnection(port)
      connection.socket.write(input, 'latin1')
      await said
      return connection
    }
  }
}

/** The status lines and bodies of ours, up to the end that the server makes. */
async function ended (connection: RawConnection): Promise<string> {
  if (connection.ending === 'open') await once(connection.socket, 'end')
  connection.socket.destroy()
  return connection.bytes.toString('latin1')
}

const codes = (refused: readonly Refused[]): string[] => refused.map(({ refusal }) => refusal.code)
const statuses = (text: string): string[] => [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status = '']) => status)
const request = (line: string, ...headers: readonly string[]): string => [`${line} HTTP/1.1`, 'Host: a', ...headers, '', ''].join('\r\n')
const GET = request('GET /')
const BROKEN_BODY = request('POST /', 'Transfer-Encoding: chunked') + 'zz\r\n'

t.test('100 Continue is said when it is asked for, once, and only to a caller that waits for it', async t => {
  const expected: boolean[] = []
  const { raw } = await stage(t, (incoming, response) => {
    expected.push(expectsContinue(incoming))
    if (incoming.url === '/asked') for (let time = 0; time < 2; time++) askForBody(incoming, response)
    expected.push(expectsContinue(incoming))
    incoming.resume().on('end', () => { response.end('done') })
  })
  for (const [path, headers, before, after, informational] of [
    ['/asked', ['Expect: 100-continue'], true, false, 1],
    ['/', ['Expect: 100-continue'], true, true, 0],
    ['/asked', ['Expect: 200-ok'], false, false, 0],
    ['/asked', [], false, false, 0]
  ] as const) {
    const { responses } = await raw(request(`POST ${path}`, ...headers, 'Content-Length: 2') + 'ok', 20)
    t.match(responses, [{ status: 200, informational: { length: informational } }], headers.join())
    t.equal(responses[0]?.body.toString(), 'done')
    t.same(expected.splice(0), [before, after], headers.join())
  }
})

t.test('a wish for an upgrade ends the connection after its answer, whatever else is expected', async t => {
  const { raw } = await stage(t, (incoming, response) => {
    askForBody(incoming, response)
    incoming.resume().on('end', () => { response.end() })
  })
  for (const expectation of [[], ['Expect: 100-continue'], ['Expect: other']]) {
    for (const [upgrade, ending] of [[['Upgrade: h2c', 'Connection: Upgrade'], 'closed'], [['Upgrade: h2c'], 'closed'], [[], 'open']] as const) {
      const result = await raw(request('POST /', ...expectation, ...upgrade, 'Content-Length: 2') + 'ok', ending === 'closed' ? 1000 : 20)
      t.match(result, { ending, response: { status: 200, headers: { connection: ending === 'closed' ? 'close' : 'keep-alive' } } }, [...expectation, ...upgrade].join())
    }
  }
})

t.test('what the parser refused is answered with a problem that has the ids of the log, and ends the connection', async t => {
  const { raw, refused } = await stage(t, (_incoming, response) => { response.end('fine') })
  for (const [input, wanted, code, saw] of [
    ['NONSENSE\r\n\r\n', [400], 'request-malformed', 'HPE_INVALID_METHOD'],
    [`${GET}NONSENSE\r\n\r\n`, [200, 400], 'request-malformed', 'HPE_INVALID_METHOD'],
    [request('GET /', `X: ${'x'.repeat(600)}`), [431], 'headers-too-large', 'HPE_HEADER_OVERFLOW'],
    [request(`GET /${'x'.repeat(600)}`), [414], 'target-too-long', 'HPE_HEADER_OVERFLOW'],
    [GET + request('CONNECT a:443'), [200, 400], 'target-ambiguous', 'CONNECT']
  ] as const) {
    const { responses, ending, rest } = await raw(input, 1000, wanted.length)
    t.same([responses.map(({ status }) => status), rest.length, ending], [wanted, 0, 'closed'], code)
    t.match(refused, { length: 1, 0: { refusal: { code, extras: { saw } } } })
    const [{ decisionId, requestId } = { decisionId: '', requestId: '' }] = refused.splice(0)
    t.match([decisionId, requestId], [UUID, UUID])
    t.not(decisionId, requestId)
    t.match(responses.at(-1)?.headers, { connection: 'close', 'x-request-id': requestId })
    t.match(JSON.parse(responses.at(-1)?.body.toString() ?? ''), { type: BASE + code, decision: decisionId })
  }
})

t.test('it waits for the answers to those before it', async t => {
  for (const [event, broken, code] of [['clientError', 'NONSENSE\r\n\r\nMORE\r\n\r\n', 'request-malformed'], ['connect', request('CONNECT a:443'), 'target-ambiguous']] as const) {
    const { held, refused, after } = await stage(t)
    const connection = await after(event, GET + GET + broken)
    for (const response of held) {
      await immediate()
      t.equal(refused.length, 0)
      response.end()
      await once(response, 'close')
    }
    t.same(statuses(await ended(connection)), ['200', '200', '400'])
    t.same(codes(refused), [code])
  }
})

t.test('a body that breaks before the answer has begun is answered, and nothing of the journey follows', async t => {
  const { held, refused, after } = await stage(t)
  const connection = await after('clientError', BROKEN_BODY)
  t.equal(held[0]?.socket, null)
  held[0]?.end('late')
  const text = await ended(connection)
  t.same(statuses(text), ['400'])
  t.notMatch(text, 'late')
  t.same(codes(refused), ['request-malformed'])
})

t.test('a body that breaks after that ends the connection behind what was said, be it a head alone', async t => {
  for (const method of ['POST', 'HEAD']) {
    for (const part of ['', 'part']) {
      const { refused, after } = await stage(t, (_incoming, response) => {
        response.writeHead(201, { 'Content-Length': '100' })
        if (part !== '') response.write(part)
      })
      const text = await ended(await after('clientError', BROKEN_BODY.replace('POST', method)))
      t.same(statuses(text), ['201'], method)
      t.equal(text.endsWith(method === 'HEAD' ? '\r\n\r\n' : `\r\n\r\n${part}`), true, method)
      t.same(refused, [])
    }
  }
})

t.test('behind a request that ends the connection nothing is answered, nor where the guard says it in a moment', async t => {
  const first = await stage(t)
  const connection = await first.after('clientError', request('GET /', 'Connection: close') + GET)
  first.held[0]?.end()
  t.same(statuses(await ended(connection)), ['200'])
  t.same(first.refused, [])
  // The same where the connection would go on.
  const second = await stage(t)
  const other = await second.after('request', GET)
  for (const socket of second.sockets) answerParserError({ code: 'HPE_CLOSED_CONNECTION' }, socket, BASE, second.onRefused)
  second.held[0]?.end()
  await other.until('200')
  await immediate()
  t.same([second.refused, statuses(other.bytes.toString())], [[], ['200']])
  other.socket.destroy()

  const third = await stage(t, (_incoming, response) => { process.nextTick(() => { response.writeHead(403, { Connection: 'close' }).end() }) })
  t.same(statuses(await ended(await third.after('clientError', request('POST /', 'Transfer-Encoding: gzip') + 'x'))), ['403'])
  t.same(third.refused, [])
})

/** What is said of an error on a connection without any request. */
function say (error: ParserError, socket = lone()) {
  const refused: Refused[] = []
  answerParserError(error, socket, BASE, (refusal, decisionId, requestId) => { refused.push({ refusal, decisionId, requestId }) })
  return { refused, socket }
}

// It is connected to nothing: what is written to it fails, a moment later.
const lone = (): Socket => new Socket().on('error', () => {})

t.test('a reset is not answered, and what is refused is refused once, at once', async t => {
  const { refused, socket } = say({ code: 'ECONNRESET' })
  await immediate()
  t.same([refused, socket.destroyed], [[], true])
  for (const code of ['HPE_CLOSED_CONNECTION', 'HPE_INVALID_METHOD', 'anything']) {
    const { refused, socket } = say({ code })
    t.match(refused, [{ refusal: { code: 'request-malformed', extras: { saw: code } } }], code)
    t.same([say({ code }, socket).refused, socket.destroyed], [[], false], code)
  }
  const late = say({ code: 'HPE_INVALID_TRANSFER_ENCODING' })
  t.same(late.refused, [])
  await immediate()
  t.match(late.refused, [{ refusal: { code: 'request-malformed', extras: { saw: 'HPE_INVALID_TRANSFER_ENCODING' } } }])
})

t.test('a connection that cannot be written to any more is destroyed instead', async t => {
  const { refused, socket } = say({ code: 'HPE_INVALID_METHOD' }, lone().end())
  t.same([refused, socket.destroyed], [[], true])
})

t.test('a peer that sends on is cut off after a second, for which no process waits', async t => {
  const real = setTimeout
  const timers: Array<{ readonly run: () => void, readonly ms: number, readonly timer: NodeJS.Timeout }> = []
  const captured = t.capture(globalThis, 'setTimeout', (run: () => void, ms: number) => {
    const timer = real(run, ms)
    timers.push({ run, ms, timer })
    return timer
  })
  const { socket } = say({ code: 'HPE_INVALID_METHOD' })
  captured.restore()
  t.same(timers.map(({ ms, timer }) => [ms, timer.hasRef()]), [[1000, false]])
  t.equal(socket.destroyed, false)
  timers[0]?.run()
  t.equal(socket.destroyed, true)
})

t.test('a tunnel\'s connection that fails is destroyed, and fails nothing else', async t => {
  const { after, sockets } = await stage(t)
  const connection = await after('connect', GET + request('CONNECT a:443'))
  for (const socket of sockets) {
    t.equal(socket.listenerCount('error'), 2, 'the one that the test support has, and ours')
    socket.emit('error', new Error('failed'))
    t.equal(socket.destroyed, true)
  }
  connection.socket.destroy()
})

t.test('headers that take too long are a 408, and too much is the target\'s or the headers\' by where it stopped', async t => {
  t.match(say({ code: 'ERR_HTTP_REQUEST_TIMEOUT' }).refused, [{ refusal: { code: 'request-timeout', extras: { saw: 'ERR_HTTP_REQUEST_TIMEOUT' } } }])
  const [target, headers] = ['target-too-long', 'headers-too-large']
  for (const [packet, bytesParsed, code] of [
    ['GET /aaa', 8, target],
    ['GET /aaa', undefined, target],
    ['G /', 3, target],
    ['GET ', 4, target],
    ['GET', 3, headers],
    ['GET/aaa', 7, headers],
    ['get /aaa', 8, headers],
    ['a GET /a', 8, headers],
    ['/aaaa', 5, headers],
    ['', 0, headers],
    ['GET /a\nX', 6, target],
    ['GET /a\nX', 7, headers],
    ['GET /a HTTP/1.1\r\nX: y', 6, target],
    ['GET /a HTTP/1.1\r\nX: y', undefined, headers],
    ['/aaa HTTP/1.1\r\nX: y', 4, target],
    ['/aaa HTTP/1.1\r\nX: y', 3, headers],
    ['/aaa HTTP/1.1\r\nX: y', 5, headers],
    ['/aaa HTTP/1.1\r\nX: y', undefined, headers],
    ['/aaa HTTP', 4, headers],
    ['X: y\n/aaa HTTP/1.1', 9, headers]
  ] as const) {
    const { refused } = say({ code: 'HPE_HEADER_OVERFLOW', rawPacket: Buffer.from(packet, 'latin1'), ...bytesParsed !== undefined && { bytesParsed } })
    t.match(refused, [{ refusal: { code, extras: { saw: 'HPE_HEADER_OVERFLOW' } } }], `${packet} to ${bytesParsed}`)
  }
  for (const rawPacket of [undefined, 'GET /aaa', new Uint8Array(8)]) t.same(codes(say({ code: 'HPE_HEADER_OVERFLOW', rawPacket, bytesParsed: 8 }).refused), [headers])
})
