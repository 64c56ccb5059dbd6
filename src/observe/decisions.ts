import type { Configuration } from '../config/configuration.ts'
import type { Principal } from '../policy/principal.ts'
import type { Refusal } from '../policy/problems.ts'
import type { RuleReference } from './audit.ts'

/** A request that was refused, or would have been, as far as it may be remembered: no token, no header, no query. */
export interface PastRefusal {
  readonly decision: string
  readonly request: string
  /** ms since the epoch */
  readonly time: number
  readonly method: string
  /** without its query */
  readonly path: string
  readonly rule: RuleReference | undefined
  readonly principal: Principal | undefined
  readonly refusal: Refusal
  /** whether it passed all the same (`enforce: report`) */
  readonly letThrough: boolean
  /** by which it was decided */
  readonly configuration: Configuration
}

/** The last so many refusals of this process, in memory, and as many that were let through in their place. */
export class PastRefusals {
  readonly #refused: Ring
  // Apart: a busy rule that is tried out must not make the refusals forgotten.
  readonly #letThrough: Ring

  constructor (most: number) {
    this.#refused = new Ring(most)
    this.#letThrough = new Ring(most)
  }

  keep (refusal: PastRefusal): void {
    const ring = refusal.letThrough ? this.#letThrough : this.#refused
    ring.keep(refusal)
  }

  /** By its decision's id. What was let through may have been refused for something else: that is what is told then. */
  find (decision: string): PastRefusal | undefined {
    return this.#refused.find(decision) ?? this.#letThrough.find(decision)
  }

  /** The last ones, the newest first. */
  latest (most: number): PastRefusal[] {
    const all = [...this.#refused.inOrder(), ...this.#letThrough.inOrder()]
    return all.sort((one, other) => one.time - other.time).slice(-most).reverse()
  }
}

class Ring {
  readonly #most: number
  readonly #kept: PastRefusal[] = []
  #next = 0

  constructor (most: number) {
    this.#most = most
  }

  keep (refusal: PastRefusal): void {
    this.#kept[this.#next] = refusal
    this.#next = (this.#next + 1) % this.#most
  }

  find (decision: string): PastRefusal | undefined {
    return this.#kept.find(one => one.decision === decision)
  }

  /** The oldest first. */
  inOrder (): PastRefusal[] {
    return [...this.#kept.slice(this.#next), ...this.#kept.slice(0, this.#next)]
  }
}
