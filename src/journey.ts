import type { FastifyReply, FastifyRequest } from 'fastify'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { extractCredential } from './inbound/credential.ts'
import type { Limits } from './inbound/limits.ts'
import { originOf, type Origin } from './inbound/origin.ts'
import { createPatience, type Patience } from './inbound/patience.ts'
import { plainAddress, type TrustsPeer } from './inbound/proxies.ts'
import type { GuardedRequest, RequestGuard } from './inbound/request-guard.ts'
import { askForBody } from './inbound/server-events.ts'
import type { KnownPrincipal, PrincipalCache } from './inbound/principal-cache.ts'
import type { Verifier } from './inbound/verify.ts'
import type { AuditRecord } from './observe/audit.ts'
import { timeIsUp } from './outbound/client-credentials.ts'
import type { Presented } from './outbound/credential.ts'
import type { SentRequest } from './outbound/plan.ts'
import { relay, type RelayOutcome } from './outbound/relay.ts'
import { decide, refusalOf, type Decision, type PolicyRule } from './policy/decide.ts'
import type { Found, Matcher } from './policy/match.ts'
import type { CheckContext } from './policy/require.ts'
import { refuse, type Refusal } from './policy/problems.ts'
import { decodePath, parseTarget, type Target } from './policy/target.ts'
import type { CompiledRoute } from './routes.ts'

/** The stages of a request, each built at load. */
export interface Stages {
  readonly limits: Limits
  readonly guard: RequestGuard
  readonly matcher: Matcher<CompiledRoute>
  readonly verifier: Verifier
  readonly cache: PrincipalCache
  readonly trustsPeer: TrustsPeer
  readonly isDraining: () => boolean
  /** ms since the epoch */
  readonly now: () => number
}

/** How a request ended that was let through and reached the upstream. */
export type Ended = Exclude<RelayOutcome, { readonly kind: 'credential-refused' }>

/** A target longer than this is refused before it is looked at. */
const MAX_TARGET = 16 * 1024

/**
 * One request from its headers to the end of its answer: cheap before dear, unauthenticated before authenticated, and
 * nothing of a body is read before the request is allowed. What happens is written into the record on the way.
 * @throws {Refusal} where the caller has no answer yet
 */
export async function journey (stages: Stages, request: FastifyRequest, reply: FastifyReply, record: AuditRecord): Promise<Ended> {
  const { limits, guard, matcher, now } = stages
  const { raw: incoming } = request
  await limits.byAddress?.(request, undefined)
  if (request.originalUrl.length > MAX_TARGET) throw refuse('target-too-long', 'The request target is too long.')
  const guarded = guard(incoming)
  const target = parseTarget(request.originalUrl)
  const credential = presentedBy(stages, guarded)
  const found = matcher.find(record.method, target.path)
  const route = found.rule
  record.rule = route.rule

  const patience = createPatience()
  const origin = originFor(stages, request, guarded)
  const identified = route.rule.requirement === 'public' ? undefined : identify(stages, credential, patience)
  const known = identified instanceof Promise ? await identified : identified
  const principal = known?.principal
  record.principal = principal
  if (known !== undefined) {
    const decision = decideOnce(route.rule, known, () => ({ now: now(), request: whereRequest(record, target, found, origin) }))
    if (!decision.granted) throw refusalOf(route.rule, known.principal, decision)
  }
  for (const limit of route.limits) await limit(request, principal)
  record.granted = true

  const sent: SentRequest = {
    rawHeaders: incoming.rawHeaders,
    origin,
    requestId: record.requestId,
    principal,
    upstreamPath: route.plan.paths.toUpstream(target.path, found),
    parts: found
  }
  return await callUpstream(stages, { route, target, guarded, sent, patience, record }, incoming, reply.raw)
}

// A token that is known was well-formed when it was verified: its header need not be taken apart again.
function presentedBy ({ cache }: Stages, { authorization }: GuardedRequest): KnownPrincipal | string | undefined {
  const known = authorization?.startsWith('Bearer ') === true ? cache.find(authorization.slice(7)) : undefined
  return known ?? extractCredential(authorization)
}

