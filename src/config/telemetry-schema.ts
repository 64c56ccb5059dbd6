import * as z from 'zod'
import { byHand } from './by-hand.ts'
import { headerEntries, whyNotCredential } from './header-rules.ts'
import { duration, flag, percent, text } from './notation.ts'
import { parseSecret, secretShape } from './secret-schema.ts'
import { clientTlsSchema } from './tls-schema.ts'
import { httpUrl } from './urls.ts'

const tracesSchema = z.strictObject({
  sample: percent({ fromText: true }).prefault('10%').describe('So large a part of the traces that begin here is recorded.'),
  follow_caller: flag().prefault(true).describe('Whether a caller\'s traceparent says if its trace is recorded. false: what is recorded is sampled here, whatever callers say.'),
  subject: flag().prefault(false).describe('Whether spans name the user (enduser.id): the token\'s subject.')
})

const metricsSchema = z.strictObject({
  every: duration('1s', '1h').prefault('60s').describe('How often they are sent.')
})

const otlpSchema = z.strictObject({
  endpoint: httpUrl().describe('A collector that takes OTLP over HTTP, as JSON: /v1/traces and /v1/metrics are put behind it.'),
  headers: byHand(z.record(z.string(), secretShape), (value, fail) => headerEntries(value, whyNotCredential, parseSecret, fail)).optional().describe('Headers that it is shown, an API key for example: name to secret.'),
  traces: tracesSchema.optional().describe('Sends traces: one span for each request, and one for each try at the ERP. None when left out.'),
  metrics: metricsSchema.optional().describe('Sends the metrics that the admin port has. None when left out.'),
  tls: clientTlsSchema.optional().describe('How its certificate is verified, and what the gateway shows it.'),
  allow_http: flag().prefault(false).describe('Allow http:// to another machine.')
}).refine(({ traces, metrics }) => traces !== undefined || metrics !== undefined, 'sends nothing: say traces: {} or metrics: {}, or both')

/** `telemetry`: what is sent to OpenTelemetry. */
export const telemetrySchema = z.strictObject({
  service_name: text(200).prefault('countersign').describe('service.name of all that is sent.'),
  attributes: z.record(text(200), text(1000)).prefault({}).describe('More attributes of the resource, such as deployment.environment.name.'),
  otlp: otlpSchema.describe('Where it is sent.')
})

export type Telemetry = z.output<typeof telemetrySchema>
