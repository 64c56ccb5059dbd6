import { within } from './common/memo.ts'
import type { Configuration, Route } from './config/configuration.ts'
import type { Retry } from './config/protection-schema.ts'
import type { Limit, Limits } from './inbound/limits.ts'
import { fixedCredential, type Credential } from './outbound/credential.ts'
import { createHeaderCompilers } from './outbound/header-compilers.ts'
import { createOutboundPlan, headersOf, vouchingHeaders, type OutboundPlan } from './outbound/plan.ts'
import type { RouteProtection } from './outbound/protection.ts'
import { RetryPolicy } from './outbound/retry.ts'
import type { Upstream } from './outbound/upstreams.ts'
import type { PolicyRule } from './policy/decide.ts'
import type { Match } from './policy/pattern.ts'
import { compileAlternative, type ClientNames } from './policy/require.ts'

/** A rule of routes.yaml with all that can be decided at load. */
export interface CompiledRoute {
  /** as it is configured */
  readonly route: Route
  readonly match: Match
  readonly rule: PolicyRule
  readonly upstream: Upstream
  readonly credential: Credential
  readonly plan: OutboundPlan
  /** undefined where its requests need none */
  readonly protection: RouteProtection | undefined
  readonly limits: readonly Limit[]
  /** ms */
  readonly timeout: number
  /** ms */
  readonly idleTimeout: number
  /** bytes */
  readonly bodyLimit: number
}

const NO_CREDENTIAL = fixedCredential({})

export function compileRoutes ({ gateway, routes }: Configuration, upstreams: ReadonlyMap<string, Upstream>, limits: Limits): CompiledRoute[] {
  const vouching = namesOf(routes, upstreams, vouchingHeaders)
  const clientNames = Object.fromEntries(Object.entries(gateway.issuers).map(([name, { clients }]) => [name, clients]))
  const compilers = createHeaderCompilers()
  const policies = createRetryPolicies()
  const issuerSets = new Map<readonly string[], ReadonlySet<string>>()
  return routes.map(route => {
    const upstream = upstreamOf(route, upstreams)
    const issuers = within(issuerSets, route.issuers, names => new Set(names))
    return {
      route,
      match: route.match,
      rule: compileRule(route, issuers, clientNames),
      upstream,
      credential: route.withoutCredential ? NO_CREDENTIAL : upstream.credential,
      plan: createOutboundPlan(route, upstream, vouching, gateway.listen.public_url, compilers),
      protection: protectionOf(route, upstream, policies),
      limits: limits.ofRoute(route),
      timeout: route.timeout,
      idleTimeout: route.idle_timeout,
      bodyLimit: route.body_limit ?? Infinity
    }
  })
}

type RetryPolicies = (upstream: Upstream, settings: Retry) => RetryPolicy

// One for all rules of an upstream that take theirs from one place.
function createRetryPolicies (): RetryPolicies {
  const policies = new Map<Upstream, Map<Retry, RetryPolicy>>()
  return (upstream, settings) => within(within(policies, upstream, () => new Map<Retry, RetryPolicy>()), settings, () => new RetryPolicy(settings, () => performance.now(), Math.random))
}

function protectionOf ({ retry, idempotent }: Route, upstream: Upstream, policies: RetryPolicies): RouteProtection | undefined {
  if (retry === undefined && !upstream.protection.isNeeded) return undefined
  return { upstream: upstream.protection, retry: retry && policies(upstream, retry), idempotent }
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
  return { id: route.name, at: route.at, requirement, isConstant, issuers }
}

function upstreamOf (route: Route, upstreams: ReadonlyMap<string, Upstream>): Upstream {
  const upstream = upstreams.get(route.upstream)
  if (upstream === undefined) throw new Error(`${route.at}: no upstream ${route.upstream}`)
  return upstream
}
