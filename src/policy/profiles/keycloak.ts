import { isObject, ownClaim, type Claims } from '../claims.ts'
import { has, isOneOf, proof, strong, text, texts } from './evidence.ts'
import { defineProfile } from './profile.ts'

/**
 * Keycloak. Its `typ` claim tells the kinds apart in every version; the `jti` begins with session, token type and grant
 * since 26.2 (`trrtcc:`). After a refresh (`rt`) or an exchange (`te`) the grant says nothing about the principal.
 *
 * Source: keycloak/keycloak `core/…/util/TokenUtil.java`,
 * `services/…/protocol/oidc/encode/DefaultTokenContextEncoderProvider.java`, pull requests #37634 and #37573.
 */
export const keycloak = defineProfile({
  name: 'keycloak',
  knownUrl: ({ pathname }) => /\/realms\/[^/]+\/?$/.test(pathname),
  clientClaims: ['azp'],
  access: [
    proof('typ', 'the typ claim is an access token\'s', claims => isOneOf(claims, 'typ', 'Bearer', 'DPoP'))
  ],
  id: [proof('typ', 'the typ claim says ID token', claims => isOneOf(claims, 'typ', 'ID'))],
  refresh: [proof('typ', 'the typ claim says refresh token', claims => isOneOf(claims, 'typ', 'Refresh', 'Offline'))],
  logout: [proof('typ', 'the typ claim says logout token', claims => isOneOf(claims, 'typ', 'Logout'))],
  user: [
    proof('sid', 'a login session, and no client-credentials grant', claims => text(claims, 'sid') !== undefined && grantOf(claims) !== 'cc'),
    strong('jti', 'jti names the grant of a user', claims => hasUserGrant(claims))
  ],
  client: [
    proof('jti', 'jti names the client-credentials grant', claims => grantOf(claims) === 'cc'),
    // A user may have taken such a name: only with client_id, which a session note writes, and without a session.
    proof('preferred_username', 'the service account of the client, without a session', claims =>
      isServiceAccount(claims) && text(claims, 'client_id') === text(claims, 'azp') && !has(claims, 'sid')),
    // With "use refresh tokens for client credentials" a service account has a session, and its refreshed token grant `rt`.
    strong('preferred_username', 'the name of the client\'s service account', claims =>
      isServiceAccount(claims) && has(claims, 'sid') && !hasUserGrant(claims))
  ],
  roles: claims => [
    ...rolesIn(ownClaim(claims, 'realm_access')),
    ...eachClient(claims).flatMap(([client, access]) => rolesIn(access).map(role => `${client}:${role}`))
  ]
})

function grantOf (claims: Claims): string | undefined {
  return /^[a-z]{2}(?:rt|lt)([a-z]{2}):/.exec(text(claims, 'jti') ?? '')?.[1]
}

// Code, password, device, CIBA.
function hasUserGrant (claims: Claims): boolean {
  return ['ac', 'ro', 'dg', 'ci'].includes(grantOf(claims) ?? '')
}

function isServiceAccount (claims: Claims): boolean {
  const client = text(claims, 'azp')
  return client !== undefined && text(claims, 'preferred_username') === `service-account-${client.toLowerCase()}`
}

function eachClient (claims: Claims): ReadonlyArray<readonly [string, unknown]> {
  const clients = ownClaim(claims, 'resource_access')
  return isObject(clients) ? Object.entries(clients) : []
}

function rolesIn (access: unknown): readonly string[] {
  return isObject(access) ? texts(access, 'roles') : []
}
