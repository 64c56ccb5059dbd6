import type { Logger } from 'pino'
import { isoTime } from './common/dates.ts'
import type { GatewayFile } from './config/gateway-schema.ts'
import { createWindows, type WindowState, type Windows } from './config/windows.ts'
import { refuse } from './policy/problems.ts'

/** The maintenance windows of an upstream. Between two edges of them it costs a comparison. */
export class Maintenance {
  readonly #windows: Windows
  readonly #now: () => number
  #state: WindowState = { isOpen: false, until: -Infinity }
  /** ms since the epoch */
  #since = Infinity

  /** @param now ms since the epoch */
  constructor (windows: Windows, now: () => number) {
    this.#windows = windows
    this.#now = now
  }

  /** The end of the window that is open now, in ms since the epoch; undefined where none is. */
  get endsAt (): number | undefined {
    const now = this.#now()
    // A clock may be set back, too.
    if (now >= this.#state.until || now < this.#since) {
      this.#state = this.#windows(now)
      this.#since = now
    }
    return this.#state.isOpen ? this.#state.until : undefined
  }

  /** @throws {Refusal} upstream-maintenance */
  assertServing (): void {
    const { endsAt } = this
    if (endsAt === undefined) return
    const seconds = Math.max(1, Math.ceil((endsAt - this.#now()) / 1000))
    throw refuse('upstream-maintenance', 'The system behind this gateway is under maintenance. Retry-After says for how long.', { headers: { 'Retry-After': String(seconds) } })
  }
}

/** By the name of the upstream; those without windows have none. @param now ms since the epoch */
export function createMaintenance ({ upstreams }: Pick<GatewayFile, 'upstreams'>, now: () => number): ReadonlyMap<string, Maintenance> {
  return new Map(Object.entries(upstreams).flatMap(([name, { maintenance }]) => maintenance === undefined ? [] : [[name, new Maintenance(createWindows(maintenance), now)]]))
}

export interface MaintenanceWatchParts {
  readonly current: () => ReadonlyMap<string, Maintenance>
  readonly log: Pick<Logger, 'info'>
  /** ms between looks; a second when left out */
  readonly every?: number
}

/** Says when a window begins and ends. */
export function watchMaintenance ({ current, log, every = 1000 }: MaintenanceWatchParts): { close (): void } {
  const open = new Set<string>()
  function look (): void {
    const upstreams = current()
    for (const [upstream, { endsAt }] of upstreams) {
      if (endsAt !== undefined && !open.has(upstream)) {
        open.add(upstream)
        log.info({ upstream, ends: isoTime(endsAt) }, 'the maintenance of an upstream has begun')
      }
    }
    for (const upstream of open) {
      if (upstreams.get(upstream)?.endsAt !== undefined) continue
      open.delete(upstream)
      log.info({ upstream }, 'the maintenance of an upstream is over')
    }
  }
  look()
  const timer = setInterval(look, every).unref()
  return { close () { clearInterval(timer) } }
}
