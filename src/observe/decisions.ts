import type { Configuration } from '../config/configuration.ts'
import type { Principal } from '../policy/principal.ts'
import type { Refusal } from '../policy/problems.ts'
import type { RuleReference } from './audit.ts'

/** A request that was refused, as far as it may be remembered: no token, no header, no query. */
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
  /** by which it was decided */
  readonly configuration: Configuration
}

/** The last so many refusals of this process, in memory. */
export class PastRefusals {
  readonly #most: number
  readonly #ring: PastRefusal[] = []
  #next = 0

  constructor (most: number) {
    this.#most = most
  }

  keep (refusal: PastRefusal): void {
    this.#ring[this.#next] = refusal
    this.#next = (this.#next + 1) % this.#most
  }

  /** By its decision's id. */
  find (decision: string): PastRefusal | undefined {
    return this.#ring.find(one => one.decision === decision)
  }

  /** The last ones, the newest first. */
  latest (most: number): PastRefusal[] {
    const inOrder = [...this.#ring.slice(this.#next), ...this.#ring.slice(0, this.#next)]
    return inOrder.slice(-most).reverse()
  }
}
