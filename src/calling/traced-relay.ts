import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AttemptTrace } from '../observe/tracing.ts'
import { relay, type RelayOutcome } from '../outbound/relay.ts'
import { Refusal } from '../policy/problems.ts'
import type { UpstreamRequest } from './upstream-request.ts'

/** As `relay`; and what became of the try is written into its span, where it has one. */
export function relayTraced (request: UpstreamRequest, incoming: IncomingMessage, response: ServerResponse): Promise<RelayOutcome> {
  const outcome = relay(request, incoming, response)
  if (request.trace !== undefined) follow(outcome, request.trace)
  return outcome
}

function follow (outcome: Promise<RelayOutcome>, trace: AttemptTrace): void {
  outcome.then(end => {
    if (end.kind === 'credential-refused') trace.end(401, undefined)
    else trace.end(end.status, end.kind === 'broken-off' ? end.refusal.code : undefined)
  }, (error: unknown) => { trace.end(undefined, error instanceof Refusal ? error.code : 'internal') })
}
