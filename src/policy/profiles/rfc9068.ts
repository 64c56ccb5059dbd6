import { ownClaim, type Claims } from '../claims.ts'
import { has, hasLoginTime, proof, text, texts } from './evidence.ts'
import { AT_JWT, defineProfile } from './profile.ts'

/**
 * Any issuer that follows RFC 9068, and the default. Many leave `auth_time`, `acr` and `amr` out: their users are
 * unknown until `user_when` says how to know them.
 *
 * Source: RFC 9068 sections 2.1 (typ), 2.2 (`sub` of a client that acts for itself), 2.2.1 (auth_time, acr, amr).
 */
export const rfc9068 = defineProfile({
  name: 'rfc9068',
  clientClaims: ['client_id'],
  access: [AT_JWT],
  user: [
    proof('sub', 'a subject other than the client, with auth_time, acr or amr of a login', (claims, { subject, client }) =>
      subject !== undefined && client !== undefined && subject !== client && saysLogin(claims))
  ],
  client: [
    proof('sub', 'the subject is the client itself, and nothing tells of a login', (claims, { subject, client }) =>
      subject !== undefined && subject === client && !has(claims, 'auth_time', 'acr', 'amr'))
  ]
})

function saysLogin (claims: Claims): boolean {
  const methods = ownClaim(claims, 'amr')
  return hasLoginTime(claims) || text(claims, 'acr') !== undefined ||
    (Array.isArray(methods) && methods.length > 0 && texts(claims, 'amr').length === methods.length)
}
