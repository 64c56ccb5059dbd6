import type { Route } from '../config/configuration.ts'
import { extractCredential } from '../inbound/credential.ts'
import type { RequestGuard } from '../inbound/request-guard.ts'
import { decide, refusalOf, type Decision, type Finding } from '../policy/decide.ts'
import type { Found, Matcher } from '../policy/match.ts'
import type { Principal } from '../policy/principal.ts'
import { PROBLEMS, refuse } from '../policy/problems.ts'
import { MAX_TARGET, parseTarget, type Target } from '../policy/target.ts'
import { whereRequest } from '../policy/where.ts'
import type { Alternative, Check } from '../policy/require.ts'
import type { CompiledRoute } from '../routes.ts'
import type { AlternativeSeen, Explanation, PrincipalSeen, ReportedSeen, RuleSeen, Step } from './explanation.ts'
import { remedyFor, type Refused } from './remedy.ts'
import { alternativeSentence, sentenceOf } from './sentence.ts'
import { Story } from './story.ts'
import { tellToken, type Shown, type TokenTold, type TokenWorld } from './token-story.ts'

/** What of a gateway decides: its own stages, or those of files that nothing was started with. */
export interface ExplainWorld extends TokenWorld {
  readonly guard: RequestGuard
  readonly matcher: Matcher<CompiledRoute>
}

/** A request that somebody asks about. */
export interface Question {
  readonly method: string
  /** path and query */
  readonly target: string
  /** beside Host and Authorization */
  readonly headers?: ReadonlyArray<readonly [name: string, value: string]>
  /** undefined where it carries no credential */
  readonly shown: Shown | undefined
  /** of the caller, for `where` and X-Forwarded-For */
  readonly address?: string
}

/**
 * Says why a request would pass, or would not: by the very checks of the data plane, in their order, and past the first
 * that fails where the next can still be made. Limits are not counted, and nothing is sent.
 */
export async function explain (question: Question, world: ExplainWorld): Promise<Explanation> {
  const story = new Story()
  const { method, shown } = question
  const found = tellRequest(story, question, world)
  const route = found?.found.rule.route
  const isPublic = found?.found.rule.rule.requirement === 'public'
  if (isPublic) story.open('credential', 'the rule is public: whatever is sent is dropped unread')
  else if (shown === undefined) story.fail('credential', refuse('credential-missing', 'Send an access token: Authorization: Bearer …'), 'none was sent')
  const told = isPublic || shown === undefined ? undefined : await tellToken(story, shown, world)
  const decision = found === undefined || told?.principal?.tokenKind !== 'access' || isPublic ? undefined : tellDecision(story, question, found, told.principal, world)
  const { refusal, reported } = story
  const asked = { route, principal: told?.principal, issuer: told?.issuer ?? onlyOne(world.issuers) }
  const alternatives = decision === undefined || route === undefined ? [] : alternativesOf(route.require, decision.findings)
  return {
    request: { method, target: question.target },
    passes: refusal === undefined,
    status: refusal?.problem.status,
    code: refusal?.code,
    detail: refusal?.detail,
    remedy: refusal && remedyFor({ refusal, ...asked }),
    reported: refusal === undefined && reported !== undefined ? reportedSeen({ refusal: reported, ...asked }) : undefined,
    rule: found && ruleSeen(found.found.rule.route),
    steps: story.steps,
    alternatives,
    token: told?.seen,
    principal: told?.principal && principalSeen(told.principal),
    upstream: refusal === undefined && found !== undefined ? upstreamOf(question, found, told) : undefined,
    notes: notesOf(question, found?.found.rule)
  }
}

interface Met {
  readonly target: Target
  readonly found: Found<CompiledRoute>
}

function tellRequest (story: Story, question: Question, { guard, matcher }: ExplainWorld): Met | undefined {
  const { method, target: sent, shown } = question
  story.ask('request', () => {
    if (sent.length > MAX_TARGET) throw refuse('target-too-long', 'The request target is too long.')
    return guard({ method, httpVersion: '1.1', rawHeaders: rawHeadersOf(question) })
  }, () => 'well-formed, each header with one reading')
  const target = story.ask('target', () => parseTarget(sent, method, matcher.admits), ({ path }) => `${path} has one reading`)
  if (shown !== undefined && 'token' in shown) story.ask('credential', () => extractCredential(`Bearer ${shown.token}`), () => 'one Bearer token')
  if (target === undefined) return undefined
  const found = story.ask('rule', () => matcher.find(method, target.path), ({ rule: { route } }) => `${route.name} (${route.at})`)
  const check = found?.rule.checkQuery
  if (check !== undefined) story.ask('query', () => { check(target.query) }, () => 'nothing that this ERP would take for something else')
  return found && { target, found }
}

