import { Ring } from '../common/ring.ts'
import type { Configuration } from '../config/configuration.ts'
import type { Principal } from '../policy/principal.ts'
import type { Refusal, ToldRefusal } from '../policy/problems.ts'
import type { RuleReference } from './audit.ts'
import type { RefusalGroup, RefusalGroups } from './snapshot.ts'

/** A request that was refused, or would have been, as far as it may be remembered: no token, no header, no query. */
export interface PastRefusal {
  readonly decision: string
  /** ms since the epoch */
  readonly time: number
  readonly method: string
  /** without its query */
  readonly path: string
  readonly rule: RuleReference | undefined
  readonly principal: Principal | undefined
  readonly refusal: ToldRefusal
  /** whether it passed all the same (`enforce: report`) */
  readonly letThrough: boolean
  /** by which it was decided */
  readonly configuration: Configuration
}

/** What is to be remembered, as it comes. */
export interface Refused extends Omit<PastRefusal, 'time' | 'path' | 'refusal'> {
  readonly target: string
  readonly refusal: Refusal
}

/** What refusals have in common; what is undefined is not asked for. An empty name: no rule met, no client known. */
export interface Common {
  readonly code?: string | undefined
  readonly rule?: string | undefined
  readonly client?: string | undefined
}

/** The last so many refusals of this process, in memory, and as many that were let through in their place. */
export class PastRefusals {
  readonly #refused: Ring<PastRefusal>
  // Apart: a busy rule that is tried out must not make the refusals forgotten.
  readonly #letThrough: Ring<PastRefusal>

  constructor (most: number) {
    this.#refused = new Ring<PastRefusal>(most)
    this.#letThrough = new Ring<PastRefusal>(most)
  }

  /** It does not fail: what was refused may be a failure of the gateway's own, its injected clock's even. */
  keep ({ decision, method, target, rule, principal, refusal: { code, detail, extras: { saw, headers } }, letThrough, configuration }: Refused): void {
    // Nobody got that answer.
    if (code === 'client-gone') return
    const ring = letThrough ? this.#letThrough : this.#refused
    ring.keep({ decision, time: Date.now(), method, path: pathOf(target), rule, principal, refusal: { code, detail, extras: { saw, headers } }, letThrough, configuration })
  }

  /** By its decision's id. What was let through may have been refused for something else: that is what is told then. */
  find (decision: string): PastRefusal | undefined {
    const isIt = (one: PastRefusal): boolean => one.decision === decision
    return this.#refused.find(isIt) ?? this.#letThrough.find(isIt)
  }

  /** The last ones, the newest first. */
  latest (most: number, { code, rule, client }: Common = {}): PastRefusal[] {
    const all = [...this.#refused.inOrder(), ...this.#letThrough.inOrder()]
    const asked = all.filter(one => (code ?? one.refusal.code) === one.refusal.code && (rule ?? ruleOf(one)) === ruleOf(one) && (client ?? clientOf(one)) === clientOf(one))
    return asked.sort((one, other) => one.time - other.time).slice(-most).reverse()
  }

  /** Of what was refused. */
  groups (): RefusalGroups {
    const all = this.#refused.inOrder()
    return {
      remembered: all.length,
      since: all[0]?.time,
      code: grouped(all, ({ refusal }) => refusal.code),
      rule: grouped(all, ruleOf),
      client: grouped(all, clientOf)
    }
  }
}

/** So many characters of a path are remembered. */
const MOST_OF_PATH = 1024

function pathOf (target: string): string {
  const query = target.indexOf('?')
  const path = query === -1 ? target : target.slice(0, query)
  if (target.length <= MOST_OF_PATH) return path
  // A part of a text holds all of it: of a long one it is copied, so that a thousand of them take no more than they show.
  const kept = Buffer.from(path.slice(0, MOST_OF_PATH)).toString()
  return path.length > MOST_OF_PATH ? `${kept}…` : kept
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
