import { resourceFromAttributes } from '@opentelemetry/resources'
import { randomUUID } from 'node:crypto'
import type { Registry } from 'prom-client'
import type { Telemetry as Settings } from '../config/telemetry-schema.ts'
import type { IdpClient } from '../idp/http.ts'
import { sendMetrics } from './otlp-metrics.ts'
import { createOtlpSender, type Signal } from './otlp-sender.ts'
import { createTracing } from './otlp-traces.ts'
import type { Tracing } from './tracing.ts'

/** What is sent to OpenTelemetry, by the settings of one configuration. */
export interface Telemetry {
  /** undefined where no traces are asked for */
  readonly tracing: Tracing | undefined
  /** Sends what waits, for a few seconds at most. Never rejects. */
  close (): Promise<void>
}

export interface TelemetryEvents {
  readonly onExport: (signal: Signal, ok: boolean) => void
  readonly onSpans: (outcome: 'sent' | 'failed' | 'dropped', count: number) => void
  readonly onChange: (signal: Signal, problem: string | undefined) => void
}

export interface TelemetryParts extends TelemetryEvents {
  readonly settings: Settings
  readonly client: { readonly client: IdpClient, close (): void }
  readonly registry: Registry
  /** of the gateway */
  readonly version: string | undefined
  /** ms since the epoch */
  readonly now: () => number
}

/** ms that the last of it may take */
const LAST_WORDS = 3000

export function openTelemetry ({ settings, client, registry, version, now, onExport, onSpans, onChange }: TelemetryParts): Telemetry {
  const { service_name: name, attributes, otlp } = settings
  const resource = resourceFromAttributes({ ...attributes, 'service.name': name, ...version !== undefined && { 'service.version': version }, 'service.instance.id': randomUUID(), 'process.pid': process.pid })
  const sender = createOtlpSender({ client: client.client, endpoint: otlp.endpoint, headers: otlp.headers ?? {}, onExport, onChange })
  const tracing = otlp.traces && createTracing({ settings: otlp.traces, resource, sender, onSpans })
  const metrics = otlp.metrics && sendMetrics({ registry, resource, sender, every: otlp.metrics.every, now })
  return {
    tracing,
    async close () {
      let limit: NodeJS.Timeout | undefined
      const late = new Promise<void>(resolve => { limit = setTimeout(resolve, LAST_WORDS) })
      await Promise.race([Promise.allSettled([tracing?.close(), metrics?.close()]), late])
      clearTimeout(limit)
      client.close()
    }
  }
}
