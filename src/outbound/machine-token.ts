import { createAttempts } from '../idp/attempts.ts'
import { IdpError } from '../idp/http.ts'
import type { IssuedToken } from './token-endpoint.ts'

/** A token of the gateway's own, and the instant (ms since the epoch) from which it is not shown any more. */
export interface MachineToken {
  readonly value: string
  readonly endsAt: number
}

export interface MachineTokenOptions {
  /** @throws {IdpError} */
  readonly fetch: () => Promise<IssuedToken>
  /** ms since the epoch */
  readonly now: () => number
  readonly onFetch: (outcome: { readonly ok: true, readonly endsAt: number, /** of a list, the one that served */ readonly secret: 1 | 2 } | { readonly ok: false, readonly error: unknown }) => void
}

/** One cached machine token: fetched once however many wait, renewed before its end, shown until its end and never after. */
export interface MachineTokenCache {
  /** The token, at once where one is in hand; rejects where none can be had. */
  get (): MachineToken | Promise<MachineToken>
  /** That very token was refused: another one, or undefined where one fetch for this was enough for now. */
  replace (refused: string): Promise<MachineToken | undefined>
  readonly status: () => { readonly tried: boolean, readonly failing: boolean, readonly token: MachineToken | undefined, readonly pause: number }
  close (): void
}

/** Where neither the answer nor the token says when it ends. */
const DEFAULT_LIFE = 5 * 60_000
/** ms after a token request that a 401 caused, in which no other 401 causes one. */
const QUIET = 30_000
const RETRY = 4000

export function createMachineTokenCache ({ fetch, now, onFetch }: MachineTokenOptions): MachineTokenCache {
  let token: MachineToken | undefined
  let tried = false
  let used = false
  let overdue = false
  let closed = false
  let timer: NodeJS.Timeout | undefined
  /** when a token was last asked for because another one was refused */
  let replacedAt: number | undefined
  const attempts = createAttempts(fetchToken, now)

  async function fetchToken (): Promise<void> {
    const asked = now()
    try {
      const issued = await fetch()
      const fetched = { value: issued.accessToken, endsAt: endOf(issued, asked) }
      if (fetched.endsAt <= now()) throw ended()
      token = fetched
      used = false
      overdue = false
      onFetch({ ok: true, endsAt: fetched.endsAt, secret: issued.secret })
      renewAt(asked + (fetched.endsAt - asked) * (0.7 + Math.random() / 10))
    } catch (error) {
      onFetch({ ok: false, error })
      renewAt(now() + RETRY * (0.75 + Math.random() / 4))
      throw error
    } finally {
      tried = true
    }
  }

  function renewAt (time: number): void {
    clearTimeout(timer)
    if (!closed) timer = setTimeout(renew, Math.min(Math.max(time - now(), 100), 2 ** 31 - 1)).unref()
  }

  // IdPs bill machine tokens by the piece: one that nobody used is left to end, until a request wants one again.
  function renew (): void {
    if (attempts.pause > 0) renewAt(now() + attempts.pause)
    else if (!used && inHand() !== undefined) overdue = true
    // A failure is told through onFetch, and tried again by the timer that it set.
    else attempts.run().catch(() => {})
  }

  function inHand (): MachineToken | undefined {
    return token !== undefined && token.endsAt > now() ? token : undefined
  }

  async function fetched (): Promise<MachineToken> {
    await attempts.run()
    const current = inHand()
    if (current === undefined) throw ended()
    used = true
    return current
  }

  renew()
  return {
    get () {
      const current = inHand()
      if (current === undefined) return fetched()
      used = true
      if (overdue) renew()
      return current
    },
    async replace (refused) {
      const current = inHand()
      if (current !== undefined && current.value !== refused) return current
      if (current !== undefined) {
        // A new token that is refused too is kept: a 401 that a token does not cure must not become a token per request.
        const mayAsk = replacedAt === undefined || Math.abs(now() - replacedAt) >= QUIET
        if (!mayAsk && !attempts.underWay) return undefined
        if (mayAsk) replacedAt = now()
        // Dropped at once: nobody shows it any more, and where no other can be had it is a 503, which recovers by itself.
        token = undefined
      }
      const renewed = await fetched()
      return renewed.value === refused ? undefined : renewed
    },
    status: () => ({ tried, failing: attempts.failing, token: inHand(), pause: attempts.pause }),
    close () {
      closed = true
      clearTimeout(timer)
    }
  }
}

function ended (): IdpError {
  return new IdpError('answered with a token that has ended')
}

// The earlier of what the answer says and what the token itself says; an opaque token says nothing.
function endOf ({ accessToken, expiresIn }: IssuedToken, asked: number): number {
  const byAnswer = expiresIn === undefined ? undefined : asked + expiresIn * 1000
  const byToken = expiryOf(accessToken)
  if (byAnswer === undefined && byToken === undefined) return asked + DEFAULT_LIFE
  return Math.min(byAnswer ?? Infinity, byToken ?? Infinity)
}

function expiryOf (accessToken: string): number | undefined {
  try {
    const claims: unknown = JSON.parse(Buffer.from(accessToken.split('.')[1] ?? '', 'base64url').toString())
    const exp: unknown = typeof claims === 'object' && claims !== null && Object.hasOwn(claims, 'exp') ? Reflect.get(claims, 'exp') : undefined
    return typeof exp === 'number' && Number.isFinite(exp) ? exp * 1000 : undefined
  } catch {
    // No JWT: it has no end of its own.
    return undefined
  }
}