function tellDecision (story: Story, { method, address = LOCAL }: Question, { target, found }: Met, principal: Principal, { now }: ExplainWorld): Decision {
  const { rule: { rule }, params } = found
  const decision = decide(rule, principal, { now: now(), request: whereRequest(method, target.path, params, address) })
  if (decision.granted && decision.reported !== undefined) story.report('decision', refusalOf(rule, principal, decision.reported), 'no alternative of the rule holds; it is let through for enforce: report')
  else if (decision.granted) story.pass('decision', 'one alternative of the rule holds')
  else story.fail('decision', refusalOf(rule, principal, decision), decision.code === 'issuer-not-accepted' ? `the rule takes tokens of ${[...rule.issuers].join(', ')}` : 'no alternative of the rule holds')
  return decision
}

/** What each alternative of a rule saw. */
export function alternativesOf (require: 'public' | readonly Alternative[], findings: readonly Finding[]): AlternativeSeen[] {
  if (require === 'public') return []
  return findings.map(({ holds, ofThisKind, checks }, at) => {
    const alternative = require[at]
    return { who: alternative === undefined ? '' : alternativeSentence(alternative), holds, ofThisKind, steps: checks.map(stepOf) }
  })
}

function stepOf ({ condition, holds, has, wants }: Check): Step {
  return { name: condition, outcome: holds ? 'pass' : 'fail', saw: condition === 'where' ? text(wants) : `has ${text(has)}, wants ${text(wants)}` }
}

function text (value: unknown): string {
  const words = Array.isArray(value) && value.every(one => typeof one === 'string') ? value.join(' ') || 'none' : typeof value === 'string' ? value : JSON.stringify(value) ?? 'none'
  return words.slice(0, 500)
}

export function ruleSeen (route: Route): RuleSeen {
  const { match } = route
  return { name: route.name, at: route.at, match: `${match.any ? 'ANY' : match.methods.join('|')} ${match.path}`, who: sentenceOf(route), upstream: route.upstream }
}

/** What would be refused, and is let through. */
export function reportedSeen (refused: Refused): ReportedSeen {
  const { code, detail } = refused.refusal
  return { status: PROBLEMS[code].status, code, detail, remedy: remedyFor(refused) }
}

/** A principal without its claims. */
export function principalSeen ({ kind, issuer, subject, client, scopes, permissions, roles, evidence }: Principal): PrincipalSeen {
  return { kind, issuer, subject, client, scopes, permissions, roles, evidence }
}

const LOCAL = '127.0.0.1'

// The credential stands there by name alone: none is fetched, and none is shown.
function upstreamOf ({ method, headers = [], address = LOCAL }: Question, { target, found }: Met, told: TokenTold | undefined): Explanation['upstream'] {
  const { plan, upstream, credential } = found.rule
  const upstreamPath = plan.paths.toUpstream(target.path, found)
  const flat = plan.requestHeaders({
    rawHeaders: headers.flat(),
    origin: { chain: address, protocol: 'http', host: hostOf(headers) },
    requestId: '(a new one)',
    principal: told?.principal,
    upstreamPath,
    parts: found,
    traceparent: undefined
  }, { headers: credential.headerNames.flatMap(name => [name, OWN]), id: '', secrets: [] })
  const pairs = flat.flatMap((name, at) => at % 2 === 0 ? [[name, flat[at + 1] ?? ''] as const] : [])
  return { name: upstream.name, method, target: upstreamPath + target.query, headers: pairs }
}

const OWN = "(the gateway's own credential)"

function rawHeadersOf ({ headers = [], shown }: Question): string[] {
  const host = headers.some(([name]) => name.toLowerCase() === 'host') ? [] : ['Host', 'localhost']
  return [...host, ...headers.flat(), ...shown !== undefined && 'token' in shown ? ['Authorization', `Bearer ${shown.token}`] : []]
}

function hostOf (headers: ReadonlyArray<readonly [string, string]>): string {
  return headers.find(([name]) => name.toLowerCase() === 'host')?.[1] ?? 'localhost'
}

function notesOf ({ shown }: Question, rule: CompiledRoute | undefined): string[] {
  const notes: string[] = []
  if (shown !== undefined && 'claims' in shown) notes.push('No signature was checked: claims were given, not a token.')
  if (rule !== undefined && rule.route.rate_limits.length > 0) notes.push('The rule has rate limits, which are not counted here.')
  if (rule?.route.batch !== undefined) notes.push('The rule takes batches: each request in one is decided by itself, which is not done here.')
  return notes
}

function onlyOne<One> (list: readonly One[]): One | undefined {
  return list.length === 1 ? list[0] : undefined
}
