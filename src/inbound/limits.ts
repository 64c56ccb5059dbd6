import type { FastifyInstance, FastifyRequest } from 'fastify'
import rateLimit, { type FastifyRateLimitStore } from '@fastify/rate-limit'
import type { Route, RouteLimit } from '../config/configuration.ts'
import type { OnStoreFailure } from '../config/redis-schema.ts'
import { within } from '../common/memo.ts'
import type { Principal } from '../policy/principal.ts'
import { refuse } from '../policy/problems.ts'
import { networkOf } from './proxies.ts'

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

/** `listen.rate_limit` */
type OverallLimit = Pick<RouteLimit, 'max' | 'per' | 'on_store_failure'>

type LimitedRoute = Pick<Route, 'name' | 'rate_limits'>

/** What counts for the limit of that name; it goes on with the same windows however often it is asked for. */
export type CounterOf = (name: string, onFailure: OnStoreFailure) => FastifyRateLimitStore

/** Has the app count. Where nothing is limited, no request pays for it. */
export async function registerCounting (app: FastifyInstance): Promise<void> {
  app.decorateRequest('limitKey', '')
  await app.register(rateLimit, { global: false, store: CountersOfLimits })
}

/** @param app one that counts */
export function createLimits (app: FastifyInstance, overall: OverallLimit | undefined, routes: readonly LimitedRoute[], counterOf: CounterOf): Limits {
  const shared = new Map<RouteLimit, Limit>()

  function ofOne (limit: RouteLimit, name: string): Limit {
    const count = counter(app, limit, counterOf(name, limit.on_store_failure))
    return async (request, principal) => {
      request.limitKey = keyOf(limit.by, principal)
      await count(request)
    }
  }

  return {
    any: overall !== undefined || routes.some(({ rate_limits: limits }) => limits.length > 0),
    byAddress: overall && counter(app, overall, counterOf(limitName('listen', overall), overall.on_store_failure)),
    ofRoute: ({ name, rate_limits: limits }) => limits.map((limit, at) => limit.shared
      ? within(shared, limit, () => ofOne(limit, limitName('defaults', limit, at)))
      : ofOne(limit, limitName(`rule ${name}`, limit, at)))
  }
}

/**
 * By which a limit is known in every replica, and after a restart: where it stands, whom it counts and for how long. How
 * many it takes is no part of it, nor what becomes of it without a store: who raises a limit need not begin to count anew.
 * @param place `listen`, `defaults`, or a rule by its id or match
 * @param at its place in the list there
 */
export function limitName (place: string, { per, by = 'address' }: { readonly per: number, readonly by?: RouteLimit['by'] }, at = 0): string {
  return `${place} ${at} ${by} ${per}`
}

/** The plugin asks this for what counts for each limit; which it is, the limit says in its options. */
class CountersOfLimits implements FastifyRateLimitStore {
  incr (): void {
    throw new Error('a limit without a counter')
  }

  child (options: object): FastifyRateLimitStore {
    // Set below, with this type.
    return 'counters' in options ? options.counters as FastifyRateLimitStore : this
  }
}

function counter (app: FastifyInstance, { max, per }: { readonly max: number, readonly per: number }, counters: FastifyRateLimitStore): (request: FastifyRequest) => Promise<void> {
  const options = {
    max,
    timeWindow: per,
    // No address holds a blank, and every key does.
    keyGenerator: (request: FastifyRequest) => request.limitKey === '' ? networkOf(request.ip) : request.limitKey,
    counters
  }
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
