import type { ClaimConditions } from './claims.ts'
import type { AdmittedKind, Alternative, Conditions, Require } from './require.ts'

/** How one requirement compares with another; `other`: neither lets in all that the other does, or it cannot be told. */
export type Comparison = 'same' | 'wider' | 'narrower' | 'other'

/** Whom a rule takes: its requirement, and the issuers whose tokens count. */
export interface Audience {
  readonly require: Require
  readonly issuers: readonly string[]
  /** `report`: what is a 403 otherwise passes */
  readonly enforce?: 'report' | undefined
}

/** How `now` compares with `before`: wider lets in everybody that it did, and somebody more. Undefined lets in nobody. */
export function compareAudiences (before: Audience | undefined, now: Audience | undefined): Comparison {
  const keeps = isWithin(before, now)
  const adds = !isWithin(now, before)
  if (keeps) return adds ? 'wider' : 'same'
  return adds ? 'other' : 'narrower'
}

/** Whether all that the one lets in the other does, as far as it can be told from how they are written. */
function isWithin (one: Audience | undefined, other: Audience | undefined): boolean {
  if (one === undefined || other?.require === 'public') return true
  if (other === undefined || one.require === 'public') return false
  const wanted = passing(other, true)
  // Without auth_time no login is too old: that is a 403, and passes where those are let through.
  const given = passing(one, other.enforce === 'report')
  return one.issuers.every(issuer => other.issuers.includes(issuer)) &&
    given.every(alternative => alternative.kinds.every(kind => wanted.some(wide => isAlternativeWithin({ ...alternative, kinds: [kind] }, wide))))
}

// Whom it lets in: where 403s pass, all of both kinds whose login is young and strong enough for one alternative of theirs.
function passing ({ require, enforce }: Audience, keepsAge: boolean): readonly Alternative[] {
  if (require === 'public') return []
  if (enforce === undefined) return require
  return KINDS.flatMap((kind): Alternative[] => {
    const own = require.filter(({ kinds }) => kinds.includes(kind))
    if (own.length === 0) return [{ kinds: [kind], conditions: {} }]
    return own.map(({ conditions: { max_age: age, acr } }) => ({ kinds: [kind], conditions: { acr, max_age: keepsAge ? age : undefined } }))
  })
}

const KINDS: readonly AdmittedKind[] = ['user', 'client']

function isAlternativeWithin ({ kinds, conditions: own }: Alternative, { kinds: wideKinds, conditions: wide }: Alternative): boolean {
  return kinds.every(kind => wideKinds.includes(kind)) &&
    hasAll(own.scope, wide.scope) && hasOne(own.scope, own.any_scope, wide.any_scope) &&
    hasAll(own.permission, wide.permission) && hasOne(own.permission, own.any_permission, wide.any_permission) &&
    hasAll(own.role, wide.role) && hasOne(own.role, own.any_role, wide.any_role) &&
    isOneOf(own.client_id, wide.client_id) && isOneOf(own.audience, wide.audience) && isOneOf(own.acr, wide.acr) &&
    claimsAreWithin(own.claims, wide.claims) && isYoungEnough(own, wide) && (wide.where === undefined || wide.where === own.where)
}

// Whoever has all of `own` has all of `wide`.
function hasAll (own: readonly string[] = [], wide: readonly string[] = []): boolean {
  return wide.every(one => own.includes(one))
}

// Whoever has all of `all`, or one of `any`, has one of `wide`.
function hasOne (all: readonly string[] = [], any: readonly string[] | undefined, wide: readonly string[] | undefined): boolean {
  return wide === undefined || all.some(one => wide.includes(one)) || (any?.every(one => wide.includes(one)) ?? false)
}

function isOneOf (own: readonly string[] | undefined, wide: readonly string[] | undefined): boolean {
  return wide === undefined || (own?.every(one => wide.includes(one)) ?? false)
}

function claimsAreWithin (own: ClaimConditions = [], wide: ClaimConditions = []): boolean {
  return wide.every(({ path, values }) => own.some(one =>
    one.path.length === path.length && one.path.every((name, at) => name === path[at]) && one.values.every(value => values.includes(value))))
}

function isYoungEnough ({ max_age: own }: Conditions, { max_age: wide }: Conditions): boolean {
  return wide === undefined || (own !== undefined && own <= wide)
}
