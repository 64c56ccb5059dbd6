import { createHmac, randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import t from 'tap'
import { startGateway } from '../support/gateway.ts'
import { startIdp } from '../support/idp.ts'
import { startRawErp, type RawHandler } from '../support/raw-erp.ts'
import { answerCase, buildAnswer, piecesOf, type AnswerCase, type BuiltAnswer } from './answer-cases.ts'
import { tally } from './gauntlet.ts'
import { generation } from './generated.ts'
import { readStrictly, type StrictAnswer } from './strict-answer.ts'

/** Callers at once that share one upstream; and upstreams with one caller at a time. */
const SHARED = 12
const LANES = 12
const BATCH = 100
/** ms: no caller waits longer, however busy the machine is. */
const HANGS = 20_000
/** ms until an ERP that sent too little closes. */
const GIVES_UP = 60

/** What is going on between one caller and the ERP. */
interface Play extends BuiltAnswer {
  readonly case: AnswerCase
  readonly id: number
  /** the caller has all that it gets */
  answered: boolean
  /** the ERP has sent all that it sends */
  over: Promise<unknown>
}

const plays = new Map<string, Play>()
const key = randomBytes(16)
let count = 0

/** A word that names one request: no mutation of it is another one's. */
const markerOf = (id: number): string => `<${id}.${createHmac('sha256', key).update(String(id)).digest('hex').slice(0, 12)}>`

/** Sends what the case says. Which case it is, the path says: /shared/7 */
const play: RawHandler = (socket, request) => {
  const one = plays.get(/^\w+ \/\w+\/(\d+) /.exec(request.toString('latin1'))?.[1] ?? '')
  if (one === undefined) throw new Error(`the ERP was asked for ${request.toString('latin1', 0, 200)}`)
  one.over = perform(socket, one)
}

async function perform (socket: Socket, one: Play): Promise<void> {
  for (const piece of piecesOf(one.case, one.bytes)) {
    if (socket.destroyed) return
    socket.write(piece)
    await turn()
  }
  if (one.case.ending === 'resets') {
    await sleep(3)
    // Node loses a socket that is reset while it is being ended: the process would never end.
    if (socket.writableEnded) socket.destroy()
    else socket.resetAndDestroy()
  } else if (one.case.ending === 'ends') {
    socket.end()
  } else {
    for (const end = Date.now() + GIVES_UP; Date.now() < end && !one.answered;) await sleep(5)
    if (!one.answered) socket.end()
  }
}

t.test('whatever the ERP answers, a caller gets a well-formed answer or a broken connection, and nothing of another one\'s', { timeout: 900_000 }, async t => {
  const { seed, numRuns } = generation('generated answers')
  const idp = await startIdp(t, { alg: 'ES256' })
  const names = ['shared', ...Array.from({ length: LANES }, (_value, at) => `lane${at}`)]
  const erps = await Promise.all(names.map(async () => await startRawErp(t, play)))
  const upstreams = Object.fromEntries(names.map((name, at) => [name, { url: erps[at]?.origin, credential: 'none' }]))
  const limits = { require: 'public', credential: 'none', timeout: '10s', idle_timeout: '10s' }
  const gateway = await startGateway(t, {
    idp,
    erp: { origin: '' },
    changes: { log: { level: 'error', requests: false }, upstreams: { ...upstreams, erp: undefined } },
    routes: names.map(name => ({ match: `GET|POST /${name}/:id`, upstream: name, ...limits }))
  })
  let unhandled = 0
  const onUnhandled = (): void => { unhandled++ }
  process.on('unhandledRejection', onUnhandled)
  t.teardown(() => { process.off('unhandledRejection', onUnhandled) })
  const statuses = new Map<string, number>()
  let held = 0

  /** One case, from the caller's first byte to the last: throws where it is not as promised. */
  async function run (name: string, one: AnswerCase): Promise<void> {
    const id = ++count
    const own: Play = { ...buildAnswer(one, markerOf(id)), case: one, id, answered: false, over: Promise.resolve() }
    plays.set(String(id), own)
    const { bytes, ending } = await ask(gateway.port, `${one.method} /${name}/${id} HTTP/${one.version}\r\nHost: a\r\nConnection: close\r\n${one.method === 'POST' ? 'Content-Length: 2\r\n\r\nhi' : '\r\n'}`)
    own.answered = true
    try {
      const outcome = judge(own, bytes, ending, name)
      statuses.set(outcome, (statuses.get(outcome) ?? 0) + 1)
      held++
    } catch (error) {
      throw new Error(`${error instanceof Error ? error.message : 'failed'}\n${JSON.stringify({ id, name, ending, case: one })}\nthe ERP sent ${JSON.stringify(own.bytes.toString('latin1').slice(0, 1000))}\nthe caller got ${JSON.stringify(bytes.toString('latin1').slice(0, 1000))}`, { cause: error })
    }
    // In a lane the next one comes when the gateway has seen all of this one: what is late is nobody's.
    await own.over
    for (let turns = 0; turns < 3; turns++) await turn()
    plays.delete(String(id))
  }

  /** Split answers in the lanes, one after the other in each; the others all at once, before one upstream. */
  async function batch (cases: readonly AnswerCase[]): Promise<void> {
    const whole = cases.filter(one => one.splits.length === 0)
    const split = cases.filter(one => one.splits.length > 0)
    const queue = async (name: string, some: readonly AnswerCase[]): Promise<void> => {
      for (const one of some) await run(name, one)
    }
    await Promise.all([
      ...Array.from({ length: SHARED }, async (_value, at) => { await queue('shared', whole.filter((_one, index) => index % SHARED === at)) }),
      ...Array.from({ length: LANES }, async (_value, at) => { await queue(`lane${at}`, split.filter((_one, index) => index % LANES === at)) })
    ])
  }

  const runs = Math.ceil(numRuns / BATCH)
  const batches = fc.array(answerCase, { minLength: BATCH, maxLength: BATCH, size: 'max' })
  const { failed, errorInstance } = await fc.check(fc.asyncProperty(batches, batch), { seed, numRuns: runs, endOnFailure: true })
  // fast-check would print the whole batch; which case it was is in the error.
  t.notOk(failed, errorInstance instanceof Error ? errorInstance.message : 'each case is as promised')
  t.equal(unhandled, 0, 'nothing was rejected unhandled')
  const heldOfThem = held
  t.equal(heldOfThem, runs * BATCH)
  t.comment(Object.fromEntries([...statuses].sort(([one], [other]) => one.localeCompare(other))))
  t.comment(`${erps.reduce((sum, { accepted }) => sum + accepted, 0)} connections to the ERP for ${count} requests`)
  // Each kind of outcome has to come up, or nothing was tried.
  if (numRuns >= 1000) t.ok(['200', '502', 'broken', '404', '204'].every(outcome => (statuses.get(outcome) ?? 0) > 0))
  for (const name of names) t.same(await healthyAt(name), 'whole', `${name} still answers`)
  for (const { openSockets } of erps) t.ok(openSockets <= SHARED + 1)
  tally('generated answers', { of: runs * BATCH, held: heldOfThem })

  async function healthyAt (name: string): Promise<string> {
    await run(name, { method: 'GET', version: '1.1', start: 'HTTP/1.1 200 OK', interim: '', lines: [], framing: 'length', chunks: [100], mutations: [], extra: '', cut: undefined, splits: [], ending: 'stays' })
    return 'whole'
  }
})

/** What became of it, in a word. @throws where it is not as promised */
function judge (own: Play, bytes: Buffer, ending: 'closed' | 'reset', name: string): string {
  const { case: { method, version, framing, ending: erpEnds }, isIntact, isCut, body, status } = own
  for (const [marker, id] of bytes.toString('latin1').matchAll(/<(\d+)\.[0-9a-f]{12}>/g)) {
    if (Number(id) !== own.id && marker === markerOf(Number(id))) throw new Error(`the bytes of another caller: ${marker}`)
  }
  const answer = readStrictly(bytes, { method, version, ending })
  if (answer.status >= 500 && answer.headers.get('content-type') === 'application/problem+json') assertProblem(answer, method)
  if (answer.headers.get('x-request-id') === 'theirs') throw new Error('a request id of the ERP')
  const hasBody = method !== 'HEAD' && status !== 204 && status !== 304
  if (isIntact && erpEnds === 'stays' && status !== 401 && framing !== 'close') {
    // A connection that ended just then under a request is the ERP's doing; in a lane there is none.
    const wasReset = name === 'shared' && answer.status === 502
    if (!wasReset && (answer.status !== status || !answer.isWhole || (hasBody && answer.body.toString('latin1') !== body))) throw new Error('a whole answer did not arrive as it was')
  }
  if (isCut && hasBody && answer.isWhole && answer.status !== 502) {
    // A body without a length ends where the connection does, and to Node a reset is an end where bytes come with it
    // (libuv, on POLLHUP after a partial read): for the gateway as it reads, and for this caller. H09 tries them one by one.
    const isDelimited = framing !== 'close' && (version === '1.1' || answer.headers.has('content-length'))
    const endsByClosing = !isDelimited && own.bytes.length >= own.bodyAt
    if (!endsByClosing) throw new Error('half an answer arrived as a whole one')
  }
  return answer.isWhole ? String(answer.status) : 'broken'
}

function assertProblem ({ body, headers }: StrictAnswer, method: string): void {
  if (method === 'HEAD') return
  if (headers.get('cache-control') !== 'no-store') throw new Error('a problem that is not ours')
  // Ours, whole: an object.
  const { type } = JSON.parse(body.toString()) as { type?: unknown }
  const expected = ['upstream-answer-invalid', 'upstream-reset', 'upstream-credential-refused']
  if (!expected.some(code => type === `urn:countersign:problem:${code}`)) throw new Error(`a problem ${String(type)}`)
}

/** All that comes back until the connection is over. */
async function ask (port: number, request: string): Promise<{ readonly bytes: Buffer, readonly ending: 'closed' | 'reset' }> {
  return await new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let ending: 'closed' | 'reset' = 'closed'
    const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => { socket.write(request) })
    const hanging = setTimeout(() => {
      reject(new Error(`no end within ${HANGS} ms of ${request.slice(0, 40)}: ${JSON.stringify(Buffer.concat(chunks).toString('latin1').slice(0, 500))}`))
      socket.destroy()
    }, HANGS)
    socket.on('data', chunk => chunks.push(chunk))
    socket.on('error', () => { ending = 'reset' })
    socket.on('close', () => {
      clearTimeout(hanging)
      resolve({ bytes: Buffer.concat(chunks), ending })
    })
  })
}
