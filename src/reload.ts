import type { Logger } from 'pino'
import type { Configuration } from './config/configuration.ts'
import { differences, type Differences } from './config/differences.ts'
import { configurationHash, fingerprint } from './config/fingerprint.ts'
import { loadConfiguration, type Loaded, type Mistake } from './config/load.ts'
import { watchFiles } from './config/watch.ts'

/** The files as they are now do not make a gateway; the one before goes on. */
export interface RejectedConfiguration {
  /** when that was found, ISO 8601 */
  readonly since: string
  /** where the mistakes are, like `routes.yaml:12:5`; what they are stands in the log */
  readonly mistakes: readonly string[]
}

export interface ReloadParts {
  readonly env: NodeJS.ProcessEnv
  /** ms since the epoch */
  readonly now: () => number
  readonly log: Logger
  /** Has requests go by it from the moment at which the promise resolves. Rejects where that cannot be; nothing has changed then. */
  readonly adopt: (configuration: Configuration) => Promise<void>
  readonly onReload: (outcome: 'adopted' | 'unchanged' | 'rejected') => void
}

export interface Reloading {
  /** Reads the files again, after the reading that is under way. Never rejects. */
  reload (): Promise<void>
  readonly rejected: () => RejectedConfiguration | undefined
  close (): void
}

/** Of mistakes, and of rules that changed, no more are told in one line. */
const MOST_TOLD = 50

/** Reads the two files again when they, or a secret's file, change, and when it is asked to. */
export async function startReloading (first: { readonly configuration: Configuration, readonly read: readonly string[] }, { env, now, log, adopt, onReload }: ReloadParts): Promise<Reloading> {
  let { configuration, read } = first
  let rejected: RejectedConfiguration | undefined
  let underWay: Promise<void> = Promise.resolve()
  let closed = false
  const watch = watchFiles(() => { void reload() })

  async function readAgain (): Promise<void> {
    if (closed) return
    // As they are before they are read: what is written from here on is another change.
    await watch.look(read)
    const loaded = await loadConfiguration(configuration.files, env, { now: now() })
    if (loaded.read.join('\n') !== read.join('\n')) {
      read = loaded.read
      await watch.look(read)
    }
    if (closed) return
    if (loaded.configuration === undefined) reject(loaded)
    else await put(loaded.configuration, loaded.mistakes)
  }

  async function put (next: Configuration, warnings: readonly Mistake[]): Promise<void> {
    if (fingerprint(next) === fingerprint(configuration)) {
      rejected = undefined
      onReload('unchanged')
      log.info('the configuration is what it was')
      return
    }
    await adopt(next)
    const changes = differences(configuration, next)
    configuration = next
    rejected = undefined
    onReload('adopted')
    for (const { file, line, column, message } of warnings) log.warn({ at: `${file}:${line}:${column}` }, message)
    log.info({ routes: next.routes.length, config: configurationHash(next), ...told(changes) }, 'configuration reloaded')
    const waiting = changes.settings.filter(isTakenAtStart)
    if (waiting.length > 0) log.warn({ settings: waiting }, 'these settings are taken at the next start')
  }

  function reject ({ mistakes }: Loaded): void {
    const errors = mistakes.filter(({ severity }) => severity === 'error')
    for (const { file, line, column, path, message } of errors.slice(0, MOST_TOLD)) log.error({ at: `${file}:${line}:${column}`, ...path !== '' && { path } }, message)
    refuse(errors.slice(0, MOST_TOLD).map(({ file, line, column }) => `${file}:${line}:${column}`))
  }

  function refuse (mistakes: readonly string[]): void {
    rejected = { since: new Date().toISOString(), mistakes }
    onReload('rejected')
    log.error({ mistakes: mistakes.length }, 'the configuration was not reloaded: the one before goes on')
  }

  function reload (): Promise<void> {
    underWay = underWay.then(readAgain).catch((error: unknown) => {
      log.error({ problem: error instanceof Error ? error.stack : String(error) }, 'reloading failed')
      refuse([])
    })
    return underWay
  }

  await watch.look(read)
  return {
    reload,
    rejected: () => rejected,
    close () {
      closed = true
      watch.close()
    }
  }
}

// Ports are opened once, as http or https.
function isTakenAtStart (setting: string): boolean {
  return /^(?:listen\.(?:host|port|tls|tls\.http2)|admin\..*|workers)$/.test(setting)
}

function told (changes: Differences): Record<string, readonly string[]> {
  return Object.fromEntries(Object.entries(changes).flatMap(([what, all]: [string, readonly string[]]) => {
    if (all.length === 0) return []
    return [[what, all.length > MOST_TOLD ? [...all.slice(0, MOST_TOLD), `and ${all.length - MOST_TOLD} more`] : all]]
  }))
}
