import type { Retry } from '../config/protection-schema.ts'
import { Recent } from './recent.ts'
import type { AttemptEnd } from './relay.ts'

/** Why a request is tried again; the label of a metric. */
export type RetryReason = 'connect' | 'reset' | 'timeout' | 'status' | 'credential' | 'csrf'

/** ms over which the budget is reckoned */
const WINDOW = 10_000
/** Retries in the window that cost no budget: where there are few requests, a part of them would be none. */
const FREE = 10
/** The longest pause is so many times the first. */
const LONGEST = 16

/** What of failed requests is tried again, and how many of them. One budget for all who share it. */
export class RetryPolicy {
  readonly #settings: Retry
  readonly #methods: ReadonlySet<string>
  readonly #recent: Recent
  readonly #random: () => number

  /**
   * @param now ms, of a clock that is not set back
   * @param random from 0 to 1
   */
  constructor (settings: Retry, now: () => number, random: () => number) {
    this.#settings = settings
    this.#methods = new Set(settings.methods)
    this.#recent = new Recent(WINDOW, now)
    this.#random = random
  }

  /** A request has come: it adds to the budget. */
  requested (): void {
    this.#recent.count(false)
  }

  /**
   * Why one that failed may be tried again; undefined where it may not.
   * @param tries so many it has had
   */
  reasonFor ({ connected, status, refusal, replayable }: Omit<AttemptEnd, 'bodyIsOpen'>, tries: number, method: string): RetryReason | undefined {
    if (tries >= this.#settings.attempts || !replayable || status !== undefined) return undefined
    const kind = kindOf(connected, refusal?.code)
    if (kind === undefined || !this.#settings.on.includes(kind)) return undefined
    // What was not sent was not carried out, whatever it is.
    return kind === 'connect' || this.#methods.has(method) ? kind : undefined
  }

  /** Whether an answer of this status is tried again. */
  declines (status: number, tries: number, method: string): boolean {
    return tries < this.#settings.attempts && this.#settings.on.includes(status) && this.#methods.has(method)
  }

  /** Takes one retry out of the budget, where it has one left. */
  take (): boolean {
    const { all, marked } = this.#recent
    if (marked >= FREE + (all - marked) * this.#settings.budget) return false
    this.#recent.count(true)
    return true
  }

  /** ms to wait before a try: at random, so that those who failed together do not come back together. @param tries so many it has had */
  pause (tries: number): number {
    return this.#random() * this.#settings.backoff * Math.min(2 ** (tries - 1), LONGEST)
  }
}

function kindOf (connected: boolean, code: string | undefined): 'connect' | 'reset' | 'timeout' | undefined {
  if (code === undefined || !code.startsWith('upstream-')) return undefined
  if (!connected) return 'connect'
  if (code === 'upstream-reset') return 'reset'
  return code === 'upstream-timeout' ? 'timeout' : undefined
}
