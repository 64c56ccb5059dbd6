import { within } from '../common/memo.ts'
import type { ConfigurationState, FetchState } from './snapshot.ts'

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] }

/** What happened beside requests, counted, with the last of each kind: by the names of gateway.yaml, so it is bounded. */
export class Occurrences {
  readonly #now: () => number
  readonly #keys = new Map<string, Mutable<FetchState>>()
  readonly #tokens = new Map<string, Mutable<FetchState>>()
  readonly #shared = new Map<string, number>()
  readonly #reloads: Mutable<ConfigurationState['reloads']> = { adopted: 0, unchanged: 0, rejected: 0 }
  #adoptedAt: number
  #store: { readonly problem: string | undefined, readonly changedAt: number } | undefined

  /** @param now ms since the epoch */
  constructor (now: () => number) {
    this.#now = now
    this.#adoptedAt = now()
  }

  /** Keys were fetched. @param problem in fixed words, where they were not had */
  keyFetch (issuer: string, problem: string | undefined): void {
    note(within(this.#keys, issuer, none), this.#now(), problem)
  }

  tokenFetch (upstream: string, problem: string | undefined): void {
    note(within(this.#tokens, upstream, none), this.#now(), problem)
  }

  tokenShared (upstream: string): void {
    this.#shared.set(upstream, this.sharedTokensOf(upstream) + 1)
  }

  reload (outcome: keyof ConfigurationState['reloads']): void {
    this.#reloads[outcome]++
    if (outcome === 'adopted') this.#adoptedAt = this.#now()
  }

  /** The store came or went. */
  storeChanged (up: boolean, problem: string): void {
    this.#store = { problem: up ? undefined : problem, changedAt: this.#now() }
  }

  keyFetchesOf (issuer: string): FetchState {
    return { ...this.#keys.get(issuer) ?? none() }
  }

  tokenFetchesOf (upstream: string): FetchState {
    return { ...this.#tokens.get(upstream) ?? none() }
  }

  sharedTokensOf (upstream: string): number {
    return this.#shared.get(upstream) ?? 0
  }

  get reloads (): Pick<ConfigurationState, 'adoptedAt' | 'reloads'> {
    return { adoptedAt: this.#adoptedAt, reloads: { ...this.#reloads } }
  }

  get store (): { readonly problem: string | undefined, readonly changedAt: number | undefined } {
    return this.#store ?? { problem: undefined, changedAt: undefined }
  }
}

const none = (): Mutable<FetchState> => ({ ok: 0, failed: 0, lastAt: undefined, problem: undefined, failedAt: undefined })

function note (state: Mutable<FetchState>, at: number, problem: string | undefined): void {
  state.lastAt = at
  if (problem === undefined) {
    state.ok++
  } else {
    state.failed++
    state.failedAt = at
    state.problem = problem
  }
}
