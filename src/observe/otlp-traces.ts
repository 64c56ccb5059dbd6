import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, TraceFlags, type Attributes, type Context, type Span, type Tracer } from '@opentelemetry/api'
import { JsonTraceSerializer } from '@opentelemetry/otlp-transformer'
import type { Resource } from '@opentelemetry/resources'
import { BatchSpanProcessor, ParentBasedSampler, TracerProvider, TraceIdRatioBasedSampler, type ReadableSpan, type SpanExporter, type SpanProcessor } from '@opentelemetry/sdk-trace'
import type { IncomingMessage } from 'node:http'
import { eachOnce, within } from '../common/memo.ts'
import { isTraceparent } from '../common/trace-context.ts'
import type { Configuration } from '../config/configuration.ts'
import type { Telemetry } from '../config/telemetry-schema.ts'
import { METHODS } from '../policy/pattern.ts'
import type { AuditRecord, RuleReference } from './audit.ts'
import type { OtlpSender } from './otlp-sender.ts'
import type { AttemptTrace, RequestTrace, Tracing } from './tracing.ts'

/** Spans that wait to be sent; what comes beyond them is dropped, and counted. */
const MOST_WAITING = 4096
/** spans in one request to the collector */
const BATCH = 512
/** ms that a span waits for others */
const DELAY = 2000
/** ms */
const EXPORT_WITHIN = 10_000
/** characters of a value that comes from outside */
const LONGEST = 200

export interface ClosableTracing extends Tracing {
  /** Sends what waits. */
  close (): Promise<void>
}

export interface TracesParts {
  readonly settings: NonNullable<Telemetry['otlp']['traces']>
  readonly resource: Resource
  readonly sender: OtlpSender
  readonly onSpans: (outcome: 'sent' | 'failed' | 'dropped', count: number) => void
}

export function createTracing ({ settings, resource, sender, onSpans }: TracesParts): ClosableTracing {
  const root = new TraceIdRatioBasedSampler(settings.sample)
  const queue = new CountedQueue(sender, onSpans)
  const provider = new TracerProvider({
    resource,
    sampler: settings.follow_caller ? new ParentBasedSampler({ root }) : new ParentBasedSampler({ root, remoteParentSampled: root, remoteParentNotSampled: root }),
    spanLimits: { attributeValueLengthLimit: 1000 },
    spanProcessors: [queue]
  })
  const tracer = provider.getTracer('countersign')
  return {
    begin: (incoming, record) => quietly(() => new ServerSpan(tracer, incoming, record, settings.subject)),
    close: async () => { await provider.shutdown() }
  }
}

/** A batch of spans at a time, and never more of them waiting than fit; each is counted once, as what became of it. */
class CountedQueue implements SpanProcessor {
  readonly #inner: BatchSpanProcessor
  readonly #onSpans: TracesParts['onSpans']
  #waiting = 0

  constructor (sender: OtlpSender, onSpans: TracesParts['onSpans']) {
    this.#onSpans = onSpans
    const exporter: SpanExporter = {
      export: (spans, done) => {
        void this.#send(sender, spans).finally(() => { done({ code: 0 }) })
      },
      shutdown: () => Promise.resolve()
    }
    this.#inner = new BatchSpanProcessor({ exporter, maxQueueSize: MOST_WAITING, maxExportBatchSize: BATCH, scheduledDelayMillis: DELAY, exportTimeoutMillis: EXPORT_WITHIN })
  }

  async #send (sender: OtlpSender, spans: ReadableSpan[]): Promise<void> {
    const refused = await sender.send('traces', JsonTraceSerializer.serializeRequest(spans), spans.length)
    this.#waiting -= spans.length
    if (refused < spans.length) this.#onSpans('sent', spans.length - refused)
    if (refused > 0) this.#onSpans('failed', refused)
  }

  onStart (): void {}

  onEnd (span: ReadableSpan): void {
    if ((span.spanContext().traceFlags & TraceFlags.SAMPLED) === 0) return
    // What is on its way counts too: a collector that does not answer must not double what is kept.
    if (this.#waiting >= MOST_WAITING) {
      this.#onSpans('dropped', 1)
      return
    }
    this.#waiting++
    this.#inner.onEnd(span)
  }

  async forceFlush (): Promise<void> {
    await this.#inner.forceFlush()
  }

  async shutdown (): Promise<void> {
    await this.#inner.shutdown()
  }
}

class ServerSpan implements RequestTrace {
  readonly #tracer: Tracer
  readonly #span: Span
  readonly #context: Context
  readonly #namesSubject: boolean
  readonly #method: string
  #attempts = 0

