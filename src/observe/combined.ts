import { within } from '../common/memo.ts'
import { MOST_GROUPS } from './decisions.ts'
import type { CredentialState, FetchState, IssuerState, RefusalGroup, RefusalGroups, Snapshot, StoreState, Totals, UpstreamState } from './snapshot.ts'

/** What several processes of one gateway say, as one: the sum of what is counted, and the worst of what is a state. */
export function combineSnapshots (all: readonly [Snapshot, ...Snapshot[]]): Snapshot {
  const [first] = all
  const stores = all.flatMap(({ store }) => store ?? [])
  return {
    ...first,
    time: Math.max(...all.map(({ time }) => time)),
    startedAt: Math.min(...all.map(({ startedAt }) => startedAt)),
    process: {
      ...first.process,
      count: all.length,
      cpu: sum(all, ({ process }) => process.cpu),
      memory: sum(all, ({ process }) => process.memory),
      inFlight: sum(all, ({ process }) => process.inFlight),
      knownTokens: sum(all, ({ process }) => process.knownTokens),
      shed: sum(all, ({ process }) => process.shed) / all.length
    },
    traffic: combineTraffic(all.flatMap(({ traffic }) => traffic)),
    totals: combineTotals(all.map(({ totals }) => totals)),
    refusals: combineRefusals(all.map(({ refusals }) => refusals)),
    issuers: first.issuers.map(issuer => combineIssuers(issuer, named(all.map(({ issuers }) => issuers), issuer.name))),
    upstreams: first.upstreams.map(upstream => combineUpstreams(upstream, named(all.map(({ upstreams }) => upstreams), upstream.name))),
    store: first.store && combineStores(first.store, stores)
  }
}

export function combineTotals (all: readonly Totals[]): Totals {
  const of = (outcome: keyof Totals['outcomes']) => sum(all, ({ outcomes }) => outcomes[outcome])
  return {
    outcomes: { answered: of('answered'), refused: of('refused'), left: of('left'), upstream: of('upstream'), gateway: of('gateway') },
    durations: added(all.map(({ durations }) => durations))
  }
}

function combineTraffic (all: Snapshot['traffic']): Snapshot['traffic'] {
  const byRule = new Map<string, Array<Snapshot['traffic'][number]>>()
  for (const one of all) within(byRule, one.rule, () => []).push(one)
  return [...byRule].map(([rule, own]) => {
    const counts = new Map<string, { code: string, status: number, count: number }>()
    for (const { code, status, count } of own.flatMap(({ ends }) => ends)) within(counts, `${code} ${status}`, () => ({ code, status, count: 0 })).count += count
    return { rule, upstream: own[0]?.upstream, ends: [...counts.values()], durations: added(own.map(({ durations }) => durations)) }
  })
}

function combineRefusals (all: readonly RefusalGroups[]): RefusalGroups {
  return {
    remembered: sum(all, ({ remembered }) => remembered),
    since: earliest(all.map(({ since }) => since)),
    code: combineGroups(all.flatMap(({ code }) => code)),
    rule: combineGroups(all.flatMap(({ rule }) => rule)),
    client: combineGroups(all.flatMap(({ client }) => client))
  }
}

function combineGroups (all: readonly RefusalGroup[]): RefusalGroup[] {
  const byName = new Map<string, RefusalGroup>()
  for (const group of all) {
    const before = byName.get(group.name)
    const count = group.count + (before?.count ?? 0)
    byName.set(group.name, { ...before !== undefined && before.time > group.time ? before : group, count })
  }
  return [...byName.values()].sort((one, other) => other.count - one.count || other.time - one.time).slice(0, MOST_GROUPS)
}

function combineIssuers (issuer: IssuerState, all: readonly IssuerState[]): IssuerState {
  return {
    ...issuer,
    keys: Math.min(...all.map(({ keys }) => keys)),
    usable: all.every(({ usable }) => usable),
    fetchedAt: all.some(({ fetchedAt }) => fetchedAt === undefined) ? undefined : earliest(all.map(({ fetchedAt }) => fetchedAt)),
    fetches: combineFetches(all.map(({ fetches }) => fetches))
  }
}

function combineUpstreams (upstream: UpstreamState, all: readonly UpstreamState[]): UpstreamState {
  const circuits = all.map(({ circuit }) => circuit)
  return {
    ...upstream,
    hosts: upstream.hosts.map(host => {
      const same = all.flatMap(({ hosts }) => hosts).filter(({ origin }) => origin === host.origin)
      return { ...host, ejected: same.some(({ ejected }) => ejected), healthy: same.every(({ healthy }) => healthy) }
    }),
    open: sum(all, ({ open }) => open),
    queued: upstream.queued === undefined ? undefined : sum(all, ({ queued = 0 }) => queued),
    circuit: circuits.find(circuit => circuit === 'open') ?? circuits.find(circuit => circuit === 'half-open') ?? upstream.circuit,
    sessions: upstream.sessions === undefined ? undefined : sum(all, ({ sessions = 0 }) => sessions),
    durations: added(all.map(({ durations }) => durations)),
    credential: combineCredentials(upstream.credential, all.map(({ credential }) => credential))
  }
}

// Of tokens in hand the one that ends first.
function combineCredentials (credential: CredentialState, all: readonly CredentialState[]): CredentialState {
  const [soonest] = all.filter(({ endsAt }) => endsAt !== undefined).sort((one, other) => (one.endsAt ?? 0) - (other.endsAt ?? 0))
  return {
    ...credential,
    available: all.every(({ available }) => available),
    askedAt: soonest?.askedAt,
    endsAt: soonest?.endsAt,
    fetches: combineFetches(all.map(({ fetches }) => fetches)),
    shared: sum(all, ({ shared }) => shared)
  }
}

function combineFetches (all: readonly FetchState[]): FetchState {
  const [latest] = all.filter(({ failedAt }) => failedAt !== undefined).sort((one, other) => (other.failedAt ?? 0) - (one.failedAt ?? 0))
  const times = all.flatMap(({ lastAt }) => lastAt ?? [])
  return {
    ok: sum(all, ({ ok }) => ok),
    failed: sum(all, ({ failed }) => failed),
    lastAt: times.length === 0 ? undefined : Math.max(...times),
    problem: latest?.problem,
    failedAt: latest?.failedAt
  }
}

function combineStores (store: StoreState, all: readonly StoreState[]): StoreState {
  const counts = new Map<string, { operation: string, outcome: string, count: number }>()
  for (const { operation, outcome, count } of all.flatMap(({ operations }) => operations)) within(counts, `${operation} ${outcome}`, () => ({ operation, outcome, count: 0 })).count += count
  const down = all.find(({ up }) => !up)
  return { ...down ?? store, operations: [...counts.values()] }
}

function named<One extends { readonly name: string }> (lists: ReadonlyArray<readonly One[]>, name: string): One[] {
  return lists.flatMap(list => list.filter(one => one.name === name))
}

function sum<One> (all: readonly One[], of: (one: One) => number): number {
  return all.reduce((total, one) => total + of(one), 0)
}

function added (lists: ReadonlyArray<readonly number[]>): number[] {
  return lists.reduce<number[]>((total, list) => list.map((count, at) => count + (total[at] ?? 0)), [])
}

function earliest (times: ReadonlyArray<number | undefined>): number | undefined {
  const known = times.filter(time => time !== undefined)
  return known.length === 0 ? undefined : Math.min(...known)
}
