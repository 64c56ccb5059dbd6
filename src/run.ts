import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import { pino, type DestinationStream, type Logger } from 'pino'
import { Agent } from 'undici'
import { buildAdmin } from './admin.ts'
import { loadConfiguration, type Mistake } from './config/load.ts'
import { whyNotReachable } from './config/urls.ts'
import { prepareDrain } from './drain.ts'
import { buildGateway } from './gateway.ts'
import { createIdpClient } from './idp/http.ts'
import { createIssuers } from './inbound/issuers.ts'
import { createPrincipalCache } from './inbound/principal-cache.ts'
import { createLogOutput } from './observe/log-output.ts'
import { createMetrics } from './observe/metrics.ts'
import { openStore } from './open-store.ts'
import { createUpstreams } from './outbound/upstreams.ts'

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

/**
 * Starts the gateway and its admin port.
 * @throws {ConfigurationError} before anything is started
 */
export async function run ({ config, routes, env, log: destination, clock: now = Date.now, keyRefresh = KEY_REFRESH }: RunOptions): Promise<Running> {
  const { configuration, mistakes } = await loadConfiguration({ config, routes }, env)
  if (configuration === undefined) throw new ConfigurationError(mistakes)
  const { gateway } = configuration
  const output = destination === undefined ? createLogOutput() : undefined
  const lines = destination ?? output
  const log = pino({ level: gateway.log.level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, lines)
  const audit = gateway.log.requests && log.isLevelEnabled('info') ? (line: string) => { lines?.write(line) } : undefined
  for (const { file, line, column, message } of mistakes) log.warn({ at: `${file}:${line}:${column}` }, message)

  const idpAgent = new Agent({ connect: { timeout: 2000 }, headersTimeout: 4000, bodyTimeout: 4000, maxHeaderSize: 32 * 1024, connections: 4 })
  const client = createIdpClient(idpAgent)
  let draining = false
  const isDraining = () => draining
  const cache = createPrincipalCache(gateway.listen.token_cache, now)
  const metrics = createMetrics({
    knownTokens: cache.size,
    issuers: () => issuers.trusted.map(({ name, keys }) => ({ name, ...keys.status() })),
    credentials: () => [...upstreams.values()].map(({ name, credential }) => ({ name, endsAt: credential.status().endsAt })),
    storeIsUp: () => store?.isUp()
  })
  const store = await openStore(gateway, { log, metrics, now })
  const issuers = createIssuers(gateway.issuers, {
    client,
    now,
    keyRefresh,
    mayCall: (url, allowHttp) => whyNotReachable(url, allowHttp) === undefined,
    onKeyFetch (issuer, outcome) {
      metrics.keyFetch(issuer, outcome.ok)
      if (!outcome.ok) log.warn({ issuer, problem: fixedWords(outcome.error) }, 'the keys of an issuer cannot be had')
      else log[outcome.unusable.length > 0 ? 'warn' : 'debug']({ issuer, keys: outcome.keys, unusable: outcome.unusable }, 'keys fetched')
    }
  })
  const upstreams = createUpstreams(gateway, {
    client,
    providers: issuers.providers,
    tokens: store?.tokens,
    now,
    onTokenShared (upstream, endsAt) {
      metrics.machineToken(upstream, 'shared')
      log.debug({ upstream, ends: isoTime(endsAt) }, 'machine token of another replica')
    },
    onTokenFetch (upstream, outcome) {
      metrics.machineTokenFetch(upstream, outcome.ok)
      if (outcome.ok) metrics.machineToken(upstream, 'fetched')
      if (outcome.ok) log.debug({ upstream, ends: isoTime(outcome.endsAt) }, 'machine token fetched')
      else log.warn({ upstream, problem: fixedWords(outcome.error) }, 'a machine token cannot be had')
    }
  })

  const open: FastifyInstance[] = []
  async function letGo (): Promise<void> {
    // The other port may be open where one of the two is in use: it would keep the process alive.
    await Promise.all(open.map(app => app.close()))
    for (const { keys } of issuers.trusted) keys.close()
    await Promise.all([...[...upstreams.values()].map(upstream => upstream.close()), idpAgent.destroy()])
    store?.close()
  }

  try {
    const app = await buildGateway({ configuration, issuers: issuers.trusted, cache, upstreams, counters: store?.counters, metrics, log, audit, isDraining, now })
    const admin = buildAdmin({ issuers: issuers.trusted, upstreams, metrics, isDraining, storeIsUp: () => store?.isUp() })
    open.push(app, admin)
    const drain = prepareDrain(app)
    await app.listen({ host: addressOf(gateway.listen.host), port: gateway.listen.port })
    await admin.listen({ host: addressOf(gateway.admin.host), port: gateway.admin.port })
    const [dataPort, adminPort] = [portOf(app), portOf(admin)]
    log.info({ data: urlOf(gateway.listen.host, dataPort), admin: urlOf(gateway.admin.host, adminPort), routes: configuration.routes.length }, 'listening')
    return {
      dataPort,
      adminPort,
      log,
      async close () {
        draining = true
        log.info('draining')
        await sleep(gateway.drain_delay)
        await drain(gateway.drain_timeout)
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

function isoTime (ms: number): string {
  return new Date(Math.min(ms, 8.64e15)).toISOString()
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
