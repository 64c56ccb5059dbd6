import type { Principal } from '../../src/policy/principal.ts'
import type { CheckContext } from '../../src/policy/require.ts'

/** 2026-01-01, in seconds */
export const NOW = Date.UTC(2026, 0, 1) / 1000

export const context: CheckContext = { now: NOW * 1000, request: { method: 'GET', path: '/a/7', params: { id: '7' }, address: '192.0.2.1' } }

/** A user's access token of issuer `main`, from the client `saas`; say what should differ. */
export function userOf (changes: Partial<Principal> = {}): Principal {
  return {
    tokenKind: 'access',
    kind: 'user',
    issuer: 'main',
    subject: 'user-1',
    client: 'saas',
    scopes: ['openid'],
    permissions: [],
    roles: [],
    claims: {},
    evidence: [],
    ...changes
  }
}

export function clientOf (changes: Partial<Principal> = {}): Principal {
  return userOf({ kind: 'client', subject: 'saas', ...changes })
}
