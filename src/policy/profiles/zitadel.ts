import { has, proof, text } from './evidence.ts'
import { defineProfile, isUnder } from './profile.ts'

const OF_A_LOGIN = ['auth_time', 'amr', 'acr', 'nonce'] as const

/**
 * Zitadel, applications with access tokens of type JWT. Nothing in them tells a human from a service user: `user_when`
 * and `client_when` must, by a claim that an Action adds.
 *
 * Source: zitadel/zitadel `docs/docs/apis/openidoauth/claims.md` (`jti` only in access tokens, the others only in ID
 * tokens).
 */
export const zitadel = defineProfile({
  name: 'zitadel',
  knownUrl: url => isUnder(url, 'zitadel.cloud'),
  clientClaims: ['client_id', 'azp'],
  access: [
    proof('jti', 'jti, and nothing of a login: an access token', claims => text(claims, 'jti') !== undefined && !has(claims, ...OF_A_LOGIN))
  ],
  id: OF_A_LOGIN.map(name => proof(name, 'of a login: an ID token', claims => has(claims, name)))
})
