import { Refusal, refuse } from '../policy/problems.ts'
import type { CsrfSession } from './csrf-session.ts'
import type { CsrfHost } from './csrf-sessions.ts'

/** The place of one session. */
export class CsrfSlot {
  readonly #host: CsrfHost
  #session: CsrfSession | undefined
  #madeAt = 0
  #fetching: Promise<CsrfSession> | undefined

  constructor (host: CsrfHost) {
    this.#host = host
  }

  /** The one in hand. */
  get session (): CsrfSession | undefined {
    if (this.#session !== undefined && !this.#host.serves(this.#madeAt)) this.#session = undefined
    return this.#session
  }

  /** Whether there is one, or will be. */
  get isUsable (): boolean {
    return this.#fetching !== undefined || this.session !== undefined
  }

  /**
   * The session that is being fetched, or a new one.
   * @throws {Refusal} at once, or by its promise
   */
  obtain (fetch: () => Promise<CsrfSession>): Promise<CsrfSession> {
    if (this.#fetching !== undefined) return this.#fetching
    this.#host.begin()
    this.#fetching = fetch().then(session => {
      this.#madeAt = this.#host.made()
      this.#session = session
      return session
    }, (error: unknown) => {
      const refusal = error instanceof Refusal ? error : refuse('internal', 'The gateway failed. Nothing was sent.', { cause: error })
      this.#host.failed(refusal)
      throw refusal
    }).finally(() => { this.#fetching = undefined })
    // Whoever waited may have left.
    this.#fetching.catch(() => {})
    return this.#fetching
  }

  /** The upstream took a request that writes in that session. */
  proven (session: CsrfSession): void {
    session.isProven = true
    this.#host.proven()
  }

  /** It did not. */
  refused (session: CsrfSession): void {
    if (this.#session !== session) return
    if (!session.isProven) this.#host.refusedNew()
    this.drop(session)
  }

  /** Another one is to be made in its place, by the next request that wants one. */
  drop (session: CsrfSession): void {
    if (this.#session === session && this.#host.drops()) this.#session = undefined
  }
}
