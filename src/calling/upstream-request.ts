import type { FastifyRequest } from 'fastify'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Dispatcher } from 'undici'
import { askForBody } from '../inbound/server-events.ts'
import type { Admitted } from '../journey.ts'
import type { AuditRecord } from '../observe/audit.ts'
import type { AttemptTrace, RequestTrace } from '../observe/tracing.ts'
import type { Presented } from '../outbound/credential.ts'
import { HeldBody } from '../outbound/held-body.ts'
import type { SentRequest } from '../outbound/plan.ts'
import type { AttemptWatcher, RelayRequest } from '../outbound/relay.ts'
import type { Witness } from '../outbound/witness.ts'
import type { Batch } from '../policy/batch/part.ts'

/** Both ends of the caller's exchange, and what is written down about it. */
export interface Visit {
  readonly incoming: IncomingMessage
  /** as the framework has it, where something asks for that */
  readonly framed: FastifyRequest | undefined
  readonly response: ServerResponse
  readonly record: AuditRecord
  readonly isDraining: () => boolean
  /** what is kept of the caller's body over all tries, from the first one on; undefined where nothing is */
  held: HeldBody | undefined
  /** what was read in its body; undefined where nobody looked */
  batch: Batch | undefined
  /** who has to know whether the upstream may have carried it out; undefined where nobody asks */
  readonly witness: Witness | undefined
  /** who writes it down as a span; undefined where nobody does */
  readonly trace: RequestTrace | undefined
}

/** Where a request goes, and who follows it there. */
export interface Destination {
  readonly dispatcher: Dispatcher
  /** scheme, host and port */
  readonly origin: string
  /** performance.now() */
  readonly endsBy: number
  readonly watcher: AttemptWatcher | undefined
}

/** The request as it goes out by its rule's plan. */
export class UpstreamRequest implements RelayRequest {
  readonly dispatcher: Dispatcher
  readonly method: string
  readonly path: string
  readonly headers: string[]
  readonly contentLength: string | undefined
  readonly hasBody: boolean
  readonly bodyLimit: number
  readonly held: HeldBody | undefined
  readonly timeout: number
  readonly idleTimeout: number
  readonly endsBy: number
  readonly watcher: AttemptWatcher | undefined
  /** the span of this try; undefined where nobody traces */
  readonly trace: AttemptTrace | undefined
  readonly #visit: Visit
  readonly #admitted: Admitted
  readonly #presented: Presented
  readonly #sent: SentRequest

  /** @param destination the rule's upstream, unprotected, when left out */
  constructor (visit: Visit, admitted: Admitted, presented: Presented, destination?: Destination) {
    const { incoming, record } = visit
    const { found, target, guarded, origin, principal } = admitted
    const { plan, upstream, timeout, idleTimeout, bodyLimit } = found.rule
    const upstreamPath = plan.paths.toUpstream(target.path, found)
    this.#visit = visit
    this.#admitted = admitted
    this.#presented = presented
    this.trace = visit.trace?.attempt(destination?.origin ?? upstream.url.origin)
    this.#sent = { rawHeaders: incoming.rawHeaders, origin, requestId: record.requestId, principal, upstreamPath, parts: found, traceparent: this.trace?.traceparent }
    this.dispatcher = destination?.dispatcher ?? upstream.dispatcher
    this.method = record.method
    this.path = upstreamPath + target.query
    this.headers = plan.requestHeaders(this.#sent, presented)
    this.hasBody = guarded.hasBody
    this.contentLength = guarded.hasBody ? incoming.headers['content-length'] : undefined
    this.bodyLimit = bodyLimit
    this.held = guarded.hasBody ? visit.held ??= holdUpTo(upstream.holdBody, this.contentLength) : undefined
    this.timeout = timeout
    this.idleTimeout = idleTimeout
    this.endsBy = destination?.endsBy ?? Infinity
    this.watcher = visit.witness === undefined ? destination?.watcher : visit.witness.beside(destination?.watcher)
  }

  askForBody (): void {
    askForBody(this.#visit.incoming, this.#visit.response)
  }

  answerHeaders (raw: readonly Buffer[]): string[] {
    const { record, isDraining } = this.#visit
    const headers = this.#admitted.found.rule.plan.answerHeaders(raw, this.#sent, this.#presented)
    headers.push('X-Request-Id', record.requestId)
    if (isDraining()) headers.push('Connection', 'close')
    return headers
  }
}

// What is known to be too large is not copied in vain.
function holdUpTo (limit: number, contentLength = '0'): HeldBody | undefined {
  return Number(contentLength) <= limit && limit > 0 ? new HeldBody(limit) : undefined
}
