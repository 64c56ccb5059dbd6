import { collectDefaultMetrics, Counter, Gauge, Registry, type Aggregator } from 'prom-client'
import { within } from '../common/memo.ts'
import type { Http2End } from '../inbound/http2.ts'
import type { TlsErrorReason } from '../inbound/tls.ts'
import type { CircuitState } from '../outbound/circuit-breaker.ts'
import type { ProtectionStatus } from '../outbound/protection.ts'
import type { Refusal } from '../policy/problems.ts'
import type { AuditRecord } from './audit.ts'
import { createHistogram } from './histogram.ts'
import type { Signal } from './otlp-sender.ts'
import type { ShadowOutcome } from './shadow-tally.ts'
import type { RuleEnd, StoreOperations } from './snapshot.ts'
import { Traffic } from './traffic.ts'

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

export interface Metrics {
  readonly registry: Registry
  /** Counts one request that ended. @param status of the answer, or of the problem where the caller has none */
  request (record: AuditRecord, status: number): void
  /** Counts one that Node's parser refused: it has no record. */
  refusedByParser (refusal: Refusal): void
  keyFetch (issuer: string, ok: boolean): void
  machineTokenFetch (credential: string, ok: boolean): void
  /** Counts a machine token that was had by the second of two client secrets. */
  readonly oldSecretUsed: (credential: string) => void
  /** Counts a connection of a caller on which no TLS came about, or broke. */
  readonly tlsError: (reason: TlsErrorReason) => void
  /** Counts an HTTP/2 connection that was ended for what its caller did. */
  readonly http2End: (reason: Http2End) => void
  /** Counts one reading of the configuration's files after the first. */
  readonly reload: (outcome: 'adopted' | 'unchanged' | 'rejected') => void
  /** Counts one connection that was closed as it came. */
  readonly connectionDropped: () => void
  /** A machine token was had. @param origin `shared` where another replica had fetched it */
  machineToken (credential: string, origin: 'fetched' | 'shared'): void
  storeOperation (operation: string, outcome: string): void
  /** Counts a request for a session with a CSRF token. */
  csrfFetch (upstream: string, ok: boolean): void
  /** Counts what other rules said of a request (`start --shadow`). */
  readonly shadowOutcome: (outcome: ShadowOutcome) => void
  /** Counts a request to the collector of telemetry. */
  readonly telemetryExport: (signal: Signal, ok: boolean) => void
  readonly telemetrySpans: (outcome: 'sent' | 'failed' | 'dropped', count: number) => void
  readonly inFlight: { inc (): void, dec (): void, readonly count: number }
  /** What of it is counted of requests, for who looks at it without Prometheus. */
  readonly traffic: Traffic
  readonly storeOperations: () => Promise<StoreOperations[]>
}

/** What a gateway's gauges show at the moment they are read. */
export interface Readings {
  /** verified tokens that are remembered */
  readonly knownTokens: () => number
  /** writes with a key that are kept in memory */
  readonly rememberedWrites: () => number
  /** of the requests, 0 to 1, that are turned away now */
  readonly shed: () => number
  readonly issuers: () => Iterable<{ readonly name: string, readonly keys: number, readonly fetchedAt: number | undefined }>
  readonly credentials: () => Iterable<{ readonly name: string, readonly endsAt: number | undefined }>
  readonly certificates: () => Iterable<{ readonly name: string, readonly endsAt: number | undefined }>
  /** whether the store is there; undefined where none is configured */
  readonly storeIsUp?: () => boolean | undefined
  readonly upstreams: () => Iterable<UpstreamReading>
  /** whether requests are compared with what other rules say; absent where there are none */
  readonly shadowCompares?: (() => boolean) | undefined
}

/** What is to be seen of an upstream; undefined is what is not configured. */
export interface UpstreamReading extends ProtectionStatus {
  readonly name: string
  /** in hand */
  readonly sessions: number | undefined
  readonly maintenance: { readonly endsAt: number | undefined } | undefined
}

