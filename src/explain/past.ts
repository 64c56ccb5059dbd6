import type { Route } from '../config/configuration.ts'
import { shownSubject, type ShownSubject } from '../config/shown-subject.ts'
import type { PastRefusal } from '../observe/decisions.ts'
import { decide } from '../policy/decide.ts'
import { PROBLEMS } from '../policy/problems.ts'
import { compileAlternative } from '../policy/require.ts'
import type { AlternativeSeen, Explanation, PrincipalSeen } from './explanation.ts'
import { alternativesOf, principalSeen, reportedSeen, ruleSeen } from './explain.ts'
import { remedyFor } from './remedy.ts'

/** Why a request was refused, or would have been, from what is remembered of it. Of its claims only what names the caller, and what its rule asks for. */
export function explainPast (past: PastRefusal): Explanation {
  const { refusal, principal, method, path, configuration, letThrough } = past
  const route = configuration.routes.find(({ at, name }) => at === past.rule?.at && name === past.rule.id)
  const [only, ...others] = Object.keys(configuration.gateway.issuers)
  const issuer = principal?.issuer ?? (others.length === 0 ? only : undefined)
  const { code, detail, extras } = refusal
  const asked = { refusal, route, principal, issuer: issuer === undefined ? undefined : { name: issuer, audience: configuration.gateway.issuers[issuer]?.audience ?? [] } }
  const shown = shownSubject(configuration.gateway.log)
  const saw = extras.saw ?? detail
  return {
    request: { method, target: path },
    passes: letThrough,
    ...letThrough
      ? { status: undefined, code: undefined, detail: undefined, remedy: undefined, reported: reportedSeen(asked) }
      : { status: PROBLEMS[refusal.code].status, code, detail, remedy: remedyFor(asked), reported: undefined },
    rule: route && ruleSeen(route),
    steps: [{ name: code, outcome: 'fail', saw: shown?.saw(saw) ?? saw }],
    alternatives: route === undefined ? [] : withoutClaims(alternativesAgain(past, route), shown),
    token: principal && { kind: principal.tokenKind, issuer: principal.issuer, header: {}, ends: undefined },
    principal: principal && withSubject(principalSeen(principal), shown),
    upstream: undefined,
    notes: [`Decided at ${new Date(past.time).toISOString()}; the query, headers and token of the request were not kept.`]
  }
}

// What stays in memory names a subject as the log does.
function withSubject (seen: PrincipalSeen, shown: ShownSubject | undefined): PrincipalSeen {
  const { subject, evidence } = seen
  if (shown === undefined || subject === undefined) return seen
  const name = shown.name(subject)
  return { ...seen, subject: name, evidence: evidence.map(one => one.value === subject ? { ...one, value: name } : one) }
}

function withoutClaims (alternatives: readonly AlternativeSeen[], shown: ShownSubject | undefined): readonly AlternativeSeen[] {
  if (shown === undefined) return alternatives
  return alternatives.map(one => ({ ...one, steps: one.steps.map(step => step.name === 'claims' ? { ...step, saw: shown.saw(`claims: ${step.saw}`) } : step) }))
}

// What the rule asked is asked again, of the same principal at the same time. `where` saw a request that was not kept.
function alternativesAgain ({ principal, refusal, time, configuration: { gateway } }: PastRefusal, route: Route): AlternativeSeen[] {
  if (principal === undefined || route.require === 'public' || PROBLEMS[refusal.code].status !== 403) return []
  const names = Object.fromEntries(Object.entries(gateway.issuers).map(([name, { clients }]) => [name, clients]))
  const asked = route.require.map(alternative => ({ ...alternative, conditions: { ...alternative.conditions, where: undefined } }))
  const rule = { id: route.name, at: route.at, requirement: asked.map(one => compileAlternative(one, names)), isConstant: false, issuers: new Set(route.issuers), reports: false }
  const { findings } = decide(rule, principal, { now: time, request: { method: '', path: '', params: {}, address: '' } })
  return alternativesOf(route.require, findings)
}
