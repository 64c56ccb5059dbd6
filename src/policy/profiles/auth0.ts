import { ownClaim, type Claims } from '../claims.ts'
import { has, isOneOf, proof, strong, text, texts, words, type Seen } from './evidence.ts'
import { AT_JWT, defineProfile, FOR_THE_CLIENT, isUnder, NONCE } from './profile.ts'

const GRANT = ['client-credentials', 'client_credentials'] as const

/**
 * Auth0, both of its access token profiles.
 *
 * Source: Auth0 docs, Access Token Profiles; ID Token Structure; Create Custom Claims (`gty` is a restricted claim);
 * Agent identity in tokens.
 */
export const auth0 = defineProfile({
  name: 'auth0',
  knownUrl: url => isUnder(url, 'auth0.com'),
  clientClaims: ['azp', 'client_id'],
  access: [
    AT_JWT,
    proof('azp', 'azp, a grant and an audience other than the client: an access token', (claims, seen) =>
      seen.type === 'jwt' && has(claims, 'azp') && seen.client === text(claims, 'azp') && seen.audience.length > 0 && saysGrant(claims, seen))
  ],
  id: [
    FOR_THE_CLIENT,
    NONCE,
    proof('sid', 'the session of a login: an ID token', (claims, { type }) => type !== 'at+jwt' && has(claims, 'sid'))
  ],
  user: [
    proof('sub', 'sub is a connection and a user id (connection|id)', (_claims, { subject }) => /^[^|]+\|./s.test(subject ?? ''))
  ],
  client: [
    proof('gty', 'client-credentials grant', claims => isOneOf(claims, 'gty', ...GRANT)),
    // Whether Auth0 ever writes an array was not seen.
    strong('gty', 'client-credentials is among the grants', claims => texts(claims, 'gty').some(grant => GRANT.some(one => one === grant))),
    // A user id of a custom database may end in @clients too: only the whole, and without a pipe, is a client's.
    proof('sub', 'sub is the client with @clients', (_claims, seen) => isClientSubject(seen))
  ],
  agent: [
    proof('sub_profile', 'the subject is a service of an agent', claims => words(claims, 'sub_profile').includes('service'))
  ],
  anonymous: [
    proof('sub', 'an anonymous session', (_claims, { subject }) => subject?.startsWith('anon@') ?? false)
  ]
})

function saysGrant (claims: Claims, seen: Seen): boolean {
  return text(claims, 'scope') !== undefined || Array.isArray(ownClaim(claims, 'permissions')) || text(claims, 'gty') !== undefined || isClientSubject(seen)
}

function isClientSubject ({ subject, client }: Seen): boolean {
  return client !== undefined && subject === `${client}@clients` && !subject.includes('|')
}
