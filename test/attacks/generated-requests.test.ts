// Requests on a raw socket, one behind the other, their bytes mutated. A strict reader says what is in them: there are as
// many answers as it finds requests, in order, each of them about its own; and the ERP has seen just those that were
// answered as allowed.
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import { setImmediate as breath } from 'node:timers/promises'
import fc from 'fast-check'
import t from 'tap'
import type { SeenRequest } from '../support/erp.ts'
import { parseResponses, type Ending, type RawResponse } from '../support/http-messages.ts'
import { startAttacked, tally } from './gauntlet.ts'
import { generation } from './generated.ts'
import { bytesOf, conversation, type Conversation } from './request-mutations.ts'
import { readRequests, valuesOf, type RequestHead, type RequestReading } from './request-reading.ts'

/** Conversations under way at once. */
const AT_ONCE = 25
/** ms in which an answer too many would come */
const QUIET = 15
/** ms, a hundred times what an answer takes */
const HANGS = 10_000

const routes = [{ match: 'ANY /open', require: 'public' }, { match: 'ANY /mine', require: 'user' }]
const digest = (...parts: readonly string[]) => createHash('sha256').update(parts.join('\n'), 'latin1').digest('hex')

t.test('mutated requests, pipelined: as many answers as requests, in order, and the ERP sees what was allowed', { timeout: 3_600_000 }, async t => {
  const { seed, numRuns } = generation('generated requests')
  const house = await startAttacked(t, { routes, changes: { log: { level: 'warn', requests: false } } })
  const { erp, gateway } = house
  const token = house.idp.mintUser()
  erp.answerWith(async (_request, response, seen) => {
    if (await seen.received) response.setHeader('X-Digest', digestOf(seen)).end('seen')
  })
  let number = 0
  const counts = { conversations: 0, allowed: 0, refused: 0 }

  await fc.assert(fc.asyncProperty(fc.array(conversation, { minLength: AT_ONCE, maxLength: AT_ONCE }), async conversations => {
    erp.requests.length = 0
    // All of them are over before one of them fails the test: after that the ERP answers otherwise.
    const ended = await Promise.allSettled(conversations.map(async one => await hold(one)))
    const failed = ended.find(one => one.status === 'rejected')
    if (failed !== undefined) throw new Error(String(failed.reason), { cause: failed.reason })
    const held = ended.flatMap(one => one.status === 'fulfilled' ? [one.value] : [])
    await Promise.all(erp.requests.map(({ closed }) => closed))
    for (const { allowed, refused } of held) {
      counts.allowed += allowed.length
      counts.refused += refused
    }
    counts.conversations += held.length
    const answered = held.flatMap(({ allowed }) => allowed).sort()
    const served = erp.requests.filter(({ aborted }) => !aborted).map(digestOf).sort()
    if (served.join() !== answered.join()) {
      const alone = erp.requests.filter(one => !one.aborted && !answered.includes(digestOf(one)))
      throw new Error(`the ERP served ${served.length} requests, ${answered.length} were answered as allowed; not ${JSON.stringify(alone.map(({ method, url, bodyLength }) => [method, url, bodyLength]))}\n${held.map(({ log }) => log).join('\n')}`)
    }
    const heads = new Set(held.flatMap(({ begun }) => begun))
    const strange = erp.requests.filter(one => one.aborted && !heads.has(`${one.method} ${one.url}`))
    if (strange.length > 0) throw new Error(`the ERP saw the start of what nobody was allowed: ${strange.map(({ method, url }) => `${method} ${url}`).join()}`)
    if (erp.malformed > 0) throw new Error('the ERP was sent what is no HTTP')
  }), { seed, numRuns: Math.ceil(numRuns / AT_ONCE), endOnFailure: process.env['COUNTERSIGN_SHRINK'] === undefined })

  t.comment(`${counts.conversations} conversations: ${counts.allowed} requests allowed, ${counts.refused} refused`)
  t.ok(counts.allowed > counts.conversations / 4, 'there was something to let through')
  t.ok(counts.refused > counts.conversations / 4, 'and something to refuse')
  tally('generated requests', { of: counts.conversations, held: t.passing() ? counts.conversations : 0 })

  /** One conversation from its first byte to its last; throws where an answer is not that of its request. */
  async function hold (plan: Conversation): Promise<{ allowed: string[], begun: string[], refused: number, log: string }> {
    const bytes = bytesOf(plan, String(number++), token)
    const readings = readRequests(bytes)
    const { responses, rest, ending } = await converse(gateway.port, bytes, plan.cuts, readings)
    const wrong = whatIsWrong(readings, responses, rest, ending, token)
    const log = `${JSON.stringify(bytes.replaceAll(token, '<token>'))}: ${readings.map(({ is }) => is).join()}; ${responses.map(({ status }) => status).join()}; ${ending}`
    if (wrong !== undefined) throw new Error(`${wrong}\n${log}`)
    return {
      log,
      allowed: responses.filter(({ status }) => status === 200).map(({ headers }) => headers['x-digest'] ?? ''),
      begun: readings.flatMap(({ head }) => head !== undefined && mayPass(head, token) ? [`${head.method} ${head.target}`] : []),
      refused: responses.filter(({ status }) => status !== 200).length
    }
  }
})

