import type { Admitted } from '../journey.ts'
import type { Presented } from '../outbound/credential.ts'
import { isEnded, type Ended, type RelayOutcome } from '../outbound/relay.ts'
import { callerGone } from '../policy/problems.ts'
import { credentialRefused, presentedInTime, renewCredential } from './credential-renewal.ts'
import { callProtected } from './protected-call.ts'
import { relayTraced } from './traced-relay.ts'
import { UpstreamRequest, type Visit } from './upstream-request.ts'

export type { Ended } from '../outbound/relay.ts'
export type { Visit } from './upstream-request.ts'

/**
 * An admitted request with the gateway's own credential to the upstream, and its answer to the caller. Which of the two
 * ways it takes there was decided at load: what needs no protection pays for none.
 * @throws {Refusal} at once, or by its promise, where the caller has no answer yet
 */
export function callUpstream (visit: Visit, admitted: Admitted): Promise<Ended> {
  const { credential, maintenance, protection } = admitted.found.rule
  maintenance?.assertServing()
  if (protection !== undefined) return callProtected(visit, admitted, protection)
  const presented = credential.present()
  return presented instanceof Promise ? callLater(visit, admitted, presented) : call(visit, admitted, presented)
}

async function callLater (visit: Visit, admitted: Admitted, presented: Promise<Presented>): Promise<Ended> {
  return await call(visit, admitted, await presentedInTime(admitted, presented))
}

function call (visit: Visit, admitted: Admitted, presented: Presented): Promise<Ended> {
  return attempt(visit, admitted, presented).then(outcome => isEnded(outcome) ? outcome : callAgain(visit, admitted, presented, outcome))
}

async function callAgain (visit: Visit, admitted: Admitted, refused: Presented, outcome: Exclude<RelayOutcome, Ended>): Promise<Ended> {
  const other = await renewCredential(visit.record, admitted, refused, outcome.kind === 'credential-refused' && outcome.replayable)
  const second = await attempt(visit, admitted, other)
  if (!isEnded(second)) throw credentialRefused('a new one too')
  return second
}

function attempt (visit: Visit, admitted: Admitted, presented: Presented): Promise<RelayOutcome> {
  const { incoming, response, record } = visit
  if (response.destroyed) throw callerGone()
  record.upstream = admitted.found.rule.upstream.name
  record.upstreamStarted ??= performance.now()
  return relayTraced(new UpstreamRequest(visit, admitted, presented), incoming, response)
}
