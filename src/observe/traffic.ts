import { within } from '../common/memo.ts'
import { outcomeOf, type Outcome } from './outcome.ts'
import type { RuleEnd, RuleTraffic, Totals } from './snapshot.ts'

/** Where what is counted of requests is read. */
export interface TrafficParts {
  /** s, rising */
  readonly bounds: readonly number[]
  ends (): Iterable<RuleEnd & { readonly rule: string }>
  durations (): Iterable<readonly [rule: string, counts: readonly number[]]>
  upstreamDurations (): Iterable<readonly [upstream: string, counts: readonly number[]]>
}

/** What was counted of requests since the start, put together when it is asked for. */
export class Traffic {
  readonly bounds: readonly number[]
  readonly #parts: TrafficParts

  constructor (parts: TrafficParts) {
    this.bounds = parts.bounds
    this.#parts = parts
  }

  byRule (): RuleTraffic[] {
    const ends = new Map<string, RuleEnd[]>()
    for (const { rule, ...end } of this.#parts.ends()) within(ends, rule, () => []).push(end)
    const durations = new Map(this.#parts.durations())
    return [...ends].map(([rule, own]) => ({ rule, ends: own, durations: [...durations.get(rule) ?? this.none()] }))
  }

  byUpstream (): ReadonlyMap<string, readonly number[]> {
    return new Map(this.#parts.upstreamDurations())
  }

  totals (): Totals {
    const outcomes: Record<Outcome, number> = { answered: 0, refused: 0, left: 0, upstream: 0, gateway: 0 }
    for (const { code, status, count } of this.#parts.ends()) outcomes[outcomeOf(code, status)] += count
    const durations = this.none()
    for (const [, counts] of this.#parts.durations()) counts.forEach((count, at) => { durations[at] = (durations[at] ?? 0) + count })
    return { outcomes, durations }
  }

  /** No durations. */
  none (): number[] {
    return [...this.bounds, Infinity].map(() => 0)
  }
}
