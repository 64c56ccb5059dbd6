import { decideParts } from '../batch.ts'
import type { Visit } from '../calling/upstream-request.ts'
import type { Configuration, Route } from '../config/configuration.ts'
import { Patience } from '../inbound/patience.ts'
import type { RequestGuard } from '../inbound/request-guard.ts'
import { identify, originFor, presentedBy, targetOf, type Admitted, type Stages } from '../journey.ts'
import { AuditRecord, type RuleReference } from '../observe/audit.ts'
import { decide, refusalOf } from '../policy/decide.ts'
import type { Matcher } from '../policy/match.ts'
import type { Principal } from '../policy/principal.ts'
import { Refusal, type ProblemCode } from '../policy/problems.ts'
import { parseTarget } from '../policy/target.ts'
import { whereRequest } from '../policy/where.ts'
import type { CompiledRoute } from '../routes.ts'

/** Other rules, compiled beside those in force for the same issuers and upstreams. */
export interface OtherRules {
  readonly configuration: Configuration
  readonly guard: RequestGuard
  readonly matcher: Matcher<CompiledRoute>
}

/** What other rules say of a request. */
export interface Verdict {
  /** that decides it; undefined where it meets none */
  readonly rule: RuleReference | undefined
  /** where it would go; undefined where it is refused */
  readonly route: Route | undefined
  readonly refusal: Refusal | undefined
  /** who called; undefined where nobody asked */
  readonly principal: Principal | undefined
}

/**
 * What other rules say of a request that was decided: by the data plane's own checks, for the caller that its token was
 * found to speak for. A token is verified here only where the rules in force did not ask for one. Nothing is counted, read
 * from the caller, or sent.
 */
export function verdictOf (rules: OtherRules, stages: Stages, visit: Visit): Verdict | Promise<Verdict> {
  return new Trial(rules, stages, visit).run()
}

class Trial {
  readonly #rules: OtherRules
  readonly #stages: Stages
  readonly #visit: Visit
  #rule: RuleReference | undefined
  #principal: Principal | undefined

  constructor (rules: OtherRules, stages: Stages, visit: Visit) {
    this.#rules = rules
    this.#stages = stages
    this.#visit = visit
  }

  run (): Verdict | Promise<Verdict> {
    try {
      const met = this.#meet()
      if (met.found.rule.rule.requirement === 'public') return this.#decide(met)
      const principal = this.#caller(met.guarded)
      if (!(principal instanceof Promise)) return this.#decide({ ...met, principal })
      return principal.then(late => this.#decide({ ...met, principal: late })).catch((error: unknown) => this.#refused(error))
    } catch (error) {
      return this.#refused(error)
    }
  }

  #meet (): Admitted {
    const { guard, matcher } = this.#rules
    const { incoming, framed, record: { method } } = this.#visit
    const guarded = guard(incoming)
    const target = parseTarget(targetOf(this.#visit), method, matcher.admits)
    const found = matcher.find(method, target.path)
    this.#rule = found.rule.rule
    found.rule.checkQuery?.(target.query)
    return { found, target, guarded, origin: originFor(this.#stages, incoming, framed, guarded), principal: undefined, patience: new Patience() }
  }

  #caller (guarded: Admitted['guarded']): Principal | Promise<Principal> {
    const { record: { principal, refusal }, batch } = this.#visit
    // The issuers are the same, and so is what they say of a token that was refused for itself.
    if (batch === undefined && refusal?.problem.status === 401 && !OF_RULES.has(refusal.code)) throw refusal
    if (principal !== undefined) return principal
    const known = identify(this.#stages, presentedBy(this.#stages, guarded), new Patience())
    return known instanceof Promise ? known.then(late => late.principal) : known.principal
  }

  #decide (admitted: Admitted): Verdict {
    const { record: { method }, batch } = this.#visit
    const { found: { rule: { rule, route }, params }, target: { path }, origin: { address }, principal } = admitted
    this.#principal = principal
    if (principal !== undefined) {
      const decision = decide(rule, principal, { now: this.#stages.now(), request: whereRequest(method, path, params, address) })
      if (!decision.granted) throw refusalOf(rule, principal, decision)
    }
    if (batch !== undefined && route.batch !== undefined) this.#decideParts(admitted, batch)
    return { rule, route, refusal: undefined, principal }
  }

  #decideParts (admitted: Admitted, batch: NonNullable<Visit['batch']>): void {
    const scratch = new AuditRecord('', this.#visit.record.method)
    try {
      decideParts(batch, { matcher: this.#rules.matcher, now: this.#stages.now }, admitted, scratch)
    } catch (error) {
      this.#rule = scratch.refusedPart?.rule
      throw error
    }
  }

  #refused (error: unknown): Verdict {
    if (!(error instanceof Refusal)) throw error
    return { rule: this.#rule, route: undefined, refusal: error, principal: this.#principal ?? this.#visit.record.principal }
  }
}

/** 401s that are a rule's word, of a token that is good. */
const OF_RULES: ReadonlySet<ProblemCode> = new Set(['issuer-not-accepted', 'login-too-old', 'login-too-weak'])
