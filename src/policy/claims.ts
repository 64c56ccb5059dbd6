/** A JSON object that an issuer signed. Read it through `ownClaim` and `readClaim`: own properties only. */
export type Claims = Readonly<Record<string, unknown>>

export type Scalar = string | number | boolean

/** One entry of a `claims` condition or of an issuer's marker: a path and the values of which one must be there. */
export interface ClaimCondition {
  /** the path as it was written, for evidence */
  readonly name: string
  readonly path: readonly string[]
  readonly values: readonly Scalar[]
}

/** All of them must hold. */
export type ClaimConditions = readonly ClaimCondition[]

/**
 * Splits a claim path into names. Dots reach into objects, `\.` is a dot of the name itself, and a key with `://`
 * (the namespaced claims of OpenID Connect Core section 5.1.2) is one name.
 * @throws {RangeError} when a name is empty
 */
export function parseClaimPath (path: string): readonly string[] {
  const names = path.includes('://')
    ? [path]
    : path.split(/(?<!\\)\./).map(name => name.replaceAll('\\.', '.'))
  if (names.includes('')) throw new RangeError('a claim path has no empty names')
  return names
}

/** The claim of that name, or undefined. An inherited member (`constructor`, `__proto__`) is no claim. */
export function ownClaim (claims: Claims, name: string): unknown {
  return Object.hasOwn(claims, name) ? claims[name] : undefined
}

/** What stands at the path, or undefined where the path leaves the claims. */
export function readClaim (claims: Claims, path: readonly string[]): unknown {
  let value: unknown = claims
  for (const name of path) {
    if (!isObject(value)) return undefined
    value = ownClaim(value, name)
  }
  return value
}

/** True when the claim is one of the values, or an array that contains one. Types compare strictly: `"1"` is not 1. */
export function claimMatches (actual: unknown, wanted: readonly Scalar[]): boolean {
  const found: readonly unknown[] = Array.isArray(actual) ? actual : [actual]
  return found.some(value => wanted.some(one => one === value))
}

export function claimsHold (claims: Claims, conditions: ClaimConditions): boolean {
  return conditions.every(({ path, values }) => claimMatches(readClaim(claims, path), values))
}

export function isObject (value: unknown): value is Claims {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The claim for the log: of what is nested, the kind alone. It could be nested thousands deep, and whoever wrote that down would run out of stack. */
export function flattened (claim: unknown): unknown {
  const flat = (one: unknown): unknown => Array.isArray(one) ? 'a list' : isObject(one) ? 'an object' : one
  return Array.isArray(claim) ? claim.map(flat) : flat(claim)
}
