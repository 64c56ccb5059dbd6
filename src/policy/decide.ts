import { evidenceText, type Principal } from './principal.ts'
import { PROBLEMS, refuse, type ProblemCode, type Refusal } from './problems.ts'
import type { AdmittedKind, Check, CheckContext, CompiledAlternative } from './require.ts'

/** What of a rule decides. */
export interface PolicyRule {
  readonly id: string
  /** `routes.yaml:12` */
  readonly at: string
  readonly requirement: 'public' | readonly CompiledAlternative[]
  /** whether it depends on the principal alone: no clock, no request */
  readonly isConstant: boolean
  /** the names of the issuers whose tokens the rule takes */
  readonly issuers: ReadonlySet<string>
  /** `enforce: report`: what would be a 403 is let through, and told */
  readonly reports: boolean
}

/** What one alternative of a rule saw. */
export interface Finding {
  readonly kinds: readonly AdmittedKind[]
  readonly ofThisKind: boolean
  /** empty where the kind did not fit: conditions are looked at only then */
  readonly checks: readonly Check[]
  readonly holds: boolean
}

/** The verdict over one request, with all that was looked at; explain, the audit record and the problem are views of it. */
export type Decision =
  | {
    readonly granted: true
    readonly findings: readonly Finding[]
    /** why it would be refused, where it is let through for `enforce: report` alone */
    readonly reported: Denial | undefined
  }
  | Denial

export interface Denial {
  readonly granted: false
  readonly code: ProblemCode
  readonly findings: readonly Finding[]
  /** the checks that decided it */
  readonly failed: readonly Check[]
  /** what to ask a token for, from the alternatives of the caller's own kind */
  readonly missingScopes: readonly string[]
}

const GRANTED_TO_ALL: Decision = Object.freeze({ granted: true, findings: [], reported: undefined })

/** Decides a rule for a verified principal. Pure: the clock is in the context. */
export function decide (rule: PolicyRule, principal: Principal, context: CheckContext): Decision {
  if (rule.requirement === 'public') return GRANTED_TO_ALL
  if (!rule.issuers.has(principal.issuer)) return denied('issuer-not-accepted', [], [])
  const findings = rule.requirement.map(alternative => examine(alternative, principal, context))
  if (findings.some(({ holds }) => holds)) return { granted: true, findings, reported: undefined }
  const denial = explainDenial(findings)
  return rule.reports ? report(denial, principal) : denial
}

/** The refusal that a caller gets for a decision: it holds a genuine token, so it is told. */
export function refusalOf (rule: PolicyRule, principal: Principal, decision: Denial): Refusal {
  const { code, failed, missingScopes } = decision
  const challenge: Record<string, string> = {}
  if (missingScopes.length > 0) challenge.scope = missingScopes.join(' ')
  if (PROBLEMS[code].status === 401) for (const check of failed) Object.assign(challenge, stepUp(check))
  return refuse(code, describe(rule, principal, decision), { challenge, principal, saw: failed.map(sawText).join('; ') || evidenceText(principal) })
}

function examine (alternative: CompiledAlternative, principal: Principal, context: CheckContext): Finding {
  const { kinds } = alternative
  // An agent and an unknown principal are of no admitted kind, whatever the rule says.
  const ofThisKind = kinds.some(kind => kind === principal.kind)
  if (!ofThisKind) return { kinds, ofThisKind, checks: [], holds: false }
  const checks = alternative.checks.map(check => check(principal, context))
  return { kinds, ofThisKind, checks, holds: checks.every(({ holds }) => holds) }
}

// Of what `require` would refuse only 403s, and only those of a user or a client by an access token: no agent and no unknown
// principal passes any rule, and a login that is to be made anew is to be made anew.
function report (denial: Denial, { tokenKind, kind }: Principal): Decision {
  if (PROBLEMS[denial.code].status !== 403 || tokenKind !== 'access' || (kind !== 'user' && kind !== 'client')) return denial
  const own = denial.findings.filter(({ ofThisKind }) => ofThisKind)
  const logins = own.map(({ checks }) => checks.filter(check => !check.holds && isStepUp(check)))
  const nearest = logins.toSorted((one, other) => one.length - other.length)[0]
  const [first] = nearest ?? []
  if (nearest !== undefined && first !== undefined) return denied(first.code, denial.findings, nearest)
  return { granted: true, findings: denial.findings, reported: denial }
}

