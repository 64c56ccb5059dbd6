import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import type { Siblings } from './cluster/siblings.ts'
import { createShelf, type Shelf } from './common/shelf.ts'
import type { Configuration } from './config/configuration.ts'
import { configurationHash, fingerprint } from './config/fingerprint.ts'
import { shownSubject } from './config/shown-subject.ts'
import type { ClientTls } from './config/tls-schema.ts'
import type { IdpClient } from './idp/http.ts'
import { Counters } from './inbound/counters.ts'
import { createIssuer, type IssuerSurroundings, type LiveIssuer } from './inbound/issuers.ts'
import { createLimits } from './inbound/limits.ts'
import { createPrincipalCaches, type PrincipalCaches } from './inbound/principal-cache.ts'
import { createProxyTrust } from './inbound/proxies.ts'
import { createRequestGuard } from './inbound/request-guard.ts'
import { SharedCounters } from './inbound/shared-counting.ts'
import { createVerifier, type TrustedIssuer } from './inbound/verify.ts'
import type { Stages } from './journey.ts'
import { createMaintenance, type Maintenance } from './maintenance.ts'
import { createAuditLine, type AuditLine } from './observe/audit-line.ts'
import type { Telemetry, TelemetryParts } from './observe/telemetry.ts'
import type { Tracing } from './observe/tracing.ts'
import type { CsrfSessions } from './outbound/csrf-sessions.ts'
import type { ClosableClient } from './outbound/idp-client.ts'
import { createLocalWrites, type LocalWrites } from './outbound/local-writes.ts'
import type { MachineTokenCache } from './outbound/machine-token.ts'
import { tlsName } from './outbound/tls.ts'
import { isRemovedAlways } from './outbound/upstream-headers.ts'
import { createUpstreams, type Upstream, type UpstreamSurroundings, type Way } from './outbound/upstreams.ts'
import { compileMatcher } from './policy/match.ts'
import { compileRoutes, headersOfAll, type WriteStores } from './routes.ts'
import type { Store, StoreSurroundings } from './store/store.ts'

/** What one configuration makes of the gateway. A request goes by one generation, from its first header to its end. */
export interface Generation {
  readonly configuration: Configuration
  readonly issuers: readonly TrustedIssuer[]
  readonly upstreams: ReadonlyMap<string, Upstream>
  /** by the name of the upstream, where it has windows */
  readonly maintenance: ReadonlyMap<string, Maintenance>
  readonly stages: Stages
  /** who writes requests down as spans; undefined where nobody does */
  readonly tracing: Tracing | undefined
  /** whether the store is there; undefined where none is configured */
  readonly storeIsUp: () => boolean | undefined
  readonly knownTokens: () => number
  readonly rememberedWrites: () => number
  /** whether its requests need the framework's: where something is counted, or proxies are trusted */
  readonly asksFramework: boolean
  /** whether each of its requests has a line in the log */
  readonly logsRequests: boolean
  /** of its requests */
  readonly auditLine: AuditLine
  /** which names its configuration in logs */
  readonly configurationHash: string
  /** A request goes by it. */
  enter (): void
  /** It is over. */
  leave (): void
  /** Resolves once each issuer and credential was tried, well or not; after `longest` ms at the latest. */
  settled (longest: number): Promise<void>
  /** No more requests are to come: after the last of those under way it lets go of what no other generation has. */
  retire (): void
  /** It lets go at once. */
  end (): void
}

/** What outlives a configuration where the next one wants the same: keys, machine tokens, connections, counters. */
export interface Lasting {
  readonly clients: Shelf<ClosableClient>
  readonly stores: Shelf<Store>
  readonly issuers: Shelf<LiveIssuer>
  readonly ways: Shelf<Way>
  readonly tokens: Shelf<MachineTokenCache>
  readonly sessions: Shelf<CsrfSessions>
  readonly caches: Shelf<PrincipalCaches>
  readonly counters: Shelf<Counters>
  readonly writes: Shelf<LocalWrites>
  readonly telemetry: Shelf<Telemetry>
  /** writes that go on, whether their callers are there or not */
  readonly writesUnderWay: { count: number }
  /** telemetry that says its last words */
  readonly lastWords: Set<Promise<void>>
}

