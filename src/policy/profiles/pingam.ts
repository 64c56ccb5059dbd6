import { isOneOf, proof, text } from './evidence.ts'
import { defineProfile, isUnder } from './profile.ts'

const USER_GRANTS = ['authorization_code', 'password', 'urn:ietf:params:oauth:grant-type:device_code'] as const

/**
 * PingAM, PingOne Advanced Identity Cloud (ForgeRock), and what is built on it. Its access tokens may carry `nonce`,
 * and a machine's carries `auth_time`. After a refresh only a `sub` such as `(usr!ann)` tells who it is.
 *
 * Source: docs.pingidentity.com, PingAM OAuth 2.0 guide (stateless tokens; userinfo: subject claim).
 */
export const pingam = defineProfile({
  name: 'pingam',
  knownUrl: url => isUnder(url, 'forgeblocks.com') || url.hostname === 'account.demandware.com',
  clientClaims: ['client_id', 'aud'],
  access: [proof('tokenName', 'tokenName says access token', claims => isOneOf(claims, 'tokenName', 'access_token'))],
  id: [proof('tokenName', 'tokenName says ID token', claims => isOneOf(claims, 'tokenName', 'id_token'))],
  refresh: [proof('tokenName', 'tokenName says refresh token', claims => isOneOf(claims, 'tokenName', 'refresh_token'))],
  user: [
    proof('grant_type', 'the grant of a user', claims => isOneOf(claims, 'grant_type', ...USER_GRANTS)),
    proof('sub', 'the subject is of type usr', claims => /^\(usr!.+\)$/s.test(text(claims, 'sub') ?? ''))
  ],
  client: [
    proof('grant_type', 'client-credentials grant', claims => isOneOf(claims, 'grant_type', 'client_credentials')),
    proof('sub', 'the subject is of type age, an OAuth client', claims => /^\(age!.+\)$/s.test(text(claims, 'sub') ?? ''))
  ]
})
