import { has, proof, text, texts } from './evidence.ts'
import { defineProfile } from './profile.ts'

/**
 * authentik. An access token is an ID token's payload with `azp` and `uid`, `nonce` and the client as audience included.
 * Nothing marks a machine's but what is missing: `client_when` must.
 *
 * Source: goauthentik/authentik `authentik/providers/oauth2/id_token.py`, `views/token.py`.
 */
export const authentik = defineProfile({
  name: 'authentik',
  knownUrl: ({ pathname }) => /^\/application\/o\/[^/]+\/?$/.test(pathname),
  clientClaims: ['azp'],
  access: [
    proof('uid', 'uid and azp: an access token', claims => text(claims, 'uid') !== undefined && text(claims, 'azp') !== undefined)
  ],
  id: [proof('uid', 'neither uid nor azp: an ID token', claims => !has(claims, 'uid', 'azp'))],
  user: [
    proof('amr', 'how the user logged in', claims => texts(claims, 'amr').length > 0),
    proof('sid', 'a login session', claims => text(claims, 'sid') !== undefined)
  ]
})
