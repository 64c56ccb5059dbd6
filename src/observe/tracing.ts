import type { IncomingMessage } from 'node:http'
import type { Configuration } from '../config/configuration.ts'
import type { AuditRecord } from './audit.ts'

/** Writes down requests as spans (W3C Trace Context, OpenTelemetry). Nothing of it waits for anybody, or throws: what fails is not written. */
export interface Tracing {
  /** A request has come. */
  begin (incoming: IncomingMessage, record: AuditRecord): RequestTrace | undefined
}

/** The span of one request. */
export interface RequestTrace {
  /** The upstream is asked, once more or for the first time. @param origin of the host that is asked */
  attempt (origin: string): AttemptTrace | undefined
  /** It is over. @param status of the answer, or of the problem where the caller has none */
  end (record: AuditRecord, status: number, configuration: Configuration): void
}

/** The span of one try at the upstream. */
export interface AttemptTrace {
  /** what the upstream gets: the trace goes on below this very try */
  readonly traceparent: string
  /** @param status of the upstream's answer, where there was one. @param code of the refusal, where it came to one */
  end (status: number | undefined, code: string | undefined): void
}
