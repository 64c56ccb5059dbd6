import type { IssuedToken } from './token-endpoint.ts'

/** Where neither the answer nor the token says when it ends. */
const DEFAULT_LIFE = 5 * 60_000

/**
 * The earlier of what the answer says and what the token itself says; an opaque token says nothing.
 * @param asked ms since the epoch
 */
export function endOf ({ accessToken, expiresIn }: IssuedToken, asked: number): number {
  const byAnswer = expiresIn === undefined ? undefined : asked + expiresIn * 1000
  const byToken = expiryOf(accessToken)
  if (byAnswer === undefined && byToken === undefined) return asked + DEFAULT_LIFE
  return Math.min(byAnswer ?? Infinity, byToken ?? Infinity)
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
