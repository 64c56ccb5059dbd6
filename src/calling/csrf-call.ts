import { Patience } from '../inbound/patience.ts'
import type { Admitted } from '../journey.ts'
import { Attempt, type SessionWatcher } from '../outbound/attempt.ts'
import { timeIsUp } from '../outbound/client-credentials.ts'
import type { Presented } from '../outbound/credential.ts'
import { askForSession } from '../outbound/csrf-fetch.ts'
import { asksForToken, readSession, type CsrfSession } from '../outbound/csrf-session.ts'
import type { CsrfSessions } from '../outbound/csrf-sessions.ts'
import type { CsrfSlot } from '../outbound/csrf-slot.ts'
import type { Host } from '../outbound/hosts.ts'
import type { Place } from '../outbound/place.ts'
import type { Protection } from '../outbound/protection.ts'
import { csrfRefused, csrfUnavailable } from '../outbound/upstream-errors.ts'
import { credentialRefused } from './credential-renewal.ts'

/**
 * The part of one request that is about the gateway's own session at the upstream. A request that writes has to have one,
 * with the token; any other goes in one that is there: without it an ERP would begin a session for each.
 */
export class CsrfCall implements SessionWatcher {
  readonly #sessions: CsrfSessions
  readonly #admitted: Admitted
  readonly #protection: Protection
  readonly #writes: boolean
  readonly #header: string
  #host: Host | undefined
  #slot: CsrfSlot | undefined
  #session: CsrfSession | undefined
  #refused: CsrfSession | undefined
  #isRepeated = false
  /** The last answer was about the session. */
  wasRefused = false

  constructor (sessions: CsrfSessions, method: string, admitted: Admitted, protection: Protection) {
    this.#sessions = sessions
    this.#admitted = admitted
    this.#protection = protection
    this.#writes = sessions.settings.methods.has(method)
    this.#header = sessions.settings.header.toLowerCase()
  }

  /** Whether that host gives no session just now: another one may. */
  passesOver ({ origin }: Host): boolean {
    return this.#writes && this.#sessions.at(origin).isPaused
  }

  /**
   * Takes a session of that host. A request that writes waits for one where there is none: all of them for the same.
   * @returns what it waits for
   * @throws {Refusal} at once, or by its promise
   */
  enter (host: Host, place: Place, presented: Presented): Promise<unknown> | undefined {
    const slot = this.#host === host && this.#slot !== undefined ? this.#slot : this.#sessions.at(host.origin).next()
    this.#host = host
    this.#slot = slot
    this.#session = slot.session
    if (!this.#writes) return undefined
    if (this.#session === undefined) return slot.obtain(() => this.#fetch(host, place, presented)).then(session => { this.#session = session })
    if (this.#session === this.#refused) throw csrfRefused('in a session in which others are taken')
    return undefined
  }

  /** The credential, with the session that was taken. */
  show (presented: Presented): Presented {
    return this.#session?.show(presented, this.#writes) ?? presented
  }

  /** The head of an answer. @returns whether it is about the session */
  refuses (status: number, raw: readonly Buffer[]): boolean {
    const session = this.#session
    this.wasRefused = asksForToken(status, raw, this.#header)
    if (session === undefined) return this.wasRefused
    if (this.wasRefused) {
      this.#slot?.refused(session)
    } else {
      session.heard(raw, Date.now())
      // What an ERP does with a request comes after the token; before it there may be a proxy that is ill.
      if (this.#writes && status < 500 && status !== 403 && !session.isProven) this.#slot?.proven(session)
    }
    return this.wasRefused
  }

  /** The upstream took neither the credential nor, it may be, the session that came with it. */
  credentialRefused (): void {
    if (this.#session !== undefined) this.#slot?.drop(this.#session)
  }

  /** The session was refused: the request may be sent once more, in another one. @throws {Refusal} upstream-csrf-refused */
  repeat (replayable: boolean): void {
    if (!this.#writes) throw csrfRefused('a method that csrf.methods leaves out')
    if (!replayable) throw csrfRefused('the body was on its way')
    if (this.#isRepeated) throw csrfRefused('a new one too')
    this.#isRepeated = true
    this.#refused = this.#session
  }

  // It outlives the request that began it: others wait for it. It is a request at the ERP, in the place of that one.
  async #fetch (host: Host, place: Place, first: Presented): Promise<CsrfSession> {
    const { header } = this.#sessions.settings
    const { status, raw } = await this.#ask(host, place, first)
    if (status !== 401) return sessionOf(status, raw, header)
    const second = await this.#ask(host, place, await this.#renewed(first))
    if (second.status === 401) throw credentialRefused('a new one too')
    return sessionOf(second.status, second.raw, header)
  }

  async #renewed (refused: Presented): Promise<Presented> {
    const renewal = this.#admitted.found.rule.credential.renew(refused).then(other => ({ other }))
    const { other } = await new Patience().wait(renewal) ?? giveUp()
    if (other === undefined) throw credentialRefused('no other credential to try')
    return other
  }

  async #ask (host: Host, place: Place, presented: Presented): Promise<{ readonly status: number, readonly raw: readonly Buffer[] }> {
    const { breaker, ejection } = this.#protection
    const { path, header, headers, timeout } = this.#sessions.settings
    const attempt = new Attempt({ host, place: whilePlaced(place), passage: breaker?.enter(), ejection, declines: () => false })
    const { end, raw } = await askForSession({ dispatcher: host.pool.dispatcher, path, headers: [...presented.headers, header, 'Fetch', ...headers], timeout })
    attempt.ended(end)
    if (end.refusal !== undefined) throw end.refusal
    return { status: end.status ?? 0, raw }
  }
}

function sessionOf (status: number, raw: readonly Buffer[], header: string): CsrfSession {
  if (status < 200 || status > 299) throw csrfUnavailable(`status ${status} to the request for a token`)
  const session = readSession(raw, header, Date.now())
  if (typeof session === 'string') throw csrfUnavailable(session)
  return session
}

// The request itself follows, in the same place.
function whilePlaced (place: Place): Pick<Place, 'begun' | 'ended' | 'done'> {
  return { begun () { place.begun() }, ended () { place.ended() }, done () {} }
}

function giveUp (): never {
  throw timeIsUp()
}