/** The metrics of docs/metrics.md, in a registry of their own. Labels come from configuration and closed tables only. */
export function createMetrics (readings: Readings): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const registers = [registry]
  const requests = createRequestCounter(registry)
  const duration = createHistogram(registry, { name: 'countersign_request_duration_seconds', help: "From the request's headers to the end of its answer.", label: 'rule', buckets: SECONDS })
  const upstreamDuration = createHistogram(registry, { name: 'countersign_upstream_duration_seconds', help: 'From sending a request to the upstream to the end of its answer.', label: 'upstream', buckets: SECONDS })
  const keyFetches = new Counter({ registers, name: 'countersign_key_fetches_total', help: "Fetches of an issuer's keys.", labelNames: ['issuer', 'outcome'] })
  const tokenFetches = new Counter({ registers, name: 'countersign_machine_token_fetches_total', help: 'Requests for a machine token.', labelNames: ['credential', 'outcome'] })
  const oldSecrets = new Counter({ registers, name: 'countersign_old_client_secret_used_total', help: 'Machine tokens that were had by the second of two client secrets.', labelNames: ['credential'] })
  const tlsErrors = new Counter({ registers, name: 'countersign_tls_errors_total', help: 'Connections of callers on which no TLS came about, or broke.', labelNames: ['reason'] })
  const http2Ends = new Counter({ registers, name: 'countersign_http2_connections_ended_total', help: 'HTTP/2 connections that were ended for what their caller did.', labelNames: ['reason'] })
  const reloads = new Counter({ registers, name: 'countersign_config_reloads_total', help: 'Readings of the configuration after the first.', labelNames: ['outcome'] })
  const accepted = new Gauge({ registers, name: 'countersign_config_accepted', help: '1 where the files as they were last read are what requests go by; 0 where they were rejected.', aggregator: 'min' })
  accepted.set(1)
  const tokens = new Counter({ registers, name: 'countersign_machine_tokens_total', help: 'Machine tokens that were had, by who fetched them.', labelNames: ['credential', 'origin'] })
  const storeOperations = new Counter({ registers, name: 'countersign_store_operations_total', help: 'What was asked of the store.', labelNames: ['operation', 'outcome'] })
  const retries = new Counter({ registers, name: 'countersign_upstream_retries_total', help: 'Further tries of a request at the upstream, by why.', labelNames: ['upstream', 'reason'] })
  const parts = new Counter({ registers, name: 'countersign_batch_parts_total', help: 'Requests within batches.', labelNames: ['outcome'] })
  const reports = new Counter({ registers, name: 'countersign_reported_total', help: 'Requests that a rule with enforce: report let through, by why it would have refused them.', labelNames: ['rule', 'code'] })
  const shadows = new Counter({ registers, name: 'countersign_shadow_decisions_total', help: 'Requests that other rules decided too, by what they would change.', labelNames: ['outcome'] })
  const exports = new Counter({ registers, name: 'countersign_telemetry_exports_total', help: 'Requests to the collector of telemetry.', labelNames: ['signal', 'outcome'] })
  const spans = new Counter({ registers, name: 'countersign_telemetry_spans_total', help: 'Spans that were recorded, by what became of them.', labelNames: ['outcome'] })
  const writes = new Counter({ registers, name: 'countersign_idempotency_total', help: 'Writes with an idempotency key, by what they met.', labelNames: ['outcome'] })
  const csrfFetches = new Counter({ registers, name: 'countersign_csrf_fetches_total', help: 'Requests for a session with a CSRF token.', labelNames: ['upstream', 'outcome'] })
  const inFlight = createInFlight(registry)
  const dropped = new Counter({ registers, name: 'countersign_connections_dropped_total', help: 'Connections closed as they came, past listen.max_connections.' })
  readGauge(registry, 'countersign_shed_ratio', 'Share of the requests that is turned away for overload.', readings.shed, 'average')
  readGauge(registry, 'countersign_idempotency_remembered', 'Writes that this process remembers.', readings.rememberedWrites)
  readGauge(registry, 'countersign_tokens_known', 'Verified tokens that are remembered.', readings.knownTokens)
  gaugeRead(registry, 'countersign_issuer_keys', 'Usable keys of an issuer.', 'issuer', () => [...readings.issuers()].map(one => [one.name, one.keys]), 'min')
  gaugeRead(registry, 'countersign_issuer_keys_fetched_timestamp_seconds', "When an issuer's keys were last fetched well.", 'issuer', () => [...readings.issuers()].map(one => [one.name, seconds(one.fetchedAt)]), 'min')
  gaugeRead(registry, 'countersign_machine_token_ends_timestamp_seconds', 'When the machine token in hand ends; 0 without one.', 'credential', () => [...readings.credentials()].map(one => [one.name, seconds(one.endsAt)]), 'min')
  gaugeRead(registry, 'countersign_store_up', 'Whether the store is there: 1, or 0.', 'engine', () => {
    const isUp = readings.storeIsUp?.()
    return isUp === undefined ? [] : [['redis', isUp ? 1 : 0]]
  }, 'min')
  const { shadowCompares } = readings
  if (shadowCompares !== undefined) readGauge(registry, 'countersign_shadow_compares', 'Whether requests are compared with what other rules say: 1, or 0 while those have mistakes.', () => shadowCompares() ? 1 : 0, 'min')
  protectionGauges(registry, readings.upstreams)
  gaugeRead(registry, 'countersign_upstream_maintenance', 'Whether a maintenance window is open: 1, or 0.', 'upstream', () => [...readings.upstreams()].flatMap(({ name, maintenance }) => maintenance === undefined ? [] : [[name, maintenance.endsAt === undefined ? 0 : 1]]), 'max')
  gaugeRead(registry, 'countersign_certificate_ends_timestamp_seconds', 'When the first of the certificates at a place of gateway.yaml ends.', 'certificate', () => [...readings.certificates()].map(one => [one.name, seconds(one.endsAt)]), 'min')
  return {
    registry,
    inFlight,
    traffic: new Traffic({ bounds: SECONDS, ends: requests.ends, durations: duration.counts, upstreamDurations: upstreamDuration.counts }),
    request ({ rule, refusal, started, upstream, upstreamStarted, upstreamEnded, retries: reasons, idempotency, batchParts, granted, reported }, status) {
      const id = rule?.id ?? ''
      const ended = performance.now()
      requests.count(id, refusal?.code ?? '', status)
      duration.series(id).observe((ended - started) / 1000)
      if (upstream !== undefined && upstreamStarted !== undefined) upstreamDuration.series(upstream).observe(((upstreamEnded ?? ended) - upstreamStarted) / 1000)
      if (batchParts !== undefined) parts.inc({ outcome: granted ? 'passed' : 'refused' }, batchParts)
      if (reported !== undefined) for (const { rule: { id: own }, refusal: { code } } of reported) reports.inc({ rule: own, code })
      if (reasons !== undefined) for (const reason of reasons) retries.inc({ upstream: upstream ?? '', reason })
      if (idempotency !== undefined) writes.inc({ outcome: idempotency })
    },
    refusedByParser ({ code, problem }) {
      requests.count('', code, problem.status)
    },
    keyFetch: (issuer, ok) => { keyFetches.inc({ issuer, outcome: ok ? 'ok' : 'error' }) },
    machineTokenFetch: (credential, ok) => { tokenFetches.inc({ credential, outcome: ok ? 'ok' : 'error' }) },
    oldSecretUsed: credential => { oldSecrets.inc({ credential }) },
    tlsError: reason => { tlsErrors.inc({ reason }) },
    http2End: reason => { http2Ends.inc({ reason }) },
    connectionDropped: () => { dropped.inc() },
    csrfFetch: (upstream, ok) => { csrfFetches.inc({ upstream, outcome: ok ? 'ok' : 'error' }) },
    reload (outcome) {
      reloads.inc({ outcome })
      accepted.set(outcome === 'rejected' ? 0 : 1)
    },
    machineToken: (credential, origin) => { tokens.inc({ credential, origin }) },
    telemetryExport: (signal, ok) => { exports.inc({ signal, outcome: ok ? 'ok' : 'error' }) },
    telemetrySpans: (outcome, count) => { spans.inc({ outcome }, count) },
    shadowOutcome: outcome => { shadows.inc({ outcome }) },
    storeOperations: async () => (await storeOperations.get()).values.map(({ labels: { operation = '', outcome = '' }, value }) => ({ operation: String(operation), outcome: String(outcome), count: value })),
    storeOperation: (operation, outcome) => { storeOperations.inc({ operation, outcome }) }
  }
}

