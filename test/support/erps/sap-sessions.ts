import { randomBytes } from 'node:crypto'
import { registerSecret } from '../secrets.ts'

/** What a request showed of itself, beside its login. */
export interface ShownSession {
  /** The Cookie header. */
  readonly cookie: string | undefined
  /** The X-CSRF-Token header. */
  readonly token: string | undefined
}

export interface SapSession {
  readonly user: string
  readonly id: string
  readonly csrf: string
}

/**
 * The HTTP security sessions of an AS ABAP (SAP Help, "Activating HTTP Security Session Management on AS ABAP"): a session
 * begins with a logon, belongs to its user and its client, and is told by the cookie SAP_SESSIONID_<SID>_<client>. It ends by
 * logoff, by an administrator (SM05), or after http/security_session_timeout without a request.
 *
 * Without session management (SAP Help, "Cross-Site Request Forgery Protection") a token is bound to a cookie of its own,
 * sap-XSRF_<SID>_<client>, and holds for 24 hours.
 */
export class SapSessions {
  readonly #cookieName: string
  readonly #client: string
  readonly #sessions = new Map<string, SapSession>()
  /** Sessions ever begun. */
  begun = 0

  constructor ({ sid, client, sessionManagement }: { readonly sid: string, readonly client: string, readonly sessionManagement: boolean }) {
    this.#cookieName = `${sessionManagement ? 'SAP_SESSIONID' : 'sap-XSRF'}_${sid}_${client}`
    this.#client = client
  }

  /** Sessions that are open. */
  get open (): number {
    return this.#sessions.size
  }

  /** All of them end now, as by SM05, and their tokens with them. */
  expire (): void {
    this.#sessions.clear()
  }

  /**
   * The session that the request shows; where it shows none of this user's that is open, a new one, with the cookies that
   * the answer has to set: those of a logon. KBA 3048103: whoever calls has to send back all that it is given.
   */
  of (user: string, { cookie = '' }: ShownSession): { readonly session: SapSession, readonly setCookie: readonly string[] } {
    const id = new RegExp(`(?:^|; )${this.#cookieName}=([^;]*)`).exec(cookie)?.[1]
    const known = id === undefined ? undefined : this.#sessions.get(id)
    if (known?.user === user) return { session: known, setCookie: [] }
    this.begun += 1
    // As an ABAP system writes them: base64 with what is no cookie's percent-encoded.
    const session = { user, id: `${registerSecret(randomBytes(24).toString('base64url'), 'an SAP session')}%3d`, csrf: registerSecret(`${randomBytes(16).toString('base64url')}==`, 'an SAP CSRF token') }
    this.#sessions.set(session.id, session)
    return { session, setCookie: [`${this.#cookieName}=${session.id}; path=/; secure; HttpOnly`, `sap-usercontext=sap-client=${this.#client}; path=/`] }
  }
}
