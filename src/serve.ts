import { setTimeout as sleep } from 'node:timers/promises'
import type { DestinationStream, Logger } from 'pino'
import { buildAdmin } from './admin/admin.ts'
import { createInspection } from './admin/inspection.ts'
import { createReadiness } from './admin/readiness.ts'
import { createSiblings } from './cluster/siblings.ts'
import type { Leader } from './cluster/worker.ts'
import { isoTime } from './common/dates.ts'
import type { Configuration } from './config/configuration.ts'
import { certificatesOf, endOf } from './config/expiry.ts'
import { whyNotReachable } from './config/urls.ts'
import { prepareDrain } from './drain.ts'
import { watchExpiry } from './expiry-watch.ts'
import { buildGateway, tune } from './gateway.ts'
import { createGeneration, createLasting, type GenerationSurroundings } from './generation.ts'
import { createPressure, measureProcess } from './inbound/pressure.ts'
import { watchMaintenance } from './maintenance.ts'
import { PastRefusals } from './observe/decisions.ts'
import { createMetrics, metricsOf } from './observe/metrics.ts'
import { Occurrences } from './observe/occurrences.ts'
import { openIdpClient } from './outbound/idp-client.ts'
import { logListening, placeOf, portOf } from './ports.ts'
import { startReloading } from './reload.ts'
import type { Running } from './running.ts'
import type { Shadow } from './shadow/shadow.ts'

/** A gateway's configuration as it was loaded, and what comes from outside. */
export interface ServeOptions {
  readonly configuration: Configuration
  /** gateway.yaml with the routes that are tried out beside; undefined where none are */
  readonly shadowed: Configuration | undefined
  /** of the gateway, for whoever it tells of itself */
  readonly version: string | undefined
  /** what was read for it, as `loadConfiguration` gives it */
  readonly read: readonly string[]
  readonly env: NodeJS.ProcessEnv
  readonly lines: DestinationStream
  readonly log: Logger
  /** ms since the epoch */
  readonly now: () => number
  /** ms between refreshes of an issuer's keys */
  readonly keyRefresh: number
  /** where this process is one of several, the line to the one that leads them, which has the admin port */
  readonly leader: Leader | undefined
}

/** ms for which a new configuration may fetch keys and machine tokens before requests go by it */
const SETTLING = 5000

/** refusals that can be asked about */
const REMEMBERED = 1000

