import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import t from 'tap'
import { errors, type Dispatcher } from 'undici'
import { relay, type AttemptEnd, type AttemptWatcher, type RelayOutcome, type RelayRequest } from '../../src/outbound/relay.ts'
import type { Refusal } from '../../src/policy/problems.ts'
import { openConnection, rawRequest, type RawConnection } from '../support/raw-http.ts'
import { serve } from '../support/server.ts'
import type { TestContext } from '../support/teardown.ts'

/** The upstream's side by hand: what undici would call, in the order that it would, or would not. */
interface Played {
  readonly handler: Dispatcher.DispatchHandler
  readonly options: Dispatcher.DispatchOptions
  readonly aborts: Error[]
  readonly abort: (reason?: Error) => void
}

type Ended = RelayOutcome | Refusal

interface Stage {
  readonly port: number
  readonly played: () => Promise<Played>
  readonly ended: Promise<Ended>
}

/** A caller's side on a real socket before a dispatcher that only remembers. One request. */
async function stage (t: TestContext, changes: Partial<RelayRequest> = {}): Promise<Stage> {
  let settle = (_ended: Ended): void => {}
  let play = (_played: Played): void => {}
  const ended = new Promise<Ended>(resolve => { settle = resolve })
  const played = new Promise<Played>(resolve => { play = resolve })
  const dispatcher = {
    dispatch (options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler) {
      const aborts: Error[] = []
      play({
        handler,
        options,
        aborts,
        abort (reason = new Error('aborted')) {
          aborts.push(reason)
          if (aborts.length === 1) handler.onError?.(reason)
        }
      })
      return true
    }
  }
  const { port } = await serve(t, createServer((incoming: IncomingMessage, response: ServerResponse) => {
    relay({
      // Nothing else of it is used.
      dispatcher: dispatcher as unknown as Dispatcher,
      method: incoming.method ?? '',
      path: '/x',
      headers: [],
      contentLength: incoming.headers['content-length'],
      hasBody: incoming.method === 'POST',
      askForBody () {},
      bodyLimit: Infinity,
      held: undefined,
      timeout: 5000,
      idleTimeout: 5000,
      endsBy: Infinity,
      watcher: undefined,
      answerHeaders: raw => raw.map(part => part.toString('latin1')),
      ...changes
    }, incoming, response).then(settle, (error: unknown) => {
      // What relay says that it throws.
      const refusal = error as Refusal
      settle(refusal)
      response.writeHead(500, ['X-Code', refusal.code, 'Content-Length', '0']).end()
    })
  }))
  return { port, ended, played: async () => await played }
}

const headers = (...lines: readonly string[]): Buffer[] => lines.map(line => Buffer.from(line, 'latin1'))
const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
const noResume = (): void => {}

async function caller (port: number, request = GET): Promise<RawConnection> {
  const connection = await openConnection(port)
  connection.socket.write(request)
  return connection
}

t.test('a caller that leaves before there is a connection: the request is aborted once there is one', async t => {
  const { port, ended, played } = await stage(t)
  const { socket } = await caller(port)
  const { handler, aborts, abort } = await played()
  socket.destroy()
  t.match(await ended, { kind: 'broken-off', refusal: { code: 'client-gone' } })
  t.equal(aborts.length, 0)
  handler.onConnect?.(abort)
  t.equal(aborts.length, 1)
})

