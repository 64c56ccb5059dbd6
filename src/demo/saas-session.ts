import { randomBytes, timingSafeEqual } from 'node:crypto'
import { tokenSeconds } from './people.ts'
import type { Login, PendingLogin } from './oauth.ts'
import type { Exchange } from './exchange.ts'

/** What the SaaS keeps for a browser; the browser holds a random name of it, and never a token. */
export interface Session {
  readonly csrf: string
  readonly ends: number
  pending?: PendingLogin
  login?: Login
  /** The last call through the gateway, for the page that shows it. */
  last?: Exchange
}

// Ports do not separate cookies: on one host the IdP's and the SaaS's would mix, were their names equal.
const cookie = 'saas_session'
const most = 1000

/** Sessions in memory, ended with the tokens that they hold. */
export class Sessions {
  readonly #sessions = new Map<string, Session>()

  find (cookieHeader: string | undefined): Session | undefined {
    const id = readCookie(cookieHeader)
    const session = this.#sessions.get(id)
    if (session !== undefined && session.ends > Date.now()) return session
    this.#sessions.delete(id)
    return undefined
  }

  /** A new session under a new name (an old name may be known to others), and the Set-Cookie for it. */
  begin (content: Pick<Session, 'pending' | 'login'>): string {
    const oldest = this.#sessions.keys().next()
    if (this.#sessions.size >= most && oldest.done !== true) this.#sessions.delete(oldest.value)
    const id = random()
    this.#sessions.set(id, { ...content, csrf: random(), ends: Date.now() + tokenSeconds * 1000 })
    // Lax, not Strict: the browser must bring it along when the IdP sends the user back. No Secure on plain loopback.
    return `${cookie}=${id}; Path=/; HttpOnly; SameSite=Lax`
  }

  end (cookieHeader: string | undefined): string {
    this.#sessions.delete(readCookie(cookieHeader))
    return `${cookie}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0`
  }
}

/** Does a form come from a page that this session was shown? SameSite alone would let other ports of the host in. */
export function isOwnForm (session: Session, sent: string | undefined): boolean {
  const [wanted, got] = [Buffer.from(session.csrf), Buffer.from(sent ?? '')]
  return wanted.length === got.length && timingSafeEqual(wanted, got)
}

function readCookie (header: string | undefined): string {
  return new RegExp(`(?:^|;\\s*)${cookie}=([\\w-]+)`).exec(header ?? '')?.[1] ?? ''
}

function random (): string {
  return randomBytes(32).toString('base64url')
}
