import type { Principal } from './principal.ts'

/** The `error` of a Bearer challenge: RFC 6750 section 3.1, RFC 9470 section 3. */
export type ChallengeError = 'invalid_request' | 'invalid_token' | 'insufficient_scope' | 'insufficient_user_authentication'

interface Problem {
  readonly status: number
  readonly title: string
  /** present where the answer carries `WWW-Authenticate: Bearer`; null is a challenge without `error` */
  readonly challenge?: ChallengeError | null
}

/**
 * Every refusal there is. A code is the last word of a problem's `type`, the word in the log line, the label of the
 * metric and the heading in docs/problems.md.
 */
export const PROBLEMS = {
  // The request itself
  'target-ambiguous': { status: 400, title: 'The request target can be read in more than one way' },
  'request-malformed': { status: 400, title: 'The request is not well-formed HTTP' },
  'header-ambiguous': { status: 400, title: 'A header can be read in more than one way' },
  'idempotency-key-missing': { status: 400, title: 'A write needs an idempotency key here' },
  'idempotency-key-malformed': { status: 400, title: 'The idempotency key is malformed' },
  'idempotency-caller-unnamed': { status: 400, title: 'The access token does not name whose idempotency key this is' },
  'method-override': { status: 400, title: 'Method overrides are not accepted' },
  'query-refused': { status: 400, title: 'The query has a parameter that is not accepted' },
  'body-unexpected': { status: 400, title: 'GET and HEAD take no body' },
  'upgrade-unsupported': { status: 400, title: 'Protocol upgrades are not accepted' },
  'credential-ambiguous': { status: 400, title: 'More than one credential was sent', challenge: 'invalid_request' },
  'credential-malformed': { status: 400, title: 'The Authorization header is malformed', challenge: 'invalid_request' },
  'credential-in-query': { status: 400, title: 'A token does not belong in the query', challenge: 'invalid_request' },
  'route-not-found': { status: 404, title: 'No rule matches this path' },
  'method-not-allowed': { status: 405, title: 'No rule allows this method here' },
  'request-timeout': { status: 408, title: 'The request took too long to arrive' },
  'idempotency-in-progress': { status: 409, title: 'A request with this idempotency key is being carried out' },
  'idempotency-outcome-unknown': { status: 409, title: 'What became of the request with this idempotency key is not known' },
  'body-too-large': { status: 413, title: 'The body is too large' },
  'target-too-long': { status: 414, title: 'The request target is too long' },
  'idempotency-mismatch': { status: 422, title: 'This idempotency key was used for another request' },
  'rate-limited': { status: 429, title: 'Too many requests' },
  'batch-malformed': { status: 400, title: 'The batch is not well-formed' },
  'batch-ambiguous': { status: 400, title: 'The batch can be read in more than one way' },
  'batch-part-header': { status: 400, title: 'A request of the batch has a header that may not be there' },
  'batch-part-unsupported': { status: 400, title: 'A request of the batch cannot be carried out in one' },
  'batch-too-large': { status: 413, title: 'The batch has too many requests' },
  'headers-too-large': { status: 431, title: 'The headers are too large' },

  // The credential
  'credential-missing': { status: 401, title: 'A credential is needed', challenge: null },
  'token-not-jwt': { status: 401, title: 'The credential is not a JWT access token', challenge: 'invalid_token' },
  'token-invalid': { status: 401, title: 'The access token is not valid', challenge: 'invalid_token' },
  'token-expired': { status: 401, title: 'The access token has expired', challenge: 'invalid_token' },
  'token-times': { status: 401, title: 'The times in the access token do not hold', challenge: 'invalid_token' },
  'id-token': { status: 401, title: 'This is an ID token, not an access token', challenge: 'invalid_token' },
  'token-kind': { status: 401, title: 'This is not an access token', challenge: 'invalid_token' },
  'audience-mismatch': { status: 401, title: 'The access token is meant for another API', challenge: 'invalid_token' },
  'token-client-not-allowed': { status: 401, title: 'The access token was issued to a client that is not allowed', challenge: 'invalid_token' },
  'token-claims-mismatch': { status: 401, title: 'The access token lacks a claim that every token must have', challenge: 'invalid_token' },
  'issuer-not-accepted': { status: 401, title: 'This route does not take tokens of this issuer', challenge: 'invalid_token' },

  // The rule
  'principal-kind': { status: 403, title: 'This route is for another kind of caller', challenge: 'insufficient_scope' },
  'scope-missing': { status: 403, title: 'The access token lacks a scope', challenge: 'insufficient_scope' },
  'permission-missing': { status: 403, title: 'The access token lacks a permission', challenge: 'insufficient_scope' },
  'role-missing': { status: 403, title: 'The access token lacks a role', challenge: 'insufficient_scope' },
  'client-not-listed': { status: 403, title: 'This route is for other clients', challenge: 'insufficient_scope' },
  'audience-missing': { status: 403, title: 'This route wants another audience', challenge: 'insufficient_scope' },
  'claim-mismatch': { status: 403, title: 'A claim of the access token does not fit', challenge: 'insufficient_scope' },
  'where-not-met': { status: 403, title: 'The condition of this route does not hold', challenge: 'insufficient_scope' },
  'login-too-old': { status: 401, title: 'The login is too old for this route', challenge: 'insufficient_user_authentication' },
  'login-too-weak': { status: 401, title: 'The login is too weak for this route', challenge: 'insufficient_user_authentication' },

  // Ours to wait for
  'issuer-keys-unavailable': { status: 503, title: "The issuer's keys cannot be had just now" },
  'machine-token-unavailable': { status: 503, title: "The gateway's own token cannot be had just now" },
  overloaded: { status: 503, title: 'More requests than the gateway can carry' },
  'store-unavailable': { status: 503, title: 'What replicas share cannot be had just now' },

  // The upstream's
  'upstream-credential-refused': { status: 502, title: "The upstream refuses the gateway's credential" },
  'upstream-csrf-refused': { status: 502, title: "The upstream refuses the gateway's session" },
  'upstream-csrf-unavailable': { status: 502, title: 'The upstream gives the gateway no session' },
  'upstream-unresolved': { status: 502, title: "The upstream's name cannot be resolved" },
  'upstream-refused': { status: 502, title: 'The upstream refuses the connection' },
  'upstream-reset': { status: 502, title: 'The upstream closed the connection' },
  'upstream-tls': { status: 502, title: "The upstream's certificate or TLS does not hold" },
  'upstream-answer-invalid': { status: 502, title: "The upstream's answer is not well-formed HTTP" },
  'upstream-timeout': { status: 504, title: 'The upstream is too slow' },
  'upstream-busy': { status: 503, title: 'The upstream has as many requests as it may have' },
  'upstream-unavailable': { status: 503, title: 'The upstream has failed again and again, and is left alone for a moment' },
  'upstream-maintenance': { status: 503, title: 'The upstream is under maintenance' },

  // Not answered at all: the caller left, or the answer broke off after its head was sent
  'client-gone': { status: 499, title: 'The caller went away' },
  'upstream-broken-off': { status: 502, title: "The upstream's answer broke off" },

  // Ours
  internal: { status: 500, title: 'The gateway failed' }
} as const satisfies Record<string, Problem>

