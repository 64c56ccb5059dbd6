import type { FastifyRateLimitStore } from '@fastify/rate-limit'

/** A window as one request finds it, which is counted in it: ms until it ends. */
export interface Counted {
  readonly current: number
  readonly ttl: number
}

interface Window {
  /** performance.now() at its first request */
  readonly began: number
  count: number
}

/** How many callers one counter tells apart; the one that was seen longest ago is forgotten first. */
const MOST_KEYS = 100_000

/**
 * Counts requests by key in windows that begin with their first request, in memory: each process counts for itself.
 *
 * The store that @fastify/rate-limit brings hands out the very object that it counts in, which is read a moment later:
 * of requests that come at once each would see the count of the last, and all of them would be refused where one is too many.
 */
export class Counters implements FastifyRateLimitStore {
  readonly #windows = new Map<string, Window>()

  incr (key: string, callback: (error: Error | null, result?: Counted) => void, timeWindow: number): void {
    callback(null, this.#count(key, timeWindow, performance.now()))
  }

  /**
   * What replicas counted together is known here from now on: they may be told apart at any moment, and a window in
   * which this process alone knows of more (they lost count, say) is not begun again.
   * @param asked performance.now() when the request was counted there: its window ends no earlier than is known here
   */
  adopt (key: string, { current, ttl }: Counted, timeWindow: number, asked: number): Counted {
    const own = this.#count(key, timeWindow, asked)
    if (current < own.current) return own
    this.#windows.set(key, { began: asked + ttl - timeWindow, count: current })
    return { current, ttl }
  }

  /** Each limit has a counter of its own. */
  child (): Counters {
    return new Counters()
  }

  #count (key: string, timeWindow: number, now: number): Counted {
    const last = this.#windows.get(key)
    const window = last !== undefined && last.began + timeWindow > now ? last : { began: now, count: 0 }
    window.count++
    // A Map keeps the order in which keys came: the first is the one that was seen longest ago.
    this.#windows.delete(key)
    this.#windows.set(key, window)
    if (this.#windows.size > MOST_KEYS) this.#windows.delete(this.#windows.keys().next().value ?? '')
    return { current: window.count, ttl: window.began + timeWindow - now }
  }
}