function explainDenial (findings: readonly Finding[]): Denial {
  const own = findings.filter(({ ofThisKind }) => ofThisKind).map(({ checks }) => checks.filter(({ holds }) => !holds))
  const nearest = own.find(failed => failed.every(isStepUp)) ?? own.toSorted((one, other) => one.length - other.length)[0]
  if (nearest === undefined) return denied('principal-kind', findings, [])
  // A new login helps only where nothing else is missing.
  const telling = nearest.find(check => !isStepUp(check)) ?? nearest[0]
  if (telling === undefined) return denied('internal', findings, [])
  const missingScopes = isStepUp(telling) ? [] : [...new Set(own.flat().flatMap(check => check.missingScopes ?? []))]
  return denied(telling.code, findings, nearest, missingScopes)
}

function denied (code: ProblemCode, findings: readonly Finding[], failed: readonly Check[], missingScopes: readonly string[] = []): Denial {
  return { granted: false, code, findings, failed, missingScopes }
}

function isStepUp ({ code }: Check): boolean {
  return code === 'login-too-old' || code === 'login-too-weak'
}

// RFC 9470 section 3
function stepUp ({ code, wants }: Check): Record<string, string> {
  if (code === 'login-too-old') return { max_age: String(wants) }
  return Array.isArray(wants) ? { acr_values: wants.join(' ') } : {}
}

function describe (rule: PolicyRule, principal: Principal, decision: Denial): string {
  const { code, failed } = decision
  if (code === 'issuer-not-accepted') return 'The access token is genuine, but this route takes tokens of other issuers only.'
  if (code === 'principal-kind') return `This route is for ${admitted(rule)}. ${sawKind(principal)}`
  return failed.map(check => `${sentence(check)}.`).join(' ')
}

function admitted (rule: PolicyRule): string {
  const kinds = rule.requirement === 'public' ? [] : [...new Set(rule.requirement.flatMap(({ kinds }) => kinds))]
  return kinds.map(kind => kind === 'user' ? "a user's access token" : 'client credentials').join(' or ')
}

function sawKind ({ kind }: Principal): string {
  switch (kind) {
    case 'user': return "The access token is a user's."
    case 'client': return "The access token is a client's own (client credentials)."
    case 'agent': return "The access token is an AI agent's own, which no route takes."
    case 'unknown': return "Nothing in the access token proves whether it is a user's or a client's own."
  }
}

function sentence ({ condition, code, has, wants }: Check): string {
  switch (condition) {
    case 'scope': return `The access token has ${list(has, 'no scope', 'scope ')}; this route wants ${list(wants)}`
    case 'any_scope': return `The access token has ${list(has, 'no scope', 'scope ')}; this route wants one of ${list(wants)}`
    case 'permission': case 'any_permission': return `The access token has ${list(has, 'no permission', 'permission ')}; this route wants ${list(wants)}`
    case 'role': case 'any_role': return `The access token has ${list(has, 'no role', 'role ')}; this route wants ${list(wants)}`
    case 'client_id': return 'The access token was issued to a client that this route does not list'
    case 'audience': return `The access token's audience is ${list(has, 'none')}; this route wants ${list(wants)}`
    case 'claims': return `The claim ${Object.keys(wants as object).join()} is not what this route wants`
    case 'max_age': return code === 'login-too-old'
      ? `The user logged in ${String(has)} seconds ago; this route wants a login within ${String(wants)} seconds`
      : 'This route wants a recent login, and the access token has no auth_time that says when it was'
    case 'acr': return `The login has ${typeof has === 'string' ? `acr ${has}` : 'no acr'}; this route wants ${list(wants)}`
    case 'where': return 'The condition that this route puts on claims, principal and request does not hold'
  }
}

function list (value: unknown, none = 'nothing', prefix = ''): string {
  const values: readonly unknown[] = Array.isArray(value) ? value : [value]
  return values.length === 0 ? none : prefix + values.map(String).join(' ')
}

function sawText ({ condition, has, wants }: Check): string {
  return `${condition}: has ${JSON.stringify(has) ?? 'nothing'}, wants ${JSON.stringify(wants)}`
}
