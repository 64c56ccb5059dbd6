import type { Limit } from './deadline.ts'

/** An answer as a caller had it, to be given to whoever repeats the request. */
export interface KeptAnswer {
  readonly status: number
  /** flat; less those of one request or one connection */
  readonly headers: readonly string[]
  readonly body: Buffer
}

/**
 * What becomes of a write in the end: its answer is kept; or it was not carried out, and the next one may be; or nobody
 * knows, and it must not be sent again.
 */
export type Settled =
  | { readonly kind: 'kept', readonly answer: KeptAnswer }
  | { readonly kind: 'free' }
  | { readonly kind: 'unknown' }

/** What is known of a write. `print` is the fingerprint of the request that was the first. */
export type Begun =
  /** Nothing: it is the asker's to carry out, and to settle, once. */
  | { readonly kind: 'first', readonly settle: (settled: Settled) => Promise<void> }
  /** Somebody carries it out. */
  | { readonly kind: 'busy', readonly print: string, readonly whenOver: (onOver: () => void) => Limit }
  | { readonly kind: 'kept', readonly print: string, readonly answer: KeptAnswer }
  /** @property print undefined where what was left cannot be read */
  | { readonly kind: 'unknown', readonly print: string | undefined }

/** Remembers writes that may be repeated. */
export interface WriteStore {
  /**
   * Finds a write, or takes it where nothing is known of it: of many who ask for one at once, one is the first.
   * @param name all that tells it from another one; a secret
   * @param print the fingerprint of this request
   * @param ttl ms for which it is remembered
   * @throws {Refusal} store-unavailable, overloaded
   */
  begin (name: string, print: string, ttl: number): Begun | Promise<Begun>
}