/** Opens the port for callers, and has requests go by the configuration, and by the next one once there is one. */
export async function serve ({ configuration, shadowed, version, read, env, lines, log, now, keyRefresh, leader }: ServeOptions): Promise<Running> {
  const { gateway: { listen, admin: adminListen } } = configuration
  let draining = false
  const isDraining = () => draining
  const pressure = createPressure({
    measure: measureProcess(),
    random: Math.random,
    onChange (state) { log.warn({ state }, state === 'overloaded' ? 'overloaded: a share of the requests is turned away' : 'no request is turned away any more') }
  })
  const metrics = createMetrics({
    shed: pressure.share,
    knownTokens: () => current.knownTokens(),
    rememberedWrites: () => current.rememberedWrites(),
    issuers: () => current.issuers.map(({ name, keys }) => ({ name, ...keys.status() })),
    credentials: () => [...current.upstreams.values()].map(({ name, credential }) => ({ name, endsAt: credential.status().endsAt })),
    certificates: () => certificatesOf(current.configuration.gateway).map(({ name, certificates }) => ({ name, endsAt: endOf(certificates) })),
    upstreams: () => [...current.upstreams.values()].map(({ name, protection, sessions }) => ({ name, maintenance: current.maintenance.get(name), sessions: sessions?.count, ...protection.status() })),
    storeIsUp: () => current.storeIsUp(),
    ...shadowed !== undefined && { shadowCompares: () => shadow?.report().compares === true }
  })
  const shadow = await openShadow()
  const refusals = new PastRefusals(REMEMBERED)
  const occurrences = new Occurrences(now)
  const app = await buildGateway({ listen, current: () => current, metrics, log, audit: line => { lines.write(line) }, isDraining, sheds: pressure.sheds, refusals, shadow })
  const surroundings: GenerationSurroundings = {
    app,
    lasting: createLasting(),
    siblings: leader && createSiblings(leader.channel),
    createClient: openIdpClient,
    now,
    keyRefresh,
    mayCall: (url, allowHttp) => whyNotReachable(url, allowHttp) === undefined,
    onKeyFetch (issuer, outcome) {
      metrics.keyFetch(issuer, outcome.ok)
      occurrences.keyFetch(issuer, outcome.ok ? undefined : fixedWords(outcome.error))
      if (!outcome.ok) log.warn({ issuer, problem: fixedWords(outcome.error) }, 'the keys of an issuer cannot be had')
      else log[outcome.unusable.length > 0 ? 'warn' : 'debug']({ issuer, keys: outcome.keys, unusable: outcome.unusable }, 'keys fetched')
    },
    onTokenFetch (upstream, outcome) {
      metrics.machineTokenFetch(upstream, outcome.ok)
      occurrences.tokenFetch(upstream, outcome.ok ? undefined : fixedWords(outcome.error))
      if (outcome.ok && outcome.secret === 2) {
        metrics.oldSecretUsed(upstream)
        log.warn({ upstream }, 'the first client secret is refused; the second one served')
      }
      if (outcome.ok) metrics.machineToken(upstream, 'fetched')
      if (outcome.ok) log.debug({ upstream, ends: isoTime(outcome.endsAt) }, 'machine token fetched')
      else log.warn({ upstream, problem: fixedWords(outcome.error) }, 'a machine token cannot be had')
    },
    onTokenShared (upstream, endsAt) {
      metrics.machineToken(upstream, 'shared')
      occurrences.tokenShared(upstream)
      log.debug({ upstream, ends: isoTime(endsAt) }, 'machine token of another replica')
    },
    processes: leader === undefined ? 1 : configuration.gateway.workers,
    onProtectionChange (upstream, { kind, ...change }) {
      log.warn({ upstream, ...change }, kind === 'circuit' ? 'the circuit breaker of an upstream has changed' : 'a host of an upstream has changed')
    },
    onCsrfChange (upstream, { kind, host, ...change }) {
      if (kind !== 'dropped') metrics.csrfFetch(upstream, kind === 'made')
      if (kind === 'made') log.debug({ upstream, host }, 'a session with a CSRF token was made')
      if (kind === 'dropped') log.info({ upstream, host }, 'a session was refused, and is dropped')
      if ('refusal' in change) log.warn({ upstream, host, code: change.refusal.code, saw: change.refusal.extras.saw }, 'a session with a CSRF token cannot be had')
    },
    telemetry: {
      registry: metrics.registry,
      version,
      onExport: metrics.telemetryExport,
      onSpans: metrics.telemetrySpans,
      onChange (signal, problem) {
        if (problem === undefined) log.info({ signal }, 'telemetry is sent again')
        else log.warn({ signal, problem }, 'telemetry cannot be sent')
      }
    },
    onStore: {
      onOperation: metrics.storeOperation,
      onChange (up, problem) {
        occurrences.storeChanged(up, problem)
        if (up) log.info({ store: 'redis' }, 'the store is there')
        else log.warn({ store: 'redis', problem }, 'the store is away')
      },
      onUnreadable () { log.warn({ store: 'redis' }, 'a machine token in the store is none that this gateway has sealed: it is not used') }
    }
  }
  let current = await createGeneration(configuration, surroundings)
  pressure.setLimits(listen.overload ?? {})

  async function adopt (next: Configuration): Promise<void> {
    const generation = await createGeneration(next, surroundings)
    // What it has of its own is fetched before a request waits for it. Where that fails, it serves what it can.
    await generation.settled(SETTLING)
    const before = current
    current = generation
    tune(app, next.gateway.listen)
    pressure.setLimits(next.gateway.listen.overload ?? {})
    log.level = next.gateway.log.level
    before.retire()
  }

  // Its code is loaded only where something is tried out.
  async function openShadow (): Promise<Shadow | undefined> {
    if (shadowed === undefined) return undefined
    const { startShadow } = await import('./shadow/shadow.ts')
    return await startShadow({ configuration: shadowed, env, now, log, onOutcome: metrics.shadowOutcome })
  }

  function onReload (outcome: Parameters<typeof metrics.reload>[0]): void {
    metrics.reload(outcome)
    occurrences.reload(outcome)
    if (outcome !== 'rejected') void shadow?.reload(outcome === 'adopted')
  }

  async function reload (): Promise<void> {
    await reloading.reload()
    await shadow?.reload()
  }

  const reloading = await startReloading({ configuration, read }, { env, now, log, adopt, onReload })
  const expiry = watchExpiry({ certificates: () => certificatesOf(current.configuration.gateway), now, log })
  const maintenance = watchMaintenance({ current: () => current.maintenance, log })
  const readiness = createReadiness({ current: () => current, rejected: reloading.rejected, sheds: () => pressure.share() > 0 })
  const inspection = createInspection({ current: () => current, metrics, refusals, occurrences, shadow, shed: pressure.share, now })
  const admin = leader === undefined ? buildAdmin({ readiness, metrics: metricsOf(metrics.registry), isDraining, inspection, listen: adminListen }) : undefined

  async function letGo (): Promise<void> {
    reloading.close()
    shadow?.close()
    expiry.close()
    maintenance.close()
    pressure.close()
    // The other port may be open where one of the two is in use: it would keep the process alive.
    await Promise.all([app.close(), admin?.close()])
    current.end()
    await Promise.all(surroundings.lasting.lastWords)
  }

  const drain = prepareDrain(app)
  async function close (): Promise<void> {
    draining = true
    log.info('draining')
    const { drain_delay: delay, drain_timeout: timeout } = current.configuration.gateway
    await sleep(delay)
    const latest = performance.now() + timeout
    await drain(timeout)
    // What is carried out for callers that left is worth as much as for those that stayed.
    while (surroundings.lasting.writesUnderWay.count > 0 && performance.now() < latest) await sleep(50)
    await letGo()
    log.info('stopped')
  }

  try {
    await app.listen(placeOf(listen))
    await admin?.listen(placeOf(adminListen))
    const dataPort = portOf(app)
    const adminPort = admin === undefined ? 0 : portOf(admin)
    if (leader === undefined) logListening(log, configuration, { dataPort, adminPort })
    else leader.serve({ readiness, inspection, registry: metrics.registry, reload, close }, dataPort)
    return { dataPort, adminPort, log, reload, close }
  } catch (error) {
    await letGo()
    throw error
  }
}

function fixedWords (error: unknown): string {
  return error instanceof Error && (error.name === 'IdpError' || error instanceof RangeError) ? error.message : 'failed'
}