/** Metrics of the process that leads workers, in a registry of their own. */
export function createLeaderMetrics (serving: () => number): { readonly registry: Registry, readonly workerLost: () => void } {
  const registry = new Registry()
  const lost = new Counter({ registers: [registry], name: 'countersign_workers_lost_total', help: 'Workers that ended without being told to.' })
  readGauge(registry, 'countersign_workers', 'Workers that serve.', serving)
  return { registry, workerLost: () => { lost.inc() } }
}

/** What a registry says, for a port to answer with. */
export function metricsOf (registry: Registry): () => Promise<{ contentType: string, text: string }> {
  return async () => ({ contentType: registry.contentType, text: await registry.metrics() })
}

// Counted by hand, and told to the registry when it is read: to look a series up by its labels costs more than to count.
function createRequestCounter (registry: Registry): { count (rule: string, code: string, status: number): void, ends (): Iterable<RuleEnd & { readonly rule: string }> } {
  const counts = new Map<string, Map<string, Map<number, number>>>()
  const counter = new Counter({
    registers: [registry],
    name: 'countersign_requests_total',
    help: 'Requests by rule, status and problem code.',
    labelNames: ['rule', 'status', 'code'],
    collect () {
      counter.reset()
      for (const { rule, code, status, count } of ends()) counter.inc({ rule, status, code }, count)
    }
  })

  function * ends () {
    for (const [rule, codes] of counts) {
      for (const [code, statuses] of codes) {
        for (const [status, count] of statuses) yield { rule, code, status, count }
      }
    }
  }

  return {
    count (rule, code, status) {
      const statuses = within(within(counts, rule, noCodes), code, noStatuses)
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
    },
    ends
  }
}

