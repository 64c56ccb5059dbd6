import { isObject, ownClaim, readClaim, type ClaimConditions, type Claims } from '../policy/claims.ts'

/** Claims with another value at a path; `undefined` takes it away. Nothing that was there is changed. */
export function withClaim (claims: Claims, [name, ...below]: readonly string[], value: unknown): Claims {
  if (name === undefined) return claims
  if (below.length > 0) {
    const inner = ownClaim(claims, name)
    return own(claims, name, withClaim(isObject(inner) ? inner : {}, below, value))
  }
  return own(claims, name, value)
}

/** Claims for which all of these hold: each gets the first value that will do, a list gets it added. */
export function fulfilling (claims: Claims, conditions: ClaimConditions): Claims {
  return conditions.reduce((sofar, { path, values: [value] }) => {
    const has = readClaim(sofar, path)
    const list: readonly unknown[] | undefined = Array.isArray(has) ? has : undefined
    if (list === undefined) return withClaim(sofar, path, value)
    return list.includes(value) ? sofar : withClaim(sofar, path, [...list, value])
  }, claims)
}

// A claim may be called __proto__, which an assignment would take for something else.
function own (claims: Claims, name: string, value: unknown): Claims {
  return Object.fromEntries([...Object.entries(claims).filter(([other]) => other !== name), [name, value]])
}
