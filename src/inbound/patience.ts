/** A request's time for waiting on the IdP: for keys and for a machine token, in all. */
export interface Patience {
  /** What it resolves to, or undefined where the time ran out first. */
  wait<T> (promise: Promise<T>): Promise<T | undefined>
}

/** ms that a request waits in all before it is told 503. */
const LONGEST_WAIT = 5000

export function createPatience (): Patience {
  let left = LONGEST_WAIT
  return {
    async wait<T> (promise: Promise<T>): Promise<T | undefined> {
      const began = performance.now()
      let timer: NodeJS.Timeout | undefined
      const timeUp = new Promise<undefined>(resolve => { timer = setTimeout(() => { resolve(undefined) }, left) })
      try {
        return await Promise.race([promise, timeUp])
      } finally {
        clearTimeout(timer)
        left = Math.max(0, left - (performance.now() - began))
      }
    }
  }
}
