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

/** RFC 9110 section 9.2.2, less TRACE, which no rule can name. */
const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS'])

/** What of failed requests is tried again, and how many of them. One budget for all who share it. */
export class RetryPolicy {
  readonly #settings: Retry
  readonly #recent: Recent
  readonly #random: () => number

  /**
   * @param now ms, of a clock that is not set back
   * @param random from 0 to 1
   */
  constructor (settings: Retry, now: () => number, random: () => number) {
    this.#settings = settings
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
   * @param isRepeatable whether to carry it out twice does no more than once
   */
  reasonFor ({ connected, status, refusal, replayable }: Omit<AttemptEnd, 'bodyIsOpen'>, tries: number, isRepeatable: boolean): RetryReason | undefined {
    if (tries >= this.#settings.attempts || !replayable || status !== undefined) return undefined
    const kind = kindOf(connected, refusal?.code)
    if (kind === undefined || !this.#settings.on.includes(kind)) return undefined
    // What was not sent was not carried out, whatever it is.
    return isRepeatable || kind === 'connect' ? kind : undefined
  }

  /** Whether an answer of this status is tried again. */
  declines (status: number, tries: number, isRepeatable: boolean): boolean {
    return isRepeatable && tries < this.#settings.attempts && this.#settings.statuses.includes(status)
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

/** Whether to carry a request out twice does no more than once, by its method. */
export function isIdempotent (method: string): boolean {
  return IDEMPOTENT.has(method)
}

function kindOf (connected: boolean, code: string | undefined): Retry['on'][number] | undefined {
  if (code === undefined || !code.startsWith('upstream-')) return undefined
  if (!connected) return 'connect'
  if (code === 'upstream-reset') return 'reset'
  return code === 'upstream-timeout' ? 'timeout' : undefined
}
