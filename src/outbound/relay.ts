import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Dispatcher } from 'undici'
import { atTurnsEnd } from '../common/turn-end.ts'
import { callerGone, refuse, type Refusal } from '../policy/problems.ts'
import { CallerBody, bodyTooLarge } from './caller-body.ts'
import { breakOff, unwatchCaller, watchCaller, type CallerWatcher } from './caller-gone.ts'
import { Deadline } from './deadline.ts'
import { giveHints } from './early-hints.ts'
import type { HeldBody } from './held-body.ts'
import { endAfterBody } from './linger.ts'
import { upstreamRefusal, upstreamTimeout } from './upstream-errors.ts'

/** One request to the upstream, and what may become of it. */
export interface RelayRequest {
  readonly dispatcher: Dispatcher
  readonly method: string
  /** path and query, as they go out */
  readonly path: string
  /** flat; the relay's own from here on, which adds the framing */
  readonly headers: string[]
  readonly contentLength: string | undefined
  readonly hasBody: boolean
  /** says `100 Continue` where the caller waits for it before it sends the body */
  readonly askForBody: () => void
  /** bytes */
  readonly bodyLimit: number
  /** what is kept of the body over all tries; undefined where nothing is */
  readonly held: HeldBody | undefined
  /** ms from the end of the request's body to the answer's headers */
  readonly timeout: number
  /** ms without a byte of a body, either way */
  readonly idleTimeout: number
  /** performance.now() at which all of it ends, wherever it is */
  readonly endsBy: number
  /** who is told what becomes of it at the upstream; undefined where nothing protects that */
  readonly watcher: AttemptWatcher | undefined
  /** The headers that the caller gets, flat. */
  readonly answerHeaders: (raw: readonly Buffer[]) => string[]
}

/** What is known of a request when the upstream's part in it is over. */
export interface AttemptEnd {
  /** whether there was a connection, so that the upstream may have seen it */
  readonly connected: boolean
  /** of the answer, where its head came */
  readonly status: number | undefined
  /** why there is no whole answer */
  readonly refusal: Refusal | undefined
  /** whether the caller had not sent all of its body yet */
  readonly bodyIsOpen: boolean
  /** whether it can be sent once more: nothing of a body was read from the caller, or what was read is held */
  readonly replayable: boolean
}

/** Follows a request at the upstream. */
export interface AttemptWatcher {
  /** The head of an answer came. True takes the answer back: the caller gets another one. */
  declines (status: number, replayable: boolean, raw: readonly Buffer[]): boolean
  /** The upstream has no part in it any more: answered, given up, or never reached. Called once, whatever happens. */
  ended (end: AttemptEnd): void
}

/** How it ended, where the caller has an answer or none is to be given. */
export type RelayOutcome =
  | { readonly kind: 'answered', readonly status: number }
  /** The upstream said 401 before anything was sent to the caller. */
  | { readonly kind: 'credential-refused', readonly replayable: boolean }
  /** Its watcher took the answer back before anything was sent to the caller. */
  | { readonly kind: 'declined', readonly status: number }
  /** The answer broke off after its head was sent, or the caller left. */
  | { readonly kind: 'broken-off', readonly refusal: Refusal, readonly status: number | undefined }

/** Those ends after which there is nothing more to do for the request. */
export type Ended = Extract<RelayOutcome, { readonly kind: 'answered' | 'broken-off' }>

export function isEnded (outcome: RelayOutcome): outcome is Ended {
  return outcome.kind === 'answered' || outcome.kind === 'broken-off'
}

/**
 * Sends the request and streams the answer, each with the other side's backpressure. An answer that breaks off leaves
 * the caller with a broken answer. A caller that leaves ends the request.
 * @throws {Refusal} where the caller has no answer yet: upstream-…, body-too-large, request-timeout
 */
export function relay (request: RelayRequest, incoming: IncomingMessage, response: ServerResponse): Promise<RelayOutcome> {
  return new Promise((resolve, reject) => {
    const exchange = new Exchange(request, incoming, response, resolve, reject)
    exchange.begin()
  })
}

/** A first piece of an answer up to so many bytes waits for the next, or for the end. */
const SMALL = 16_384

/** More bytes of an answer that nobody gets than this, or ms, are not worth keeping the connection for. */
const DRAIN_LIMIT = 65_536
const DRAIN_TIME = 1000

class Exchange implements Dispatcher.DispatchHandler, CallerWatcher {
  readonly #request: RelayRequest
  readonly #incoming: IncomingMessage
  readonly #response: ServerResponse
  readonly #resolve: (outcome: RelayOutcome) => void
  readonly #reject: (refusal: Refusal) => void
  readonly #deadline: Deadline
  readonly #body: CallerBody | undefined
  #abort: ((reason: Error) => void) | undefined
  #resume: (() => void) | undefined
  #status: number | undefined
  #settled = false
  #written = false
  /** the first bytes of the answer, if they are few and nothing has come after them */
  #held: Buffer | undefined
  /** the answer has begun, and its head is not whole */
  #inHead = false
  /** the upstream is done; what is left is for the caller to read */
  #whole = false
  #draining = 0
  /** its watcher knows that it is over */
  #told = false

