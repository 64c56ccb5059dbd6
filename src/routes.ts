import type { RouteIdempotency } from './calling/call-once.ts'
import { within } from './common/memo.ts'
import { besideBody } from './config/beside-body.ts'
import type { Configuration, QueryRules, Route } from './config/configuration.ts'
import type { Retry } from './config/protection-schema.ts'
import type { Limit, Limits } from './inbound/limits.ts'
import type { Maintenance } from './maintenance.ts'
import { fixedCredential, type Credential } from './outbound/credential.ts'
import { createHeaderCompilers } from './outbound/header-compilers.ts'
import { createOutboundPlan, headersOf, vouchingHeaders, type OutboundPlan } from './outbound/plan.ts'
import type { RouteProtection } from './outbound/protection.ts'
import { RetryPolicy } from './outbound/retry.ts'
import type { Upstream } from './outbound/upstreams.ts'
import type { WriteStore } from './outbound/write-store.ts'
import type { PolicyRule } from './policy/decide.ts'
import type { Matchable } from './policy/match.ts'
import type { Match } from './policy/pattern.ts'
import { compileQueryCheck, type QueryCheck } from './policy/query.ts'
import { compileAlternative, type ClientNames } from './policy/require.ts'

/** A rule of routes.yaml with all that can be decided at load. */
export interface CompiledRoute {
  /** as it is configured */
  readonly route: Route
  readonly match: Match
  readonly grants: Matchable['grants']
  readonly fits: Matchable['fits']
  readonly rule: PolicyRule
  readonly upstream: Upstream
  readonly credential: Credential
  readonly plan: OutboundPlan
  /** undefined where its upstream has no windows */
  readonly maintenance: Maintenance | undefined
  /** undefined where its requests need none */
  readonly protection: RouteProtection | undefined
  /** undefined where a repeat is a request as any other */
  readonly idempotency: RouteIdempotency | undefined
  readonly limits: readonly Limit[]
  /** refuses what has no place in its queries; undefined where everything may stand there */
  readonly checkQuery: QueryCheck | undefined
  /** ms */
  readonly timeout: number
  /** ms */
  readonly idleTimeout: number
  /** bytes */
  readonly bodyLimit: number
  /** undefined where bodies are not looked into */
  readonly batch: BatchRule | undefined
  /** equal for rules that do the same beside a request's body: credential, identity, headers; undefined where no rule takes batches */
  readonly besideBody: string | undefined
}

/** How a rule's batches are taken. */
export interface BatchRule {
  readonly maxParts: number
  /** bytes */
  readonly bodyLimit: number
}

const NO_CREDENTIAL = fixedCredential({})

/** A batch is held as it is read, so that it has a limit always. */
const BATCH_LIMIT = 1024 * 1024

/** Where writes that may be repeated are remembered, and those that are under way counted. */
export interface WriteStores extends Pick<RouteIdempotency, 'underWay'> {
  storeOf (kind: 'memory' | 'redis'): WriteStore
}

/** What rules share of a generation, by the name of the upstream where there are several. */
export interface RouteSurroundings {
  readonly upstreams: ReadonlyMap<string, Upstream>
  readonly maintenance: ReadonlyMap<string, Maintenance>
  readonly limits: Limits
  readonly writes: WriteStores
}

export function compileRoutes ({ gateway, routes }: Configuration, { upstreams, maintenance, limits, writes }: RouteSurroundings): CompiledRoute[] {
  const vouching = namesOf(routes, upstreams, vouchingHeaders)
  const clientNames = Object.fromEntries(Object.entries(gateway.issuers).map(([name, { clients }]) => [name, clients]))
  const compilers = createHeaderCompilers()
  const policies = createRetryPolicies()
  const takesBatches = routes.some(({ batch }) => batch !== undefined)
  const queryChecks = new Map<QueryRules, QueryCheck | undefined>()
  const issuerSets = new Map<readonly string[], ReadonlySet<string>>()
  return routes.map(route => {
    const upstream = upstreamOf(route, upstreams)
    const issuers = within(issuerSets, route.issuers, names => new Set(names))
    const plan = createOutboundPlan(route, upstream, vouching, gateway.listen.public_url, compilers)
    return {
      route,
      match: route.match,
      grants: route.grants,
      fits: plan.paths.fits,
      rule: compileRule(route, issuers, clientNames),
      upstream,
      credential: route.withoutCredential ? NO_CREDENTIAL : upstream.credential,
      plan,
      maintenance: maintenance.get(route.upstream),
      protection: protectionOf(route, upstream, policies),
      idempotency: idempotencyOf(route, writes),
      limits: limits.ofRoute(route),
      checkQuery: within(queryChecks, route.refuse_query, compileQueryCheck),
      timeout: route.timeout,
      idleTimeout: route.idle_timeout,
      bodyLimit: route.body_limit ?? Infinity,
      batch: route.batch && { maxParts: route.batch.max_parts, bodyLimit: route.body_limit ?? BATCH_LIMIT },
      besideBody: takesBatches ? besideBody(route) : undefined
    }
  })
}

function idempotencyOf ({ idempotency }: Route, { storeOf, underWay }: WriteStores): RouteIdempotency | undefined {
  if (idempotency === undefined) return undefined
  const { header, required, store, ttl, wait, max_body: maxBody } = idempotency
  return { header: header.toLowerCase(), isRequired: required, store: storeOf(store), ttl, wait, maxBody, underWay }
}

type RetryPolicies = (upstream: Upstream, settings: Retry) => RetryPolicy

// One for all rules of an upstream that take theirs from one place.
function createRetryPolicies (): RetryPolicies {
  const policies = new Map<Upstream, Map<Retry, RetryPolicy>>()
  return (upstream, settings) => within(within(policies, upstream, () => new Map<Retry, RetryPolicy>()), settings, () => new RetryPolicy(settings, () => performance.now(), Math.random))
}

function protectionOf ({ retry, withoutCredential }: Route, upstream: Upstream, policies: RetryPolicies): RouteProtection | undefined {
  // A session is the login's: without a credential there is none.
  const sessions = withoutCredential ? undefined : upstream.sessions
  if (retry === undefined && sessions === undefined && !upstream.protection.isNeeded) return undefined
  return { upstream: upstream.protection, retry: retry && policies(upstream, retry), sessions }
}

/** What the gateway writes on any of its rules. */
export function headersOfAll (routes: readonly Route[], upstreams: ReadonlyMap<string, Upstream>): string[] {
  return namesOf(routes, upstreams, headersOf)
}

function namesOf (routes: readonly Route[], upstreams: ReadonlyMap<string, Upstream>, namesOfOne: typeof headersOf): string[] {
  const names = new Set<string>()
  for (const route of routes) for (const name of namesOfOne(route, upstreamOf(route, upstreams))) names.add(name)
  return [...names]
}

function compileRule (route: Route, issuers: ReadonlySet<string>, clientNames: ClientNames): PolicyRule {
  const requirement = route.require === 'public' ? 'public' : route.require.map(alternative => compileAlternative(alternative, clientNames))
  const isConstant = requirement === 'public' || requirement.every(alternative => alternative.isConstant)
  return { id: route.name, at: route.at, requirement, isConstant, issuers, reports: route.enforce === 'report' }
}

function upstreamOf (route: Route, upstreams: ReadonlyMap<string, Upstream>): Upstream {
  const upstream = upstreams.get(route.upstream)
  if (upstream === undefined) throw new Error(`${route.at}: no upstream ${route.upstream}`)
  return upstream
}
