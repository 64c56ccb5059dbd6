import { createAttempts } from '../idp/attempts.ts'
import { IdpError } from '../idp/http.ts'
import type { IssuedToken } from './token-endpoint.ts'
import { endOf } from './token-life.ts'
import { QUIET, unshared, type MachineToken, type SharedToken } from './token-store.ts'

export interface MachineTokenOptions {
  /** @throws {IdpError} */
  readonly fetch: () => Promise<IssuedToken>
  /** what it shares with other replicas, where it does */
  readonly shared?: SharedToken | undefined
  /** ms since the epoch */
  readonly now: () => number
  readonly onFetch: (outcome: { readonly ok: true, readonly endsAt: number, /** of a list, the one that served */ readonly secret: 1 | 2 } | { readonly ok: false, readonly error: unknown }) => void
  /** A token was had that another replica had fetched. */
  readonly onShared?: ((endsAt: number) => void) | undefined
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

const RETRY = 4000

export function createMachineTokenCache ({ fetch, shared = unshared, now, onFetch, onShared }: MachineTokenOptions): MachineTokenCache {
  let token: MachineToken | undefined
  /** the one that was refused, until another one is had in its place */
  let refused: MachineToken | undefined
  let tried = false
  let used = false
  let overdue = false
  let closed = false
  let timer: NodeJS.Timeout | undefined
  /** when a token was last asked for because another one was refused */
  let replacedAt: number | undefined
  const attempts = createAttempts(obtain, now)

  async function obtain (): Promise<void> {
    const replacing = refused
    let asked = false
    try {
      const had = await shared.obtain({ not: replacing ?? token, refused: replacing !== undefined }, async () => {
        asked = true
        return await ask()
      })
      if (had === undefined) {
        // Another replica has asked, and what it got is refused too: the token is kept, as it would be had this one asked.
        token = replacing ?? token
      } else {
        if (!asked) {
          onShared?.(had.endsAt)
          // What cost no token request does not keep the next 401 from causing one.
          if (replacing !== undefined) replacedAt = undefined
        }
        token = had
        used = false
        overdue = false
        renewAt(had.askedAt + (had.endsAt - had.askedAt) * (0.7 + Math.random() / 10))
      }
    } catch (error) {
      renewAt(now() + RETRY * (0.75 + Math.random() / 4))
      throw error
    } finally {
      refused = undefined
      tried = true
    }
  }

  async function ask (): Promise<MachineToken> {
    if (closed) throw new IdpError('is not asked any more')
    const askedAt = now()
    try {
      const issued = await fetch()
      const fetched = { value: issued.accessToken, askedAt, endsAt: endOf(issued, askedAt).at }
      if (fetched.endsAt <= now()) throw ended()
      onFetch({ ok: true, endsAt: fetched.endsAt, secret: issued.secret })
      return fetched
    } catch (error) {
      onFetch({ ok: false, error })
      throw error
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
    // A failure is told by whoever asked, and tried again by the timer that it set.
    else attempts.run().catch(() => {})
  }

  function inHand (): MachineToken | undefined {
    return token !== undefined && token.endsAt > now() ? token : undefined
  }

  async function obtained (): Promise<MachineToken> {
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
      if (current === undefined) return obtained()
      used = true
      if (overdue) renew()
      return current
    },
    async replace (value) {
      const current = inHand()
      if (current !== undefined && current.value !== value) return current
      if (current !== undefined) {
        // A new token that is refused too is kept: a 401 that a token does not cure must not become a token per request.
        const mayAsk = replacedAt === undefined || Math.abs(now() - replacedAt) >= QUIET
        if (!mayAsk && !attempts.underWay) return undefined
        if (mayAsk) replacedAt = now()
        // Dropped at once: nobody shows it any more, and where no other can be had it is a 503, which recovers by itself.
        token = undefined
        refused = current
      }
      const renewed = await obtained()
      return renewed.value === value ? undefined : renewed
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
