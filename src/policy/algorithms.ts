/** The asymmetric algorithms of RFC 7518 section 3.1 and RFC 8037 that the runtime verifies. Never `none`, never HMAC. */
export const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'] as const
export type Algorithm = typeof ALGORITHMS[number]

/** What the gateway's own keys sign by. */
export const SIGNING_ALGORITHMS = ['RS256', 'PS256', 'ES256'] as const
export type SigningAlgorithm = typeof SIGNING_ALGORITHMS[number]

/** What of a private key tells by which algorithms it may sign, as node:crypto names it. */
export interface KeyKind {
  readonly asymmetricKeyType?: string | undefined
  readonly asymmetricKeyDetails?: { readonly modulusLength?: number | undefined, readonly namedCurve?: string | undefined } | undefined
}

/** The algorithms that a key may sign by, the usual one first; none for a key that is to sign nothing (RFC 7518 sections 3.3 to 3.5). */
export function signingAlgorithms ({ asymmetricKeyType: type, asymmetricKeyDetails: { modulusLength = 0, namedCurve } = {} }: KeyKind): readonly SigningAlgorithm[] {
  if (type === 'rsa') return modulusLength >= 2048 ? ['RS256', 'PS256'] : []
  return type === 'ec' && namedCurve === 'prime256v1' ? ['ES256'] : []
}
