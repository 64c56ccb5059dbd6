import { EventEmitter } from 'node:events'
import { validateHeaderName, validateHeaderValue, type IncomingMessage, type ServerResponse } from 'node:http'
import { breakOff, unwatchCaller, watchCaller, type CallerWatcher } from './caller-gone.ts'
import { endAfterBody } from './linger.ts'
import type { KeptAnswer } from './write-store.ts'

/**
 * Stands in for a caller towards a relay, so that a request whose body is all in hand is carried out to its end, whether its
 * caller stays or leaves. The caller, as long as it is there, has the answer as it comes; what came is kept for others, up to
 * a limit. Past that it is a stream for the caller alone, at the caller's pace, and ends with it.
 */
export class DetachedCaller implements CallerWatcher {
  readonly incoming: IncomingMessage
  readonly response: ServerResponse
  readonly #caller: ServerResponse
  readonly #line: Line
  readonly #answer: DetachedAnswer

  /** @param limit bytes of an answer's body that are kept */
  constructor (incoming: IncomingMessage, response: ServerResponse, limit: number) {
    this.#caller = response
    this.#line = new Line(() => this.#live())
    const { rawHeaders, headers, httpVersion } = incoming
    const request = Object.assign(new Idle(), { rawHeaders, headers, httpVersion, socket: this.#line })
    this.#answer = new DetachedAnswer(request, this.#line, limit, () => this.#live())
    // Of both a relay uses what they have: whoever lets it use more adds it here, and sees the tests of this fail before.
    this.incoming = request as unknown as IncomingMessage
    this.response = this.#answer as unknown as ServerResponse
    watchCaller(incoming.socket, this)
    this.#stop = () => { unwatchCaller(incoming.socket, this) }
  }

  readonly #stop: () => void

  /** What can be given to others; undefined where there is no whole answer, or it is too large. */
  get answer (): KeptAnswer | undefined {
    return this.#answer.kept
  }

  callerGone (): void {
    this.#answer.callerGone()
  }

  /** The relay is done with it. */
  end (): void {
    this.#stop()
  }

  #live (): ServerResponse | undefined {
    // Where its parser refused what came after it, it was answered in its place.
    return this.#caller.destroyed || this.#caller.socket === null || this.#caller.socket.destroyed ? undefined : this.#caller
  }
}

/** A request of which nothing is left to read. */
class Idle extends EventEmitter {
  readonly complete = true
  readonly readableEnded = true
  readonly destroyed = false

  resume (): this {
    return this
  }

  pause (): this {
    return this
  }
}

/** A connection that is there until it is closed by hand. */
class Line extends EventEmitter {
  destroyed = false
  readonly #live: () => ServerResponse | undefined

  constructor (live: () => ServerResponse | undefined) {
    super()
    this.#live = live
  }

  /** To a caller that left, no hints are given. */
  get writableLength (): number {
    return this.#live()?.socket?.writableLength ?? Infinity
  }

  destroy (): void {
    if (this.destroyed) return
    this.destroyed = true
    this.emit('close')
  }

  resetAndDestroy (): void {
    this.destroy()
  }
}

class DetachedAnswer extends EventEmitter {
  readonly req: Idle
  readonly socket: Line
  // So that nobody writes to the connection past this.
  readonly chunkedEncoding = true
  headersSent = false
  destroyed = false
  writableFinished = false
  readonly #limit: number
  readonly #live: () => ServerResponse | undefined
  #status = 0
  #headers: readonly string[] = []
  /** undefined once there is more than is kept */
  #chunks: Buffer[] | undefined = []
  #bytes = 0

  constructor (req: Idle, socket: Line, limit: number, live: () => ServerResponse | undefined) {
    super()
    this.req = req
    this.socket = socket
    this.#limit = limit
    this.#live = live
  }

  get kept (): KeptAnswer | undefined {
    return this.writableFinished && this.#chunks !== undefined ? { status: this.#status, headers: this.#headers, body: Buffer.concat(this.#chunks) } : undefined
  }

  get writableNeedDrain (): boolean {
    return this.#chunks === undefined && this.#live()?.writableNeedDrain === true
  }

  writeHead (status: number, flat: readonly string[]): void {
    const headers = dated(flat)
    for (let at = 0; at < headers.length; at += 2) {
      validateHeaderName(headers[at] ?? '')
      validateHeaderValue(headers[at] ?? '', headers[at + 1] ?? '')
    }
    this.#status = status
    this.#headers = headers.filter((_part, at) => !OF_ONE_REQUEST.has(headers[at - at % 2]?.toLowerCase() ?? ''))
    this.headersSent = true
    this.#live()?.writeHead(status, [...headers])
  }

  flushHeaders (): void {
    this.#live()?.flushHeaders()
  }

  writeEarlyHints (hints: Parameters<ServerResponse['writeEarlyHints']>[0]): void {
    this.#live()?.writeEarlyHints(hints)
  }

  write (chunk: Buffer): boolean {
    this.#keep(chunk)
    const live = this.#live()
    const flowing = live?.write(chunk) ?? true
    if (this.#chunks !== undefined) return true
    if (live === undefined) this.socket.destroy()
    else if (!flowing) live.once('drain', () => { this.emit('drain') })
    return flowing
  }

  end (last?: string, encoding?: BufferEncoding): void {
    const chunk = last === undefined ? undefined : Buffer.from(last, encoding)
    if (chunk !== undefined) this.#keep(chunk)
    const live = this.#live()
    if (live !== undefined) endAfterBody(live, chunk)
    this.writableFinished = true
    this.emit('finish')
  }

  /** The relay breaks it off: it will never be whole. */
  destroy (): void {
    if (this.destroyed) return
    this.destroyed = true
    this.#chunks = undefined
    const live = this.#live()
    if (live?.headersSent === true) breakOff(live)
  }

  callerGone (): void {
    // Nobody is left to whom it would be of use.
    if (this.#chunks === undefined && !this.writableFinished) this.socket.destroy()
  }

  #keep (chunk: Buffer): void {
    this.#bytes += chunk.length
    if (this.#bytes > this.#limit) this.#chunks = undefined
    else this.#chunks?.push(chunk)
  }
}

const OF_ONE_REQUEST: ReadonlySet<string> = new Set(['x-request-id', 'connection', 'keep-alive', 'idempotency-replayed'])

// Whoever is given it later learns when it came about.
function dated (flat: readonly string[]): readonly string[] {
  return flat.some((name, at) => at % 2 === 0 && name.toLowerCase() === 'date') ? flat : [...flat, 'Date', new Date().toUTCString()]
}
