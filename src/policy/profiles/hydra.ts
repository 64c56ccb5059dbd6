import { ownClaim, type Claims } from '../claims.ts'
import { has, proof, text } from './evidence.ts'
import { defineProfile, FOR_THE_CLIENT, isUnder } from './profile.ts'

/**
 * Ory Hydra with the JWT access token strategy; by default its access tokens are opaque.
 *
 * Source: ory/hydra `oauth2/handler.go`, `oauth2/session.go`; ory/fosite `token/jwt`. The consent app picks a user's `sub`,
 * the client-credentials grant sets it to the client.
 */
export const hydra = defineProfile({
  name: 'hydra',
  knownUrl: url => isUnder(url, 'oryapis.com'),
  clientClaims: ['client_id'],
  access: [
    proof('client_id', 'client_id with scp or scope: an access token', (claims, { client }) => client !== undefined && saysScopes(claims))
  ],
  id: [
    FOR_THE_CLIENT,
    // The consent app may add claims to an ID token, client_id among them, but cannot take these away.
    ...['rat', 'sid', 'auth_time', 'nonce'].map(name => proof(name, 'of a login: an ID token', claims => has(claims, name)))
  ],
  user: [
    proof('sub', 'a subject other than the client', (_claims, { subject, client }) =>
      subject !== undefined && client !== undefined && subject !== client)
  ],
  client: [
    proof('sub', 'the subject is the client itself', (_claims, { subject, client }) => subject !== undefined && subject === client)
  ]
})

// A client that asked for no scope has an empty array.
function saysScopes (claims: Claims): boolean {
  return ['scp', 'scope'].some(name => text(claims, name) !== undefined || Array.isArray(ownClaim(claims, name)))
}
