import { claimsHold, flattened, ownClaim, type Claims, type ClaimConditions } from '../policy/claims.ts'
import { classify, evidenceText, type IssuerPolicy, type Principal } from '../policy/principal.ts'
import { refuse, type Refusal } from '../policy/problems.ts'
import type { Algorithm } from '../policy/algorithms.ts'
import type { VerificationKey } from './key.ts'
import type { KeyLookup, KeyStore } from './key-store.ts'
import { decodeToken, type DecodedToken } from './token.ts'

/** An issuer as verification needs it. */
export interface TrustedIssuer {
  readonly name: string
  /** the exact `iss` */
  readonly issuer: string
  readonly policy: IssuerPolicy
  readonly audience: readonly string[]
  readonly allowedClients: readonly string[] | undefined
  /** what must hold for every token */
  readonly claims: ClaimConditions
  readonly algorithms: readonly Algorithm[]
  /** ms */
  readonly clockTolerance: number
  readonly keys: KeyStore
}

/** Who a token speaks for, and for how long that may be believed. */
export interface Verified {
  readonly principal: Principal
  /** ms since the epoch, tolerance included: where the token begins to hold (`iat`, `nbf`) and where it ends (`exp`) */
  readonly from: number
  readonly until: number
  /** what signed it, and where that is looked up again */
  readonly key: VerificationKey
  readonly keys: KeyStore
}

export interface Verifier {
  /**
   * Verifies an access token and says who it speaks for. Asynchronous only where keys have to be fetched.
   * @param wait lets the request wait for keys, within its time limit
   * @throws {Refusal} token-not-jwt, token-invalid, token-expired, token-times, id-token, token-kind,
   *   audience-mismatch, token-client-not-allowed, token-claims-mismatch, issuer-keys-unavailable
   */
  verify (token: string, wait: <T>(promise: Promise<T>) => Promise<T | undefined>): Verified | Promise<Verified>
}

/** NumericDate (RFC 7519 section 2) of the end of the year 9999, in seconds. */
const YEAR_9999 = 253_402_300_799

/**
 * The order is: what may be known without a key, signature, times, kind, claims of the issuer, audience. Whatever
 * fails before the signature gets one fixed answer: it is not known who asks.
 */
export function createVerifier (issuers: readonly TrustedIssuer[], maxTokenSize: number, now: () => number): Verifier {
  const byIss = new Map(issuers.map(issuer => [issuer.issuer, issuer]))

  function verify (token: string, wait: <T>(promise: Promise<T>) => Promise<T | undefined>): Verified | Promise<Verified> {
    if (token.length > maxTokenSize) throw invalid('larger than max_token_size')
    const decoded = decodeToken(token)
    if (decoded === 'not-jwt') throw notJwt()
    if (decoded === 'malformed') throw invalid('a malformed JWT')
    const issuer = issuerOf(decoded.claims)
    const alg = issuer.algorithms.find(one => one === decoded.header.alg)
    if (alg === undefined) throw invalid(`alg ${decoded.header.alg.slice(0, 20)} is not among the issuer's`)
    assertNotExpired(decoded.claims, issuer, now())
    const found = issuer.keys.find(decoded.header.kid, alg)
    return found instanceof Promise
      ? wait(found).then(key => conclude(issuer, token, decoded, key ?? 'unavailable'))
      : conclude(issuer, token, decoded, found)
  }

  function issuerOf (claims: Claims): TrustedIssuer {
    const iss = ownClaim(claims, 'iss')
    const issuer = typeof iss === 'string' ? byIss.get(iss) : undefined
    if (issuer === undefined) throw invalid(`unknown issuer ${(typeof iss === 'string' ? iss : shown(iss)).slice(0, 100)}`)
    return issuer
  }

  function conclude (issuer: TrustedIssuer, token: string, decoded: DecodedToken, key: KeyLookup): Verified {
    if (key === 'unavailable') throw keysUnavailable(issuer)
    if (key === 'unknown') throw invalid(`no key of issuer ${issuer.name} has this kid`)
    if (!key.verifies(token)) throw invalid(`bad signature, by the key of issuer ${issuer.name}`)
    assertTimes(decoded.claims, issuer, now())
    const principal = classify(issuer.policy, decoded)
    assertAccessToken(principal, issuer)
    assertClaims(principal, issuer)
    assertAudience(principal, issuer)
    return { principal, ...timesOf(decoded.claims, issuer), key, keys: issuer.keys }
  }

  return { verify }
}

function timesOf (claims: Claims, { clockTolerance }: TrustedIssuer): Pick<Verified, 'from' | 'until'> {
  const [iat, nbf, exp] = ['iat', 'nbf', 'exp'].map(name => ownClaim(claims, name)).map(time => isDate(time) ? time * 1000 : undefined)
  return { from: Math.max(iat ?? 0, nbf ?? 0) - clockTolerance, until: (exp ?? 0) + clockTolerance }
}

