import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Dispatcher } from 'undici'
import { askForBody } from './inbound/server-events.ts'
import type { Admitted } from './journey.ts'
import type { AuditRecord } from './observe/audit.ts'
import { timeIsUp } from './outbound/client-credentials.ts'
import type { Presented } from './outbound/credential.ts'
import type { SentRequest } from './outbound/plan.ts'
import { relay, type RelayOutcome, type RelayRequest } from './outbound/relay.ts'
import { refuse, type Refusal } from './policy/problems.ts'

/** How a request ended that was let through and reached the upstream. */
export type Ended = Exclude<RelayOutcome, { readonly kind: 'credential-refused' }>

/** Both ends of the caller's exchange, and what is written down about it. */
export interface Visit {
  readonly incoming: IncomingMessage
  readonly response: ServerResponse
  readonly record: AuditRecord
  readonly isDraining: () => boolean
}

/**
 * An admitted request with the gateway's own credential to the upstream, and its answer to the caller.
 * @throws {Refusal} by its promise, where the caller has no answer yet
 */
export function callUpstream (visit: Visit, admitted: Admitted): Promise<Ended> {
  const presented = admitted.found.rule.credential.present()
  return presented instanceof Promise ? callLater(visit, admitted, presented) : call(visit, admitted, presented)
}

async function callLater (visit: Visit, admitted: Admitted, presented: Promise<Presented>): Promise<Ended> {
  return await call(visit, admitted, await admitted.patience.wait(presented) ?? giveUp())
}

function call (visit: Visit, admitted: Admitted, presented: Presented): Promise<Ended> {
  return attempt(visit, admitted, presented).then(outcome => outcome.kind === 'credential-refused' ? callAgain(visit, admitted, presented, outcome.replayable) : outcome)
}

// The upstream's 401 is about the gateway's own credential, and no caller's business: one new one, one more try.
async function callAgain (visit: Visit, admitted: Admitted, refused: Presented, replayable: boolean): Promise<Ended> {
  const { record } = visit
  record.upstreamEnded = performance.now()
  record.upstreamStatus = 401
  const renewal = admitted.found.rule.credential.renew(refused).then(other => ({ other }))
  if (!replayable) {
    // Too late for this request; the next one is to have a new one.
    renewal.catch(() => {})
    throw credentialRefused('the body was on its way')
  }
  const { other } = await admitted.patience.wait(renewal) ?? giveUp()
  if (other === undefined) throw credentialRefused('no other credential to try')
  record.retried = true
  record.upstreamEnded = undefined
  const second = await attempt(visit, admitted, other)
  if (second.kind === 'credential-refused') throw credentialRefused('a new one too')
  return second
}

function attempt (visit: Visit, admitted: Admitted, presented: Presented): Promise<RelayOutcome> {
  const { incoming, response, record } = visit
  if (response.destroyed) throw refuse('client-gone', 'The caller went away.')
  record.upstream = admitted.found.rule.upstream.name
  record.upstreamStarted ??= performance.now()
  return relay(new UpstreamRequest(visit, admitted, presented), incoming, response)
}

/** The request as it goes out by its rule's plan. */
class UpstreamRequest implements RelayRequest {
  readonly dispatcher: Dispatcher
  readonly method: string
  readonly path: string
  readonly headers: string[]
  readonly contentLength: string | undefined
  readonly hasBody: boolean
  readonly bodyLimit: number
  readonly timeout: number
  readonly idleTimeout: number
  readonly #visit: Visit
  readonly #admitted: Admitted
  readonly #presented: Presented
  readonly #sent: SentRequest

  constructor (visit: Visit, admitted: Admitted, presented: Presented) {
    const { incoming, record } = visit
    const { found, target, guarded, origin, principal } = admitted
    const { plan, upstream, timeout, idleTimeout, bodyLimit } = found.rule
    const upstreamPath = plan.paths.toUpstream(target.path, found)
    this.#visit = visit
    this.#admitted = admitted
    this.#presented = presented
    this.#sent = { rawHeaders: incoming.rawHeaders, origin, requestId: record.requestId, principal, upstreamPath, parts: found }
    this.dispatcher = upstream.dispatcher
    this.method = record.method
    this.path = upstreamPath + target.query
    this.headers = plan.requestHeaders(this.#sent, presented)
    this.hasBody = guarded.hasBody
    this.contentLength = guarded.hasBody ? incoming.headers['content-length'] : undefined
    this.bodyLimit = bodyLimit
    this.timeout = timeout
    this.idleTimeout = idleTimeout
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

function giveUp (): never {
  throw timeIsUp()
}

function credentialRefused (saw: string): Refusal {
  return refuse('upstream-credential-refused', "The system behind this gateway does not take the gateway's own call. It is not the caller's credential that is wrong.", { saw })
}