export function createLasting (): Lasting {
  const lastWords = new Set<Promise<void>>()
  return {
    clients: createShelf(client => { client.close() }),
    stores: createShelf(store => { store.close() }),
    issuers: createShelf(({ trusted }) => { trusted.keys.close() }),
    ways: createShelf(({ protection }) => { void protection.close() }),
    tokens: createShelf(cache => { cache.close() }),
    sessions: createShelf(() => {}),
    caches: createShelf(() => {}),
    counters: createShelf(() => {}),
    writes: createShelf(() => {}),
    telemetry: createShelf(telemetry => {
      const said = telemetry.close().finally(() => { lastWords.delete(said) })
      lastWords.add(said)
    }),
    writesUnderWay: { count: 0 },
    lastWords
  }
}

export type GenerationSurroundings = Omit<IssuerSurroundings, 'client'> & Pick<UpstreamSurroundings, 'onTokenFetch' | 'onTokenShared' | 'onProtectionChange' | 'onCsrfChange' | 'processes'> & {
  readonly onStore: Omit<StoreSurroundings, 'now'>
  readonly telemetry: Pick<TelemetryParts, 'registry' | 'version' | 'onExport' | 'onSpans' | 'onChange'>
  /** where this process is one of several, what they share without a store */
  readonly siblings: Siblings | undefined
  readonly app: FastifyInstance
  readonly createClient: (tls: ClientTls | undefined) => ClosableClient
  readonly lasting: Lasting
}

/** Keys and machine tokens that are not in hand begin to be fetched at once. */
export async function createGeneration (configuration: Configuration, surroundings: GenerationSurroundings): Promise<Generation> {
  const { lasting: { clients, stores, issuers, ways, tokens, sessions, caches, counters, writes, telemetry } } = surroundings
  const held = { clients: clients.holder(), stores: stores.holder(), issuers: issuers.holder(), ways: ways.holder(), tokens: tokens.holder(), sessions: sessions.holder(), caches: caches.holder(), counters: counters.holder(), writes: writes.holder(), telemetry: telemetry.holder() }
  function letGo (): void {
    for (const holder of Object.values(held)) holder.giveBack()
  }
  try {
    return build(configuration, surroundings, held, letGo, await openStore(configuration, surroundings, held), await startTelemetry(configuration, surroundings, held))
  } catch (error) {
    letGo()
    throw error
  }
}

// Its code, and that of its client, is loaded only where there is something to share.
async function openStore ({ gateway: { redis, listen }, routes }: Configuration, { onStore, now }: GenerationSurroundings, held: Held): Promise<Store | undefined> {
  if (redis === undefined) return undefined
  const { createStore } = await import('./store/store.ts')
  const store = held.stores.take(fingerprint(redis), () => createStore(redis, { ...onStore, now }))
  // Where nothing passes uncounted, it would begin with refusals.
  const limits = [listen.rate_limit ?? [], ...routes.map(({ rate_limits: limits }) => limits)].flat()
  if (limits.some(({ on_store_failure: word }) => word === 'deny')) await store.whetherUp()
  return store
}

// So is this, where something is sent.
async function startTelemetry ({ gateway: { telemetry: settings } }: Configuration, { telemetry, createClient, now }: GenerationSurroundings, held: Held): Promise<Telemetry | undefined> {
  if (settings === undefined) return undefined
  const { openTelemetry } = await import('./observe/telemetry.ts')
  return held.telemetry.take(fingerprint(settings), () => openTelemetry({ ...telemetry, settings, now, client: createClient(settings.otlp.tls) }))
}

type Held = { readonly [Kind in Exclude<keyof Lasting, 'writesUnderWay' | 'lastWords'>]: ReturnType<Lasting[Kind]['holder']> }

