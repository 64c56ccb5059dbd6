import type { Verdict } from './circuit-breaker.ts'
import type { AttemptEnd } from './relay.ts'

/** By these an ERP, or the proxy before it, says that it is down (RFC 9110 section 15.6). A 500 may be one request's own. */
const DOWN: ReadonlySet<number> = new Set([502, 503, 504])

export function isDown (status: number): boolean {
  return DOWN.has(status)
}

/** Whether a request tells that the upstream is well. What the caller did, or left undone, says nothing of it. */
export function verdictOf ({ connected, status, refusal, bodyIsOpen }: Omit<AttemptEnd, 'replayable'>): Verdict {
  switch (refusal?.code) {
    case undefined: return status !== undefined && isDown(status) ? 'failed' : 'good'
    case 'upstream-refused':
    case 'upstream-unresolved':
    case 'upstream-tls':
    case 'upstream-timeout':
    case 'upstream-answer-invalid': return 'failed'
    // An ERP that waited too long for a caller's body closes the connection: by slow bodies a caller could shut out all others.
    case 'upstream-reset': return connected && bodyIsOpen ? 'neither' : 'failed'
    default: return 'neither'
  }
}