function identify ({ verifier, cache }: Stages, credential: KnownPrincipal | string | undefined, patience: Patience): KnownPrincipal | Promise<KnownPrincipal> {
  if (credential === undefined) throw refuse('credential-missing', 'Send an access token: Authorization: Bearer …')
  if (typeof credential !== 'string') return credential
  const verified = verifier.verify(credential, promise => patience.wait(promise))
  return verified instanceof Promise ? verified.then(late => cache.keep(credential, late)) : cache.keep(credential, verified)
}

// What depends on the principal alone is decided once for each rule that it meets; never for another rule.
function decideOnce (rule: PolicyRule, { principal, decisions }: KnownPrincipal, context: () => CheckContext): Decision {
  const decided = decisions.get(rule)
  if (decided !== undefined) return decided
  const decision = decide(rule, principal, context())
  if (rule.isConstant) decisions.set(rule, decision)
  return decision
}

interface Allowed {
  readonly route: CompiledRoute
  readonly target: Target
  readonly guarded: GuardedRequest
  readonly sent: SentRequest
  readonly patience: Patience
  readonly record: AuditRecord
}

// The upstream's 401 is about the gateway's own credential, and no caller's business: one new one, one more try.
async function callUpstream (stages: Stages, allowed: Allowed, incoming: IncomingMessage, response: ServerResponse): Promise<Ended> {
  const { route: { credential }, patience, record } = allowed
  const offered = credential.present()
  const presented = offered instanceof Promise ? await patience.wait(offered) : offered
  if (presented === undefined) throw timeIsUp()
  const outcome = await relayWith(stages, allowed, presented, incoming, response)
  if (outcome.kind !== 'credential-refused') return outcome
  const renewal = credential.renew(presented).then(other => ({ other }))
  if (!outcome.replayable) {
    // Too late for this request; the next one is to have a new one.
    renewal.catch(() => {})
    throw credentialRefused('the body was on its way')
  }
  const renewed = await patience.wait(renewal)
  if (renewed === undefined) throw timeIsUp()
  if (renewed.other === undefined) throw credentialRefused('no other credential to try')
  record.retried = true
  const second = await relayWith(stages, allowed, renewed.other, incoming, response)
  if (second.kind === 'credential-refused') throw credentialRefused('a new one too')
  return second
}

async function relayWith ({ isDraining }: Stages, { route, target, guarded, sent, record }: Allowed, presented: Presented, incoming: IncomingMessage, response: ServerResponse): Promise<RelayOutcome> {
  if (response.destroyed) throw refuse('client-gone', 'The caller went away.')
  const { plan, upstream, timeout, idleTimeout, bodyLimit } = route
  record.upstream = upstream.name
  record.upstreamStarted ??= performance.now()
  try {
    const outcome = await relay({
      dispatcher: upstream.dispatcher,
      method: record.method,
      path: sent.upstreamPath + target.query,
      headers: plan.requestHeaders(sent, presented),
      contentLength: incoming.headers['content-length'],
      hasBody: guarded.hasBody,
      askForBody: () => { askForBody(incoming, response) },
      bodyLimit,
      timeout,
      idleTimeout,
      answerHeaders: raw => {
        const headers = plan.answerHeaders(raw, sent, presented)
        headers.push('X-Request-Id', record.requestId)
        if (isDraining()) headers.push('Connection', 'close')
        return headers
      }
    }, incoming, response)
    record.upstreamStatus = outcome.kind === 'credential-refused' ? 401 : outcome.status
    return outcome
  } finally {
    record.upstreamEnded = performance.now()
  }
}

function originFor ({ trustsPeer }: Stages, request: FastifyRequest, { host }: GuardedRequest): Origin {
  const { raw: { socket, headers } } = request
  return originOf({
    ip: plainAddress(request.ip),
    ips: request.ips?.map(plainAddress),
    peerIsTrusted: trustsPeer(socket.remoteAddress ?? ''),
    encrypted: 'encrypted' in socket
  }, headers, host)
}

function whereRequest ({ method }: AuditRecord, { path }: Target, { params }: Found<CompiledRoute>, { address }: Origin) {
  const decoded = Object.fromEntries(Object.entries(params).map(([name, value]) => [name, decodePath(value)]))
  return { method, path, params: decoded, address }
}

function credentialRefused (saw: string): Refusal {
  return refuse('upstream-credential-refused', "The system behind this gateway does not take the gateway's own call. It is not the caller's credential that is wrong.", { saw })
}
