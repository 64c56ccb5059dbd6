import { has, isOneOf, proof, text } from './evidence.ts'
import { defineProfile } from './profile.ts'

/**
 * Amazon Cognito. Its access tokens name no audience, so that the issuer lists `allowed_clients`; a machine's token
 * carries `auth_time` too.
 *
 * Source: Amazon Cognito developer guide, Understanding the access token; Understanding the identity (ID) token.
 */
export const cognito = defineProfile({
  name: 'cognito',
  needsAllowedClients: true,
  knownUrl: ({ hostname }) => /^cognito-idp\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?$/.test(hostname),
  clientClaims: ['client_id'],
  access: [proof('token_use', 'token_use says access token', claims => isOneOf(claims, 'token_use', 'access'))],
  id: [
    proof('token_use', 'token_use says ID token', claims => isOneOf(claims, 'token_use', 'id')),
    proof('cognito:username', 'only ID tokens carry cognito:username', claims => has(claims, 'cognito:username'))
  ],
  user: [proof('username', 'the name of a user of the pool', claims => text(claims, 'username') !== undefined)],
  client: [
    proof('sub', 'the subject is the client itself', (_claims, { subject, client }) => subject !== undefined && subject === client)
  ]
})
