import fc from 'fast-check'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { openConnection } from '../support/raw-http.ts'
import { rawAnswers, sends, sendsThenCloses, sendsThenResets, type RawHandler } from '../support/raw-erp.ts'
import { metric, rawScene, until } from './upstream-scene.ts'

const MAX = 3
const head = (status: string, ...lines: readonly string[]): string => [`HTTP/1.1 ${status}`, ...lines, '', ''].join('\r\n')
const later = (handler: RawHandler, ms = 20): RawHandler => (socket, request) => { setTimeout(() => { if (!socket.destroyed) handler(socket, request) }, ms) }

/** What an ERP can do to a request, by the path that asks for it. */
const ANSWERS: Readonly<Record<string, RawHandler>> = {
  whole: later(sends(rawAnswers.whole)),
  'whole-at-once': sends(rawAnswers.whole),
  'no-content': sends(rawAnswers.noContentWithLength),
  'not-modified': sends(rawAnswers.notModifiedWithLength),
  'until-close': sendsThenCloses(rawAnswers.untilClose),
  short: sendsThenCloses(rawAnswers.short),
  stalls: sends(rawAnswers.short),
  'broken-off': sendsThenResets(rawAnswers.unfinishedChunks),
  'bad-chunk': sends(rawAnswers.badChunkSize),
  garbage: sends(rawAnswers.garbage),
  'head-only': sendsThenCloses(rawAnswers.headOnly),
  switching: sends(rawAnswers.switchingProtocols),
  hints: sends(rawAnswers.earlyHints),
  closes: later(socket => { socket.end() }),
  resets: socket => { socket.resetAndDestroy() },
  silent: () => {},
  refuses: sends(head('401 Unauthorized', 'Content-Length: 2') + 'no'),
  'refuses-for-ever': sends(head('401 Unauthorized', 'Content-Length: 100') + 'no'),
  down: sends(head('503 Service Unavailable', 'Content-Length: 4') + 'down'),
  'down-for-ever': sends(head('503 Service Unavailable', 'Content-Length: 100') + 'down'),
  large: sends(head('200 OK', 'Content-Length: 500000') + 'x'.repeat(500_000))
}

const METHODS = ['GET', 'HEAD', 'POST', 'PUT'] as const
const BODIES = ['none', 'whole', 'chunks', 'too large', 'too large, announced', 'half', 'malformed'] as const

const requests = fc.array(fc.record({
  answer: fc.constantFrom(...Object.keys(ANSWERS)),
  method: fc.constantFrom(...METHODS),
  body: fc.constantFrom(...BODIES),
  leavesAfter: fc.option(fc.integer({ min: 0, max: 150 }), { freq: 3 }),
  reads: fc.boolean()
}), { minLength: 5, maxLength: 40 })

type Asked = typeof requests extends fc.Arbitrary<ReadonlyArray<infer One>> ? One : never

/** A body as bytes, with the header that frames it. */
function bodyOf ({ method, body }: Asked): readonly [header: string | undefined, bytes: string] {
  if (body === 'none' || method === 'GET' || method === 'HEAD') return [undefined, '']
  switch (body) {
    case 'whole': return ['Content-Length: 5', 'hello']
    case 'chunks': return ['Transfer-Encoding: chunked', '5\r\nhello\r\n0\r\n\r\n']
    case 'too large': return ['Transfer-Encoding: chunked', `ffff\r\n${'x'.repeat(0xffff)}\r\n0\r\n\r\n`]
    case 'too large, announced': return ['Content-Length: 100000', 'x']
    case 'half': return ['Content-Length: 10', 'hello']
    case 'malformed': return ['Transfer-Encoding: chunked', '5\r\nhello\r\nzz\r\n']
  }
}

t.test('whatever becomes of requests, every place is free again in the end, the queue empty, and the circuit not stuck', { timeout: 120_000 }, async t => {
  const { erp, gateway, token, head: headOf } = await rawScene(t, (socket, request) => {
    const path = /^\w+ \/([\w-]*)/.exec(request.toString('latin1'))?.[1] ?? ''
    return (ANSWERS[path] ?? sends(rawAnswers.whole))(socket, request)
  }, {
    rule: { timeout: '400ms', idle_timeout: '300ms', body_limit: '1KiB', retry: { attempts: 3, on: ['connect', 'reset', 'timeout', 503], backoff: '5ms' } },
    changes: { upstreams: { erp: { total_timeout: '1500ms', concurrency: { max: MAX, queue: 6, queue_timeout: '500ms' }, breaker: { failures: 12, open_for: '100ms' } } }, log: { level: 'warn' } }
  })
  const count = async (what: string): Promise<number> => await metric(gateway, `countersign_upstream_requests_${what}{upstream="erp"}`)

  async function ask (asked: Asked): Promise<void> {
    const [framing, bytes] = bodyOf(asked)
    const connection = await openConnection(gateway.port)
    const closed = new Promise(resolve => { connection.socket.once('close', resolve) })
    connection.socket.on('error', () => {})
    if (!asked.reads) connection.socket.pause()
    connection.socket.write(headOf(`${asked.method} /${asked.answer}`, 'Connection: close', ...framing === undefined ? [] : [framing]) + bytes)
    const leaves = sleep(asked.leavesAfter ?? 4000, undefined, { ref: false })
    await Promise.race([closed, leaves])
    connection.socket.destroy()
  }

  let most = 0
  const watch = setInterval(() => { count('open').then(open => { most = Math.max(most, open) }, () => {}) }, 10)
  await fc.assert(fc.asyncProperty(requests, async all => {
    await Promise.all(all.map(ask))
    await until(async () => await count('open') === 0 && await count('queued') === 0)
    // It is not stuck half-open: a request that nobody disturbs gets through, and gives its place back.
    await until(async () => (await gateway.call({ token, path: '/whole' })).status === 200)
    await until(async () => await count('open') === 0)
  }), { numRuns: 12, endOnFailure: true })
  clearInterval(watch)
  t.ok(most <= MAX, `${most} at once`)
  t.ok(most > 0)
  await until(() => erp.openSockets <= MAX)
  t.equal(await metric(gateway, 'countersign_requests_in_flight'), 0)
  erp.answerWith(sends(rawAnswers.whole))
  t.equal((await gateway.call({ token })).status, 200)
})
