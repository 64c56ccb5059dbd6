import type { Refusal } from '../policy/problems.ts'
import { Recent } from './recent.ts'
import { upstreamUnavailable } from './upstream-errors.ts'

export interface CircuitBreakerOptions {
  /** so many in a row open it */
  readonly failures: number
  /** so large a part of failures opens it; undefined where it does not */
  readonly failureRate: number | undefined
  /** ms over which that is reckoned */
  readonly window: number
  /** with fewer requests in the window it says nothing */
  readonly minRequests: number
  /** ms */
  readonly openFor: number
  /** ms, of a clock that is not set back */
  readonly now: () => number
  readonly onChange: (state: 'closed' | 'open') => void
}

export type CircuitState = 'closed' | 'half-open' | 'open'

/** What became of a request: `neither` says nothing of the upstream (the caller left, say). */
export type Verdict = 'good' | 'failed' | 'neither'

/** Leave to send one request. It is given back by `ended`. */
export interface Passage {
  /** The head of a good answer is here: whoever tried whether the upstream is back need not wait for the body. */
  answered (): void
  ended (verdict: Verdict): void
}

/**
 * Refuses requests at once while the upstream fails: opens on failures in a row or on a rate of failures, lets one
 * request try when its time is over, and closes when that is answered well.
 */
export class CircuitBreaker {
  readonly #options: CircuitBreakerOptions
  readonly #recent: Recent
  #inARow = 0
  #isOpen = false
  #openUntil = 0
  #trying = false
  /** Requests of an earlier one have no say any more: they tell of a time that is over. */
  #era = 0

  constructor (options: CircuitBreakerOptions) {
    this.#options = options
    this.#recent = new Recent(options.window, options.now)
  }

  get state (): CircuitState {
    if (!this.#isOpen) return 'closed'
    return this.#left() > 0 ? 'open' : 'half-open'
  }

  /** Why a request may not be sent now; undefined where it may. */
  get refusal (): Refusal | undefined {
    if (!this.#isOpen) return undefined
    const left = this.#left()
    // Another request is trying already: nobody knows for how long.
    return left > 0 || this.#trying ? upstreamUnavailable(left) : undefined
  }

  /** @throws {Refusal} upstream-unavailable */
  enter (): Passage {
    const { refusal } = this
    if (refusal !== undefined) throw refusal
    if (this.#isOpen) this.#trying = true
    return new Ticket(this.#era, this)
  }

  /** One of an era was answered well. */
  answered (era: number): void {
    if (era === this.#era && this.#isOpen) this.#close()
  }

  /** One of an era is over. */
  ended (era: number, verdict: Verdict): void {
    if (era !== this.#era) return
    if (this.#isOpen) this.#tried(verdict)
    else if (verdict !== 'neither') this.#count(verdict === 'failed')
  }

  #tried (verdict: Verdict): void {
    this.#trying = false
    if (verdict === 'good') this.#close()
    else if (verdict === 'failed') this.#open()
  }

  #count (failed: boolean): void {
    const { failures, failureRate, minRequests } = this.#options
    this.#inARow = failed ? this.#inARow + 1 : 0
    if (failureRate !== undefined) this.#recent.count(failed)
    if (!failed) return
    if (this.#inARow >= failures) this.#open()
    else if (failureRate !== undefined && this.#recent.all >= minRequests && this.#recent.marked / this.#recent.all >= failureRate) this.#open()
  }

  #open (): void {
    this.#begin(true)
    this.#openUntil = this.#options.now() + this.#options.openFor
    this.#options.onChange('open')
  }

  #close (): void {
    this.#begin(false)
    this.#options.onChange('closed')
  }

  #begin (isOpen: boolean): void {
    this.#era++
    this.#isOpen = isOpen
    this.#trying = false
    this.#inARow = 0
    this.#recent.clear()
  }

  #left (): number {
    return Math.max(0, this.#openUntil - this.#options.now())
  }
}

class Ticket implements Passage {
  readonly #era: number
  readonly #breaker: CircuitBreaker
  #isOver = false

  constructor (era: number, breaker: CircuitBreaker) {
    this.#era = era
    this.#breaker = breaker
  }

  answered (): void {
    if (!this.#isOver) this.#breaker.answered(this.#era)
  }

  ended (verdict: Verdict): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#breaker.ended(this.#era, verdict)
  }
}
