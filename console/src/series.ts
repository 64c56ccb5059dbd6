import type { Outcome } from '../../src/observe/outcome.ts'
import type { Sample } from '../../src/observe/snapshot.ts'

/** What happened between two samples. */
export interface Point {
  /** ms since the epoch, of the later sample */
  readonly time: number
  /** per second; undefined where the counts were begun anew in between */
  readonly rates: Readonly<Record<Outcome, number>> | undefined
  readonly durations: readonly number[]
}

/** ms: a longer gap between two samples is one in the chart, too */
const LONGEST_STEP = 20_000

export function pointsOf (samples: readonly Sample[]): Point[] {
  return samples.slice(1).flatMap((after, at) => {
    const before = samples[at]
    return before === undefined ? [] : [pointBetween(before, after)]
  })
}

export function pointBetween (before: Sample, after: Sample): Point {
  const { time } = after
  const seconds = (time - before.time) / 1000
  const durations = after.durations.map((count, at) => count - (before.durations[at] ?? 0))
  const outcomes = Object.entries(after.outcomes).map(([outcome, count]) => [outcome, count - before.outcomes[outcome as Outcome]] as const)
  // A process that ended took its counts along.
  const broken = seconds <= 0 || time - before.time > LONGEST_STEP || outcomes.some(([, count]) => count < 0) || durations.some(count => count < 0)
  if (broken) return { time, rates: undefined, durations: durations.map(() => 0) }
  return { time, rates: Object.fromEntries(outcomes.map(([outcome, count]) => [outcome, count / seconds])) as Record<Outcome, number>, durations }
}

/** ms: of two samples that lie closer the earlier one goes, for what is between them is chance */
const SHORTEST_STEP = 1000

/** Samples of both by their time, of no more than the last `span` ms. */
export function merged (one: readonly Sample[], other: readonly Sample[], span: number): Sample[] {
  const all = [...one, ...other].sort((a, b) => a.time - b.time)
  const from = (all.at(-1)?.time ?? 0) - span
  return all.filter(({ time }, at) => time >= from && (all[at + 1]?.time ?? Infinity) - time >= SHORTEST_STEP)
}

export function added (lists: ReadonlyArray<readonly number[]>): number[] {
  return lists.reduce<number[]>((total, list) => list.map((count, at) => count + (total[at] ?? 0)), [])
}

/**
 * A percentile by the counts between bounds, as far as these tell: within two of them it is taken to be even.
 * @param share from 0 to 1
 * @returns s; undefined where nothing was counted; the highest bound where it is beyond it
 */
export function percentile (counts: readonly number[], bounds: readonly number[], share: number): number | undefined {
  const total = counts.reduce((sum, count) => sum + count, 0)
  if (total === 0) return undefined
  const wanted = total * share
  let below = 0
  for (const [at, count] of counts.entries()) {
    if (count > 0 && below + count >= wanted) {
      const low = bounds[at - 1] ?? 0
      const high = bounds[at] ?? low
      return low + (high - low) * (wanted - below) / count
    }
    below += count
  }
  return bounds.at(-1)
}
