import type { IssuedToken } from './token-endpoint.ts'

/** Where neither the answer nor the token says when it ends. */
const DEFAULT_LIFE = 5 * 60_000

/** When a token ends, in ms since the epoch, and what says so. */
export interface TokenEnd {
  readonly at: number
  readonly by: 'expires_in' | 'exp' | 'neither'
}

/**
 * The earlier of what the answer says and what the token itself says; an opaque token says nothing.
 * @param asked ms since the epoch
 */
export function endOf ({ accessToken, expiresIn }: IssuedToken, asked: number): TokenEnd {
  const byAnswer = expiresIn === undefined ? Infinity : asked + expiresIn * 1000
  const byToken = expiryOf(accessToken) ?? Infinity
  if (byAnswer === Infinity && byToken === Infinity) return { at: asked + DEFAULT_LIFE, by: 'neither' }
  return byToken < byAnswer ? { at: byToken, by: 'exp' } : { at: byAnswer, by: 'expires_in' }
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