interface Conversed {
  readonly responses: readonly RawResponse[]
  readonly rest: Buffer
  readonly ending: Ending
}

/** Sends the bytes, and waits until the connection ends, or all that are to be answered are. */
async function converse (port: number, bytes: string, cuts: readonly number[], readings: readonly RequestReading[]): Promise<Conversed> {
  const whole = readings.filter(({ is }) => is === 'whole').length
  // What is broken ends the connection; what is not at its end is waited for by both sides.
  const mayGoOn = readings.at(-1)?.is !== 'broken'
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  await once(socket, 'connect')
  let ending: Ending = 'open'
  let received: Buffer = Buffer.alloc(0)
  await new Promise<void>(resolve => {
    let quiet: NodeJS.Timeout | undefined
    const limit = setTimeout(resolve, HANGS)
    const look = (): void => {
      clearTimeout(quiet)
      const complete = readResponses(received, readings, 'open').responses.filter(one => one.complete)
      const ends = complete.at(-1)?.headers['connection'] === 'close' && complete.length <= whole
      if (mayGoOn && !ends && complete.length >= whole) quiet = setTimeout(resolve, QUIET)
    }
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk])
      look()
    })
    socket.once('end', () => { ending = 'closed' })
    socket.once('error', () => { ending = 'reset' })
    socket.once('close', () => {
      clearTimeout(limit)
      clearTimeout(quiet)
      resolve()
    })
    look()
    void writeInPieces(bytes, cuts, piece => { socket.write(piece, 'latin1') })
  })
  socket.destroy()
  return { ...readResponses(received, readings, ending), ending }
}

async function writeInPieces (bytes: string, cuts: readonly number[], write: (piece: string) => void): Promise<void> {
  const places = [0, ...cuts.map(part => Math.floor(part * bytes.length)).sort((one, other) => one - other), bytes.length]
  for (const [at, place] of places.entries()) {
    if (at === 0) continue
    write(bytes.slice(places[at - 1], place))
    await breath()
  }
}

// What the parser refuses has a body in its answer, whatever the method; what the gateway refuses to a HEAD has none.
function readResponses (bytes: Buffer, readings: readonly RequestReading[], ending: Ending): { responses: RawResponse[], rest: Buffer } {
  const methods = readings.map(({ is, head }) => is === 'whole' ? head?.method ?? 'GET' : 'GET')
  const read = parseResponses(bytes, methods, ending)
  if (read.rest.length === 0 && read.responses.every(({ complete }) => complete)) return read
  const last = read.responses.length - 1
  const other = methods.map((method, at) => at !== last ? method : method === 'HEAD' ? 'GET' : 'HEAD')
  return parseResponses(bytes, other, ending)
}

function whatIsWrong (readings: readonly RequestReading[], responses: readonly RawResponse[], rest: Buffer, ending: Ending, token: string): string | undefined {
  const whole = readings.filter(({ is }) => is === 'whole').length
  if (rest.length > 0) return 'more bytes than answers'
  if (responses.length > readings.length) return 'more answers than requests'
  for (const [at, { status, headers, complete }] of responses.entries()) {
    const { is, head, body = '' } = readings[at] ?? { is: 'broken' }
    const isLast = at === responses.length - 1
    if (!complete) return 'an answer that is not whole'
    if (status !== 200 && (status < 400 || status > 499)) return `a status ${status}`
    if (headers['connection'] === 'close' && !isLast) return 'an answer behind one that ends the connection'
    // What is not at its end may be waited for a moment.
    if (headers['connection'] === 'close' && ending === 'open' && is === 'whole') return 'a connection that is not ended as was said'
    if (is !== 'whole' && !(isLast && headers['connection'] === 'close')) return 'what is not whole was answered, and the connection went on'
    if (status !== 200) continue
    if (is !== 'whole' || head === undefined) return 'what is not whole was let through'
    if (!mayPass(head, token)) return 'what is not allowed was let through'
    if (headers['x-digest'] !== digest(head.method, head.target, body)) return 'the answer is not that of its request'
  }
  const last = responses.at(-1)
  if (last?.headers['connection'] === 'close') return undefined
  if (responses.length < whole) return `${whole} requests, ${responses.length} answers, and the connection ${ending}`
  return readings.at(-1)?.is === 'broken' ? 'what is broken was not answered' : undefined
}

/** Whether the rules let it through, for all that a strict reader can see. */
function mayPass (head: RequestHead, token: string): boolean {
  const [path] = head.target.split('?')
  const hosts = valuesOf(head, 'host')
  if (hosts.length > 1 || (hosts.length === 0 && head.version === '1.1')) return false
  if (path === '/open') return true
  const [authorization, ...more] = valuesOf(head, 'authorization')
  return path === '/mine' && more.length === 0 && authorization !== undefined && /^bearer +(.*)$/i.exec(authorization)?.[1] === token
}

function digestOf ({ method, url, body }: SeenRequest): string {
  return digest(method, url, body.toString('latin1'))
}