const noCodes = (): Map<string, Map<number, number>> => new Map()
const noStatuses = (): Map<number, number> => new Map()

function createInFlight (registry: Registry): Metrics['inFlight'] {
  let requests = 0
  readGauge(registry, 'countersign_requests_in_flight', 'Requests that have no whole answer yet.', () => requests)
  return {
    inc () { requests++ },
    dec () { requests-- },
    get count () { return requests }
  }
}

const CIRCUITS: Readonly<Record<CircuitState, number>> = { closed: 0, 'half-open': 1, open: 2 }

// What is not configured has no series.
function protectionGauges (registry: Registry, upstreams: Readings['upstreams']): void {
  const gauge = (name: string, help: string, read: (status: UpstreamReading) => number | undefined, aggregator: Aggregator): void => {
    gaugeRead(registry, name, help, 'upstream', () => [...upstreams()].flatMap(one => {
      const reading = read(one)
      return reading === undefined ? [] : [[one.name, reading]]
    }), aggregator)
  }
  gauge('countersign_upstream_requests_open', 'Requests at the upstream that count against its concurrency.', ({ open }) => open, 'sum')
  gauge('countersign_upstream_requests_queued', 'Requests that wait for a place at the upstream.', ({ queued }) => queued, 'sum')
  gauge('countersign_upstream_circuit_state', 'The circuit breaker: 0 closed, 1 half-open, 2 open.', ({ circuit }) => circuit && CIRCUITS[circuit], 'max')
  gauge('countersign_upstream_hosts_ejected', 'Hosts that are out for failing.', ({ ejected }) => ejected, 'max')
  gauge('countersign_upstream_hosts_unhealthy', 'Hosts that are out by their health checks.', ({ unhealthy }) => unhealthy, 'max')
  gauge('countersign_csrf_sessions', 'Sessions with a CSRF token that are in hand.', ({ sessions }) => sessions, 'sum')
}

// What several workers say is told as one: their sum, unless it is said here.
function readGauge (registry: Registry, name: string, help: string, read: () => number, aggregator: Aggregator = 'sum'): void {
  const gauge = new Gauge({ registers: [registry], name, help, aggregator, collect () { gauge.set(read()) } })
}

function gaugeRead (registry: Registry, name: string, help: string, label: string, read: () => Array<[string, number]>, aggregator: Aggregator): void {
  const gauge = new Gauge({
    registers: [registry],
    name,
    help,
    labelNames: [label],
    aggregator,
    collect () {
      gauge.reset()
      for (const [value, reading] of read()) gauge.set({ [label]: value }, reading)
    }
  })
}

function seconds (ms: number | undefined): number {
  return ms === undefined ? 0 : ms / 1000
}
