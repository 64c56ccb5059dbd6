import type { Limit, StartLimit } from './deadline.ts'
import type { Host, HostVerdict } from './hosts.ts'

export interface EjectionOptions {
  /** so many in a row take a host out */
  readonly after: number
  /** ms, the first time */
  readonly for: number
  /** so large a part of the hosts at most; one at least, and never all */
  readonly max: number
  /** ms, of a clock that is not set back */
  readonly now: () => number
  readonly startLimit: StartLimit
  readonly onChange: (host: Host) => void
}

/** What is remembered of a host that was ejected. */
interface Past {
  /** how often in a row */
  readonly times: number
  /** when its time is over */
  readonly until: number
  wasOutOfReach: boolean
  /** Infinity while it is out */
  returnedAt: number
}

/** ms between two knocks at a host that was out of reach */
const KNOCK_EVERY = 1000
/** An ejection within so many times `for` after the last one is one more in a row, and longer, up to so many times. */
const SOON = 10
const LONGEST = 6

/**
 * Takes hosts out that fail again and again, and takes them back. No request is spent on finding out whether a host is
 * back: before it is used again, it has to take a connection. One that is out of reach, now or at any time until then, is
 * back as soon as it does; one that only answered badly, when its time is over.
 */
export class Ejection {
  readonly #hosts: readonly Host[]
  readonly #options: EjectionOptions
  readonly #most: number
  readonly #past = new Map<Host, Past>()
  readonly #limits = new Map<Host, Limit>()
  #closed = false

  constructor (hosts: readonly Host[], options: EjectionOptions) {
    this.#hosts = hosts
    this.#options = options
    this.#most = Math.min(Math.max(1, Math.floor(hosts.length * options.max)), hosts.length - 1)
  }

  /** hosts that are out */
  get count (): number {
    let count = 0
    for (const { isEjected } of this.#hosts) if (isEjected) count++
    return count
  }

  /** A request to the host is over. */
  ended (host: Host, { verdict, connected }: HostVerdict): void {
    if (verdict === 'good') host.failures = 0
    if (verdict !== 'failed' || host.isEjected) return
    host.failures++
    if (host.failures >= this.#options.after && this.count < this.#most && !this.#closed) this.#eject(host, connected)
  }

  close (): void {
    this.#closed = true
    for (const limit of this.#limits.values()) limit.stop()
    this.#limits.clear()
  }

  #eject (host: Host, wasInReach: boolean): void {
    const { now, for: once } = this.#options
    const past = this.#past.get(host)
    const times = past !== undefined && now() - past.returnedAt < SOON * once ? Math.min(past.times + 1, LONGEST) : 1
    const present: Past = { times, until: now() + once * times, wasOutOfReach: !wasInReach, returnedAt: Infinity }
    this.#past.set(host, present)
    host.isEjected = true
    this.#options.onChange(host)
    // Connections that are reset are mostly the first that is seen of a host that dies: whether it is there is soon known.
    if (wasInReach) void this.#knock(host, present)
    else this.#knockIn(Math.min(KNOCK_EVERY, once), host, present)
  }

  #knockIn (ms: number, host: Host, present: Past): void {
    this.#limits.set(host, this.#options.startLimit(ms, () => { void this.#knock(host, present) }))
  }

  async #knock (host: Host, present: Past): Promise<void> {
    const isThere = await host.pool.knock()
    if (this.#closed) return
    if (!isThere) present.wasOutOfReach = true
    const left = present.until - this.#options.now()
    if (isThere && (present.wasOutOfReach || left <= 0)) this.#takeBack(host, present)
    else this.#knockIn(left > 0 ? Math.min(KNOCK_EVERY, left) : KNOCK_EVERY, host, present)
  }

  #takeBack (host: Host, present: Past): void {
    this.#limits.delete(host)
    present.returnedAt = this.#options.now()
    host.isEjected = false
    // One more failure is enough, until it has answered well.
    host.failures = this.#options.after - 1
    this.#options.onChange(host)
  }
}
