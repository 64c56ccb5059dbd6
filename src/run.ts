import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import { pino, type DestinationStream, type Logger } from 'pino'
import { Agent } from 'undici'
import { buildAdmin } from './admin.ts'
import { loadConfiguration, type Configuration, type Mistake } from './config/load.ts'
import { whyNotReachable } from './config/urls.ts'
import { prepareDrain } from './drain.ts'
import { buildGateway, tune } from './gateway.ts'
import { createGeneration, createLasting, type GenerationSurroundings } from './generation.ts'
import { createIdpClient } from './idp/http.ts'
import { createPressure, measureProcess } from './inbound/pressure.ts'
import { createLogOutput } from './observe/log-output.ts'
import { createMetrics } from './observe/metrics.ts'
import { startReloading } from './reload.ts'

export interface RunOptions {
  /** path of gateway.yaml */
  readonly config: string
  /** path of routes.yaml */
  readonly routes: string
  readonly env: NodeJS.ProcessEnv
  /** where log lines go; standard output when left out */
  readonly log?: DestinationStream
  /** ms since the epoch */
  readonly clock?: () => number
  /** ms between refreshes of an issuer's keys */
  readonly keyRefresh?: number
}

export interface Running {
  readonly dataPort: number
  readonly adminPort: number
  readonly log: Logger
  /** Reads both files again: a good configuration is put in the place of this one, a bad one changes nothing. Never rejects. */
  reload (): Promise<void>
  /** Stops taking requests, answers the open ones for at most `drain_timeout`, and lets go of everything. */
  close (): Promise<void>
}

/** The two files do not make a gateway. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError'
  readonly mistakes: readonly Mistake[]

  constructor (mistakes: readonly Mistake[]) {
    super(mistakes.map(({ file, line, column, message }) => `${file}:${line}:${column} ${message}`).join('\n'))
    this.mistakes = mistakes
  }
}

/** A key that left an issuer's set is trusted for at most so long. */
const KEY_REFRESH = 5 * 60_000
/** ms for which a new configuration may fetch keys and machine tokens before requests go by it */
const SETTLING = 5000

/**
 * Starts the gateway and its admin port.
 * @throws {ConfigurationError} before anything is started
 */
export async function run ({ config, routes, env, log: destination, clock: now = Date.now, keyRefresh = KEY_REFRESH }: RunOptions): Promise<Running> {
  const { configuration, mistakes, read } = await loadConfiguration({ config, routes }, env)
  if (configuration === undefined) throw new ConfigurationError(mistakes)
  const { gateway: { listen, admin: { host: adminHost, port: adminPort }, log: { level } } } = configuration
  const output = destination === undefined ? createLogOutput() : undefined
  const lines = destination ?? output
  const log = pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, lines)
  for (const { file, line, column, message } of mistakes) log.warn({ at: `${file}:${line}:${column}` }, message)

  const idpAgent = new Agent({ connect: { timeout: 2000 }, headersTimeout: 4000, bodyTimeout: 4000, maxHeaderSize: 32 * 1024, connections: 4 })
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
    issuers: () => current.issuers.map(({ name, keys }) => ({ name, ...keys.status() })),
    credentials: () => [...current.upstreams.values()].map(({ name, credential }) => ({ name, endsAt: credential.status().endsAt }))
  })
  const app = await buildGateway({ listen, current: () => current, metrics, log, audit: line => { lines?.write(line) }, isDraining, sheds: pressure.sheds })
  const surroundings: GenerationSurroundings = {
    app,
    lasting: createLasting(),
    client: createIdpClient(idpAgent),
    now,
    keyRefresh,
    mayCall: (url, allowHttp) => whyNotReachable(url, allowHttp) === undefined,
    onKeyFetch (issuer, outcome) {
      metrics.keyFetch(issuer, outcome.ok)
      if (!outcome.ok) log.warn({ issuer, problem: fixedWords(outcome.error) }, 'the keys of an issuer cannot be had')
      else log[outcome.unusable.length > 0 ? 'warn' : 'debug']({ issuer, keys: outcome.keys, unusable: outcome.unusable }, 'keys fetched')
    },
    onTokenFetch (upstream, outcome) {
      metrics.machineTokenFetch(upstream, outcome.ok)
      if (outcome.ok) log.debug({ upstream, ends: new Date(Math.min(outcome.endsAt, 8.64e15)).toISOString() }, 'machine token fetched')
      else log.warn({ upstream, problem: fixedWords(outcome.error) }, 'a machine token cannot be had')
    }
  }
  let current = createGeneration(configuration, surroundings)
  pressure.setLimits(listen.overload ?? {})

  async function adopt (next: Configuration): Promise<void> {
    const generation = createGeneration(next, surroundings)
    // What it has of its own is fetched before a request waits for it. Where that fails, it serves what it can.
    await generation.settled(SETTLING)
    const before = current
    current = generation
    tune(app, next.gateway.listen)
    pressure.setLimits(next.gateway.listen.overload ?? {})
    log.level = next.gateway.log.level
    before.retire()
  }

  const reloading = await startReloading({ configuration, read }, { env, log, adopt, onReload: metrics.reload })
  const admin = buildAdmin({ current: () => current, rejected: reloading.rejected, sheds: () => pressure.share() > 0, metrics, isDraining })
  async function letGo (): Promise<void> {
    reloading.close()
    pressure.close()
    // The other port may be open where one of the two is in use: it would keep the process alive.
    await Promise.all([app.close(), admin.close()])
    current.end()
    await idpAgent.destroy()
  }

  try {
    const drain = prepareDrain(app)
    await app.listen({ host: addressOf(listen.host), port: listen.port })
    await admin.listen({ host: addressOf(adminHost), port: adminPort })
    const ports = { dataPort: portOf(app), adminPort: portOf(admin) }
    log.info({ data: urlOf(listen.host, ports.dataPort), admin: urlOf(adminHost, ports.adminPort), routes: configuration.routes.length }, 'listening')
    return {
      ...ports,
      log,
      reload: reloading.reload,
      async close () {
        draining = true
        log.info('draining')
        const { drain_delay: delay, drain_timeout: timeout } = current.configuration.gateway
        await sleep(delay)
        await drain(timeout)
        await letGo()
        log.info('stopped')
        await Promise.race([output?.flush(), sleep(1000)])
      }
    }
  } catch (error) {
    await letGo()
    throw error
  }
}

// For the name the framework would open a second server on the other loopback address, of which nothing here knows.
function addressOf (host: string): string {
  return host === 'localhost' ? '127.0.0.1' : host
}

function fixedWords (error: unknown): string {
  return error instanceof Error && (error.name === 'IdpError' || error instanceof RangeError) ? error.message : 'failed'
}

function portOf (app: FastifyInstance): number {
  const address: AddressInfo | string | null = app.server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

function urlOf (host: string, port: number): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}