function build (configuration: Configuration, surroundings: GenerationSurroundings, held: Held, letGo: () => void, store: Store | undefined, telemetry: Telemetry | undefined): Generation {
  const { gateway, routes } = configuration
  const { app, now, siblings, lasting: { writesUnderWay } } = surroundings
  const config = configurationHash(configuration)
  let open = 0
  let retired = false

  const clientFor = (tls: ClientTls | undefined): IdpClient => held.clients.take(tlsName(tls), () => surroundings.createClient(tls)).client
  const live = Object.entries(gateway.issuers).map(([name, issuer]) => {
    const client = clientFor(issuer.tls)
    return held.issuers.take(`${name} ${fingerprint(issuer)}`, () => createIssuer(name, issuer, { ...surroundings, client }))
  })
  const issuers = live.map(({ trusted }) => trusted)
  const providers = new Map(live.map(({ trusted, provider }) => [trusted.name, provider]))
  const tokens: UpstreamSurroundings['tokens'] = { take: (name, make) => held.tokens.take(`${fingerprint(gateway.redis)} ${name}`, make) }
  const sessions: UpstreamSurroundings['sessions'] = { take: (name, parts, make) => held.sessions.take(`${name} ${fingerprint(parts)}`, make) }
  const upstreams = createUpstreams(gateway, { ...surroundings, clientFor, providers, tokenStore: store?.tokens ?? siblings?.tokens, ways: held.ways, tokens, sessions })
  const { token_cache: bounds, max_token_size: maxTokenSize, trusted_proxies: proxies, rate_limit: overall } = gateway.listen
  const caches = held.caches.take(fingerprint([bounds, maxTokenSize]), () => createPrincipalCaches(bounds, now))
  const limits = createLimits(app, overall, routes, (name, onFailure) => {
    const own = held.counters.take(name, () => new Counters())
    if (store !== undefined) return new SharedCounters(store.counters.of(name), onFailure, own)
    // Of processes on one machine the leader is no store that could be away: one that it does not answer counts for itself.
    return siblings === undefined ? own : new SharedCounters(siblings.counters.of(name), 'local', own)
  })
  const maintenance = createMaintenance(gateway, now)
  const memory = held.writes.take(fingerprint(gateway.idempotency_memory), () => createLocalWrites(gateway.idempotency_memory))
  const writes: WriteStores = {
    underWay: writesUnderWay,
    storeOf (kind) {
      const found = kind === 'redis' ? store?.writes : siblings === undefined ? memory : undefined
      // Checked when the files are read; but how many processes there are was settled at the start.
      if (found === undefined) throw new Error('idempotency without a store that all processes share')
      return found
    }
  }
  const ours = new Set([...headersOfAll(routes, upstreams), ...routes.flatMap(({ headers }) => headers.remove)])
  const stages: Stages = {
    limits,
    guard: createRequestGuard(name => isRemovedAlways(name) || ours.has(name)),
    matcher: compileMatcher(compileRoutes(configuration, { upstreams, maintenance, limits, writes })),
    cache: caches.of(issuers.map(({ keys }) => keys)),
    verifier: createVerifier(issuers, maxTokenSize, now),
    trustsPeer: createProxyTrust(proxies),
    now
  }

  return {
    configuration,
    issuers,
    upstreams,
    maintenance,
    stages,
    tracing: telemetry?.tracing,
    storeIsUp: () => store?.isUp(),
    knownTokens: caches.size,
    rememberedWrites: memory.size,
    asksFramework: limits.any || proxies.length > 0,
    auditLine: createAuditLine({ config, subject: shownSubject(gateway.log) }),
    configurationHash: config,
    logsRequests: gateway.log.requests && INFORMING.has(gateway.log.level),
    enter () { open++ },
    leave () {
      open--
      if (retired && open === 0) letGo()
    },
    async settled (longest) {
      const wait = [...issuers.map(({ keys }) => keys), ...[...upstreams.values()].map(({ credential }) => credential)]
      for (let waited = 0; waited < longest && wait.some(one => !one.status().tried); waited += TICK) await sleep(TICK)
    },
    retire () {
      retired = true
      if (open === 0) letGo()
    },
    end: letGo
  }
}

/** levels at which the line of a request, which is one of `info`, is written */
const INFORMING: ReadonlySet<string> = new Set(['trace', 'debug', 'info'])

/** ms */
const TICK = 20
