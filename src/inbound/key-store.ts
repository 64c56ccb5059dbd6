import { createAttempts } from '../idp/attempts.ts'
import { IdpError, type IdpClient } from '../idp/http.ts'
import type { Provider } from '../idp/provider.ts'
import type { Algorithm, VerificationKey } from './key.ts'
import { importKeySet, type KeySet } from './key-set.ts'

/** What a key store is told to do, and by which clock. */
export interface KeyStoreOptions {
  readonly provider: Provider
  readonly client: IdpClient
  /** configured; else the one that the provider's document names */
  readonly jwksUri: string | undefined
  readonly algorithms: readonly Algorithm[]
  /** ms for which the last good set serves while no new one can be had */
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
  readonly status: () => { /** whether a first fetch has ended, well or not */ readonly tried: boolean, readonly usable: boolean, readonly keys: number, readonly fetchedAt: number | undefined, readonly pause: number }
  close (): void
}

/** Fetches for a `kid` that the set has not: two at once, then one in half a minute, however many tokens ask. */
const BUDGET = { burst: 2, every: 30_000 }

/** ms between attempts of the background refresh when the last one failed. */
const RETRY_WITH_KEYS = 15_000
const RETRY_WITHOUT = 4000

export function createKeyStore (options: KeyStoreOptions): KeyStore {
  const { provider, client, algorithms, now } = options
  let set: KeySet | undefined
  let fetchedAt: number | undefined
  let timer: NodeJS.Timeout | undefined
  let closed = false
  let tried = false
  const attempts = createAttempts(fetchSet, now)
  const budget = createBudget(now)

  async function fetchSet (): Promise<void> {
    try {
      const uri = options.jwksUri ?? (await provider.metadata()).jwks_uri
      if (uri === undefined) throw new IdpError('names no jwks_uri in its discovery document')
      const fetched = await importKeySet(await client.json(uri), algorithms)
      // A good answer replaces the set whole: a key that left it is gone with this line.
      set = fetched
      fetchedAt = now()
      options.onFetch({ ok: true, keys: fetched.keys.length, unusable: fetched.unusable })
      if (fetched.keys.length === 0) throw new IdpError('publishes no key that can be used')
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
    const soon = usable() ? RETRY_WITH_KEYS : RETRY_WITHOUT
    const every = ok ? options.refreshEvery : Math.min(soon, options.refreshEvery)
    timer = setTimeout(() => { void refresh() }, every * (0.8 + Math.random() / 5)).unref()
  }

  function usable (): boolean {
    return set !== undefined && set.keys.length > 0 && fetchedAt !== undefined && now() - fetchedAt <= options.maxStale
  }

  async function lookAgain (kid: string | undefined, alg: Algorithm): Promise<KeyLookup> {
    const wasUsable = usable()
    // An attempt that is under way is free; it may bring the key. One of our own costs budget where a set is in hand.
    if (attempts.underWay || !wasUsable) {
      const ok = await succeeds(attempts.run())
      const key = usable() ? set?.find(kid, alg) : undefined
      if (key !== undefined) return key
      if (!ok) return 'unavailable'
    }
    if (kid === undefined) return 'unknown'
    if (!budget.take()) return 'unknown'
    if (!await succeeds(attempts.run())) return 'unavailable'
    return set?.find(kid, alg) ?? 'unknown'
  }

  void refresh()
  return {
    find (kid, alg) {
      return (usable() ? set?.find(kid, alg) : undefined) ?? lookAgain(kid, alg)
    },
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
      const refills = Math.floor((now() - filledAt) / BUDGET.every)
      if (refills > 0) {
        left = Math.min(BUDGET.burst, left + refills)
        filledAt += refills * BUDGET.every
      }
      if (left === 0) return false
      left--
      return true
    }
  }
}
