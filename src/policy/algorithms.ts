/** The asymmetric algorithms of RFC 7518 section 3.1 and RFC 8037 that the runtime verifies. Never `none`, never HMAC. */
export const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'] as const
export type Algorithm = typeof ALGORITHMS[number]
