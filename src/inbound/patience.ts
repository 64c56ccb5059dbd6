/** ms that a request waits in all before it is told 503. */
const LONGEST_WAIT = 5000

/** A request's time for waiting on the IdP: for keys and for a machine token, in all. */
export class Patience {
  #left = LONGEST_WAIT

  /** What it resolves to, or undefined where the time ran out first. */
  async wait<T> (promise: Promise<T>): Promise<T | undefined> {
    const began = performance.now()
    let timer: NodeJS.Timeout | undefined
    const timeUp = new Promise<undefined>(resolve => { timer = setTimeout(() => { resolve(undefined) }, this.#left) })
    try {
      return await Promise.race([promise, timeUp])
    } finally {
      clearTimeout(timer)
      this.#left = Math.max(0, this.#left - (performance.now() - began))
    }
  }
}