  constructor (tracer: Tracer, incoming: IncomingMessage, { method }: AuditRecord, namesSubject: boolean) {
    this.#tracer = tracer
    this.#namesSubject = namesSubject
    this.#method = METHOD_NAMES.has(method) ? method : '_OTHER'
    const parent = parentOf(incoming)
    this.#span = tracer.startSpan(this.#method, { kind: SpanKind.SERVER }, parent)
    this.#context = trace.setSpan(ROOT_CONTEXT, this.#span)
    if (this.#span.isRecording()) this.#span.setAttributes(requestAttributes(incoming, this.#method))
  }

  attempt (origin: string): AttemptTrace | undefined {
    return quietly(() => new ClientSpan(this.#tracer, this.#context, this.#method, origin, this.#attempts++))
  }

  end (record: AuditRecord, status: number, configuration: Configuration): void {
    const span = this.#span
    if (span.isRecording()) quietly(() => { this.#write(span, record, status, configuration) })
  }

  #write (span: Span, record: AuditRecord, status: number, configuration: Configuration): void {
    const { rule, refusal, reported, principal, upstream, granted, decisionId } = record
    const route = rule && routeOf(configuration, rule)
    if (route !== undefined) span.updateName(`${this.#method} ${route}`)
    span.setAttributes(withoutUndefined({
      'http.route': route,
      'http.response.status_code': status,
      'error.type': refusal?.code ?? (status >= 500 ? String(status) : undefined),
      'countersign.decision': decisionId,
      'countersign.granted': granted,
      'countersign.rule': rule?.id,
      'countersign.rule.at': rule?.at,
      'countersign.reported': reported?.[0]?.refusal.code,
      'countersign.issuer': principal?.issuer,
      'countersign.principal': principal?.kind,
      'countersign.client': principal?.client,
      'countersign.upstream': upstream,
      'enduser.id': this.#namesSubject ? principal?.subject : undefined
    }))
    if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR })
    span.end()
  }
}

class ClientSpan implements AttemptTrace {
  readonly traceparent: string
  readonly #span: Span

  constructor (tracer: Tracer, context: Context, method: string, origin: string, resent: number) {
    this.#span = tracer.startSpan(method, { kind: SpanKind.CLIENT }, context)
    const { traceId, spanId, traceFlags } = this.#span.spanContext()
    this.traceparent = `00-${traceId}-${spanId}-${(traceFlags & TraceFlags.SAMPLED) === 0 ? '00' : '01'}`
    if (!this.#span.isRecording()) return
    this.#span.setAttribute('http.request.method', method)
    this.#span.setAttributes(serverAt(origin))
    if (resent > 0) this.#span.setAttribute('http.request.resend_count', resent)
  }

  end (status: number | undefined, code: string | undefined): void {
    const span = this.#span
    if (span.isRecording()) quietly(() => { this.#write(span, status, code) })
  }

  #write (span: Span, status: number | undefined, code: string | undefined): void {
    const error = code ?? (status !== undefined && status >= 400 ? String(status) : undefined)
    span.setAttributes(withoutUndefined({ 'http.response.status_code': status, 'error.type': error }))
    if (error !== undefined) span.setStatus({ code: SpanStatusCode.ERROR })
    span.end()
  }
}

// A span is worth no request: where one cannot be made or written, the request goes on without.
function quietly<Made> (act: () => Made): Made | undefined {
  try {
    return act()
  } catch {
    return undefined
  }
}

const METHOD_NAMES: ReadonlySet<string> = new Set(METHODS)

// Of the caller's only one that is well-formed, as the upstream would get it.
function parentOf ({ headers: { traceparent } }: IncomingMessage): Context {
  if (typeof traceparent !== 'string' || !isTraceparent(traceparent)) return ROOT_CONTEXT
  const [, traceId = '', spanId = '', flags = ''] = traceparent.split('-')
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & TraceFlags.SAMPLED, isRemote: true })
}

// Neither path nor query: both can name what nobody but the ERP is to know. What was meant the route says.
function requestAttributes ({ headers: { host }, socket }: IncomingMessage, method: string): Attributes {
  return withoutUndefined({
    'http.request.method': method,
    'url.scheme': 'encrypted' in socket ? 'https' : 'http',
    'server.address': host?.replace(/:\d+$/, '').slice(0, LONGEST)
  })
}

// The hosts of upstreams are few.
const serverAt = eachOnce((origin): Attributes => {
  const { protocol, hostname, port } = new URL(origin)
  return {
    'url.scheme': protocol.slice(0, -1),
    'server.address': hostname.replace(/^\[|\]$/g, ''),
    'server.port': port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port)
  }
})

const routes = new WeakMap<RuleReference, string>()

function routeOf (configuration: Configuration, rule: RuleReference): string | undefined {
  return within(routes, rule, ({ at, id }) => configuration.routes.find(one => one.at === at && one.name === id)?.match.path ?? '') || undefined
}

function withoutUndefined (attributes: Readonly<Record<string, string | number | boolean | undefined>>): Attributes {
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined))
}
