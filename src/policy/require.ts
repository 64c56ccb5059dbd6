import { claimMatches, claimsHold, flattened, ownClaim, readClaim, type ClaimConditions } from './claims.ts'
import type { Principal } from './principal.ts'
import type { ProblemCode } from './problems.ts'
import { compileWhere, type WhereRequest } from './where.ts'

/** A rule's `require` in its normal form: open to all, or alternatives of which one suffices. */
export type Require = 'public' | readonly Alternative[]

export type AdmittedKind = 'user' | 'client'

export interface Alternative {
  readonly kinds: readonly AdmittedKind[]
  readonly conditions: Conditions
}

/** All that are given must hold; each list has at least one member. */
export interface Conditions {
  readonly scope?: readonly string[] | undefined
  readonly any_scope?: readonly string[] | undefined
  readonly permission?: readonly string[] | undefined
  readonly any_permission?: readonly string[] | undefined
  readonly role?: readonly string[] | undefined
  readonly any_role?: readonly string[] | undefined
  /** client ids, or names from the issuer's `clients` */
  readonly client_id?: readonly string[] | undefined
  readonly audience?: readonly string[] | undefined
  readonly claims?: ClaimConditions | undefined
  /** seconds since `auth_time` */
  readonly max_age?: number | undefined
  readonly acr?: readonly string[] | undefined
  /** a CEL expression */
  readonly where?: string | undefined
}

/** What one condition saw. */
export interface Check {
  readonly condition: keyof Conditions
  readonly holds: boolean
  /** the code that a refusal for this check has */
  readonly code: ProblemCode
  readonly has: unknown
  readonly wants: unknown
  /** the scopes that are missing, where it is about scopes */
  readonly missingScopes?: readonly string[]
}

/** What a check may look at beside the principal. */
export interface CheckContext {
  /** milliseconds since the epoch */
  readonly now: number
  readonly request: WhereRequest
}

export interface CompiledAlternative {
  /** whether it depends on the principal alone: no `max_age`, no `where` */
  readonly isConstant: boolean
  readonly kinds: readonly AdmittedKind[]
  readonly checks: ReadonlyArray<(principal: Principal, context: CheckContext) => Check>
}

/** An issuer's `clients`: name → id, by the issuer's name. */
export type ClientNames = Readonly<Record<string, Readonly<Record<string, string>> | undefined>>

/**
 * Compiles one alternative into the checks that it makes, cheap ones first.
 * @throws {WhereError}
 */
export function compileAlternative ({ kinds, conditions }: Alternative, clientNames: ClientNames): CompiledAlternative {
  const { scope, any_scope, permission, any_permission, role, any_role, client_id, audience, claims, max_age, acr, where } = conditions
  const checks: Array<(principal: Principal, context: CheckContext) => Check> = []
  if (client_id) checks.push(principal => clientCheck(principal, client_id, clientNames))
  if (audience) checks.push(({ claims: own }) => someCheck('audience', 'audience-missing', stringsOf(ownClaim(own, 'aud')), audience))
  if (scope) checks.push(({ scopes }) => scopeCheck('scope', scopes, scope))
  if (any_scope) checks.push(({ scopes }) => scopeCheck('any_scope', scopes, any_scope))
  if (permission) checks.push(({ permissions }) => everyCheck('permission', 'permission-missing', permissions, permission))
  if (any_permission) checks.push(({ permissions }) => someCheck('any_permission', 'permission-missing', permissions, any_permission))
  if (role) checks.push(({ roles }) => everyCheck('role', 'role-missing', roles, role))
  if (any_role) checks.push(({ roles }) => someCheck('any_role', 'role-missing', roles, any_role))
  if (claims) checks.push(...claims.map(one => ({ claims: own }: Principal) => claimCheck(own, one)))
  if (max_age !== undefined) checks.push(({ claims: own }, { now }) => ageCheck(ownClaim(own, 'auth_time'), max_age, now))
  if (acr) checks.push(({ claims: own }) => acrCheck(ownClaim(own, 'acr'), acr))
  if (where !== undefined) {
    const holds = compileWhere(where)
    checks.push((principal, { request }) => ({ condition: 'where', code: 'where-not-met', holds: holds(principal, request), has: undefined, wants: where }))
  }
  return { kinds, checks, isConstant: max_age === undefined && where === undefined }
}

/** No issuer's clock is believed to be further ahead, in seconds. */
const FAST_CLOCK = 300

function clientCheck ({ issuer, client }: Principal, wants: readonly string[], names: ClientNames): Check {
  const known = names[issuer]
  const ids = wants.map(one => known !== undefined && Object.hasOwn(known, one) ? known[one] : one)
  return { condition: 'client_id', code: 'client-not-listed', holds: client !== undefined && ids.includes(client), has: client, wants }
}

function scopeCheck (condition: 'scope' | 'any_scope', has: readonly string[], wants: readonly string[]): Check {
  const missingScopes = wants.filter(one => !has.includes(one))
  const holds = condition === 'scope' ? missingScopes.length === 0 : missingScopes.length < wants.length
  return { condition, code: 'scope-missing', holds, has, wants, missingScopes: holds ? [] : missingScopes }
}

function everyCheck (condition: keyof Conditions, code: ProblemCode, has: readonly string[], wants: readonly string[]): Check {
  return { condition, code, holds: wants.every(one => has.includes(one)), has, wants }
}

function someCheck (condition: keyof Conditions, code: ProblemCode, has: readonly string[], wants: readonly string[]): Check {
  return { condition, code, holds: wants.some(one => has.includes(one)), has, wants }
}

function claimCheck (claims: Principal['claims'], condition: ClaimConditions[number]): Check {
  const has = readClaim(claims, condition.path)
  const holds = claimsHold(claims, [condition])
  return { condition: 'claims', code: 'claim-mismatch', holds, has: flattened(has), wants: { [condition.name]: condition.values } }
}

// Without auth_time a new login would not help: the token's issuer does not write it. That is a 403, no step-up.
// The same where it lies ahead: in milliseconds, say, it would pass for ever.
function ageCheck (authTime: unknown, maxAge: number, now: number): Check {
  const seconds = Math.floor(now / 1000)
  const known = typeof authTime === 'number' && Number.isFinite(authTime) && authTime <= seconds + FAST_CLOCK
  const age = known ? seconds - authTime : undefined
  return { condition: 'max_age', code: known ? 'login-too-old' : 'claim-mismatch', holds: age !== undefined && age <= maxAge, has: age, wants: maxAge }
}

function acrCheck (has: unknown, wants: readonly string[]): Check {
  return { condition: 'acr', code: 'login-too-weak', holds: claimMatches(has, wants), has: flattened(has), wants }
}

function stringsOf (value: unknown): readonly string[] {
  const values: readonly unknown[] = Array.isArray(value) ? value : [value]
  return values.filter(one => typeof one === 'string')
}
