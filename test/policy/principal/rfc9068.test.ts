import { ID_TOKENS } from './id-tokens.ts'
import { issuer, table, token, type Json } from './table.ts'

const AT = { typ: 'at+jwt' }
const user = { iss: 'https://as.example.com', sub: 'ann', client_id: 'saas', aud: 'https://api', jti: 'j', scope: 'openid write:address', auth_time: 1_700_000_000 }
const client = { ...user, sub: 'saas', scope: 'write:address', auth_time: undefined }
const at = (claims: Json) => token(claims, AT)

table(issuer('rfc9068'), [
  ['auth_time of a subject other than the client is a user', at(user), 'access', 'user'],
  ['acr does as well', at({ ...user, auth_time: undefined, acr: '0' }), 'access', 'user'],
  ['amr does as well', at({ ...user, auth_time: undefined, amr: ['pwd', 'otp'] }), 'access', 'user'],
  ['a subject that is the client is a client', at(client), 'access', 'client'],
  ['a client needs no scope to be one', at({ ...client, scope: undefined }), 'access', 'client'],
  ['without auth_time, acr and amr a subject proves nothing', at({ ...user, auth_time: undefined }), 'access', 'unknown'],
  ['a client that logged in is a contradiction', at({ ...client, auth_time: 1 }), 'access', 'unknown'],
  ['auth_time null is no login, and no absence of one either', at({ ...client, auth_time: null }), 'access', 'unknown'],
  ['auth_time as a string proves no login', at({ ...user, auth_time: '1700000000' }), 'access', 'unknown'],
  ['an empty acr proves no login', at({ ...user, auth_time: undefined, acr: '' }), 'access', 'unknown'],
  ['amr with anything but strings proves no login', at({ ...user, auth_time: undefined, amr: ['pwd', 1] }), 'access', 'unknown'],
  ['an empty amr proves no login', at({ ...user, auth_time: undefined, amr: [] }), 'access', 'unknown'],
  ['no client_id, no user', at({ ...user, client_id: undefined }), 'access', 'unknown'],
  ['no sub, no client', at({ ...client, sub: undefined }), 'access', 'unknown'],
  ['a sub that is no string is none', at({ ...user, sub: 7 }), 'access', 'unknown'],
  ['sub and client_id that are equal lists are no client', at({ ...client, sub: ['saas'], client_id: ['saas'] }), 'access', 'unknown'],
  ['a user through an actor stays a user', at({ ...user, act: { sub: 'agent' } }), 'access', 'user'],
  ['a client through an actor stays a client', at({ ...client, act: { sub: 'other' } }), 'access', 'client'],
  ['an agent is an agent, with a login too', at({ ...user, sub_profile: 'ai_agent' }), 'access', 'agent'],
  ['an agent is an agent, whatever else it is', at({ ...client, sub_profile: 'service ai_agent' }), 'access', 'agent'],
  ['typ JWT is no access token', token(user), 'unknown', 'unknown'],
  ['no typ is no access token', token(user, {}), 'unknown', 'unknown'],
  ['an ID token is one', ID_TOKENS.rfc9068, 'id', 'unknown'],
  ['an ID token without nonce is one', token({ ...ID_TOKENS.rfc9068.claims, nonce: undefined }), 'id', 'unknown'],
  ['an ID token with scopes is no access token', token({ ...ID_TOKENS.rfc9068.claims, scope: 'write:address' }), 'id', 'unknown'],
  ['at_hash contradicts at+jwt', at({ ...user, at_hash: 'h' }), 'unknown', 'unknown'],
  ['c_hash contradicts at+jwt', at({ ...user, c_hash: 'h' }), 'unknown', 'unknown'],
  ['s_hash contradicts at+jwt', at({ ...client, s_hash: null }), 'unknown', 'unknown'],
  ['a logout token is one', token({ iss: user.iss, sub: 'ann', aud: 'saas', jti: 'j', events: { 'http://schemas.openid.net/event/backchannel-logout': {} } }, { typ: 'logout+jwt' }), 'logout', 'unknown'],
  ['events make a logout token of anything', at({ ...user, events: {} }), 'logout', 'unknown']
])
