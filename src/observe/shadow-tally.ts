import { within } from '../common/memo.ts'
import type { ProblemCode } from '../policy/problems.ts'
import type { RuleReference } from './audit.ts'

/** How what other rules say of a request compares with what the rules in force said. Labels of a metric. */
export const SHADOW_OUTCOMES = ['same', 'now_refused', 'now_passed', 'other_refusal', 'other_rule', 'undecided', 'failed'] as const

export type ShadowOutcome = typeof SHADOW_OUTCOMES[number]

/** A rule, or none, and what it says: a code where it refuses. */
export interface Said {
  readonly rule: RuleReference | undefined
  readonly code: ProblemCode | undefined
}

/** Requests that the other rules would deal with otherwise: those of one client, by one pair of rules, for one reason. */
export interface ShadowKind {
  /** `now_refused`, `now_passed`: another verdict; `other_refusal`: another reason; `other_rule`: both pass, otherwise dealt with */
  readonly outcome: Exclude<ShadowOutcome, 'same' | 'undecided' | 'failed'>
  readonly before: Said
  readonly now: Said
  /** of the caller; undefined where nobody was asked who it is, or its token names none */
  readonly client: string | undefined
  readonly issuer: string | undefined
  /** what is otherwise where both pass: keys of the rule */
  readonly keys: readonly string[]
}

/** One request, for whoever looks into it: `countersign explain --decision`. */
export interface ShadowExample {
  readonly method: string
  /** without its query */
  readonly path: string
  readonly decision: string
  /** RFC 3339 */
  readonly time: string
}

export interface ShadowDifference extends ShadowKind {
  readonly count: number
  /** the last of them */
  readonly last: ShadowExample
}

/** What other rules would have changed so far. */
export interface ShadowReport {
  /** the other routes.yaml */
  readonly file: string
  /** whether requests are compared now: false while the file has mistakes */
  readonly compares: boolean
  /** where these are, like `routes.next.yaml:12:5`; what they are stands in the log */
  readonly mistakes: readonly string[]
  /** RFC 3339: since when it counts; either policy that changes begins anew */
  readonly since: string
  /** that both policies decided */
  readonly requests: number
  readonly outcomes: Readonly<Record<ShadowOutcome, number>>
  /** most frequent first */
  readonly differences: readonly ShadowDifference[]
  /** further requests with a difference, of kinds that are not listed */
  readonly others: number
}

/** So many kinds of differences are listed; of what comes after these, requests are counted alone. */
const MOST_KINDS = 500

/** Counts what other rules would change, in bounded memory. */
export class ShadowTally {
  readonly #differences = new Map<string, ShadowDifference>()
  readonly #outcomes = noOutcomes()
  #others = 0

  count (outcome: ShadowOutcome): void {
    this.#outcomes[outcome]++
  }

  /** @returns whether it is the first of its kind */
  add (kind: ShadowKind, last: ShadowExample): boolean {
    this.count(kind.outcome)
    const key = keyOf(kind)
    const known = this.#differences.get(key)
    if (known === undefined && this.#differences.size >= MOST_KINDS) this.#others++
    else this.#differences.set(key, { ...known ?? kind, count: (known?.count ?? 0) + 1, last })
    return known === undefined && this.#differences.has(key)
  }

  told (): Pick<ShadowReport, 'requests' | 'outcomes' | 'differences' | 'others'> {
    const outcomes = { ...this.#outcomes }
    return { requests: decidedIn(outcomes), outcomes, differences: mostFrequent([...this.#differences.values()]), others: this.#others }
  }
}

/** What several processes of one gateway say, as one. */
export function mergeShadowReports ([first, ...others]: readonly ShadowReport[]): ShadowReport | undefined {
  return first && others.reduce(mergeTwo, first)
}

function mergeTwo (one: ShadowReport, other: ShadowReport): ShadowReport {
  const differences = new Map<string, ShadowDifference>()
  for (const difference of [...one.differences, ...other.differences]) {
    const key = keyOf(difference)
    const known = within(differences, key, () => difference)
    if (known !== difference) differences.set(key, { ...difference, count: known.count + difference.count, last: later(known.last, difference.last) })
  }
  const all = mostFrequent([...differences.values()])
  const outcomes = noOutcomes()
  for (const outcome of SHADOW_OUTCOMES) outcomes[outcome] = one.outcomes[outcome] + other.outcomes[outcome]
  return {
    file: one.file,
    compares: one.compares && other.compares,
    mistakes: one.mistakes.length > 0 ? one.mistakes : other.mistakes,
    since: one.since < other.since ? one.since : other.since,
    requests: one.requests + other.requests,
    outcomes,
    differences: all.slice(0, MOST_KINDS),
    others: one.others + other.others + all.slice(MOST_KINDS).reduce((sum, { count }) => sum + count, 0)
  }
}

function noOutcomes (): Record<ShadowOutcome, number> {
  return { same: 0, now_refused: 0, now_passed: 0, other_refusal: 0, other_rule: 0, undecided: 0, failed: 0 }
}

function decidedIn ({ undecided, failed, ...decided }: Record<ShadowOutcome, number>): number {
  return Object.values(decided).reduce((sum, count) => sum + count, 0)
}

function keyOf ({ outcome, before, now, client, issuer, keys }: ShadowKind): string {
  return JSON.stringify([outcome, before.rule?.at, before.code, now.rule?.at, now.code, client, issuer, keys])
}

function mostFrequent (differences: ShadowDifference[]): ShadowDifference[] {
  return differences.sort((one, other) => other.count - one.count)
}

function later (one: ShadowExample, other: ShadowExample): ShadowExample {
  return one.time > other.time ? one : other
}
