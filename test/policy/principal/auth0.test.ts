import { ID_TOKENS } from './id-tokens.ts'
import { issuer, table, token, type Json } from './table.ts'

const iss = 'https://t.eu.auth0.com/'
const user = { iss, sub: 'auth0|123', aud: ['https://api', `${iss}userinfo`], azp: 'app', scope: 'openid profile write:address' }
const client = { iss, sub: 'app@clients', aud: 'https://api', azp: 'app', scope: 'write:address', gty: 'client-credentials' }
const user9068 = { iss, sub: 'auth0|123', aud: 'https://api', client_id: 'app', jti: 'j', scope: 'openid write:address' }
const client9068 = { iss, sub: 'app@clients', aud: 'https://api', client_id: 'app', jti: 'j', scope: 'write:address' }
const at = (claims: Json) => token(claims, { typ: 'at+jwt' })

table(issuer('auth0'), [
  ['default profile: a pipe in sub is a user', token(user), 'access', 'user'],
  ['default profile: client-credentials is a client', token(client), 'access', 'client'],
  ['the grant may be written with an underscore', token({ ...client, gty: 'client_credentials' }), 'access', 'client'],
  ['the subject alone proves a client', token({ ...client, gty: undefined }), 'access', 'client'],
  ['the grant alone proves a client', token({ ...client, sub: 'other' }), 'access', 'client'],
  ['a client without a scope is one still', token({ ...client, scope: undefined }), 'access', 'client'],
  ['a client without scope and grant is one still', token({ ...client, scope: undefined, gty: undefined }), 'access', 'client'],
  ['permissions of RBAC without a scope are an access token', token({ ...user, scope: undefined, permissions: ['write:address'] }), 'access', 'user'],
  ['RFC 9068 profile: a pipe in sub is a user', at(user9068), 'access', 'user'],
  ['RFC 9068 profile: client@clients is a client', at(client9068), 'access', 'client'],
  ['a user from an enterprise connection is a user', token({ ...user, sub: 'samlp|acme|ann' }), 'access', 'user'],
  ['the password grant is a user', token({ ...user, gty: 'password' }), 'access', 'user'],
  ['the refresh-token grant is a user', token({ ...user, gty: 'refresh-token' }), 'access', 'user'],
  ['a user id that ends in @clients is a user', token({ ...user, sub: 'auth0|x@clients' }), 'access', 'user'],
  ['another client\'s id before @clients proves nothing', token({ ...client, sub: 'other@clients', gty: undefined }), 'access', 'unknown'],
  ['@clients with more behind it proves nothing', token({ ...client, sub: 'app@clients.example.com', gty: undefined }), 'access', 'unknown'],
  ['a user by client credentials is a contradiction', token({ ...user, gty: 'client-credentials' }), 'access', 'unknown'],
  ['a list of grants is no proof of a client', token({ ...client, sub: 'other', gty: ['client-credentials'] }), 'access', 'unknown'],
  ['a list of grants with client-credentials denies a user', token({ ...user, gty: ['client-credentials'] }), 'access', 'unknown'],
  ['a subject of neither form proves nothing', token({ ...user, sub: 'ann' }), 'access', 'unknown'],
  ['a pipe alone is no user id', token({ ...user, sub: '|' }), 'access', 'unknown'],
  ['an AI agent is an agent', at({ ...client9068, sub: 'agent_1', sub_profile: 'ai_agent', client_profile: 'service ai_agent' }), 'access', 'agent'],
  ['an agent\'s service is an agent', at({ ...client9068, sub_profile: 'service' }), 'access', 'agent'],
  ['a user through an agent is a user', at({ ...user9068, act: { sub: 'agent_1', act: { sub: 'agent_0' } } }), 'access', 'user'],
  ['an anonymous session is nobody', token({ ...user, sub: 'anon@session' }), 'access', 'unknown'],
  ['an anonymous session with a pipe is nobody', token({ ...user, sub: 'anon@session|1' }), 'access', 'unknown'],
  ['an ID token is one', ID_TOKENS.auth0, 'id', 'unknown'],
  ['an ID token without nonce and sid is one', token({ ...ID_TOKENS.auth0.claims, nonce: undefined, sid: undefined }), 'id', 'unknown'],
  ['an ID token with a scope is no access token', token({ ...ID_TOKENS.auth0.claims, nonce: undefined, sid: undefined, scope: 'write:address' }), 'unknown', 'unknown'],
  ['the client as the audience is no access token', token({ ...user, aud: 'app' }), 'unknown', 'unknown'],
  ['the client among the audiences is no access token', token({ ...user, aud: ['https://api', 'app'] }), 'unknown', 'unknown'],
  ['no audience is no access token', token({ ...user, aud: undefined }), 'unknown', 'unknown'],
  ['a nonce is no access token', token({ ...user, nonce: 'n' }), 'unknown', 'unknown'],
  ['a sid is no access token of the default profile', token({ ...user, sid: 's' }), 'unknown', 'unknown'],
  ['at_hash is no access token', token({ ...user, at_hash: 'h' }), 'unknown', 'unknown'],
  ['no azp is no access token of the default profile', token({ ...user, azp: undefined }), 'unknown', 'unknown'],
  ['a logout token is one', token({ iss, sub: 'auth0|123', aud: 'app', sid: 's', events: { 'http://schemas.openid.net/event/backchannel-logout': {} } }, { typ: 'logout+jwt' }), 'logout', 'unknown']
])
