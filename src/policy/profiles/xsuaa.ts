import { ownClaim, type Claims } from '../claims.ts'
import { has, isOneOf, proof, text, texts, type Seen } from './evidence.ts'
import { defineProfile } from './profile.ts'

const USER_GRANTS = ['authorization_code', 'password', 'urn:ietf:params:oauth:grant-type:saml2-bearer', 'urn:ietf:params:oauth:grant-type:jwt-bearer'] as const
// What UAA writes into ID tokens, and was not seen in an access token.
const OF_A_LOGIN = ['nonce', 'amr', 'acr', 'email_verified', 'previous_logon_time'] as const

/**
 * SAP XSUAA and Cloud Foundry UAA. UAA's ID tokens carry `cid`, `grant_type`, `user_id` and the scope `openid` like an
 * access token, its refresh tokens all but the scope: what else they carry tells them apart. A token's `jku` header is
 * never followed.
 *
 * Source: cloudfoundry/uaa `oauth/openid/IdToken.java`, `IdTokenCreator.java`, `oauth/refresh/RefreshTokenCreator.java`;
 * SAP BTP samples.
 */
export const xsuaa = defineProfile({
  name: 'xsuaa',
  knownUrl: ({ hostname }) => /\.authentication\.(?:[a-z0-9-]+\.)?hana\.ondemand\.com$/.test(hostname),
  clientClaims: ['cid'],
  access: [
    proof('cid', 'cid, grant_type and scope, from a token endpoint: an access token', (claims, seen) =>
      seen.client !== undefined && !has(claims, ...OF_A_LOGIN) && !isForTheClientAlone(seen) && text(claims, 'grant_type') !== undefined && Array.isArray(ownClaim(claims, 'scope')) &&
      text(claims, 'iss')?.endsWith('/oauth/token') === true)
  ],
  id: [
    proof('scope', 'the scope openid alone, for no one but the client: an ID token', (_claims, seen) => isForTheClientAlone(seen)),
    ...OF_A_LOGIN.map(name => proof(name, 'of a login: an ID token', claims => has(claims, name))),
    proof('scope', 'no scope: an ID token', claims => !has(claims, 'scope'))
  ],
  refresh: [
    proof('granted_scopes', 'the scopes to grant anew: a refresh token', claims => has(claims, 'granted_scopes')),
    proof('jti', 'jti ends in -r: a refresh token', claims => text(claims, 'jti')?.endsWith('-r') === true)
  ],
  user: [
    proof('user_id', 'a user, by the grant of a user', claims => text(claims, 'user_id') !== undefined && isOneOf(claims, 'grant_type', ...USER_GRANTS))
  ],
  client: [
    proof('grant_type', 'client-credentials grant, without a user', claims =>
      isOneOf(claims, 'grant_type', 'client_credentials') && !has(claims, 'user_id', 'user_name'))
  ]
})

// A client's own token may be for itself; it is never an ID token.
function isForTheClientAlone ({ claims, audience, client }: Seen): boolean {
  const scopes = texts(claims, 'scope')
  return !isClientGrant(claims) && scopes.every(scope => scope === 'openid') && audience.every(name => name === client)
}

function isClientGrant (claims: Claims): boolean {
  return isOneOf(claims, 'grant_type', 'client_credentials')
}
