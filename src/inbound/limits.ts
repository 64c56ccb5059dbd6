import type { FastifyInstance, FastifyRequest } from 'fastify'
import rateLimit from '@fastify/rate-limit'
import type { Route, RouteLimit } from '../config/configuration.ts'
import { within } from '../common/memo.ts'
import type { Principal } from '../policy/principal.ts'
import { refuse } from '../policy/problems.ts'
import { Counters } from './counters.ts'
import { networkOf } from './proxies.ts'
import { sharedCounters, type SharedCounting } from './shared-counting.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** whose requests are counted with this one, for the limit that is asked next */
    limitKey: string
  }
}

/** Counts a request. @throws {Refusal} rate-limited */
export type Limit = (request: FastifyRequest, principal: Principal | undefined) => Promise<void>

export interface Limits {
  /** whether anything is limited */
  readonly any: boolean
  /** `listen.rate_limit`, or undefined where nothing is limited */
  readonly byAddress: Limit | undefined
  /** the limits of a rule; one that comes from `defaults` is one counter over all rules */
  ofRoute (route: LimitedRoute): readonly Limit[]
}

type LimitedRoute = Pick<Route, 'name' | 'rate_limits'>

/**
 * Sets up the counters: each process counts for itself, unless there is something that replicas share. Where nothing is
 * limited, no request pays for it.
 */
export async function createLimits (app: FastifyInstance, overall: { readonly max: number, readonly per: number } | undefined, routes: readonly LimitedRoute[], counting?: SharedCounting): Promise<Limits> {
  if (overall === undefined && routes.every(({ rate_limits: limits }) => limits.length === 0)) return { any: false, byAddress: undefined, ofRoute: () => [] }
  app.decorateRequest('limitKey', '')
  await app.register(rateLimit, { global: false, store: counting === undefined ? Counters : sharedCounters(counting) })
  const shared = new Map<RouteLimit, Limit>()

  function ofOne (limit: RouteLimit, name: string): Limit {
    const count = counter(app, limit, name)
    return async (request, principal) => {
      request.limitKey = keyOf(limit.by, principal)
      await count(request)
    }
  }

  return {
    any: true,
    byAddress: overall && counter(app, overall, limitName('listen', overall)),
    ofRoute: ({ name, rate_limits: limits }) => limits.map((limit, at) => limit.shared
      ? within(shared, limit, () => ofOne(limit, limitName('defaults', limit, at)))
      : ofOne(limit, limitName(`rule ${name}`, limit, at)))
  }
}

/**
 * By which a limit is known in every replica, and after a restart: where it stands, whom it counts and for how long. How
 * many it takes is no part of it: who raises a limit need not begin to count anew.
 * @param place `listen`, `defaults`, or a rule by its id or match
 * @param at its place in the list there
 */
export function limitName (place: string, { per, by = 'address' }: { readonly per: number, readonly by?: RouteLimit['by'] }, at = 0): string {
  return `${place} ${at} ${by} ${per}`
}

function counter (app: FastifyInstance, { max, per }: { readonly max: number, readonly per: number }, limit: string): (request: FastifyRequest) => Promise<void> {
  // No address holds a blank, and every key does.
  const options = { max, timeWindow: per, limit, keyGenerator: (request: FastifyRequest) => request.limitKey === '' ? networkOf(request.ip) : request.limitKey }
  const count = app.createRateLimit(options)
  return async request => {
    const state = await count(request)
    if (state.isAllowed || !state.isExceeded) return
    const seconds = String(Math.max(1, state.ttlInSeconds))
    throw refuse('rate-limited', `So many requests are too many; the next is taken in ${seconds} s.`, {
      headers: { 'Retry-After': seconds, 'RateLimit-Limit': String(max), 'RateLimit-Remaining': '0', 'RateLimit-Reset': seconds }
    })
  }
}

// A client's own token counts for itself by `user`, and a user's for its client by `client`. Without a principal, or
// without the claim that names it, the address counts: an empty key is the address's.
function keyOf (by: RouteLimit['by'], principal: Principal | undefined): string {
  if (principal === undefined || by === 'address') return ''
  const isUser = by === 'user' && principal.kind === 'user'
  const own = isUser ? principal.subject : principal.client
  return own === undefined ? '' : `${isUser ? 'user' : 'client'} ${principal.issuer} ${own}`
}
