import type { Passage } from './circuit-breaker.ts'
import { startTimer, type StartLimit } from './deadline.ts'
import type { Ejection } from './ejection.ts'
import type { Host } from './hosts.ts'
import type { Place } from './place.ts'
import type { AttemptEnd, AttemptWatcher } from './relay.ts'
import { isDown, verdictOf } from './verdict.ts'

export interface AttemptParts {
  readonly host: Host
  readonly place: Pick<Place, 'begun' | 'ended' | 'done'>
  readonly passage: Passage | undefined
  readonly ejection: Ejection | undefined
  /** Whether an answer of this status is not the one that the caller gets. */
  readonly declines: (status: number) => boolean
  /** whose session it goes in, where it goes in one */
  readonly session?: SessionWatcher | undefined
  readonly startLimit?: StartLimit
}

/** Follows what an upstream says of the gateway's session. */
export interface SessionWatcher {
  /** Whether an answer is about that session: it is no caller's then, whatever follows. */
  refuses (status: number, raw: readonly Buffer[]): boolean
}

/**
 * ms. A request that was given up is at the upstream until that learns of it: the next one, on another connection, could
 * be there first.
 */
const NEWS_TRAVELS = 100

/** One try of a request at one host: tells all who count, once, what became of it. */
export class Attempt implements AttemptWatcher {
  readonly host: Host
  readonly #parts: AttemptParts
  #end: AttemptEnd | undefined
  #declined = false
  #onOver: (() => void) | undefined

  constructor (parts: AttemptParts) {
    this.host = parts.host
    this.#parts = parts
    parts.host.open++
    parts.place.begun()
  }

  /** undefined while it goes on */
  get end (): AttemptEnd | undefined {
    return this.#end
  }

  /** Until the upstream has no part in it any more. */
  over (): Promise<void> {
    return new Promise(resolve => {
      if (this.#end === undefined) this.#onOver = resolve
      else resolve()
    })
  }

  declines (status: number, replayable: boolean, raw: readonly Buffer[]): boolean {
    this.#declined = this.#parts.session?.refuses(status, raw) === true || (replayable && this.#parts.declines(status))
    if (!isDown(status)) this.#parts.passage?.answered()
    return this.#declined
  }

  ended (end: AttemptEnd): void {
    if (this.#end !== undefined) return
    this.#end = end
    const { host, place, passage, ejection, startLimit = startTimer } = this.#parts
    const verdict = verdictOf(end)
    host.open--
    ejection?.ended(host, { verdict, connected: end.connected })
    passage?.ended(verdict)
    // The caller may read for long what the upstream is done with: the place is another's then.
    if (end.refusal === undefined && !this.#declined && end.status !== 401) place.done()
    if (wasGivenUp(end)) startLimit(NEWS_TRAVELS, () => { place.ended() })
    else place.ended()
    this.#onOver?.()
  }
}

function wasGivenUp ({ connected, refusal }: AttemptEnd): boolean {
  return connected && refusal !== undefined && refusal.code !== 'upstream-reset'
}
