import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseResponses, type Ending, type RawResponse } from './http-messages.ts'

export { call, type Called } from './call.ts'
export type { RawResponse } from './http-messages.ts'

/** What to write: texts (latin1) and bytes, and numbers for pauses in milliseconds. */
export type RawInput = string | Buffer | ReadonlyArray<string | Buffer | number>

export interface RawOptions {
  /** Of each request, where they do not stand first in a piece of the input: HEAD is what matters. */
  readonly methods?: readonly string[]
  /** Whole answers to wait for; 1 when left out. */
  readonly responses?: number
  /** Quiet time after the last whole answer, in which a second, smuggled one would come; 150 ms. */
  readonly idle?: number
  /** In all; 15 s. What came until then is given, not thrown. */
  readonly timeout?: number
  /** Half-close after writing. */
  readonly end?: boolean
}

export interface RawResult {
  readonly responses: RawResponse[]
  /** The first answer. Its status is 0 where none came. */
  readonly response: RawResponse
  /** What is no answer, or the start of one. */
  readonly rest: Buffer
  readonly bytes: Buffer
  /** How the gateway left the connection: open, closed in order, or reset. */
  readonly ending: Ending
}

/** Writes bytes to a socket and collects what comes back until the connection closes or all is answered. */
export async function rawRequest (port: number, input: RawInput, options: RawOptions = {}): Promise<RawResult> {
  const { responses = 1, idle = 150, timeout = 15_000, end = false } = options
  const pieces = typeof input === 'string' || Buffer.isBuffer(input) ? [input] : input
  const methods = options.methods ?? methodsOf(pieces)
  const connection = await openConnection(port)
  const deadline = Date.now() + timeout
  const writing = write(connection.socket, pieces, end)
  for (let quietSince = Date.now(), length = 0; Date.now() < deadline && connection.ending === 'open'; await sleep(10)) {
    if (connection.bytes.length !== length) {
      length = connection.bytes.length
      quietSince = Date.now()
    }
    const whole = Date.now() - quietSince >= idle && parseResponses(connection.bytes, methods, 'open').responses.filter(one => one.complete)
    if (whole !== false && whole.length >= responses) break
  }
  const { bytes, ending } = connection
  connection.socket.destroy()
  await writing
  const parsed = parseResponses(bytes, methods, ending)
  return { ...parsed, response: parsed.responses[0] ?? noResponse, bytes, ending }
}

/** A connection held by hand: to wait for a 100 Continue, to read slowly, to go away in the middle. */
export interface RawConnection {
  readonly socket: Socket
  readonly bytes: Buffer
  readonly ending: Ending
  /** All bytes so far, once this text is among them; throws when that does not happen in time. */
  until (text: string, timeoutMs?: number): Promise<string>
}

export async function openConnection (port: number): Promise<RawConnection> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  const chunks: Buffer[] = []
  let ending: Ending = 'open'
  socket.on('data', chunk => chunks.push(chunk))
  await once(socket, 'connect')
  socket.on('end', () => { ending = 'closed' })
  socket.on('error', () => { ending = 'reset' })
  const connection: RawConnection = {
    socket,
    get bytes () { return Buffer.concat(chunks) },
    get ending () { return ending },
    async until (text, timeoutMs = 15_000) {
      for (const deadline = Date.now() + timeoutMs; Date.now() < deadline; await sleep(5)) {
        const seen = connection.bytes.toString('latin1')
        if (seen.includes(text)) return seen
        if (ending !== 'open') break
      }
      throw new Error(`the connection is ${ending}, and no ${JSON.stringify(text)} came`)
    }
  }
  return connection
}

async function write (socket: Socket, pieces: ReadonlyArray<string | Buffer | number>, end: boolean): Promise<void> {
  for (const piece of pieces) {
    if (socket.destroyed) return
    if (typeof piece === 'number') await sleep(piece)
    else socket.write(piece, 'latin1')
  }
  if (end) socket.end()
}

function methodsOf (pieces: ReadonlyArray<string | Buffer | number>): string[] {
  const starts = pieces.filter(piece => typeof piece !== 'number').join('')
  return [...starts.matchAll(/^([A-Z]+) \S.* HTTP\/1\.\d\r?$/gm)].map(match => match[1] ?? '')
}

const noResponse: RawResponse = {
  version: '', status: 0, reason: '', headers: {}, rawHeaders: [], body: Buffer.alloc(0), complete: false, informational: []
}
