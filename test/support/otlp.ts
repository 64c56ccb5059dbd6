import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { serve } from './server.ts'
import type { TestContext } from './teardown.ts'

/** A span as it arrived, attributes by name. */
export interface SeenSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string | undefined
  readonly name: string
  /** 2 is a server's, 3 a client's */
  readonly kind: number
  /** whether it is marked as a failure */
  readonly failed: boolean
  readonly ms: number
  readonly attributes: Readonly<Record<string, unknown>>
  readonly resource: Readonly<Record<string, unknown>>
}

export interface SeenMetric {
  readonly name: string
  readonly points: ReadonlyArray<{ readonly attributes: Readonly<Record<string, unknown>>, readonly value: number | undefined, readonly counts: readonly number[], readonly bounds: readonly number[], readonly sum: number | undefined, readonly count: number | undefined }>
}

export interface Collector {
  readonly origin: string
  readonly spans: SeenSpan[]
  /** the last state of each */
  readonly metrics: Map<string, SeenMetric>
  /** the headers of each request */
  readonly headers: Array<Readonly<Record<string, string | string[] | undefined>>>
  /** `frozen` takes requests and answers none; a number answers with that status; an object with 200 and itself */
  behave (how: 'well' | 'frozen' | number | object): void
  /** Once there is such a span. */
  until (find: (span: SeenSpan) => boolean): Promise<SeenSpan>
  stop (): Promise<void>
  start (): Promise<void>
}

/** What takes OTLP over HTTP, as JSON, on a real socket. */
export async function startCollector (t: TestContext): Promise<Collector> {
  const spans: SeenSpan[] = []
  const metrics = new Map<string, SeenMetric>()
  const headers: Collector['headers'] = []
  let how: 'well' | 'frozen' | number | object = 'well'
  const server = await serve(t, createServer((req, res) => {
    const chunks: Buffer[] = []
    req.on('data', (chunk: Buffer) => chunks.push(chunk))
    req.on('end', () => {
      headers.push(req.headers)
      if (how === 'frozen') return
      if (typeof how === 'number') return void res.writeHead(how).end()
      const body: unknown = JSON.parse(Buffer.concat(chunks).toString())
      if (req.url === '/otlp/v1/traces') spans.push(...spansIn(body))
      else if (req.url === '/otlp/v1/metrics') for (const metric of metricsIn(body)) metrics.set(metric.name, metric)
      else return void res.writeHead(404).end()
      res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(typeof how === 'object' ? how : {}))
    })
  }))
  return {
    origin: `http://127.0.0.1:${server.port}/otlp`,
    spans,
    metrics,
    headers,
    behave (next) { how = next },
    async until (find) {
      for (const end = Date.now() + 30_000; Date.now() < end; await sleep(20)) {
        const found = spans.find(find)
        if (found !== undefined) return found
      }
      throw new Error(`no such span among ${JSON.stringify(spans)}`)
    },
    stop: server.stop,
    start: server.start
  }
}

// OTLP's JSON encoding, as far as it is looked at.
interface Attribute { readonly key: string, readonly value: Readonly<Record<string, unknown>> }
interface Attributed { readonly attributes?: readonly Attribute[] }

function spansIn (body: unknown): SeenSpan[] {
  const { resourceSpans } = body as { resourceSpans: ReadonlyArray<{ resource: Attributed, scopeSpans: ReadonlyArray<{ spans: ReadonlyArray<Attributed & { traceId: string, spanId: string, parentSpanId?: string, name: string, kind: number, status?: { code?: number }, startTimeUnixNano: string, endTimeUnixNano: string }> }> }> }
  return resourceSpans.flatMap(({ resource, scopeSpans }) => scopeSpans.flatMap(scope => scope.spans.map(span => ({
    traceId: span.traceId,
    spanId: span.spanId,
    parentSpanId: span.parentSpanId,
    name: span.name,
    kind: span.kind,
    failed: span.status?.code === 2,
    ms: Number(BigInt(span.endTimeUnixNano) - BigInt(span.startTimeUnixNano)) / 1e6,
    attributes: attributesOf(span),
    resource: attributesOf(resource)
  }))))
}

function metricsIn (body: unknown): SeenMetric[] {
  interface Point extends Attributed { asDouble?: number, asInt?: number, bucketCounts?: number[], explicitBounds?: number[], sum?: number, count?: number }
  interface Data { dataPoints: readonly Point[] }
  const { resourceMetrics } = body as { resourceMetrics: ReadonlyArray<{ scopeMetrics: ReadonlyArray<{ metrics: ReadonlyArray<{ name: string, sum?: Data, gauge?: Data, histogram?: Data }> }> }> }
  return resourceMetrics.flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(scope => scope.metrics.map(({ name, sum, gauge, histogram }) => ({
    name,
    points: (sum ?? gauge ?? histogram)?.dataPoints.map(point => ({ attributes: attributesOf(point), value: point.asDouble ?? point.asInt, counts: point.bucketCounts?.map(Number) ?? [], bounds: point.explicitBounds ?? [], sum: point.sum, count: point.count === undefined ? undefined : Number(point.count) })) ?? []
  }))))
}

function attributesOf ({ attributes = [] }: Attributed): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => {
    const [only] = Object.values(value)
    return [key, 'intValue' in value ? Number(only) : only]
  }))
}
