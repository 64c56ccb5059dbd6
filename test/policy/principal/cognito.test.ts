import { ID_TOKENS } from './id-tokens.ts'
import { issuer, table, token, type Json } from './table.ts'

const iss = 'https://cognito-idp.eu-west-1.amazonaws.com/P'
const user = { sub: 'a-b-c', 'cognito:groups': ['clerks'], iss, version: 2, client_id: 'app', origin_jti: 'o', event_id: 'e', token_use: 'access', scope: 'openid erp/write', auth_time: 1_700_000_000, username: 'ann', jti: 'j' }
const client = { sub: 'svc', token_use: 'access', scope: 'erp/write', auth_time: 1_700_000_000, iss, iat: 1_700_000_000, version: 2, jti: 'j', client_id: 'svc' }
const bare = (claims: Json) => token(claims, {})

table(issuer('cognito'), [
  ['username is a user', bare(user), 'access', 'user'],
  ['a user of the SRP API is a user', bare({ ...user, scope: 'aws.cognito.signin.user.admin' }), 'access', 'user'],
  ['a subject that is the client is a client, in spite of auth_time', bare(client), 'access', 'client'],
  ['no username and another subject is nobody', bare({ ...user, username: undefined }), 'access', 'unknown'],
  ['a username that is no string is none', bare({ ...user, username: ['ann'] }), 'access', 'unknown'],
  ['a client with a username is a contradiction', bare({ ...client, username: 'svc' }), 'access', 'unknown'],
  ['an ID token is one', ID_TOKENS.cognito, 'id', 'unknown'],
  ['an ID token with scopes is one', bare({ ...ID_TOKENS.cognito.claims, scope: 'erp/write', client_id: 'app', username: 'ann', at_hash: undefined }), 'id', 'unknown'],
  ['cognito:username is no access token', bare({ ...user, 'cognito:username': 'ann' }), 'unknown', 'unknown'],
  ['no token_use is no access token', bare({ ...user, token_use: undefined }), 'unknown', 'unknown'],
  ['no token_use is no access token, whatever the header says', token({ ...user, token_use: undefined }, { typ: 'at+jwt' }), 'unknown', 'unknown'],
  ['a list of uses is no access token', bare({ ...user, token_use: ['access'] }), 'unknown', 'unknown']
])