  constructor (request: RelayRequest, incoming: IncomingMessage, response: ServerResponse, resolve: (outcome: RelayOutcome) => void, reject: (refusal: Refusal) => void) {
    this.#request = request
    this.#incoming = incoming
    this.#response = response
    this.#resolve = resolve
    this.#reject = reject
    this.#deadline = new Deadline(() => { this.#tooSlow() }, request.endsBy)
    this.#body = request.hasBody ? new CallerBody(incoming, request.bodyLimit, () => { this.#bodyMoved() }, request.held) : undefined
  }

  begin (): void {
    const { dispatcher, method, path, headers, contentLength, hasBody, bodyLimit, timeout } = this.#request
    if (this.#incoming.socket.destroyed) {
      this.#fail(callerGone())
      return
    }
    if (contentLength !== undefined && Number(contentLength) > bodyLimit) {
      this.#fail(bodyTooLarge(bodyLimit))
      return
    }
    watchCaller(this.#incoming.socket, this)
    this.#deadline.move(timeout)
    if (hasBody) this.#request.askForBody()
    if (hasBody && contentLength !== undefined) headers.push('content-length', contentLength)
    try {
      dispatcher.dispatch({ path, method, headers, body: this.#body ?? null }, this)
    } catch (error) {
      this.#fail(upstreamRefusal(error))
    }
  }

  callerGone (): void {
    this.#stop(callerGone())
  }

  onConnect (abort: (reason?: Error) => void): void {
    this.#abort = abort
    if (this.#settled) abort(callerGone())
    // From here on the body is read; while there was no connection, the caller could not have sent it.
    else if (this.#body?.arrived === false) this.#deadline.move(this.#request.idleTimeout)
  }

  onResponseStarted (): void {
    this.#inHead = true
  }

  onHeaders (status: number, raw: Buffer[], resume: () => void): boolean {
    this.#inHead = false
    // Nothing was asked to be switched: what follows a 101 is no answer.
    if (status < 100 || status === 101 || status > 599) {
      this.#abort?.(refuse('upstream-answer-invalid', 'The system behind this gateway answered with a status that has no meaning here.', { saw: `status ${status}` }))
      return true
    }
    if (status < 200) {
      if (status === 103 && !this.#settled) giveHints(this.#response, this.#request.answerHeaders(raw))
      return true
    }
    this.#status = status
    this.#resume = resume
    if (status === 401) return this.#takeBack({ kind: 'credential-refused', replayable: this.#isReplayable() })
    const { watcher } = this.#request
    if (watcher !== undefined && !this.#settled && watcher.declines(status, this.#isReplayable(), raw)) return this.#takeBack({ kind: 'declined', status })
    return this.#answer(status, raw)
  }

  onData (chunk: Buffer): boolean {
    if (this.#draining > 0) {
      this.#draining += chunk.length
      if (this.#draining > DRAIN_LIMIT) this.#abort?.(callerGone())
      return true
    }
    if (this.#settled) return true
    if (!this.#written && chunk.length <= SMALL) {
      // Where it is all there is, head and body go out as one string, in one write.
      this.#written = true
      this.#held = chunk
      return true
    }
    return this.#write(chunk)
  }

  #write (chunk: Buffer): boolean {
    const before = this.#takeHeld()
    if (before !== undefined) this.#response.write(before)
    this.#deadline.move(this.#request.idleTimeout)
    this.#written = true
    const flowing = this.#response.write(chunk)
    if (!flowing) this.#response.once('drain', () => { this.#resume?.() })
    return flowing
  }

  #takeHeld (): Buffer | undefined {
    const held = this.#held
    this.#held = undefined
    return held
  }

  /** The bytes that came with the head are handed over at once; what is still held now is not all there is. */
  flush (): void {
    if (this.#settled || this.#whole) return
    this.#deadline.move(this.#request.idleTimeout)
    const held = this.#takeHeld()
    if (held !== undefined) this.#write(held)
    else if (!this.#written) this.#response.flushHeaders()
  }

  onComplete (): void {
    this.#tell(undefined)
    if (this.#settled) {
      this.#deadline.stop()
      return
    }
    this.#whole = true
    this.#body?.destroy()
    endAfterBody(this.#response, this.#takeHeld())
    // Mostly the system takes all of a small answer at once.
    if (this.#response.writableFinished) {
      this.#answered()
      return
    }
    this.#deadline.move(this.#request.idleTimeout)
    this.#response.once('finish', () => { this.#answered() })
  }

  #answered (): void {
    if (!this.#settled) this.#settle({ kind: 'answered', status: this.#status ?? 0 })
  }

  onError (error: Error): void {
    const refusal = upstreamRefusal(error, this.#inHead)
    // What comes after the end (undici's error after a 304, say) is no failure of the upstream's.
    this.#tell(this.#settled ? undefined : refusal)
    this.#fail(refusal)
  }

  #answer (status: number, raw: readonly Buffer[]): boolean {
    this.#request.held?.letGo()
    const headers = this.#request.answerHeaders(raw)
    // The upstream answers before it has all: what the caller still sends belongs to no later request.
    if (this.#body?.arrived === false && !headers.includes('Connection')) headers.push('Connection', 'close')
    const hasNoBody = this.#request.method === 'HEAD' || status === 204 || status === 304
    try {
      this.#response.writeHead(status, status === 204 || status === 304 ? withoutLength(headers, status) : headers)
    } catch (error) {
      // A header that undici let through and Node refuses to write: the caller's answer must not be half of it.
      this.#abort?.(refuse('upstream-answer-invalid', 'The system behind this gateway answered with a header that is not HTTP.', { cause: error }))
      return true
    }
    if (hasNoBody) {
      // undici calls a 304 that has a Content-Length an error after its headers; there is nothing more to wait for.
      this.#settle({ kind: 'answered', status })
      endAfterBody(this.#response)
    } else {
      flushSoon(this)
    }
    return true
  }

  // The body is read for a moment, so that the connection can serve again.
  #takeBack (outcome: RelayOutcome): boolean {
    this.#draining = 1
    this.#settle(outcome)
    this.#deadline.move(DRAIN_TIME)
    return true
  }

  #isReplayable (): boolean {
    return this.#body === undefined || this.#body.bytes === 0 || this.#request.held?.isThere === true
  }

  #bodyMoved (): void {
    if (this.#settled) return
    const waitsForAnswer = this.#status === undefined && this.#body?.arrived === true
    this.#deadline.move(waitsForAnswer ? this.#request.timeout : this.#request.idleTimeout)
  }

  #tooSlow (): void {
    // Its parser refused the rest of it, and was answered in its place: what is left ends with the connection.
    if (this.#status !== undefined && !this.#settled && this.#response.socket === null && performance.now() < this.#request.endsBy) this.#deadline.move(this.#request.idleTimeout)
    else this.#stop(this.#whoIsSlow())
  }

  #whoIsSlow (): Refusal {
    if (this.#draining > 0) return callerGone()
    if (this.#abort === undefined) return upstreamTimeout('no connection in time')
    if (performance.now() >= this.#request.endsBy) return this.#whoIsLate()
    if (this.#whole || this.#response.writableNeedDrain) return callerGone('the caller read nothing within idle_timeout')
    if (this.#status !== undefined) return upstreamTimeout('no byte of the answer within idle_timeout')
    return this.#callerIsSlow() ? bodyIsLate() : upstreamTimeout('no answer within timeout')
  }

  #whoIsLate (): Refusal {
    if (this.#whole || this.#response.writableNeedDrain) return callerGone('the caller had not read all of it within total_timeout')
    return this.#callerIsSlow() ? bodyIsLate('within total_timeout') : upstreamTimeout('not done within total_timeout')
  }

  #callerIsSlow (): boolean {
    return this.#status === undefined && this.#body?.arrived === false && this.#body.readableLength === 0
  }

  // undici takes no abort of a request that is not begun yet, or done.
  #stop (refusal: Refusal): void {
    if (this.#abort === undefined || this.#whole) this.#fail(refusal)
    else this.#abort(refusal)
  }

  #fail (refusal: Refusal): void {
    // Where there is no connection yet, nothing will be sent on it.
    if (this.#abort === undefined) this.#tell(refusal)
    if (this.#settled) {
      this.#deadline.stop()
      return
    }
    if (refusal.code === 'client-gone' || this.#response.headersSent) {
      const broken = refusal.code === 'client-gone' ? refusal : refuse('upstream-broken-off', 'The answer broke off.', { cause: refusal, saw: refusal.extras.saw ?? refusal.code })
      this.#settle({ kind: 'broken-off', refusal: broken, status: this.#status })
      breakOff(this.#response)
    } else {
      this.#end()
      this.#reject(refusal)
    }
  }

  #tell (refusal: Refusal | undefined): void {
    const { watcher } = this.#request
    if (watcher === undefined || this.#told) return
    this.#told = true
    watcher.ended({
      connected: this.#abort !== undefined,
      status: this.#status,
      refusal,
      bodyIsOpen: this.#body?.arrived === false,
      replayable: this.#isReplayable()
    })
  }

  #settle (outcome: RelayOutcome): void {
    this.#end()
    this.#resolve(outcome)
  }

  #end (): void {
    this.#settled = true
    this.#deadline.stop()
    unwatchCaller(this.#incoming.socket, this)
    this.#body?.destroy()
  }
}

/** Bytes that came with the head are written in one packet with it; else the head goes alone. */
const flushSoon = atTurnsEnd((exchange: Exchange) => { exchange.flush() })

function withoutLength (headers: readonly string[], status: number): string[] {
  // RFC 9110 section 8.6: never with a 204; with a 304 it is the length of what was not sent.
  return headers.filter((_part, at) => status === 304 || headers[at - at % 2]?.toLowerCase() !== 'content-length')
}

function bodyIsLate (saw?: string): Refusal {
  return refuse('request-timeout', 'The body did not arrive in time.', saw === undefined ? undefined : { saw })
}
