import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Refusal } from '../policy/problems.ts'
import type { AuditRecord } from './audit.ts'

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

export interface Metrics {
  readonly registry: Registry
  /** Counts one request that ended. @param status of the answer, or of the problem where the caller has none */
  request (record: AuditRecord, status: number): void
  /** Counts one that Node's parser refused: it has no record. */
  refusedByParser (refusal: Refusal): void
  keyFetch (issuer: string, ok: boolean): void
  machineTokenFetch (credential: string, ok: boolean): void
  readonly inFlight: { inc (): void, dec (): void }
}

/** What a gateway's gauges show at the moment they are read. */
export interface Readings {
  /** verified tokens that are remembered */
  readonly knownTokens: () => number
  readonly issuers: () => Iterable<{ readonly name: string, readonly keys: number, readonly fetchedAt: number | undefined }>
  readonly credentials: () => Iterable<{ readonly name: string, readonly endsAt: number | undefined }>
}

/** The metrics of docs/metrics.md, in a registry of their own. Labels come from configuration and closed tables only. */
export function createMetrics (readings: Readings): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const registers = [registry]
  const requests = new Counter({ registers, name: 'countersign_requests_total', help: 'Requests by rule, status and problem code.', labelNames: ['rule', 'status', 'code'] })
  const duration = new Histogram({ registers, name: 'countersign_request_duration_seconds', help: "From the request's headers to the end of its answer.", labelNames: ['rule'], buckets: SECONDS })
  const upstream = new Histogram({ registers, name: 'countersign_upstream_duration_seconds', help: 'From sending a request to the upstream to the end of its answer.', labelNames: ['upstream'], buckets: SECONDS })
  const keyFetches = new Counter({ registers, name: 'countersign_key_fetches_total', help: "Fetches of an issuer's keys.", labelNames: ['issuer', 'outcome'] })
  const tokenFetches = new Counter({ registers, name: 'countersign_machine_token_fetches_total', help: 'Requests for a machine token.', labelNames: ['credential', 'outcome'] })
  const inFlight = createInFlight(registry)
  // Looking a series up by its labels costs more than counting: each is looked up once.
  const upstreamOf = remembered((name: string) => upstream.labels(name))
  const seriesOf = remembered((rule: string) => {
    const counters = remembered((key: string) => requests.labels(rule, ...key.split(' ')))
    return {
      duration: duration.labels(rule),
      count: (status: number, code: string) => { counters(`${status} ${code}`).inc() }
    }
  })
  readGauge(registry, 'countersign_tokens_known', 'Verified tokens that are remembered.', readings.knownTokens)
  gaugeRead(registry, 'countersign_issuer_keys', 'Usable keys of an issuer.', 'issuer', () => [...readings.issuers()].map(one => [one.name, one.keys]))
  gaugeRead(registry, 'countersign_issuer_keys_fetched_timestamp_seconds', "When an issuer's keys were last fetched well.", 'issuer', () => [...readings.issuers()].map(one => [one.name, seconds(one.fetchedAt)]))
  gaugeRead(registry, 'countersign_machine_token_ends_timestamp_seconds', 'When the machine token in hand ends; 0 without one.', 'credential', () => [...readings.credentials()].map(one => [one.name, seconds(one.endsAt)]))
  return {
    registry,
    inFlight,
    request (record, status) {
      const rule = record.rule?.id ?? ''
      const series = seriesOf(rule)
      series.count(status, record.refusal?.code ?? '')
      const ended = performance.now()
      series.duration.observe((ended - record.started) / 1000)
      if (record.upstreamStarted !== undefined && record.upstream !== undefined) {
        upstreamOf(record.upstream).observe(((record.upstreamEnded ?? ended) - record.upstreamStarted) / 1000)
      }
    },
    refusedByParser ({ code, problem }) {
      requests.inc({ rule: '', status: problem.status, code })
    },
    keyFetch: (issuer, ok) => { keyFetches.inc({ issuer, outcome: ok ? 'ok' : 'error' }) },
    machineTokenFetch: (credential, ok) => { tokenFetches.inc({ credential, outcome: ok ? 'ok' : 'error' }) }
  }
}

/** Makes of a function of a name one that is asked once for each name. Names come from closed sets. */
function remembered<T> (make: (name: string) => T): (name: string) => T {
  const known = new Map<string, T>()
  return name => {
    const before = known.get(name)
    if (before !== undefined) return before
    const made = make(name)
    known.set(name, made)
    return made
  }
}

function createInFlight (registry: Registry): Metrics['inFlight'] {
  let requests = 0
  readGauge(registry, 'countersign_requests_in_flight', 'Requests that have no whole answer yet.', () => requests)
  return {
    inc () { requests++ },
    dec () { requests-- }
  }
}

function readGauge (registry: Registry, name: string, help: string, read: () => number): void {
  const gauge = new Gauge({ registers: [registry], name, help, collect () { gauge.set(read()) } })
}

function gaugeRead (registry: Registry, name: string, help: string, label: string, read: () => Array<[string, number]>): void {
  const gauge = new Gauge({
    registers: [registry],
    name,
    help,
    labelNames: [label],
    collect () {
      gauge.reset()
      for (const [value, reading] of read()) gauge.set({ [label]: value }, reading)
    }
  })
}

function seconds (ms: number | undefined): number {
  return ms === undefined ? 0 : ms / 1000
}
