import { ID_TOKENS } from './id-tokens.ts'
import { issuer, table, token, type Json, type Row } from './table.ts'

const bare = (claims: Json) => token(claims, {})

const oracle = { iss: 'https://identity.oraclecloud.com/', aud: 'https://api', tok_type: 'AT', client_id: 'app', tenant: 't1', scope: 'erp', jti: 'j' }
const oracleUser = { ...oracle, sub: 'ann', sub_type: 'user', user_id: 'u1', gtp: 'azc' }
const oracleClient = { ...oracle, sub: 'app', sub_type: 'client', gtp: 'cc' }

table(issuer('oracle'), [
  ['Oracle: sub_type user is a user', bare(oracleUser), 'access', 'user'],
  ['Oracle: user_id alone is a user', bare({ ...oracleUser, sub_type: undefined, gtp: undefined }), 'access', 'user'],
  ['Oracle: sub_type client is a client', bare(oracleClient), 'access', 'client'],
  ['Oracle: sub_type alone is a client', bare({ ...oracleClient, gtp: undefined }), 'access', 'client'],
  ['Oracle: the grant alone is a client', bare({ ...oracleClient, sub_type: undefined }), 'access', 'client'],
  ['Oracle: the client as subject of an older domain is a client', bare({ ...oracle, sub: 'app' }), 'access', 'client'],
  ['Oracle: another subject of an older domain is nobody', bare({ ...oracle, sub: 'ann' }), 'access', 'unknown'],
  ['Oracle: a user by client credentials is a contradiction', bare({ ...oracleUser, gtp: 'cc' }), 'access', 'unknown'],
  ['Oracle: a client with a user\'s id is a contradiction', bare({ ...oracleClient, user_id: 'u1' }), 'access', 'unknown'],
  ['Oracle: a client by code is a contradiction', bare({ ...oracleClient, gtp: 'azc' }), 'access', 'unknown'],
  ['Oracle: an ID token is one', ID_TOKENS.oracle, 'id', 'unknown'],
  ['Oracle: an ID token with scope and client is one', bare({ ...ID_TOKENS.oracle.claims, client_id: 'app', scope: 'erp', sub_type: 'user', at_hash: undefined }), 'id', 'unknown'],
  ['Oracle: another tok_type is no access token', bare({ ...oracleUser, tok_type: 'CA' }), 'unknown', 'unknown'],
  ['Oracle: no tok_type is no access token', token({ ...oracleUser, tok_type: undefined }, { typ: 'at+jwt' }), 'unknown', 'unknown']
])

const uaa = { iss: 'https://t.authentication.eu10.hana.ondemand.com/oauth/token', jti: 'j', zid: 'z', cid: 'app', client_id: 'app', azp: 'app', ext_attr: { enhancer: 'XSUAA' } }
const uaaUser = { ...uaa, sub: 'u1', user_id: 'u1', user_name: 'ann', origin: 'ldap', grant_type: 'authorization_code', scope: ['openid', 'erp!t1.write'], aud: ['app', 'openid', 'erp!t1'], auth_time: 1_700_000_000 }
const uaaClient = { ...uaa, sub: 'app', grant_type: 'client_credentials', scope: ['uaa.resource'], authorities: ['uaa.resource'], aud: ['uaa', 'app'] }
const uaaRefresh = { ...uaaUser, jti: 'j-r', scope: undefined, granted_scopes: ['openid', 'erp!t1.write'], amr: ['pwd'] }

table(issuer('xsuaa'), [
  ['XSUAA: a user by code is a user', token(uaaUser), 'access', 'user'],
  ['XSUAA: a user by jwt-bearer is a user', token({ ...uaaUser, grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer' }), 'access', 'user'],
  ['XSUAA: a user by saml2-bearer is a user', token({ ...uaaUser, grant_type: 'urn:ietf:params:oauth:grant-type:saml2-bearer' }), 'access', 'user'],
  ['XSUAA: client credentials are a client', token(uaaClient), 'access', 'client'],
  ['XSUAA: client credentials for the client itself are a client', token({ ...uaaClient, scope: ['openid'], aud: ['app'] }), 'access', 'client'],
  ['XSUAA: client credentials with a user are nobody', token({ ...uaaClient, user_id: 'u1' }), 'access', 'unknown'],
  ['XSUAA: a user\'s name is a user enough to deny a client', token({ ...uaaClient, user_name: 'ann' }), 'access', 'unknown'],
  ['XSUAA: a user\'s grant without a user is nobody', token({ ...uaaUser, user_id: undefined }), 'access', 'unknown'],
  ['XSUAA: a grant that is not known is nobody', token({ ...uaaUser, grant_type: 'user_token' }), 'access', 'unknown'],
  ['XSUAA: an ID token, in all like an access token, is one', ID_TOKENS.xsuaa, 'id', 'unknown'],
  ['XSUAA: an ID token with nothing of the login in it is one', token({ ...ID_TOKENS.xsuaa.claims, amr: undefined, auth_time: undefined, email_verified: undefined, previous_logon_time: undefined }), 'id', 'unknown'],
  ['XSUAA: no scope is an ID token', token({ ...uaaUser, scope: undefined }), 'id', 'unknown'],
  ...['nonce', 'amr', 'acr', 'email_verified', 'previous_logon_time'].map((name): Row => [`XSUAA: ${name} is an ID token`, token({ ...uaaUser, [name]: 1 }), 'id', 'unknown']),
  ['XSUAA: granted_scopes are a refresh token', token({ ...uaaRefresh, jti: 'j' }), 'refresh', 'unknown'],
  ['XSUAA: a refresh token is one', token(uaaRefresh), 'refresh', 'unknown'],
  ['XSUAA: a refresh token with a scope is no access token', token({ ...uaaRefresh, scope: ['erp!t1.write'], amr: undefined, granted_scopes: undefined }), 'unknown', 'unknown'],
  ['XSUAA: another issuer path is no access token', token({ ...uaaUser, iss: 'https://t.authentication.eu10.hana.ondemand.com' }), 'unknown', 'unknown'],
  ['XSUAA: no cid is no access token', token({ ...uaaUser, cid: undefined }), 'unknown', 'unknown'],
  ['XSUAA: no grant_type is no access token', token({ ...uaaUser, grant_type: undefined }), 'unknown', 'unknown']
])
