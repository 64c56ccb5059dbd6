import { has, proof } from './evidence.ts'
import { AT_JWT, defineProfile, FOR_THE_CLIENT } from './profile.ts'

/**
 * PingFederate. What a token holds is mapped freely, so users are known by `user_when` alone; clients too where the
 * mapping leaves `sub` out. Without `access_token_when` only `at+jwt` is an access token.
 *
 * Source: PingFederate Administrator's Reference, JSON token management; a token of an RFC 8693 exchange, measured.
 */
export const pingfederate = defineProfile({
  name: 'pingfederate',
  clientClaims: ['client_id'],
  access: [AT_JWT],
  id: [FOR_THE_CLIENT],
  client: [
    proof('sub', 'the subject is the client itself, and nothing tells of a login', (claims, { subject, client }) =>
      subject !== undefined && subject === client && !has(claims, 'auth_time', 'acr', 'amr'))
  ]
})
