import { has, hasLoginTime, proof, strong, text } from './evidence.ts'
import { AT_JWT, defineProfile, FOR_THE_CLIENT, NONCE } from './profile.ts'

/**
 * PingOne. The header's `typ` is optional until 2027-03-02, when it becomes `at+jwt` for all.
 *
 * Source: developer.pingidentity.com, PingOne, Token claims (`auth_time` and `acr` are not present for client
 * credentials).
 */
export const pingone = defineProfile({
  name: 'pingone',
  knownUrl: ({ hostname }) => /^auth\.pingone\.(?:com|eu|ca|asia|sg|com\.au)$/.test(hostname),
  clientClaims: ['client_id'],
  access: [
    AT_JWT,
    proof('client_id', 'client_id and scope, for an audience other than the client: an access token', (claims, { type, client, audience }) =>
      type === 'jwt' && client !== undefined && text(claims, 'scope') !== undefined && audience.length > 0)
  ],
  id: [FOR_THE_CLIENT, NONCE],
  user: [
    proof('auth_time', 'the time of a login', claims => hasLoginTime(claims)),
    proof('acr', 'how the user logged in', claims => text(claims, 'acr') !== undefined)
  ],
  client: [
    proof('client_id', 'no login, and no subject but the client', (claims, { subject, client }) =>
      client !== undefined && !has(claims, 'auth_time', 'acr') && (!has(claims, 'sub') || subject === client)),
    strong('sub', 'the subject is the client', (claims, { subject, client }) =>
      subject !== undefined && subject === client && has(claims, 'auth_time', 'acr'))
  ]
})
