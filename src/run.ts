import cluster from 'node:cluster'
import { setTimeout as sleep } from 'node:timers/promises'
import { pino, type DestinationStream } from 'pino'
import { joinLeader } from './cluster/worker.ts'
import { loadConfiguration, type Mistake } from './config/load.ts'
import { lead } from './lead.ts'
import { createLogOutput } from './observe/log-output.ts'
import type { Running } from './running.ts'
import { serve } from './serve.ts'

export interface RunOptions {
  /** path of gateway.yaml */
  readonly config: string
  /** path of routes.yaml */
  readonly routes: string
  /** path of another routes.yaml, which is tried out beside */
  readonly shadow?: string | undefined
  readonly env: NodeJS.ProcessEnv
  /** of the gateway, for telemetry */
  readonly version?: string
  /** where log lines go; standard output when left out */
  readonly log?: DestinationStream
  /** ms since the epoch */
  readonly clock?: () => number
  /** ms between refreshes of an issuer's keys */
  readonly keyRefresh?: number
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
 * Starts the gateway and its admin port: in this process, or in several of which this one leads the others.
 * @throws {ConfigurationError} before anything is started
 */
export async function run ({ config, routes, shadow, version, env, log: destination, clock: now = Date.now, keyRefresh = KEY_REFRESH }: RunOptions): Promise<Running> {
  const { configuration, mistakes, read } = await loadConfiguration({ config, routes }, env, { now: now() })
  if (configuration === undefined) throw new ConfigurationError(mistakes)
  const tried = shadow === undefined ? undefined : await loadConfiguration({ config, routes: shadow }, env, { now: now() })
  if (tried !== undefined && tried.configuration === undefined) throw new ConfigurationError(tried.mistakes)
  const { workers, log: { level } } = configuration.gateway
  const leader = cluster.isWorker ? joinLeader() : undefined
  const isOneOfMany = leader !== undefined || workers > 1
  const output = destination === undefined ? createLogOutput({ shared: isOneOfMany }) : undefined
  const lines = destination ?? output ?? process.stdout
  const base = leader === undefined ? null : { worker: process.pid }
  const log = pino({ level, base, timestamp: pino.stdTimeFunctions.isoTime }, lines)
  // Of several that read the same files one says what is wrong with them.
  const warnings = [...mistakes, ...tried?.mistakes.filter(({ file }) => file === shadow) ?? []]
  if (leader === undefined) for (const { file, line, column, message } of warnings) log.warn({ at: `${file}:${line}:${column}` }, message)

  const running = leader === undefined && isOneOfMany
    ? await lead({ configuration, log })
    : await serve({ configuration, shadowed: tried?.configuration, version, read, env, lines, log, now, keyRefresh, leader })
  return {
    ...running,
    async close () {
      await running.close()
      await Promise.race([output?.flush(), sleep(1000)])
    }
  }
}
