import type { FastifyRateLimitStore } from '@fastify/rate-limit'
import type { OnStoreFailure } from '../config/redis-schema.ts'
import { refuse } from '../policy/problems.ts'
import type { Counters, Counted } from './counters.ts'

/** Where replicas count together. */
export interface CounterStore {
  /**
   * How one limit is counted there, by caller, in windows (ms) that begin with their first request.
   * @param limit its name, the same in every replica
   */
  of (limit: string): Count
}

/** @returns undefined where the store is away: at once, or by its promise where that turns out only now. It never rejects. */
export type Count = (key: string, window: number) => Promise<Counted | undefined> | undefined

type Callback = Parameters<FastifyRateLimitStore['incr']>[1]

/** Counts for one limit with other replicas, and as that limit says while they cannot be reached. */
export class SharedCounters implements FastifyRateLimitStore {
  readonly #own: Counters
  readonly #count: Count
  readonly #onFailure: OnStoreFailure

  /** @param own what this process knows of the limit, where it has to count alone */
  constructor (count: Count, onFailure: OnStoreFailure, own: Counters) {
    this.#count = count
    this.#onFailure = onFailure
    this.#own = own
  }

  incr (key: string, callback: Callback, timeWindow: number): void {
    const asked = performance.now()
    const counting = this.#count(key, timeWindow)
    if (counting === undefined) {
      this.#alone(key, callback, timeWindow)
      return
    }
    void counting.then(counted => {
      if (counted === undefined) this.#alone(key, callback, timeWindow)
      else callback(null, this.#onFailure === 'local' ? this.#own.adopt(key, counted, timeWindow, asked) : counted)
    })
  }

  child (): SharedCounters {
    return this
  }

  #alone (key: string, callback: Callback, timeWindow: number): void {
    if (this.#onFailure === 'local') this.#own.incr(key, callback, timeWindow)
    else if (this.#onFailure === 'allow') callback(null, { current: 0, ttl: 0 })
    else callback(refuse('store-unavailable', 'Requests cannot be counted just now. Try again shortly.', { headers: { 'Retry-After': '1' } }))
  }
}
