import type { FastifyInstance, FastifyRequest } from 'fastify'
import rateLimit from '@fastify/rate-limit'
import type { Route, RouteLimit } from '../config/configuration.ts'
import { within } from '../common/memo.ts'
import type { Principal } from '../policy/principal.ts'
import { refuse } from '../policy/problems.ts'
import { Counters } from './counters.ts'
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
  ofRoute (route: Pick<Route, 'name' | 'rate_limits'>): readonly Limit[]
}

/** The counter of that name; the same one however often it is asked for. */
export type CounterOf = (name: string) => Counters

/** Has the app count. Where nothing is limited, no request pays for it. */
export async function registerCounting (app: FastifyInstance): Promise<void> {
  app.decorateRequest('limitKey', '')
  await app.register(rateLimit, { global: false, store: NamedCounters })
}

/** @param app one that counts */
export function createLimits (app: FastifyInstance, overall: { readonly max: number, readonly per: number } | undefined, routes: ReadonlyArray<Pick<Route, 'name' | 'rate_limits'>>, counterOf: CounterOf): Limits {
  const shared = new Map<RouteLimit, Limit>()

  function ofOne (name: string, limit: RouteLimit): Limit {
    const count = counter(app, limit, counterOf(`${name} ${limit.per} ${limit.by}`))
    return async (request, principal) => {
      request.limitKey = keyOf(limit.by, principal)
      await count(request)
    }
  }

  return {
    any: overall !== undefined || routes.some(({ rate_limits: limits }) => limits.length > 0),
    byAddress: overall && counter(app, overall, counterOf(`listen ${overall.per}`)),
    ofRoute: ({ name, rate_limits: limits }) => limits.map((limit, at) => limit.shared ? within(shared, limit, () => ofOne(`defaults ${at}`, limit)) : ofOne(`rule ${at} ${name}`, limit))
  }
}

/** The plugin asks for a counter per limit; each says in its options which one is its own. */
class NamedCounters extends Counters {
  override child (options: object = {}): Counters {
    return 'counters' in options && options.counters instanceof Counters ? options.counters : super.child()
  }
}

function counter (app: FastifyInstance, { max, per }: { readonly max: number, readonly per: number }, counters: Counters): (request: FastifyRequest) => Promise<void> {
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
