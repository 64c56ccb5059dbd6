import type { Configuration } from '../config/configuration.ts'
import type { Principal } from '../policy/principal.ts'
import type { Refusal } from '../policy/problems.ts'
import type { RuleReference } from './audit.ts'
import type { RefusalGroup, RefusalGroups } from './snapshot.ts'

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

/** What refusals have in common; what is undefined is not asked for. An empty name: no rule met, no client known. */
export interface Common {
  readonly code?: string | undefined
  readonly rule?: string | undefined
  readonly client?: string | undefined
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
  latest (most: number, { code, rule, client }: Common = {}): PastRefusal[] {
    const asked = this.#inOrder().filter(one => (code ?? one.refusal.code) === one.refusal.code && (rule ?? ruleOf(one)) === ruleOf(one) && (client ?? clientOf(one)) === clientOf(one))
    return asked.slice(-most).reverse()
  }

  groups (): RefusalGroups {
    const all = this.#inOrder()
    return {
      remembered: all.length,
      since: all[0]?.time,
      code: grouped(all, ({ refusal }) => refusal.code),
      rule: grouped(all, ruleOf),
      client: grouped(all, clientOf)
    }
  }

  #inOrder (): PastRefusal[] {
    return [...this.#ring.slice(this.#next), ...this.#ring.slice(0, this.#next)]
  }
}

/** Groups that are told: a thousand refusals may be of a thousand clients. */
export const MOST_GROUPS = 50

function grouped (refusals: readonly PastRefusal[], nameOf: (refusal: PastRefusal) => string): RefusalGroup[] {
  const groups = new Map<string, RefusalGroup>()
  // The newest comes last, and is the one that the group is shown by.
  for (const refusal of refusals) {
    const name = nameOf(refusal)
    groups.set(name, { name, count: (groups.get(name)?.count ?? 0) + 1, decision: refusal.decision, time: refusal.time })
  }
  return [...groups.values()].sort((one, other) => other.count - one.count || other.time - one.time).slice(0, MOST_GROUPS)
}

function ruleOf ({ rule }: PastRefusal): string {
  return rule?.id ?? ''
}

function clientOf ({ principal }: PastRefusal): string {
  return principal?.client ?? ''
}
