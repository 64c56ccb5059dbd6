import { LRUCache } from 'lru-cache'
import type { Decision, PolicyRule } from '../policy/decide.ts'
import type { Principal } from '../policy/principal.ts'
import type { VerificationKey } from './key.ts'
import type { KeyStore } from './key-store.ts'
import type { Verified } from './verify.ts'

/** A principal, and what rules said of it where that depends on nothing else. */
export interface KnownPrincipal {
  readonly principal: Principal
  decisionOf (rule: PolicyRule): Decision | undefined
  /** For as long as the token is known; of more than a hundred rules, those that come first. */
  remember (rule: PolicyRule, decision: Decision): void
}

/** Verified tokens, kept so that the same token need not be verified on each request. Only successes are kept. */
export interface PrincipalCache {
  /** Who that very token speaks for, unless it has ended: by the clock, or because its key left the issuer's set. */
  find (token: string): KnownPrincipal | undefined
  keep (token: string, verified: Verified): KnownPrincipal
}

/** One memory of verified tokens, however often the configuration is loaded anew. */
export interface PrincipalCaches {
  /**
   * What is known of the tokens of these issuers, by their key stores, for rules that are loaded now: tokens of others
   * are as if they were not there.
   */
  of (trusted: readonly KeyStore[]): PrincipalCache
  readonly size: () => number
}

/** What the cache may take. */
export interface CacheBounds {
  /** tokens; 0 keeps none */
  readonly max: number
  /** bytes, as they are estimated */
  readonly max_size: number
}

/** A class, not an object put together from parts: of one shape each, a thousand are found as fast as one. */
class Kept implements Verified, KnownPrincipal {
  readonly token: string
  readonly principal: Principal
  readonly from: number
  readonly until: number
  readonly key: VerificationKey
  readonly keys: KeyStore
  /** of the rules that are asked about it */
  edition: object
  // Most tokens meet one rule, and a Map takes as many bytes as the claims of one.
  #rule: PolicyRule | undefined
  #decision: Decision | undefined
  #others: Map<PolicyRule, Decision> | undefined

  constructor (token: string, { principal, from, until, key, keys }: Verified, edition: object) {
    this.token = token
    this.principal = principal
    this.from = from
    this.until = until
    this.key = key
    this.keys = keys
    this.edition = edition
  }

  decisionOf (rule: PolicyRule): Decision | undefined {
    return rule === this.#rule ? this.#decision : this.#others?.get(rule)
  }

  remember (rule: PolicyRule, decision: Decision): void {
    if (this.#rule === undefined) {
      this.#rule = rule
      this.#decision = decision
    } else {
      this.#others ??= new Map()
      if (this.#others.size < MOST_OTHERS) this.#others.set(rule, decision)
    }
  }

  /** The rules that are asked were loaded anew: what older ones said is of no use any more. */
  moveTo (edition: object): void {
    this.edition = edition
    this.#rule = this.#decision = this.#others = undefined
  }
}

/** How many more rules' decisions are remembered for one token: their findings are not counted in the cache's size. */
const MOST_OTHERS = 99

/** What an entry takes in bytes for one of its token: the token itself, its claims, the principal. Measured, rounded up. */
const PER_TOKEN_BYTE = 2
const PER_ENTRY = 600

export function createPrincipalCaches ({ max, max_size: maxSize }: CacheBounds, now: () => number): PrincipalCaches {
  // With a `max` of its own it would set aside room for all of them at once: 20 ms, and 3 MB, for tokens that may never come.
  const entries = new LRUCache<string, Kept>({ maxSize, sizeCalculation: ({ token }) => PER_ENTRY + PER_TOKEN_BYTE * token.length })

  function holds ({ from, until, key, keys }: Kept, time: number, trusted: ReadonlySet<KeyStore>): boolean {
    return time < until && time >= from && trusted.has(keys) && keys.holds(key)
  }

  return {
    of (trusted) {
      const stores = new Set(trusted)
      return {
        find (token) {
          const key = keyOf(token)
          const entry = entries.get(key)
          // Two tokens that differ in one bit are two, whatever they are kept under.
          if (entry === undefined || entry.token !== token) return undefined
          const time = now()
          if (holds(entry, time, stores)) {
            if (entry.edition !== stores) entry.moveTo(stores)
            return entry
          }
          // Before its time, or while its issuer's keys are too old, it is verified as if it were new; past its end it goes.
          if (time >= entry.until) entries.delete(key)
          return undefined
        },
        keep (token, verified) {
          const entry = new Kept(token, verified, stores)
          entries.set(keyOf(token), entry)
          if (entries.size > max) entries.pop()
          return entry
        }
      }
    },
    size: () => entries.size
  }
}

// The end of the signature tells tokens apart as well as the whole, and to hash it costs a tenth.
function keyOf (token: string): string {
  return token.slice(-64)
}
