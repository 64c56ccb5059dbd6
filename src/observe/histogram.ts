import type { Metric, Registry } from 'prom-client'
import { within } from '../common/memo.ts'

/** A histogram, by the values of its label. */
export interface Histogram {
  /** made when it is first asked for */
  series (value: string): Series
  /** How many were observed between one bound and the next, by label value; the last is of those above every bound. */
  counts (): Iterable<readonly [value: string, counts: readonly number[]]>
}

/** Observations of one label value. */
export interface Series {
  /** @param value in the histogram's unit; NaN and less than 0 count as 0 */
  observe (value: number): void
}

export interface HistogramOptions {
  readonly name: string
  readonly help: string
  readonly label: string
  /** upper bounds, rising; +Inf is added */
  readonly buckets: readonly number[]
}

/**
 * A histogram in the registry whose observation is two additions: the registry's own looks its series up by their
 * labels, validated and hashed, each time, which costs more than all else that a request's metrics do.
 */
export function createHistogram (registry: Registry, { name, help, label, buckets }: HistogramOptions): Histogram {
  const all = new Map<string, Counts>()
  const metric = {
    name,
    help,
    type: 'histogram',
    aggregator: 'sum',
    get: () => Promise.resolve({ name, help, type: 'histogram', aggregator: 'sum', values: [...all].flatMap(([value, counts]) => counts.values(name, { [label]: value })) })
  }
  // A registry asks nothing of a metric but its name and get(); its type wants one of its own classes.
  registry.registerMetric(metric as unknown as Metric)
  const make = (): Counts => new Counts(buckets)
  return {
    series: value => within(all, value, make),
    * counts () { for (const [value, { counts }] of all) yield [value, counts] }
  }
}

class Counts implements Series {
  readonly #bounds: readonly number[]
  /** not cumulative; the last is above every bound */
  readonly counts: number[]
  #sum = 0

  constructor (bounds: readonly number[]) {
    this.#bounds = bounds
    this.counts = [...bounds, Infinity].map(() => 0)
  }

  observe (value: number): void {
    const bounds = this.#bounds
    const counted = value > 0 ? value : 0
    let at = 0
    while (at < bounds.length && counted > (bounds[at] ?? 0)) at++
    this.counts[at] = (this.counts[at] ?? 0) + 1
    this.#sum += counted
  }

  values (name: string, labels: Readonly<Record<string, string>>) {
    let count = 0
    const buckets = this.counts.map((own, at) => {
      count += own
      return { metricName: `${name}_bucket`, labels: { le: this.#bounds[at] ?? '+Inf', ...labels }, value: count }
    })
    return [...buckets, { metricName: `${name}_sum`, labels, value: this.#sum }, { metricName: `${name}_count`, labels, value: count }]
  }
}
