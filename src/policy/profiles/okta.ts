import { has, hasLoginTime, proof, strong, text, texts, type Seen } from './evidence.ts'
import { defineProfile, isUnder } from './profile.ts'

/**
 * Okta, custom authorization servers. A token of the org authorization server (its audience is its issuer) is for
 * Okta's own API alone.
 *
 * Source: Okta developer docs, OAuth claims (`uid` is left out where no user is bound to the token); OpenID Connect &
 * OAuth 2.0 API.
 */
export const okta = defineProfile({
  name: 'okta',
  knownUrl: url => isUnder(url, 'okta.com', 'oktapreview.com', 'okta-emea.com', 'okta-gov.com', 'okta.mil'),
  clientClaims: ['cid'],
  access: [
    proof('jti', 'jti begins with AT., with cid and scp: an access token', (claims, { client }) =>
      text(claims, 'jti')?.startsWith('AT.') === true && client !== undefined && texts(claims, 'scp').length > 0)
  ],
  id: [
    proof('jti', 'jti begins with ID.: an ID token', claims => text(claims, 'jti')?.startsWith('ID.') === true),
    proof('amr', 'how the user logged in: an ID token', claims => has(claims, 'amr', 'idp'))
  ],
  foreign: [
    proof('iss', 'the org authorization server\'s token is for Okta\'s own API: use a custom authorization server', (_claims, seen) => isOfOrgServer(seen))
  ],
  user: [
    proof('uid', 'a user is bound to the token', claims => text(claims, 'uid') !== undefined),
    strong('auth_time', 'the time of a login', claims => hasLoginTime(claims))
  ],
  client: [
    proof('sub', 'the subject is the client, and no user is bound to the token', (claims, { subject, client }) =>
      subject !== undefined && subject === client && !has(claims, 'uid')),
    strong('sub', 'the subject is the client, though a user is bound to the token', (claims, { subject, client }) =>
      subject !== undefined && subject === client && has(claims, 'uid'))
  ]
})

function isOfOrgServer ({ claims, audience }: Seen): boolean {
  const issuer = text(claims, 'iss') ?? ''
  return audience.includes(issuer) && URL.canParse(issuer) && new URL(issuer).pathname === '/'
}
