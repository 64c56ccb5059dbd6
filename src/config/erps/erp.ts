/**
 * What one kind of ERP takes from a request beside its path, its body and the gateway's credential: who is calling, for
 * whom, by which method. Nothing of that is a caller's to say. Each entry is from the vendor's own documents, which the
 * profile's comment names.
 */
export interface ErpProfile {
  readonly name: string
  /** request headers that never reach it, as the vendor spells them */
  readonly headers: readonly string[]
  /** query parameters that are refused; lower case */
  readonly query: readonly string[]
  /** query parameters that make another method of a request; lower case */
  readonly methodOverrides: readonly string[]
  /** headers of its answers that never reach a caller */
  readonly answerHeaders: readonly string[]
  /** ms: a little longer than it works at a request itself, so that its own word about that arrives; undefined is the usual */
  readonly timeout: number | undefined
  /** what in a path is the root of a service that gives sessions with CSRF tokens; undefined where it wants none */
  readonly csrfService: RegExp | undefined
  /** true for URLs of the vendor's cloud; `check` warns where such an upstream leaves `erp` out */
  readonly knownUrl: (url: URL) => boolean
}

/** A profile from what it has. */
export function defineErp (given: Pick<ErpProfile, 'name'> & Partial<ErpProfile>): ErpProfile {
  return Object.freeze({ headers: [], query: [], methodOverrides: [], answerHeaders: [], timeout: undefined, csrfService: undefined, knownUrl: () => false, ...given })
}

/** So much longer than the vendor's own limit. */
export const GRACE = 5000
