import type { FastifyRequest } from 'fastify'
import type { IncomingMessage } from 'node:http'
import { extractCredential } from './inbound/credential.ts'
import type { Limits } from './inbound/limits.ts'
import { originOf, type Origin } from './inbound/origin.ts'
import { Patience } from './inbound/patience.ts'
import { plainAddress, type TrustsPeer } from './inbound/proxies.ts'
import type { GuardedRequest, RequestGuard } from './inbound/request-guard.ts'
import type { KnownPrincipal, PrincipalCache } from './inbound/principal-cache.ts'
import type { Verifier } from './inbound/verify.ts'
import type { AuditRecord } from './observe/audit.ts'
import { decide, refusalOf, type Decision, type PolicyRule } from './policy/decide.ts'
import type { Found, Matcher } from './policy/match.ts'
import type { Principal } from './policy/principal.ts'
import type { CheckContext } from './policy/require.ts'
import { refuse } from './policy/problems.ts'
import { MAX_TARGET, parseTarget, type Target } from './policy/target.ts'
import { whereRequest } from './policy/where.ts'
import type { CompiledRoute } from './routes.ts'

/** The stages of a request, each built at load. */
export interface Stages {
  readonly limits: Limits
  readonly guard: RequestGuard
  readonly matcher: Matcher<CompiledRoute>
  readonly verifier: Verifier
  readonly cache: PrincipalCache
  readonly trustsPeer: TrustsPeer
  /** ms since the epoch */
  readonly now: () => number
}

/** A request that its rule lets through, with all that was found out about it. */
export interface Admitted {
  readonly found: Found<CompiledRoute>
  readonly target: Target
  readonly guarded: GuardedRequest
  readonly origin: Origin
  readonly principal: Principal | undefined
  readonly patience: Patience
}

/** A request as the server has it, and as the framework has it where something asks for that: counters, and proxies. */
export interface Asked {
  readonly incoming: IncomingMessage
  readonly framed: FastifyRequest | undefined
}

/** One that is on its way there. */
interface Arrived {
  readonly framed: FastifyRequest | undefined
  readonly record: AuditRecord
  readonly found: Found<CompiledRoute>
  readonly target: Target
  readonly guarded: GuardedRequest
  readonly origin: Origin
  readonly patience: Patience
}

/**
 * One request from its headers to the rule's word: cheap before dear, unauthenticated before authenticated, and
 * nothing of a body is read. What happens is written into the record on the way. Asynchronous only where something is
 * counted or fetched.
 * @throws {Refusal} at once or by its promise, where the request goes no further
 */
export function journey (stages: Stages, asked: Asked, record: AuditRecord): Admitted | Promise<Admitted> {
  const { limits: { byAddress } } = stages
  if (byAddress === undefined) return arrive(stages, asked, record)
  return byAddress(framedOf(asked), undefined).then(() => arrive(stages, asked, record))
}

function arrive (stages: Stages, asked: Asked, record: AuditRecord): Admitted | Promise<Admitted> {
  const { incoming, framed } = asked
  const sent = targetOf(asked)
  if (sent.length > MAX_TARGET) throw refuse('target-too-long', 'The request target is too long.')
  const guarded = stages.guard(incoming)
  const target = parseTarget(sent, record.method, stages.matcher.admits)
  const credential = presentedBy(stages, guarded)
  const found = stages.matcher.find(record.method, target.path)
  record.rule = found.rule.rule
  found.rule.checkQuery?.(target.query)
  const origin = originFor(stages, incoming, framed, guarded)
  const arrived: Arrived = { framed, record, found, target, guarded, origin, patience: new Patience() }
  if (found.rule.rule.requirement === 'public') return pass(arrived, undefined)
  const identified = identify(stages, credential, arrived.patience)
  return identified instanceof Promise ? identified.then(known => authorise(stages, arrived, known)) : authorise(stages, arrived, identified)
}

/** The request target as it was sent. */
export function targetOf ({ incoming, framed }: Asked): string {
  return framed?.originalUrl ?? incoming.url ?? ''
}

function authorise (stages: Stages, arrived: Arrived, known: KnownPrincipal): Admitted | Promise<Admitted> {
  const { record, found: { rule: { rule } } } = arrived
  record.principal = known.principal
  const decision = known.decisionOf(rule) ?? decideFirst(stages, arrived, rule, known)
  if (!decision.granted) throw refusalOf(rule, known.principal, decision)
  if (decision.reported !== undefined) record.report(rule, refusalOf(rule, known.principal, decision.reported))
  return pass(arrived, known.principal)
}

function pass (arrived: Arrived, principal: Principal | undefined): Admitted | Promise<Admitted> {
  const { found: { rule: { limits } } } = arrived
  return limits.length === 0 ? admit(arrived, principal) : count(arrived, principal)
}

async function count (arrived: Arrived, principal: Principal | undefined): Promise<Admitted> {
  for (const limit of arrived.found.rule.limits) await limit(framedOf(arrived), principal)
  return admit(arrived, principal)
}

function admit ({ record, found, target, guarded, origin, patience }: Arrived, principal: Principal | undefined): Admitted {
  record.granted = true
  return { found, target, guarded, origin, principal, patience }
}

/** What it shows; a token that is known was well-formed when it was verified: its header need not be taken apart again. @throws {Refusal} */
export function presentedBy ({ cache }: Pick<Stages, 'cache'>, { authorization }: GuardedRequest): KnownPrincipal | string | undefined {
  const known = authorization?.startsWith('Bearer ') === true ? cache.find(authorization.slice(7)) : undefined
  return known ?? extractCredential(authorization)
}

/** Who that is. @throws {Refusal} at once or by its promise */
export function identify ({ verifier, cache }: Pick<Stages, 'verifier' | 'cache'>, credential: KnownPrincipal | string | undefined, patience: Patience): KnownPrincipal | Promise<KnownPrincipal> {
  if (credential === undefined) throw refuse('credential-missing', 'Send an access token: Authorization: Bearer …')
  if (typeof credential !== 'string') return credential
  const verified = verifier.verify(credential, promise => patience.wait(promise))
  return verified instanceof Promise ? verified.then(late => cache.keep(credential, late)) : cache.keep(credential, verified)
}

// What depends on the principal alone is decided once for each rule that it meets; never for another rule.
function decideFirst ({ now }: Stages, arrived: Arrived, rule: PolicyRule, known: KnownPrincipal): Decision {
  const { record: { method }, target: { path }, found: { params }, origin: { address } } = arrived
  const context: CheckContext = { now: now(), request: whereRequest(method, path, params, address) }
  const decision = decide(rule, known.principal, context)
  if (rule.isConstant) known.remember(rule, decision)
  return decision
}

/** Where it came from. Without the framework's request no proxy is trusted, and a request comes from whoever sent it. */
export function originFor ({ trustsPeer }: Pick<Stages, 'trustsPeer'>, { socket, headers }: IncomingMessage, framed: FastifyRequest | undefined, { host }: GuardedRequest): Origin {
  const peer = socket.remoteAddress ?? ''
  return originOf({
    ip: plainAddress(framed?.ip ?? peer),
    ips: framed?.ips?.map(plainAddress),
    peerIsTrusted: trustsPeer(peer),
    encrypted: 'encrypted' in socket
  }, headers, host)
}

/** The framework's request, for a limit: gateway.ts asks the framework wherever one is configured. */
export function framedOf ({ framed }: { readonly framed: FastifyRequest | undefined }): FastifyRequest {
  if (framed === undefined) throw new Error('a limit without the framework that counts')
  return framed
}
