import type { Refusal } from '../policy/problems.ts'
import { startDeadline, type StartLimit } from './deadline.ts'
import { upstreamBusy } from './upstream-errors.ts'

/** A request that waits for its turn. */
export interface Waiter {
  /** Settles once: with the place, or with the refusal that it was turned away by. */
  readonly turn: Promise<void>
  /** Turns it away, where it still waits. */
  leave (refusal: Refusal): void
}

interface Waiting extends Waiter {
  admit (): void
}

/**
 * How many requests are at an upstream at once: `max`, and no more. `queue` more wait for their turn, in the order in
 * which they came. A place that was taken is left once, by whoever took it.
 */
export class Concurrency {
  readonly #max: number
  readonly #queue: number
  readonly #startLimit: StartLimit
  readonly #waiting = new Set<Waiting>()
  #open = 0

  constructor (max: number, queue: number, startLimit: StartLimit = startDeadline) {
    this.#max = max
    this.#queue = queue
    this.#startLimit = startLimit
  }

  /** requests that have a place */
  get open (): number {
    return this.#open
  }

  /** requests that wait for one */
  get queued (): number {
    return this.#waiting.size
  }

  /** Takes a place, where one is free. While somebody waits, none is. */
  enter (): boolean {
    if (this.#open >= this.#max) return false
    this.#open++
    return true
  }

  /**
   * Waits for a place.
   * @param longest ms
   * @throws {Refusal} upstream-busy, where too many wait already
   */
  join (longest: number): Waiter {
    if (this.#waiting.size >= this.#queue) throw upstreamBusy(longest, `${this.#open} requests are open, ${this.#waiting.size} wait`)
    const waiter = this.#wait(longest)
    this.#waiting.add(waiter)
    return waiter
  }

  /** Leaves a place: it is the first waiter's, or free. */
  leave (): void {
    const [next] = this.#waiting
    if (next === undefined) this.#open--
    else next.admit()
  }

  /** Turns away all that wait. */
  turnAway (refusal: () => Refusal): void {
    for (const waiter of this.#waiting) waiter.leave(refusal())
  }

  #wait (longest: number): Waiting {
    const { promise: turn, resolve, reject } = withResolvers()
    const limit = this.#startLimit(longest, () => { waiter.leave(upstreamBusy(longest, 'no place came free in time')) })
    const waiter: Waiting = {
      turn,
      admit: () => {
        this.#waiting.delete(waiter)
        limit.stop()
        resolve()
      },
      leave: refusal => {
        if (!this.#waiting.delete(waiter)) return
        limit.stop()
        reject(refusal)
      }
    }
    return waiter
  }
}

function withResolvers (): { readonly promise: Promise<void>, readonly resolve: () => void, readonly reject: (refusal: Refusal) => void } {
  let [resolve, reject] = [(): void => {}, (_refusal: Refusal): void => {}]
  const promise = new Promise<void>((_resolve, _reject) => { [resolve, reject] = [_resolve, _reject] })
  return { promise, resolve, reject }
}