export type ProblemCode = keyof typeof PROBLEMS

/** What a refusal carries beyond its code. */
export interface RefusalExtras {
  /** attributes of the Bearer challenge beside realm, error and error_description, in order */
  readonly challenge?: Readonly<Record<string, string>>
  /** further headers of the answer */
  readonly headers?: Readonly<Record<string, string>>
  /** for the log alone: what the check saw, which the caller is not told */
  readonly saw?: string
  /** who called, where that was known already */
  readonly principal?: Principal
  readonly cause?: unknown
}

/** The one error class: a request that is not let through, or could not be carried out. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly code: ProblemCode
  /** one sentence for the caller; fixed words and values of the caller's own verified token only */
  readonly detail: string
  readonly extras: RefusalExtras

  constructor (code: ProblemCode, detail: string, extras: RefusalExtras = {}) {
    super(code, extras.cause === undefined ? undefined : { cause: extras.cause })
    this.code = code
    this.detail = detail
    this.extras = extras
  }

  get problem (): Problem {
    return PROBLEMS[this.code]
  }
}

/** What may be told of a refusal later on: nothing of what caused it, which may hold on to anything. */
export interface ToldRefusal extends Pick<Refusal, 'code' | 'detail'> {
  readonly extras: Pick<RefusalExtras, 'saw' | 'headers'>
}

/** Makes a Refusal without a stack: a refused request must not cost more than one that is let through. */
export function refuse (code: ProblemCode, detail: string, extras?: RefusalExtras): Refusal {
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = 0
  const refusal = new Refusal(code, detail, extras)
  Error.stackTraceLimit = limit
  return refusal
}

/** The caller left: nobody gets this answer. */
export function callerGone (saw?: string): Refusal {
  return refuse('client-gone', 'The caller went away.', saw === undefined ? undefined : { saw })
}
