import { createLeaderMetrics, createMetrics } from '../../src/observe/metrics.ts'

/** Name → labels of every metric of the gateway's own; what the process says of itself is left out. */
export function ownMetrics (): ReadonlyMap<string, readonly string[]> {
  const { registry } = createMetrics({ shed: () => 0, knownTokens: () => 0, rememberedWrites: () => 0, issuers: () => [], credentials: () => [], upstreams: () => [], certificates: () => [], shadowCompares: () => true })
  const all = [registry, createLeaderMetrics(() => 0).registry].flatMap(one => one.getMetricsAsArray())
  return new Map(all.filter(({ name }) => name.startsWith('countersign_')).map(metric => [metric.name, labelsOf(metric)]))
}

// prom-client's types have no `labelNames`; its metrics do, and the histogram, which is the gateway's own, has one label.
function labelsOf (metric: object): readonly string[] {
  const { labelNames }: { labelNames?: readonly string[] } = metric
  return labelNames ?? []
}
