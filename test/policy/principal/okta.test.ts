import { ID_TOKENS } from './id-tokens.ts'
import { issuer, table, token, type Json } from './table.ts'

const iss = 'https://d.okta.com/oauth2/default'
const user = { ver: 1, jti: 'AT.1', iss, aud: 'api://default', cid: '0oa1', uid: '00u1', scp: ['openid', 'write:address'], auth_time: 1_700_000_000, sub: 'ann@example.com' }
const client = { ver: 1, jti: 'AT.1', iss, aud: 'api://default', cid: '0oa1', scp: ['write:address'], sub: '0oa1' }
const bare = (claims: Json) => token(claims, {})

table(issuer('okta'), [
  ['uid is a user', bare(user), 'access', 'user'],
  ['uid without auth_time is a user', bare({ ...user, auth_time: undefined }), 'access', 'user'],
  ['a subject that is the client, without uid, is a client', bare(client), 'access', 'client'],
  ['a typ of JWT changes nothing', token(client), 'access', 'client'],
  ['a subject other than the client, without uid, is nobody', bare({ ...client, sub: 'ann@example.com' }), 'access', 'unknown'],
  ['uid and the client as subject contradict each other', bare({ ...user, sub: '0oa1', auth_time: undefined }), 'access', 'unknown'],
  ['a uid that is no string is no absence of one', bare({ ...client, uid: 5 }), 'access', 'unknown'],
  ['a login of the client is a contradiction', bare({ ...client, auth_time: 1 }), 'access', 'unknown'],
  ['a user through an actor is a user', bare({ ...user, act: { sub: 'svc' } }), 'access', 'user'],
  ['an ID token is one', ID_TOKENS.okta, 'id', 'unknown'],
  ['an ID token with cid and scp is one', bare({ ...ID_TOKENS.okta.claims, cid: '0oa1', scp: ['openid'] }), 'id', 'unknown'],
  ['jti alone tells an ID token', bare({ ...user, jti: 'ID.1' }), 'id', 'unknown'],
  ['neither cid nor scp is an ID token', bare({ jti: '1', iss, sub: '00u1', aud: '0oa1' }), 'id', 'unknown'],
  ['amr is no access token', bare({ ...user, amr: ['pwd'] }), 'unknown', 'unknown'],
  ['idp is no access token', bare({ ...user, idp: '00o1' }), 'unknown', 'unknown'],
  ['another jti is no access token', bare({ ...user, jti: '1' }), 'unknown', 'unknown'],
  ['no cid is no access token', bare({ ...user, cid: undefined }), 'unknown', 'unknown'],
  ['no scp is no access token', bare({ ...user, scp: undefined }), 'unknown', 'unknown'],
  ['the org authorization server\'s token is for others', bare({ ...user, iss: 'https://d.okta.com', aud: 'https://d.okta.com' }), 'unknown', 'unknown'],
  ['so is one of its own type', token(user, { typ: 'application/okta-internal-at+jwt' }), 'unknown', 'unknown']
])
