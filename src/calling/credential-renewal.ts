import type { Admitted } from '../journey.ts'
import type { AuditRecord } from '../observe/audit.ts'
import { timeIsUp } from '../outbound/client-credentials.ts'
import type { Presented } from '../outbound/credential.ts'
import { refuse, type Refusal } from '../policy/problems.ts'

/** The credential for a request, which has waited for it as long as it may. @throws {Refusal} machine-token-unavailable */
export async function presentedInTime (admitted: Admitted, presented: Promise<Presented>): Promise<Presented> {
  return await admitted.patience.wait(presented) ?? giveUp()
}

/**
 * The upstream's 401 is about the gateway's own credential, and no caller's business: another one, for one more try.
 * @throws {Refusal} upstream-credential-refused, machine-token-unavailable
 */
export async function renewCredential (record: AuditRecord, admitted: Admitted, refused: Presented, replayable: boolean): Promise<Presented> {
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
  record.retriedFor('credential')
  record.upstreamEnded = undefined
  return other
}

export function credentialRefused (saw: string): Refusal {
  return refuse('upstream-credential-refused', "The system behind this gateway does not take the gateway's own call. It is not the caller's credential that is wrong.", { saw })
}

function giveUp (): never {
  throw timeIsUp()
}
