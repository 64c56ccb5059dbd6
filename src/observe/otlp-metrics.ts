import { ValueType, type Attributes, type HrTime } from '@opentelemetry/api'
import { JsonMetricsSerializer } from '@opentelemetry/otlp-transformer'
import type { Resource } from '@opentelemetry/resources'
import { AggregationTemporality, DataPointType, type DataPoint, type Histogram, type MetricData } from '@opentelemetry/sdk-metrics'
import type { MetricObjectWithValues, MetricValue, Registry } from 'prom-client'
import type { OtlpSender } from './otlp-sender.ts'

export interface MetricsParts {
  readonly registry: Registry
  readonly resource: Resource
  readonly sender: OtlpSender
  /** ms */
  readonly every: number
  /** ms since the epoch */
  readonly now: () => number
}

/** What the registry has, sent again and again under the very names that the admin port tells. */
export function sendMetrics ({ registry, resource, sender, every, now }: MetricsParts): { close (): Promise<void> } {
  const began = hrTime(now())
  let underWay: Promise<void> | undefined
  // One at a time: what comes while a collector is slow is in the next one.
  const timer = setInterval(() => { underWay ??= push().finally(() => { underWay = undefined }) }, every).unref()

  async function push (): Promise<void> {
    const metrics = await registry.getMetricsAsJSON()
    const data = metrics.flatMap(metric => metricData(metric, began, hrTime(now())))
    const points = data.reduce((sum, { dataPoints }) => sum + dataPoints.length, 0)
    await sender.send('metrics', JsonMetricsSerializer.serializeRequest({ resource, scopeMetrics: [{ scope: { name: 'countersign' }, metrics: data }] }), points)
  }

  return {
    async close () {
      clearInterval(timer)
      await underWay
      await push()
    }
  }
}

function metricData ({ name, help, type, values }: MetricObjectWithValues<MetricValue<string>>, startTime: HrTime, endTime: HrTime): MetricData[] {
  const shared = {
    descriptor: { name, description: help, unit: name.includes('_seconds') ? 's' : name.endsWith('_bytes') ? 'By' : '', valueType: ValueType.DOUBLE, advice: {} },
    aggregationTemporality: AggregationTemporality.CUMULATIVE
  }
  const times = { startTime, endTime }
  // What the registry's types are called stands in its documentation; there are no summaries among ours.
  switch (String(type)) {
    case 'counter': return [{ ...shared, dataPointType: DataPointType.SUM, isMonotonic: true, dataPoints: values.map(({ labels, value }) => ({ ...times, attributes: attributesOf(labels), value })) }]
    case 'gauge': return [{ ...shared, dataPointType: DataPointType.GAUGE, dataPoints: values.map(({ labels, value }) => ({ ...times, attributes: attributesOf(labels), value })) }]
    case 'histogram': return [{ ...shared, dataPointType: DataPointType.HISTOGRAM, dataPoints: histograms(values, times) }]
    default: return []
  }
}

type NamedValue = MetricValue<string> & { readonly metricName?: string }

interface Series {
  readonly attributes: Attributes
  /** bound and how many are at most that */
  readonly buckets: Array<readonly [bound: number, count: number]>
  sum: number
  count: number
}

function histograms (values: readonly NamedValue[], times: { readonly startTime: HrTime, readonly endTime: HrTime }): Array<DataPoint<Histogram>> {
  const all = new Map<string, Series>()
  for (const { metricName = '', labels, value } of values) {
    const { le, ...others } = labels
    const key = JSON.stringify(others)
    const series = all.get(key) ?? { attributes: attributesOf(others), buckets: [], sum: 0, count: 0 }
    all.set(key, series)
    if (metricName.endsWith('_bucket')) series.buckets.push([le === '+Inf' ? Infinity : Number(le), value])
    else if (metricName.endsWith('_sum')) series.sum = value
    else if (metricName.endsWith('_count')) series.count = value
  }
  return [...all.values()].map(({ attributes, buckets, sum, count }) => {
    const rising = buckets.toSorted(([one], [other]) => one - other)
    return {
      ...times,
      attributes,
      value: {
        sum,
        count,
        buckets: {
          boundaries: rising.flatMap(([bound]) => bound === Infinity ? [] : [bound]),
          // Theirs are counted up to each bound, these between two of them.
          counts: rising.map(([, most], at) => most - (rising[at - 1]?.[1] ?? 0))
        }
      }
    }
  })
}

function attributesOf (labels: Partial<Record<string, string | number>>): Attributes {
  return Object.fromEntries(Object.entries(labels).flatMap(([name, value]) => value === undefined ? [] : [[name, String(value)]]))
}

function hrTime (ms: number): HrTime {
  return [Math.floor(ms / 1000), Math.round((ms % 1000) * 1e6)]
}
