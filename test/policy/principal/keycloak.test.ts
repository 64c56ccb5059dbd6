import t from 'tap'
import { classify } from '../../../src/policy/principal.ts'
import { ID_TOKENS } from './id-tokens.ts'
import { issuer, table, token } from './table.ts'

const iss = 'https://kc/realms/r'
const user = { jti: 'onrtac:1', iss, aud: 'account', sub: 'u', typ: 'Bearer', azp: 'spa', sid: 's', acr: '1', preferred_username: 'ann', scope: 'openid email profile' }
const client = { jti: 'trrtcc:1', iss, aud: 'account', sub: 'sa', typ: 'Bearer', azp: 'Svc', acr: '1', scope: 'email profile', clientHost: '10.0.0.1', client_id: 'Svc', preferred_username: 'service-account-svc', email_verified: false }
const old = { ...client, jti: 'c1d2' }

table(issuer('keycloak'), [
  ['a session is a user', token(user), 'access', 'user'],
  ['a user\'s token may be DPoP-bound', token({ ...user, typ: 'DPoP' }), 'access', 'user'],
  ['the header\'s at+jwt changes nothing', token(user, { typ: 'at+jwt' }), 'access', 'user'],
  ['a user without profile and service_account scope is a user', token({ ...user, preferred_username: undefined, scope: 'erp' }), 'access', 'user'],
  ['a refreshed user is a user', token({ ...user, jti: 'onrtrt:1' }), 'access', 'user'],
  ['a user before 26.2 is a user', token({ ...user, jti: 'c1d2' }), 'access', 'user'],
  ['an offline session is a user\'s', token({ ...user, jti: 'ofrtro:1' }), 'access', 'user'],
  ['the grant in jti is a client', token(client), 'access', 'client'],
  ['a lightweight client token is a client', token({ ...client, jti: 'trltcc:1' }), 'access', 'client'],
  ['a client without the service_account scope is a client', token({ ...client, client_id: undefined, preferred_username: undefined, acr: undefined, scope: 'community.read' }), 'access', 'client'],
  ['a client with a session of its own is a client', token({ ...client, jti: 'onrtcc:1', sid: 's' }), 'access', 'client'],
  ['a client before 26.2 is a client', token(old), 'access', 'client'],
  ['a client before 26.2 with a session is not taken for a user', token({ ...old, sid: 's' }), 'access', 'unknown'],
  ['a refreshed client with a session is not taken for a user', token({ ...client, jti: 'onrtrt:1', sid: 's' }), 'access', 'unknown'],
  ['an exchanged token of a service account is not taken for a user', token({ ...client, jti: 'onrtte:1', sid: 's' }), 'access', 'unknown'],
  ['a user who took a service account\'s name is no client', token({ ...user, preferred_username: 'service-account-spa' }), 'access', 'user'],
  ['a service account\'s name alone is no client', token({ ...old, client_id: undefined }), 'access', 'unknown'],
  ['another client\'s service account is no client', token({ ...old, preferred_username: 'service-account-other' }), 'access', 'unknown'],
  ['client_id of another client is no client', token({ ...old, client_id: 'other' }), 'access', 'unknown'],
  ['a code grant and a service account contradict each other', token({ ...client, jti: 'onrtac:1' }), 'access', 'unknown'],
  ['no session, no user', token({ ...user, sid: undefined }), 'access', 'unknown'],
  ['a sid that is no string is no session', token({ ...user, sid: { s: 1 } }), 'access', 'unknown'],
  ['a jti that only contains the grant proves nothing', token({ ...client, jti: 'x-trrtcc:1', client_id: undefined }), 'access', 'unknown'],
  ['an unknown token type in jti proves nothing', token({ ...client, jti: 'truncc:1', client_id: undefined }), 'access', 'unknown'],
  ['a user through an actor is a user', token({ ...user, act: { sub: 'svc' } }), 'access', 'user'],
  ['an ID token is one', ID_TOKENS.keycloak, 'id', 'unknown'],
  ['the ID token of client credentials is one', token({ ...client, typ: 'ID' }), 'id', 'unknown'],
  ['at+jwt does not make an access token of it', token({ ...user, typ: 'ID' }, { typ: 'at+jwt' }), 'id', 'unknown'],
  ['a refresh token is one', token({ ...user, typ: 'Refresh' }), 'refresh', 'unknown'],
  ['an offline token is a refresh token', token({ ...user, typ: 'Offline' }), 'refresh', 'unknown'],
  ['a logout token is one', token({ ...user, typ: 'Logout' }), 'logout', 'unknown'],
  ['no typ claim is no access token', token({ ...user, typ: undefined }), 'unknown', 'unknown'],
  ['no typ claim is no access token, whatever the header says', token({ ...user, typ: undefined }, { typ: 'at+jwt' }), 'unknown', 'unknown'],
  ['another typ claim is no access token', token({ ...user, typ: 'Registration' }), 'unknown', 'unknown'],
  ['a list of typ claims is no access token', token({ ...user, typ: ['Bearer'] }), 'unknown', 'unknown'],
  ['letter case of the typ claim counts', token({ ...user, typ: 'bearer' }), 'unknown', 'unknown'],
  ['at_hash contradicts an access token', token({ ...user, at_hash: 'h' }), 'unknown', 'unknown']
])

t.test('realm roles are plain, a client\'s carry its name', async t => {
  const { roles } = classify(issuer('keycloak'), token({
    ...user,
    roles: ['not-keycloaks'],
    realm_access: { roles: ['clerk', 7, '', null] },
    resource_access: { 'my-api': { roles: ['clerk', 'boss'] }, account: { roles: 'manage' }, broken: null }
  }))
  t.same(roles, ['clerk', 'my-api:clerk', 'my-api:boss'])
})

t.test('the evidence names the grant that decided', async t => {
  const { evidence } = classify(issuer('keycloak'), token(client))
  t.match(evidence.find(({ claim }) => claim === 'jti'), { value: 'trrtcc:1', strength: 'proof' })
})
