import { ownClaim, type Claims } from '../claims.ts'

/** `proof` decides, `strong` only stands in the way of the other side's proof, `hint` is for people to read. */
export type Strength = 'proof' | 'strong' | 'hint'

export interface JoseHeader { readonly alg: string, readonly kid?: string, readonly typ?: string, readonly [name: string]: unknown }

/** A token whose signature, issuer and times were found good. */
export interface VerifiedToken { readonly header: JoseHeader, readonly claims: Claims }

/** One thing that was seen in a token, for explain, the audit record and the tests. */
export interface Evidence {
  readonly claim: string
  /** the claim's value where it is a scalar; a string is cut after 100 characters */
  readonly value?: unknown
  readonly says: string
  readonly strength: Strength
}

/** What the header's `typ` says. `jwt` also where it is absent; whatever is no token of RFC 9068 or OpenID Connect is `other`. */
export type HeaderType = 'at+jwt' | 'jwt' | 'logout+jwt' | 'other'

/** A token as the signs of a profile look at it. */
export interface Seen {
  readonly header: JoseHeader
  readonly claims: Claims
  readonly type: HeaderType
  readonly subject: string | undefined
  /** the client by the profile's claims */
  readonly client: string | undefined
  /** `aud` as a list */
  readonly audience: readonly string[]
}

/** One row of a profile's table: if it holds, the token says so. */
export interface Sign {
  readonly claim: string
  readonly says: string
  readonly strength: Strength
  readonly holds: (claims: Claims, seen: Seen) => boolean
}

export const HEADER_TYP = 'header typ'

export function proof (claim: string, says: string, holds: Sign['holds']): Sign {
  return { claim, says, strength: 'proof', holds }
}

export function strong (claim: string, says: string, holds: Sign['holds']): Sign {
  return { claim, says, strength: 'strong', holds }
}

export function hint (claim: string, says: string, holds: Sign['holds']): Sign {
  return { claim, says, strength: 'hint', holds }
}

/** The evidence of those signs that hold. */
export function evidenceOf (signs: readonly Sign[], seen: Seen): readonly Evidence[] {
  return signs.filter(({ holds }) => holds(seen.claims, seen)).map(({ claim, says, strength }) =>
    row(claim, claim === HEADER_TYP ? ownClaim(seen.header, 'typ') : ownClaim(seen.claims, claim), says, strength))
}

export function row (claim: string, value: unknown, says: string, strength: Strength): Evidence {
  if (typeof value === 'string') return { claim, value: value.slice(0, 100), says, strength }
  return typeof value === 'number' || typeof value === 'boolean' ? { claim, value, says, strength } : { claim, says, strength }
}

/**
 * Reads the header's `typ`: case does not count, and one `application/` may be left out (RFC 7515 section 4.1.9).
 * Anything that is not exactly that, or no string, is `other`.
 */
export function headerType (header: JoseHeader): HeaderType {
  if (!Object.hasOwn(header, 'typ')) return 'jwt'
  const typ = ownClaim(header, 'typ')
  const name = typeof typ === 'string' ? typ.toLowerCase().replace(/^application\//, '') : 'other'
  return name === 'at+jwt' || name === 'jwt' || name === 'logout+jwt' ? name : 'other'
}

/** True when the claim is there at all, of whatever type. */
export function has (claims: Claims, ...names: readonly string[]): boolean {
  return names.some(name => Object.hasOwn(claims, name))
}

/** The claim where it is a string with something in it: of another type, it is absent. */
export function text (claims: Claims, name: string): string | undefined {
  const value = ownClaim(claims, name)
  return typeof value === 'string' && value !== '' ? value : undefined
}

export function isOneOf (claims: Claims, name: string, ...values: readonly string[]): boolean {
  const value = text(claims, name)
  return value !== undefined && values.includes(value)
}

/** The non-empty strings of an array claim, unsplit; none where the claim is no array. */
export function texts (claims: Claims, name: string): readonly string[] {
  const value = ownClaim(claims, name)
  const entries: readonly unknown[] = Array.isArray(value) ? value : []
  return entries.filter((entry): entry is string => typeof entry === 'string' && entry !== '')
}

/** A claim's words, of a string at white space or of an array of such strings; numbers count as words. */
export function words (claims: Claims, name: string): readonly string[] {
  const value = ownClaim(claims, name)
  const entries: readonly unknown[] = Array.isArray(value) ? value : [value]
  return entries.flatMap(entry => typeof entry === 'string' || typeof entry === 'number' ? String(entry).toLowerCase().split(/\s+/) : [])
}

/** When the user logged in, in seconds since the epoch (OpenID Connect Core section 2). */
export function hasLoginTime (claims: Claims): boolean {
  return Number.isFinite(ownClaim(claims, 'auth_time'))
}