/** @throws {Refusal} token-expired */
export function assertNotExpired (claims: Claims, { name, clockTolerance }: TrustedIssuer, now: number): void {
  const exp = ownClaim(claims, 'exp')
  if (typeof exp === 'number' && now >= exp * 1000 + clockTolerance) {
    throw refuse('token-expired', 'The access token has expired. Get a new one and send that.', { saw: `issuer ${name}: exp ${exp}` })
  }
}

/** RFC 7519 section 4.1.4 to 4.1.6. @throws {Refusal} token-times, token-expired */
export function assertTimes (claims: Claims, issuer: TrustedIssuer, now: number): void {
  const latest = (now + issuer.clockTolerance) / 1000
  const [exp, iat, nbf] = ['exp', 'iat', 'nbf'].map(name => ownClaim(claims, name))
  if (!isDate(exp)) throw times('The access token has no exp that is a time.', issuer, exp)
  assertNotExpired(claims, issuer, now)
  if (iat !== undefined && !(isDate(iat) && iat <= latest)) throw times('The access token is issued in the future (iat).', issuer, iat)
  if (nbf !== undefined && !(isDate(nbf) && nbf <= latest)) throw times('The access token is not valid yet (nbf).', issuer, nbf)
}

function isDate (value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value <= YEAR_9999
}

/** @throws {Refusal} id-token, token-kind */
export function assertAccessToken (principal: Principal, issuer: TrustedIssuer): void {
  const { tokenKind } = principal
  if (tokenKind === 'access') return
  const saw = evidenceText(principal) || 'no sign of an access token'
  const ask = `Send an access token with audience ${audienceOf(issuer)}.`
  if (tokenKind === 'id') {
    throw refuse('id-token', `This is an ID token: it tells an app who logged in, and opens no API. ${ask}`, { principal, saw })
  }
  const words = { refresh: 'This is a refresh token.', logout: 'This is a logout token.', unknown: 'Nothing in this token proves that it is an access token.' }
  throw refuse('token-kind', `${words[tokenKind]} ${ask}`, { principal, saw })
}

/** What the issuer's `claims` ask of every token. @throws {Refusal} token-claims-mismatch */
export function assertClaims (principal: Principal, issuer: TrustedIssuer): void {
  const lacking = issuer.claims.filter(condition => !claimsHold(principal.claims, [condition])).map(({ name }) => name)
  if (lacking.length === 0) return
  throw refuse('token-claims-mismatch', 'The access token lacks a claim that every token for this API must have.', { principal, saw: lacking.join(' ') })
}

/** @throws {Refusal} audience-mismatch, token-client-not-allowed */
export function assertAudience (principal: Principal, issuer: TrustedIssuer): void {
  const { claims, client } = principal
  const { audience, allowedClients } = issuer
  if (audience.length > 0 && !audiences(ownClaim(claims, 'aud')).some(one => audience.includes(one))) {
    throw refuse('audience-mismatch', `The access token is meant for another API. Ask for one with audience ${audienceOf(issuer)}.`, { principal, saw: `aud ${shown(ownClaim(claims, 'aud'))}` })
  }
  if (allowedClients !== undefined && (client === undefined || !allowedClients.includes(client))) {
    throw refuse('token-client-not-allowed', 'The access token was issued to a client that may not call this API.', { principal, saw: `client ${shown(client)}` })
  }
}

// RFC 7519 section 4.1.3: a string, or an array of strings; an array with anything else in it names nobody.
function audiences (aud: unknown): readonly string[] {
  const values: readonly unknown[] = Array.isArray(aud) ? aud : [aud]
  return values.every(one => typeof one === 'string') ? values : []
}

function audienceOf ({ audience }: TrustedIssuer): string {
  return audience.length === 0 ? 'of this API' : audience.join(' or ')
}

function invalid (saw: string): Refusal {
  return refuse('token-invalid', 'The access token is not one that this API takes.', { saw })
}

function notJwt (): Refusal {
  return refuse('token-not-jwt', "This is no JWT. Ask the identity provider for an access token with this API's audience; without an audience many give an opaque one.")
}

function times (detail: string, { name }: TrustedIssuer, value: unknown): Refusal {
  return refuse('token-times', detail, { saw: `issuer ${name}: ${shown(value)}` })
}

function shown (value: unknown): string {
  return (JSON.stringify(flattened(value)) ?? 'none').slice(0, 200)
}

function keysUnavailable ({ name, keys }: TrustedIssuer): Refusal {
  const seconds = Math.min(10, Math.max(1, Math.ceil(keys.status().pause / 1000)))
  return refuse('issuer-keys-unavailable', 'The keys of the identity provider cannot be had just now. Try again shortly.', {
    headers: { 'Retry-After': String(seconds) },
    saw: `issuer ${name}`
  })
}
