import { within } from '../common/memo.ts'
import { version } from '../common/version.ts'
import type { Configuration } from '../config/configuration.ts'
import { fingerprint } from '../config/fingerprint.ts'
import type { Generation } from '../generation.ts'
import type { PastRefusals } from '../observe/decisions.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { Occurrences } from '../observe/occurrences.ts'
import type { IssuerState, Snapshot, UpstreamState } from '../observe/snapshot.ts'

export interface SnapshotParts {
  readonly current: () => Generation
  readonly metrics: Metrics
  readonly refusals: PastRefusals
  readonly occurrences: Occurrences
  /** of the requests, 0 to 1, that are turned away now */
  readonly shed: () => number
  /** ms since the epoch */
  readonly now: () => number
}

/** How this process stands now. It costs something when it is asked for, and nothing before. */
export async function takeSnapshot ({ current, metrics, refusals, occurrences, shed, now }: SnapshotParts): Promise<Snapshot> {
  const generation = current()
  const { configuration } = generation
  const time = now()
  const { user, system } = process.cpuUsage()
  const up = generation.storeIsUp()
  return {
    time,
    startedAt: time - process.uptime() * 1000,
    process: {
      version: version(),
      node: process.versions.node,
      count: 1,
      cpu: (user + system) / 1e6,
      memory: process.memoryUsage.rss(),
      inFlight: metrics.inFlight.count,
      knownTokens: generation.knownTokens(),
      shed: shed()
    },
    configuration: { rules: within(hashes, configuration, hashOfRules), routes: configuration.routes.length, ...occurrences.reloads },
    traffic: metrics.traffic.byRule().map(traffic => ({ ...traffic, upstream: within(upstreamNames, configuration, namesOfUpstreams).get(traffic.rule) })),
    totals: metrics.traffic.totals(),
    bounds: metrics.traffic.bounds,
    refusals: refusals.groups(),
    issuers: issuersOf(generation, occurrences),
    upstreams: upstreamsOf(generation, metrics, occurrences),
    store: up === undefined ? undefined : { up, ...occurrences.store, operations: await metrics.storeOperations() }
  }
}

const hashes = new WeakMap<Configuration, string>()

// Of the rules alone: over gateway.yaml it would be a hash over secrets, too.
function hashOfRules ({ routes }: Configuration): string {
  return fingerprint(routes).slice(0, 12)
}

const upstreamNames = new WeakMap<Configuration, ReadonlyMap<string, string>>()

function namesOfUpstreams ({ routes }: Configuration): ReadonlyMap<string, string> {
  return new Map(routes.map(({ name, upstream }) => [name, upstream]))
}

function issuersOf ({ issuers, configuration: { gateway } }: Generation, occurrences: Occurrences): IssuerState[] {
  return issuers.map(({ name, keys }) => {
    const { keys: count, usable, fetchedAt } = keys.status()
    return { name, issuer: gateway.issuers[name]?.issuer ?? '', keys: count, usable, fetchedAt, fetches: occurrences.keyFetchesOf(name) }
  })
}

function upstreamsOf ({ upstreams, maintenance, configuration: { gateway } }: Generation, { traffic }: Metrics, occurrences: Occurrences): UpstreamState[] {
  const durations = traffic.byUpstream()
  return [...upstreams.values()].map(({ name, protection, sessions, credential }) => {
    const { queued, circuit } = protection.status()
    const { available, askedAt, endsAt } = credential.status()
    const hosts = protection.hosts.all
    const windows = maintenance.get(name)
    return {
      name,
      hosts: hosts.map(({ origin, isEjected, isHealthy }) => ({ origin, ejected: isEjected, healthy: isHealthy })),
      open: hosts.reduce((sum, { pool }) => sum + pool.open(), 0),
      queued,
      circuit,
      maintenance: windows && { endsAt: windows.endsAt },
      sessions: sessions?.count,
      durations: durations.get(name) ?? traffic.none(),
      credential: { kind: gateway.upstreams[name]?.credential.kind ?? '', available, askedAt, endsAt, fetches: occurrences.tokenFetchesOf(name), shared: occurrences.sharedTokensOf(name) }
    }
  })
}
