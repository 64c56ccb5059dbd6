import type { LookupFunction } from 'node:net'
import type { Upstream as UpstreamConfiguration } from '../config/gateway-schema.ts'
import { CircuitBreaker, type CircuitState } from './circuit-breaker.ts'
import { Concurrency } from './concurrency.ts'
import type { CsrfSessions } from './csrf-sessions.ts'
import { startTimer, type StartLimit } from './deadline.ts'
import { Ejection } from './ejection.ts'
import { createQuestion, HealthCheck } from './health-check.ts'
import type { HostPool } from './host-pool.ts'
import { createHost, Hosts, type Host } from './hosts.ts'
import type { RetryPolicy } from './retry.ts'
import { tlsOptions } from './tls.ts'
import { upstreamUnavailable } from './upstream-errors.ts'

/** What stands between requests and an upstream that could be harmed by them, or that is not well. */
export interface Protection {
  readonly hosts: Hosts
  /** undefined where a host is not taken out for failing: where there is no other */
  readonly ejection: Ejection | undefined
  readonly breaker: CircuitBreaker | undefined
  readonly concurrency: Concurrency | undefined
  /** ms that a request waits for its turn */
  readonly queueTimeout: number
  /** ms from the rule's word to the end of the answer */
  readonly totalTimeout: number
  /** Whether anything of it has a say over requests: those of other upstreams take the short way. */
  readonly isNeeded: boolean
  status (): ProtectionStatus
  close (): Promise<void>
}

/** What of it a rule's requests go by. */
export interface RouteProtection {
  readonly upstream: Protection
  readonly retry: RetryPolicy | undefined
  /** undefined where its requests need none */
  readonly sessions: CsrfSessions | undefined
}

/** What is to be seen of it from outside; undefined is what is not configured. */
export interface ProtectionStatus {
  readonly open: number | undefined
  readonly queued: number | undefined
  readonly circuit: CircuitState | undefined
  readonly ejected: number | undefined
  readonly unhealthy: number | undefined
}

/** What became of an upstream, or of one of its hosts, for whoever keeps the log. */
export type ProtectionChange =
  | { readonly kind: 'circuit', readonly state: 'closed' | 'open' }
  | { readonly kind: 'host', readonly host: string, readonly ejected: boolean, readonly healthy: boolean }

export interface ProtectionSurroundings {
  /** ms, of a clock that is not set back */
  readonly now?: () => number
  /** from 0 to 1 */
  readonly random?: () => number
  /** for what goes on beside requests */
  readonly startLimit?: StartLimit
  readonly lookup?: LookupFunction | undefined
  readonly onChange: (change: ProtectionChange) => void
}

type Settings = Pick<UpstreamConfiguration, 'balance' | 'concurrency' | 'breaker' | 'eject_after' | 'eject_for' | 'eject_max' | 'health_check' | 'total_timeout' | 'tls'>

/** @param pools by origin, one for each host */
export function createProtection (settings: Settings, pools: ReadonlyMap<string, HostPool>, { now = () => performance.now(), random = Math.random, startLimit = startTimer, lookup, onChange }: ProtectionSurroundings): Protection {
  const { concurrency: limits, breaker: breaking, eject_after: after, eject_for: ejectFor, eject_max: max, health_check: checking, total_timeout: totalTimeout = Infinity, tls } = settings
  const hosts = new Hosts([...pools].map(([origin, pool]) => createHost(origin, pool)), settings.balance)
  const areMany = hosts.all.length > 1

  function hostChanged ({ origin: host, isEjected: ejected, isHealthy: healthy }: Host): void {
    hosts.changed()
    onChange({ kind: 'host', host, ejected, healthy })
  }

  const concurrency = limits && new Concurrency(limits.max, limits.queue ?? limits.max)
  const breaker = breaking && new CircuitBreaker({
    failures: breaking.failures,
    failureRate: breaking.failure_rate,
    window: breaking.window,
    minRequests: breaking.min_requests,
    openFor: breaking.open_for,
    now,
    onChange (state) {
      // Who waits for a turn would only be refused then.
      if (state === 'open') concurrency?.turnAway(() => upstreamUnavailable(breaking.open_for))
      onChange({ kind: 'circuit', state })
    }
  })
  const ejection = areMany
    ? new Ejection(hosts.all, { after, for: ejectFor, max, now, startLimit, onChange: hostChanged })
    : undefined
  const checks = checking === undefined
    ? []
    : hosts.all.map(host => {
      const question = createQuestion(host.origin, checking, tlsOptions(tls), lookup)
      const check = new HealthCheck({
        every: checking.every,
        healthy: checking.healthy,
        unhealthy: checking.unhealthy,
        ask: () => question.ask(),
        startLimit,
        random,
        onChange (isHealthy) {
          host.isHealthy = isHealthy
          hostChanged(host)
        }
      })
      return { question, check }
    })

  return {
    hosts,
    ejection,
    breaker,
    concurrency,
    queueTimeout: limits?.queue_timeout ?? 0,
    totalTimeout,
    isNeeded: areMany || breaker !== undefined || concurrency !== undefined || totalTimeout !== Infinity,
    status: () => ({
      open: concurrency?.open,
      queued: concurrency?.queued,
      circuit: breaker?.state,
      ejected: ejection?.count,
      unhealthy: checking === undefined ? undefined : hosts.all.filter(({ isHealthy }) => !isHealthy).length
    }),
    async close () {
      ejection?.close()
      for (const { check } of checks) check.close()
      await Promise.all([...checks.map(({ question }) => question.close()), ...[...pools.values()].map(pool => pool.close())])
    }
  }
}
