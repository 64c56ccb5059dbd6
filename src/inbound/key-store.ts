import { createAttempts } from '../idp/attempts.ts'
import { IdpError, type IdpClient } from '../idp/http.ts'
import type { Provider } from '../idp/provider.ts'
import type { Algorithm } from '../policy/algorithms.ts'
import type { VerificationKey } from './key.ts'
import { importKeySet, type KeySet } from './key-set.ts'

/** What a key store is told to do, and by which clock. */
export interface KeyStoreOptions {
  readonly provider: Provider
  readonly client: IdpClient
  /** configured; else the one that the provider's document names */
  readonly jwksUri: string | undefined
  readonly algorithms: readonly Algorithm[]
  /** ms for which the last good set serves while no new one can be had; ten seconds at least */
  readonly maxStale: number
  /** ms between background refreshes */
  readonly refreshEvery: number
  /** ms since the epoch */
  readonly now: () => number
  readonly onFetch: (outcome: KeyFetch) => void
}

export type KeyFetch =
  | { readonly ok: true, readonly keys: number, readonly unusable: readonly string[] }
  | { readonly ok: false, readonly error: unknown }

/** `unavailable`: it cannot be known whether there is such a key. `unknown`: there is none. */
export type KeyLookup = VerificationKey | 'unknown' | 'unavailable'

/** The keys of one issuer. Nothing of a token decides where they come from. */
export interface KeyStore {
  /** Answers at once where it can: with a key in hand there is nothing to wait for. */
  find (kid: string | undefined, alg: Algorithm): KeyLookup | Promise<KeyLookup>
  /** Whether the key is in the set that is in hand, and the set not too old: what it signed is good. */
  holds (key: VerificationKey): boolean
  readonly status: () => { /** whether a first fetch has ended, well or not */ readonly tried: boolean, readonly usable: boolean, readonly keys: number, readonly fetchedAt: number | undefined, readonly pause: number }
  close (): void
}

/** Fetches for a `kid` that the set has not: two at once, then one in half a minute, however many tokens ask. */
const BUDGET = { burst: 2, every: 30_000 }

/** ms between attempts of the background refresh when the last one failed. */
const RETRY = 4000
/** Below this a set would be stale before its refresh, and every request a fetch. */
const LEAST_STALE = 10_000

export function createKeyStore (options: KeyStoreOptions): KeyStore {
  const { provider, client, algorithms, now } = options
  let set: KeySet | undefined
  let fetchedAt: number | undefined
  let timer: NodeJS.Timeout | undefined
  let closed = false
  let tried = false
  const maxStale = Math.max(options.maxStale, LEAST_STALE)
  const refreshEvery = Math.min(options.refreshEvery, maxStale / 2)
  const attempts = createAttempts(fetchSet, now)
  const budget = createBudget(now)

  async function fetchSet (): Promise<void> {
    try {
      const uri = options.jwksUri ?? (await provider.metadata()).jwks_uri
      if (uri === undefined) throw new IdpError('names no jwks_uri in its discovery document')
      const fetched = await importKeySet(await client.json(uri), algorithms, set?.keys)
      // A good answer replaces the set whole: a key that left it is gone with this line.
      set = fetched
      fetchedAt = now()
      if (fetched.keys.length === 0) throw new IdpError(['publishes no key that can be used', ...fetched.unusable.slice(0, 5)].join('; '))
      options.onFetch({ ok: true, keys: fetched.keys.length, unusable: fetched.unusable })
    } catch (error) {
      provider.forget()
      options.onFetch({ ok: false, error })
      throw error
    }
  }

  async function refresh (): Promise<void> {
    // A failure is told through onFetch, and to whoever waits for keys as 'unavailable'.
    const ok = await succeeds(attempts.run())
    tried = true
    if (closed) return
    const delay = (ok ? refreshEvery : Math.min(RETRY, refreshEvery)) * (0.8 + Math.random() / 5)
    // Within the pause it would fail without an attempt, and the next one come too late.
    timer = setTimeout(() => { void refresh() }, Math.max(delay, attempts.pause)).unref()
  }

  function usable (): boolean {
    return set !== undefined && set.keys.length > 0 && fetchedAt !== undefined && now() - fetchedAt <= maxStale
  }

  async function lookAgain (kid: string | undefined, alg: Algorithm): Promise<KeyLookup> {
    // Without a kid there is nothing that a newer set could have more of.
    if (kid === undefined && usable()) return 'unknown'
    // An attempt that is under way is free; it may bring the key. One of our own costs budget where a set is in hand.
    if (attempts.underWay || !usable()) {
      const ok = await succeeds(attempts.run())
      const key = usable() ? set?.find(kid, alg) : undefined
      if (key !== undefined) return key
      if (!ok) return 'unavailable'
    }
    if (kid === undefined) return 'unknown'
    // While the IdP fails, it cannot be known whether there is such a key: its outage is nobody's 401.
    if (attempts.pause > 0 || !budget.take()) return attempts.failing ? 'unavailable' : 'unknown'
    if (!await succeeds(attempts.run())) return 'unavailable'
    return set?.find(kid, alg) ?? 'unknown'
  }

  void refresh()
  return {
    find (kid, alg) {
      return (usable() ? set?.find(kid, alg) : undefined) ?? lookAgain(kid, alg)
    },
    holds: key => usable() && set?.keys.includes(key) === true,
    status: () => ({ tried, usable: usable(), keys: set?.keys.length ?? 0, fetchedAt, pause: attempts.pause }),
    close () {
      closed = true
      clearTimeout(timer)
    }
  }
}

async function succeeds (attempt: Promise<void>): Promise<boolean> {
  try {
    await attempt
    return true
  } catch {
    return false
  }
}

function createBudget (now: () => number): { take (): boolean } {
  let left = BUDGET.burst
  let filledAt = now()
  return {
    take () {
      // The clock was set back: the next one is half a minute from now, not from then.
      filledAt = Math.min(filledAt, now())
      const refills = Math.floor((now() - filledAt) / BUDGET.every)
      left = Math.min(BUDGET.burst, left + refills)
      filledAt += refills * BUDGET.every
      if (left === 0) return false
      left--
      return true
    }
  }
}
