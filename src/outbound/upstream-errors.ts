import { errors } from 'undici'
import { isTlsError } from '../common/tls-errors.ts'
import { Refusal, refuse, type ProblemCode } from '../policy/problems.ts'

/** An error code of Node or undici → whose fault it was and how. By code, never by text. */
const BY_CODE: Readonly<Record<string, ProblemCode>> = {
  ECONNREFUSED: 'upstream-refused',
  EHOSTUNREACH: 'upstream-refused',
  ENETUNREACH: 'upstream-refused',
  EADDRNOTAVAIL: 'upstream-refused',
  ENOTFOUND: 'upstream-unresolved',
  EAI_AGAIN: 'upstream-unresolved',
  ECONNRESET: 'upstream-reset',
  EPIPE: 'upstream-reset',
  UND_ERR_SOCKET: 'upstream-reset',
  UND_ERR_CLOSED: 'upstream-reset',
  UND_ERR_DESTROYED: 'upstream-reset',
  ETIMEDOUT: 'upstream-timeout',
  UND_ERR_CONNECT_TIMEOUT: 'upstream-timeout',
  UND_ERR_HEADERS_TIMEOUT: 'upstream-timeout',
  UND_ERR_BODY_TIMEOUT: 'upstream-timeout',
  UND_ERR_HEADERS_OVERFLOW: 'upstream-answer-invalid',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'upstream-answer-invalid',
  UND_ERR_RES_EXCEEDED_MAX_SIZE: 'upstream-answer-invalid',
  UND_ERR_REQ_CONTENT_LENGTH_MISMATCH: 'client-gone'
}

const DETAILS: Partial<Record<ProblemCode, string>> = {
  'upstream-refused': 'The system behind this gateway refuses connections.',
  'upstream-unresolved': 'The system behind this gateway cannot be found by its name.',
  'upstream-reset': 'The system behind this gateway closed the connection without an answer.',
  'upstream-timeout': 'The system behind this gateway did not answer in time.',
  'upstream-tls': 'No trusted connection to the system behind this gateway came about; nothing was sent to it.',
  'upstream-answer-invalid': 'The system behind this gateway answered with something that is not HTTP.'
}

/**
 * What an error of the connection to the upstream means for the caller. The error's own text goes no further.
 * @param inHead whether it came within the head of an answer
 */
export function upstreamRefusal (error: unknown, inHead = false): Refusal {
  if (error instanceof Refusal) return error
  const code = codeOf(error)
  // An upgrade or a 100 that nobody asked for, or half a head: undici closes the connection, and says no more.
  const problem = inHead && code === 'UND_ERR_SOCKET' ? 'upstream-answer-invalid' : problemOf(code)
  return refuse(problem, DETAILS[problem] ?? 'The gateway failed.', { cause: error, saw: code })
}

/** The refusal for an upstream that took longer than a limit. */
export function upstreamTimeout (saw: string): Refusal {
  return refuse('upstream-timeout', 'The system behind this gateway did not answer in time.', { saw })
}

/**
 * The refusal for a request for which the upstream has no place.
 * @param waits ms that such a request would wait: another try before that finds the same
 */
export function upstreamBusy (waits: number, saw: string): Refusal {
  return refuse('upstream-busy', 'The system behind this gateway is busy with other requests. Nothing was sent to it; try again shortly.', { headers: { 'Retry-After': inSeconds(Math.min(waits, 10_000)) }, saw })
}

/**
 * The refusal for a request to an upstream that failed again and again.
 * @param left ms until it is tried again
 */
export function upstreamUnavailable (left: number): Refusal {
  return refuse('upstream-unavailable', 'The system behind this gateway fails at the moment. Nothing was sent to it; try again later.', { headers: { 'Retry-After': inSeconds(left) }, saw: 'the circuit is open' })
}

/** The refusal where the upstream does not take the session, or the CSRF token, of a request. */
export function csrfRefused (saw: string): Refusal {
  return refuse('upstream-csrf-refused', "The system behind this gateway does not take the gateway's own session. It is not the caller's request that is wrong.", { saw })
}

/** The refusal where the upstream gives no session with a CSRF token. Nothing of the caller's was sent. */
export function csrfUnavailable (saw: string): Refusal {
  return refuse('upstream-csrf-unavailable', 'The system behind this gateway does not let the gateway write at the moment. Nothing was sent to it.', { saw })
}

function inSeconds (ms: number): string {
  return String(Math.max(1, Math.ceil(ms / 1000)))
}

function problemOf (code: string): ProblemCode {
  const known = BY_CODE[code]
  if (known !== undefined) return known
  if (code.startsWith('HPE_')) return 'upstream-answer-invalid'
  if (isTlsError(code)) return 'upstream-tls'
  return code.startsWith('UND_ERR_INVALID') || code === '' ? 'internal' : 'upstream-reset'
}

function codeOf (error: unknown): string {
  // undici means to give the parser's code, and gives none.
  if (error instanceof errors.HTTPParserError) return 'HPE_INVALID'
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}
