import { has, proof, strong } from './evidence.ts'
import { AT_JWT, defineProfile, isUnder } from './profile.ts'

/**
 * Duende IdentityServer and its like: a client's own token has no `sub`, by design.
 *
 * Source: Duende docs, Tokens; DuendeSoftware/Support #888, IdentityServer4 #2362 and #2662. A client that was given a
 * static `sub` claim looks like a user: give it none.
 */
export const duende = defineProfile({
  name: 'duende',
  knownUrl: url => isUnder(url, 'duendesoftware.com'),
  clientClaims: ['client_id'],
  access: [AT_JWT],
  user: [proof('sub', 'a subject, which only a user\'s token has', (_claims, { subject }) => subject !== undefined)],
  client: [
    proof('client_id', 'a client and no subject', (claims, { client }) => client !== undefined && !has(claims, 'sub')),
    strong('sub', 'the subject is the client', (_claims, { subject, client }) => subject !== undefined && subject === client)
  ]
})