t.test('time that is up before there is a connection is a timeout, and the request aborted once there is one', async t => {
  for (const request of [GET, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello']) {
    const { port, ended, played } = await stage(t, { timeout: 100, idleTimeout: 100 })
    const { socket } = await caller(port, request)
    const { handler, aborts, abort } = await played()
    t.match(await ended, { code: 'upstream-timeout' })
    handler.onConnect?.(abort)
    t.equal(aborts.length, 1)
    socket.destroy()
  }
})

t.test('what comes after the end changes nothing', async t => {
  const { port, ended, played } = await stage(t)
  const connection = await caller(port)
  const { handler, abort, aborts } = await played()
  handler.onConnect?.(abort)
  handler.onHeaders?.(200, headers('Content-Length', '2'), noResume, '')
  handler.onData?.(Buffer.from('ok'))
  handler.onComplete?.([])
  t.match(await ended, { kind: 'answered', status: 200 })
  handler.onError?.(new Error('late'))
  handler.onComplete?.([])
  t.equal(handler.onData?.(Buffer.from('late')), true)
  await connection.until('ok')
  t.notMatch(connection.bytes.toString(), /late/)
  connection.socket.destroy()
  await new Promise(resolve => setTimeout(resolve, 50))
  t.equal(aborts.length, 0)
})

t.test('a header that cannot be written is an answer that is not HTTP, and half of it goes nowhere', async t => {
  for (const bad of [['X-A', 'a\r\nb'], ['X A', 'b'], ['', 'b']] as const) {
    const { port, ended, played } = await stage(t)
    const answer = rawRequest(port, GET)
    const { handler, abort } = await played()
    handler.onConnect?.(abort)
    handler.onHeaders?.(200, headers('X-Before', '1', 'Content-Length', '999', ...bad), noResume, '')
    t.match(await ended, { code: 'upstream-answer-invalid' })
    const { response } = await answer
    t.match(response, { status: 500, headers: { 'x-code': 'upstream-answer-invalid' }, complete: true })
    t.notOk('x-before' in response.headers)
  }
})

t.test('an upstream that gives out what is wrong with the request itself is our failure', async t => {
  const { port, ended, played } = await stage(t)
  const answer = rawRequest(port, GET)
  const { handler } = await played()
  handler.onError?.(new errors.InvalidArgumentError('invalid request path'))
  t.match(await ended, { code: 'internal' })
  t.match((await answer).response, { status: 500 })
})

t.test('the head goes out alone where no bytes came with it, and with them where they did', async t => {
  const { port, played } = await stage(t)
  const connection = await caller(port)
  const { handler, abort } = await played()
  handler.onConnect?.(abort)
  handler.onHeaders?.(200, headers('Content-Length', '2'), noResume, '')
  await connection.until('\r\n\r\n')
  handler.onData?.(Buffer.from('ok'))
  handler.onComplete?.([])
  await connection.until('ok')
  connection.socket.destroy()
})

t.test('the upstream is held back until the caller has read', async t => {
  const { port, ended, played } = await stage(t)
  const connection = await caller(port)
  connection.socket.pause()
  const { handler, abort } = await played()
  let resume = (): void => {}
  const resumed = async () => await new Promise<boolean>(resolve => {
    resume = () => { resolve(true) }
    setTimeout(() => { resolve(false) }, 300)
  })
  handler.onConnect?.(abort)
  handler.onHeaders?.(200, [], () => { resume() }, '')
  const piece = Buffer.alloc(1024 * 1024)
  let written = 0
  // The kernel takes some of it.
  for (let goesOn = true; goesOn && written < 256 * piece.length;) {
    written += piece.length
    goesOn = handler.onData?.(piece) === true || await resumed()
  }
  t.ok(written < 64 * piece.length, `${written} bytes`)
  connection.socket.resume()
  t.equal(await resumed(), true)
  handler.onComplete?.([])
  t.match(await ended, { kind: 'answered', status: 200 })
  connection.socket.destroy()
})

t.test('hints before a 401 that is tried again are no answer', async t => {
  const { port, ended, played } = await stage(t)
  const connection = await caller(port)
  const { handler, abort, aborts } = await played()
  handler.onConnect?.(abort)
  handler.onHeaders?.(401, headers('WWW-Authenticate', 'Bearer'), noResume, '')
  t.match(await ended, { kind: 'credential-refused', replayable: true })
  // More of it than is worth reading, and hints that come too late.
  handler.onHeaders?.(103, headers('Link', '</a>; rel=preload'), noResume, '')
  for (let sent = 0; sent < 3; sent++) handler.onData?.(Buffer.alloc(40_000))
  t.ok(aborts.length > 0)
  t.equal(connection.bytes.length, 0)
  connection.socket.destroy()
})

/** Writes down what it is told. */
function watching (declined: readonly number[] = []): { readonly watcher: AttemptWatcher, readonly ends: AttemptEnd[], readonly heads: number[] } {
  const [ends, heads]: [AttemptEnd[], number[]] = [[], []]
  return {
    ends,
    heads,
    watcher: {
      declines (status) {
        heads.push(status)
        return declined.includes(status)
      },
      ended (end) { ends.push(end) }
    }
  }
}

t.test('whoever follows it is told once: when the upstream is done, though the caller has not read', async t => {
  const { watcher, ends, heads } = watching()
  const { port, played } = await stage(t, { watcher })
  const { socket } = await caller(port)
  socket.pause()
  const { handler, abort } = await played()
  handler.onConnect?.(abort)
  handler.onHeaders?.(103, headers('Link', '</a>; rel=preload'), noResume, '')
  handler.onHeaders?.(200, [], noResume, '')
  handler.onData?.(Buffer.alloc(32 * 1024 * 1024))
  t.equal(ends.length, 0)
  handler.onComplete?.([])
  t.match(ends, [{ connected: true, status: 200, refusal: undefined }])
  socket.destroy()
  handler.onError?.(new Error('late'))
  await new Promise(resolve => setTimeout(resolve, 100))
  t.same([ends.length, heads], [1, [200]])
})

t.test('and of what is over at its head, when the upstream is done with it, well or not', async t => {
  for (const error of [undefined, new errors.ResponseContentLengthMismatchError()]) {
    const { watcher, ends } = watching()
    const { port, ended, played } = await stage(t, { watcher })
    const { socket } = await caller(port)
    const { handler, abort } = await played()
    handler.onConnect?.(abort)
    handler.onHeaders?.(304, headers('Content-Length', '1000'), noResume, '')
    t.match(await ended, { kind: 'answered', status: 304 })
    t.equal(ends.length, 0)
    if (error === undefined) handler.onComplete?.([])
    else handler.onError?.(error)
    t.match(ends, [{ connected: true, status: 304, refusal: undefined }])
    socket.destroy()
  }
})

t.test('and where there never was a connection, as soon as nobody waits for one', async t => {
  const { watcher, ends } = watching()
  const { port, ended, played } = await stage(t, { watcher, timeout: 100 })
  await caller(port)
  const { handler, abort, aborts } = await played()
  await ended
  t.match(ends, [{ connected: false, status: undefined, refusal: { code: 'upstream-timeout' }, replayable: true }])
  handler.onConnect?.(abort)
  t.same([aborts.length, ends.length], [1, 1])
})

t.test('and where it was refused before it went out', async t => {
  const { watcher, ends } = watching()
  const { port, ended } = await stage(t, { watcher, bodyLimit: 3, hasBody: true, contentLength: '5' })
  await caller(port, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello')
  t.match(await ended, { code: 'body-too-large' })
  t.match(ends, [{ connected: false, refusal: { code: 'body-too-large' } }])
})

t.test('an answer that is declined reaches nobody, and its rest is not waited for', async t => {
  const { watcher, ends } = watching([503])
  const { port, ended, played } = await stage(t, { watcher })
  const connection = await caller(port)
  const { handler, abort, aborts } = await played()
  handler.onConnect?.(abort)
  handler.onHeaders?.(503, headers('Content-Length', '1000000'), noResume, '')
  t.match(await ended, { kind: 'declined', status: 503 })
  for (let sent = 0; sent < 3; sent++) handler.onData?.(Buffer.alloc(40_000))
  t.ok(aborts.length > 0)
  t.match(ends, [{ status: 503, refusal: undefined }])
  t.equal(connection.bytes.length, 0)
  connection.socket.destroy()
})

t.test('all of it ends at its instant, however it moves', async t => {
  const { port, ended, played } = await stage(t, { endsBy: performance.now() + 600 })
  const connection = await caller(port)
  const { handler, abort } = await played()
  handler.onConnect?.(abort)
  handler.onHeaders?.(200, [], noResume, '')
  const moving = setInterval(() => { handler.onData?.(Buffer.from('x')) }, 50)
  t.match(await ended, { kind: 'broken-off', refusal: { code: 'upstream-broken-off', extras: { saw: 'not done within total_timeout' } } })
  clearInterval(moving)
  connection.socket.destroy()
})
