import type { Refusal } from '../policy/problems.ts'
import { CsrfSlot } from './csrf-slot.ts'
import { Recent } from './recent.ts'
import { csrfRefused } from './upstream-errors.ts'

/** How an upstream's sessions are made. */
export interface CsrfSettings {
  readonly path: string
  readonly header: string
  /** of requests that carry the token */
  readonly methods: ReadonlySet<string>
  /** at each host */
  readonly sessions: number
  /** ms */
  readonly maxAge: number
  /** ms */
  readonly timeout: number
  /** headers that the upstream gets with every request, flat */
  readonly headers: readonly string[]
}

/** What became of a session, for whoever keeps the log. */
export type CsrfChange =
  | { readonly kind: 'made', readonly host: string }
  | { readonly kind: 'failed', readonly host: string, readonly refusal: Refusal }
  | { readonly kind: 'dropped', readonly host: string }

export interface CsrfSurroundings {
  /** ms, of a clock that is not set back */
  readonly now: () => number
  /** from 0 to 1 */
  readonly random: () => number
  readonly onChange: (change: CsrfChange) => void
}

/** The sessions that an upstream has with the gateway, by host: neither token nor cookie goes to another one. */
export class CsrfSessions {
  readonly settings: CsrfSettings
  readonly #hosts = new Map<string, CsrfHost>()
  readonly #surroundings: CsrfSurroundings

  constructor (settings: CsrfSettings, surroundings: CsrfSurroundings) {
    this.settings = settings
    this.#surroundings = surroundings
  }

  /** @param origin one of the upstream's hosts */
  at (origin: string): CsrfHost {
    const known = this.#hosts.get(origin)
    if (known !== undefined) return known
    const host = new CsrfHost(origin, this.settings, this.#surroundings)
    this.#hosts.set(origin, host)
    return host
  }

  /** sessions in hand */
  get count (): number {
    let count = 0
    for (const host of this.#hosts.values()) count += host.count
    return count
  }
}

const FIRST_PAUSE = 250
/** Fetches that fail are tried again never more than this apart while a request wants one. */
const LONGEST_PAUSE = 5000
/** So many sessions are made at a host at most, for each that it may have, in so many ms. */
const MOST_MADE = 20
const WINDOW = 10_000

/** A host's sessions. Each is fetched once, however many wait for it, and after a failure not before a pause is over. */
export class CsrfHost {
  readonly #origin: string
  readonly #settings: CsrfSettings
  readonly #surroundings: CsrfSurroundings
  readonly #slots: readonly CsrfSlot[]
  readonly #made: Recent
  #turn = 0
  #failures = 0
  #notBefore = -Infinity
  #refusal: Refusal | undefined

  constructor (origin: string, settings: CsrfSettings, surroundings: CsrfSurroundings) {
    this.#origin = origin
    this.#settings = settings
    this.#surroundings = surroundings
    this.#slots = Array.from({ length: settings.sessions }, () => new CsrfSlot(this))
    this.#made = new Recent(WINDOW, surroundings.now)
  }

  get count (): number {
    return this.#slots.filter(({ session }) => session !== undefined).length
  }

  /** Whether no session is to be had just now. */
  get isPaused (): boolean {
    return this.#whyNot() !== undefined && !this.#slots.some(({ isUsable }) => isUsable)
  }

  /** Each in its turn; while none is fetched, those that have a session. */
  next (): CsrfSlot {
    const next = this.#slots[this.#turn++ % this.#slots.length]
    if (next === undefined) throw new Error('a host without sessions')
    return next.isUsable || this.#whyNot() === undefined ? next : this.#slots.find(({ isUsable }) => isUsable) ?? next
  }

  /** Whether a session made so long ago is still used. @param at ms */
  serves (at: number): boolean {
    return this.#surroundings.now() - at < this.#settings.maxAge
  }

  /** @throws {Refusal} where none is fetched just now */
  begin (): void {
    const refusal = this.#whyNot()
    if (refusal !== undefined) throw refusal
    this.#made.count(true)
  }

  /** One was fetched. @returns ms, the time of it */
  made (): number {
    // Whether it is of any use is not known yet: a host that refuses what it gave is not asked again and again.
    if (this.#refusal?.code !== 'upstream-csrf-refused') this.proven()
    this.#surroundings.onChange({ kind: 'made', host: this.#origin })
    return this.#surroundings.now()
  }

  /** One could not be fetched. */
  failed (refusal: Refusal): void {
    this.#surroundings.onChange({ kind: 'failed', host: this.#origin, refusal })
    this.#pause(refusal, this.#failures)
  }

  /** A request that writes was taken. */
  proven (): void {
    this.#failures = 0
    this.#refusal = undefined
  }

  /** A session was refused that no request had been taken in. The first one may have been for no fault of its own. */
  refusedNew (): void {
    this.#pause(csrfRefused('a new session was refused a moment ago'), this.#failures - 1)
  }

  /** @returns whether a session is dropped; it is kept where there could be none in its place */
  drops (): boolean {
    if (this.#isSpent()) return false
    this.#surroundings.onChange({ kind: 'dropped', host: this.#origin })
    return true
  }

  #pause (refusal: Refusal, doublings: number): void {
    this.#failures++
    this.#refusal = refusal
    if (doublings < 0) return
    const longest = Math.min(FIRST_PAUSE * 2 ** doublings, LONGEST_PAUSE)
    // Jitter, so that replicas that failed together do not come back together.
    this.#notBefore = this.#surroundings.now() + longest * (0.5 + this.#surroundings.random() / 2)
  }

  #whyNot (): Refusal | undefined {
    if (this.#surroundings.now() < this.#notBefore) return this.#refusal
    return this.#isSpent() ? csrfRefused('too many sessions were refused of late') : undefined
  }

  #isSpent (): boolean {
    return this.#made.all >= MOST_MADE * this.#slots.length
  }
}
