import type { Concurrency } from './concurrency.ts'

/**
 * A request's place at an upstream, which it has over all its tries. It is left once: when no other try follows, and
 * none is at the upstream any more.
 */
export class Place {
  readonly #concurrency: Pick<Concurrency, 'leave'> | undefined
  #open = 0
  #isDone = false
  #isLeft = false

  /** @param concurrency of which a place was taken; undefined where places are not counted */
  constructor (concurrency: Pick<Concurrency, 'leave'> | undefined) {
    this.#concurrency = concurrency
  }

  /** A try goes to the upstream. */
  begun (): void {
    this.#open++
  }

  /** The upstream has no part in a try any more. */
  ended (): void {
    this.#open--
    this.#leaveIfOver()
  }

  /** No other try follows. */
  done (): void {
    this.#isDone = true
    this.#leaveIfOver()
  }

  #leaveIfOver (): void {
    if (!this.#isDone || this.#open > 0 || this.#isLeft) return
    this.#isLeft = true
    this.#concurrency?.leave()
  }
}
