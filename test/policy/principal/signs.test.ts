// What each sign of a profile rests on: every condition of it, alone, and what only nearly meets it.
import { each, issuer, marker, pins, token, type Json, type Pin } from './table.ts'

const at = (claims: Json) => token(claims, { typ: 'at+jwt' })
const bare = (claims: Json) => token(claims, {})

const person = { sub: 'ann', client_id: 'app', aud: 'https://api' }
const machine = { ...person, sub: 'app' }
const SCOPE_LIKE = ['scope', 'scp', 'client_id', 'cid', 'appid', 'azpacr', 'gty', 'permissions']

pins(issuer('rfc9068'), [
  ...each('a login alone is a user', [{ auth_time: 0 }, { acr: '0' }, { amr: ['pwd'] }],
    login => at({ ...person, ...login }), 'access user', 'header typ proof, sub proof'),
  ...each('what proves no login denies a client still', ['auth_time', 'acr', 'amr'],
    name => at({ ...machine, [name]: null }), 'access unknown', 'header typ proof'),
  ...each('no login', [{ auth_time: true }, { acr: 1 }, { amr: 'pwd' }, { amr: ['pwd', ''] }, { amr: { 0: 'pwd', length: 1 } }],
    login => at({ ...person, ...login }), 'access unknown', 'header typ proof'),
  ['neither subject nor client is nobody, with a login', at({ auth_time: 1 }), 'access unknown', 'header typ proof'],
  ['neither subject nor client is nobody, without one', at({}), 'access unknown', 'header typ proof'],
  ['an empty subject and an empty client are no client', at({ sub: '', client_id: '' }), 'access unknown', 'header typ proof'],
  ...each('of whatever type, it is more than an ID token has', SCOPE_LIKE, name => token({ sub: 'ann', aud: 'app', [name]: null }), 'unknown unknown', ''),
  ['none of these is an ID token', token({ sub: 'ann', aud: 'app', azp: 'app', roles: ['clerk'] }), 'id unknown', 'scope hint'],
  ['a nonce is strong evidence of an ID token, and no proof', token({ ...person, nonce: null }), 'id unknown', 'nonce strong'],
  ['at+jwt outweighs a nonce', at({ ...machine, nonce: 'n' }), 'access client', 'header typ proof, nonce strong, sub proof'],
  ['at+jwt is no ID token for want of a scope', at({ sub: 'ann' }), 'access unknown', 'header typ proof']
])

pins(issuer('keycloak'), [
  ['at+jwt is no ID token for want of a scope, nor an access token', at({ sub: 'ann' }), 'unknown unknown', '']
])

const auth0 = { sub: 'auth0|1', azp: 'app', aud: 'https://api', scope: 'erp' }
const auth0Client = { ...auth0, sub: 'other', gty: 'client-credentials' }
const GRANTS = ['client-credentials', 'client_credentials']

pins(issuer('auth0'), [
  ['azp is no sign beside at+jwt, which is one', at(auth0), 'access user', 'header typ proof, sub proof'],
  ...each('azp that is none, whatever client_id says', [7, '', undefined], azp => token({ ...auth0, azp, client_id: 'app' }), 'unknown unknown', ''),
  ['azp without a grant is no access token', token({ ...auth0, scope: undefined }), 'id unknown', 'scope hint'],
  ...each('a scope that is no grant', ['', ['erp'], null], scope => token({ ...auth0, scope }), 'unknown unknown', ''),
  ...each('permissions that are no grant', ['erp', {}, null], permissions => token({ ...auth0, scope: undefined, permissions }), 'unknown unknown', ''),
  ...each('gty that is no grant', ['', ['password'], null], gty => token({ ...auth0, scope: undefined, gty }), 'unknown unknown', ''),
  ...each('a grant without a scope', [{ permissions: [] }, { gty: 'password' }],
    grant => token({ ...auth0, scope: undefined, ...grant }), 'access user', 'azp proof, sub proof'),
  ...each('no audience is no access token', [[], '', ['']], aud => token({ ...auth0, aud }), 'unknown unknown', ''),
  ['the client among the audiences is an ID token', token({ ...auth0, aud: ['https://api', 'app'] }), 'unknown unknown', 'azp proof, aud proof'],
  ['a nonce is proof, and is said once', token({ ...auth0, nonce: 'n' }), 'unknown unknown', 'azp proof, nonce proof'],
  ['sid, of whatever type, is an ID token', token({ ...auth0, sid: null }), 'unknown unknown', 'azp proof, sid proof'],
  ['sid beside at+jwt is none', at({ ...auth0, sid: 's' }), 'access user', 'header typ proof, sub proof'],
  ...each('a user id', ['a|b', 'auth0|\n', '\n|1', 'auth0||'], sub => token({ ...auth0, sub }), 'access user', 'azp proof, sub proof'),
  ...each('no user id', ['|x|y', '|x', 'auth0|', '|', 'auth0', ''], sub => token({ ...auth0, sub }), 'access unknown', 'azp proof'),
  ...each('a client by its grant needs no subject', GRANTS, gty => token({ ...auth0Client, sub: undefined, gty }), 'access client', 'azp proof, gty proof'),
  ...each('among others it denies a user', GRANTS, grant => token({ ...auth0, gty: ['password', grant] }), 'access unknown', 'azp proof, sub proof, gty strong'),
  ...each('with more to it, it is nobody\'s', GRANTS, grant => token({ ...auth0Client, gty: `${grant}2` }), 'access unknown', 'azp proof'),
  ['other grants deny no user', token({ ...auth0, gty: ['password', 'refresh-token'] }), 'access user', 'azp proof, sub proof'],
  ['a client\'s subject is no client\'s where there is no client', at({ sub: 'undefined@clients', aud: 'https://api' }), 'access unknown', 'header typ proof'],
  ...each('no client\'s subject', ['@clients', 'my-app@clients', 'app@clients2', 'app'], sub => token({ ...auth0, sub }), 'access unknown', 'azp proof'),
  ['nor is one with a pipe', token({ ...auth0, azp: '|app', sub: '|app@clients' }), 'access unknown', 'azp proof'],
  ['anon@ alone is anonymous', token({ ...auth0Client, sub: 'anon@' }), 'access unknown', 'azp proof, sub proof'],
  ['anon@ further on is not', token({ ...auth0Client, sub: 'x-anon@1' }), 'access client', 'azp proof, gty proof'],
  ['a service among a subject\'s profiles is an agent', token({ ...auth0, sub_profile: 'x service' }), 'access agent', 'azp proof, sub_profile proof'],
  ['services are none', token({ ...auth0, sub_profile: 'services' }), 'access user', 'azp proof, sub proof']
])

const cognito = { sub: 'a-b', client_id: 'app', token_use: 'access' }

pins(issuer('cognito'), [
  ['neither subject nor client is no client', bare({ token_use: 'access', scope: 'erp' }), 'access unknown', 'token_use proof'],
  ['an empty subject and an empty client are no client', bare({ ...cognito, sub: '', client_id: '' }), 'access unknown', 'token_use proof'],
  ['a subject that is the client is one', bare({ ...cognito, sub: 'app' }), 'access client', 'token_use proof, sub proof'],
  ['a username is a user', bare({ ...cognito, username: 'ann' }), 'access user', 'token_use proof, username proof'],
  ['an empty username is none', bare({ ...cognito, username: '' }), 'access unknown', 'token_use proof'],
  ['token_use id is an ID token', bare({ ...cognito, token_use: 'id' }), 'id unknown', 'token_use proof'],
  ['cognito:username, of whatever type, is one', bare({ ...cognito, 'cognito:username': null }), 'unknown unknown', 'token_use proof, cognito:username proof'],
  ...each('no token_use', ['Access', 'access ', 'access_token', 'refresh', '', 7], use => bare({ ...cognito, token_use: use }), 'unknown unknown', '')
])

const entra = { azp: 'spa', azpacr: '1', oid: 'U', sub: 'pairwise', scp: 'erp' }
const entraApp = { azp: 'svc', azpacr: '1', oid: 'X', sub: 'X', roles: ['Call'] }
const entraV1 = { ...entra, azp: undefined, azpacr: undefined, appid: 'web', appidacr: '1' }

pins(issuer('entra'), [
  ...each('version 2 needs one of two', ['azp', 'azpacr'], name => token({ ...entra, [name]: undefined }), 'access user', 'azp proof, scp proof'),
  ['version 1 has both', token(entraV1), 'access user', 'appid proof, scp proof'],
  ...each('appidacr needs an appid', ['', undefined, 7], appid => token({ ...entraV1, appid }), 'unknown unknown', ''),
  ...each('an app without a grant is told so', ['azpacr', 'appidacr'], name => token({ sub: 'p', scope: 'x', [name]: null }), 'unknown unknown', 'roles hint'),
  ...each('of whatever type, it is no ID token', ['azp', 'appid', 'scp'], name => token({ sub: 'p', scope: 'x', [name]: null }), 'unknown unknown', ''),
  ['none of the five is an ID token', token({ sub: 'p', scope: 'x' }), 'id unknown', 'azp proof'],
  ['a nonce is proof, and is said once', token({ ...entra, nonce: 'n' }), 'unknown unknown', 'azp proof, nonce proof'],
  ...each('scp that is no grant', ['', ['erp'], undefined], scp => token({ ...entra, scp }), 'unknown unknown', 'roles hint'),
  ['idtyp user is strong evidence of a user', token({ ...entra, idtyp: 'user' }), 'access user', 'azp proof, scp proof, idtyp strong'],
  ['idtyp app and scp are a contradiction', token({ ...entra, idtyp: 'app' }), 'access unknown', 'azp proof, scp proof, idtyp proof'],
  ...each('with another idtyp scp is nobody\'s', ['device', '', 'App', 7], idtyp => token({ ...entra, idtyp }), 'access unknown', 'azp proof'),
  ['a user whose oid is the subject is one', token({ ...entraApp, scp: 'erp' }), 'access user', 'azp proof, scp proof'],
  ...each('scp, of whatever type, denies an app', ['', ['erp'], null], scp => token({ ...entraApp, scp }), 'access unknown', 'azp proof'),
  ...each('the app showed something', ['1', '2'], azpacr => token({ ...entraApp, azpacr }), 'access client', 'azp proof, oid proof'),
  ...each('so it does in version 1', ['1', '2'],
    appidacr => token({ ...entraApp, azp: undefined, azpacr: undefined, appid: 'svc', appidacr }), 'access client', 'appid proof, oid proof'),
  ...each('the app showed nothing that is known', ['', '3', '12', '01', 2], azpacr => token({ ...entraApp, azpacr }), 'access unknown', 'azp proof'),
  ['azpacr 0 denies an app', token({ ...entraApp, azpacr: '0' }), 'access unknown', 'azp proof, azpacr strong'],
  ['appidacr 0 is a public client too', token({ ...entraV1, appidacr: '0' }), 'access user', 'appid proof, scp proof, azpacr strong'],
  ...each('an oid and a subject that are none are no app', ['', 7, undefined], id => token({ ...entraApp, oid: id, sub: id }), 'access unknown', 'azp proof'),
  ['an agent that acts is noted', token({ ...entra, xms_act_fct: [3, 11] }), 'access user', 'azp proof, scp proof, xms_act_fct hint'],
  ['one whose number only contains an agent\'s is not', token({ ...entra, xms_act_fct: '111 1' }), 'access user', 'azp proof, scp proof']
])

const okta = { jti: 'AT.1', iss: 'https://d.okta.com/oauth2/default', aud: 'api', cid: 'app', uid: 'u', scp: ['erp'], sub: 'ann' }

pins(issuer('okta'), [
  ...each('an access token\'s jti', ['AT.', 'AT.AT.'], jti => bare({ ...okta, jti }), 'access user', 'jti proof, uid proof'),
  ...each('nothing\'s jti', ['AT', 'xAT.1', 'at.1', ' AT.1', 'xID.1', 'ID', 'id.1', ''], jti => bare({ ...okta, jti }), 'unknown unknown', ''),
  ['an ID token\'s jti', bare({ ...okta, jti: 'ID.' }), 'id unknown', 'jti proof'],
  ...each('an ID token, of whatever type the claim is', ['amr', 'idp'], name => bare({ ...okta, [name]: null }), 'unknown unknown', 'jti proof, amr proof'),
  ...each('no scp', ['erp', [], [''], [7]], scp => bare({ ...okta, scp }), 'unknown unknown', ''),
  ['a custom authorization server may be its own audience', bare({ ...okta, aud: okta.iss }), 'access user', 'jti proof, uid proof'],
  ['the org authorization server may serve another audience', bare({ ...okta, iss: 'https://d.okta.com' }), 'access user', 'jti proof, uid proof'],
  ...each('the org authorization server among its audiences', ['https://d.okta.com', 'https://d.okta.com/'],
    iss => bare({ ...okta, iss, aud: ['api', iss] }), 'unknown unknown', 'iss proof'),
  ...each('an issuer that is no URL is not', ['okta', '', undefined], iss => bare({ ...okta, iss, aud: ['okta', ''] }), 'access user', 'jti proof, uid proof'),
  ['auth_time is strong evidence of a user', bare({ ...okta, uid: undefined, auth_time: 1 }), 'access unknown', 'jti proof, auth_time strong'],
  ['the client as subject, without uid, is a client', bare({ ...okta, sub: 'app', uid: undefined }), 'access client', 'jti proof, sub proof'],
  ['the client as subject, with an empty uid, is nobody', bare({ ...okta, sub: 'app', uid: '' }), 'access unknown', 'jti proof, sub strong']
])

const api = { use: 'api', scope: 'erp' }

pins(issuer('okta', { access_token_when: marker({ use: 'api' }) }), [
  ['neither subject nor client is no client', bare(api), 'access unknown', 'use proof'],
  ['neither subject nor client denies no user', bare({ ...api, uid: 'u' }), 'access user', 'use proof, uid proof']
])

const oracle = { tok_type: 'AT', client_id: 'app', sub: 'app' }

pins(issuer('oracle'), [
  ['neither subject nor client is nobody', bare({ tok_type: 'AT', scope: 'erp' }), 'access unknown', 'tok_type proof'],
  ['the client as subject is a client', bare(oracle), 'access client', 'tok_type proof, sub proof'],
  ...each('another sub_type denies it', ['other', 'Client', '', null], type => bare({ ...oracle, sub_type: type }), 'access unknown', 'tok_type proof'),
  ...each('another gtp denies it', ['azc', 'CC', '', null], gtp => bare({ ...oracle, gtp }), 'access unknown', 'tok_type proof, gtp strong'),
  ['gtp cc proves it instead', bare({ ...oracle, gtp: 'cc' }), 'access client', 'tok_type proof, gtp proof'],
  ['sub_type client proves it instead', bare({ ...oracle, sub_type: 'client' }), 'access client', 'tok_type proof, sub_type proof'],
  ['sub_type user is a user', bare({ ...oracle, sub: 'ann', sub_type: 'user' }), 'access user', 'tok_type proof, sub_type proof'],
  ['a user_id is a user', bare({ ...oracle, sub: 'ann', user_id: 'u' }), 'access user', 'tok_type proof, user_id proof'],
  ...each('no user_id', ['', 7], id => bare({ ...oracle, sub: 'ann', user_id: id }), 'access unknown', 'tok_type proof')
])

const pingone = { client_id: 'app', scope: 'erp', aud: 'https://api' }

pins(issuer('pingone'), [
  ['client_id and scope are no sign beside at+jwt, which is one', at({ ...pingone, sub: 'ann', acr: '1' }), 'access user', 'header typ proof, acr proof'],
  ...each('no client_id is no access token', [undefined, '', 7], id => bare({ ...pingone, sub: 'ann', acr: '1', client_id: id }), 'unknown unknown', ''),
  ...each('no audience is no access token', [undefined, [], ''], aud => bare({ ...pingone, aud }), 'unknown unknown', ''),
  ...each('no scope is no access token', [undefined, '', ['erp']], scope => bare({ ...pingone, scope }), 'unknown unknown', ''),
  ['the client among the audiences is an ID token', bare({ ...pingone, aud: ['https://api', 'app'] }), 'unknown unknown', 'client_id proof, aud proof'],
  ['a nonce is proof, and is said once', bare({ ...pingone, nonce: 'n' }), 'unknown unknown', 'client_id proof, nonce proof'],
  ['neither login nor subject is a client', bare(pingone), 'access client', 'client_id proof, client_id proof'],
  ...each('of whatever type, it denies a client', ['auth_time', 'acr'], name => bare({ ...pingone, [name]: null }), 'access unknown', 'client_id proof'),
  ...each('that is its subject, too', ['auth_time', 'acr'],
    name => bare({ ...pingone, sub: 'app', [name]: null }), 'access unknown', 'client_id proof, sub strong'),
  ['auth_time of the client itself is a contradiction',
    bare({ ...pingone, sub: 'app', auth_time: 1 }), 'access unknown', 'client_id proof, auth_time proof, sub strong'],
  ['acr of the client itself is a contradiction', bare({ ...pingone, sub: 'app', acr: '1' }), 'access unknown', 'client_id proof, acr proof, sub strong'],
  ['neither subject nor client denies no login', at({ auth_time: 1 }), 'access user', 'header typ proof, auth_time proof']
])

const xsuaa = { iss: 'https://t/oauth/token', cid: 'app', grant_type: 'password', user_id: 'u', scope: ['erp.write'], aud: ['erp'] }
const OAUTH = 'urn:ietf:params:oauth:grant-type:'

pins(issuer('xsuaa'), [
  ...each('not from a token endpoint', [undefined, '', 'https://t/oauth/token/', 'https://t/oauth/tokens', 'https://t/xoauth/token'],
    iss => token({ ...xsuaa, iss }), 'unknown unknown', ''),
  ...each('more than openid, or for more than the client, is an access token', [
    { scope: ['erp.write'], aud: ['app'] }, { scope: ['openid', 'erp.write'], aud: ['app'] }, { scope: ['openid'], aud: ['app', 'erp'] }, { scope: ['openid'] }
  ], more => token({ ...xsuaa, ...more }), 'access user', 'cid proof, user_id proof'),
  ...each('openid at most, and for the client at most, is an ID token', [
    { scope: ['openid'], aud: ['app'] }, { scope: ['openid', 'openid'], aud: ['app', 'app'] }, { scope: [], aud: 'app' }, { scope: ['openid'], aud: [] },
    { scope: [], aud: undefined }, { scope: 'erp.write', aud: 'app' }
  ], more => token({ ...xsuaa, ...more }), 'id unknown', 'scope proof'),
  ['a scope that is no list is no access token', token({ ...xsuaa, scope: 'erp.write' }), 'unknown unknown', ''],
  ['no scope is an ID token, and is said once', token({ ...xsuaa, scope: undefined, cid: undefined }), 'id unknown', 'scope proof'],
  ...each('a user\'s grant', ['authorization_code', 'password', `${OAUTH}saml2-bearer`, `${OAUTH}jwt-bearer`], grant =>
    token({ ...xsuaa, grant_type: grant }), 'access user', 'cid proof, user_id proof'),
  ...each('nobody\'s grant', ['refresh_token', 'jwt-bearer', 'Password'], grant => token({ ...xsuaa, grant_type: grant }), 'access unknown', 'cid proof'),
  ...each('no user_id', ['', 7], id => token({ ...xsuaa, user_id: id }), 'access unknown', 'cid proof'),
  ...['user_id', 'user_name'].map((name): Pin => [`${name}, of whatever type, denies a client`,
    token({ ...xsuaa, grant_type: 'client_credentials', user_id: undefined, [name]: null }), 'access unknown', 'cid proof']),
  ...each('a refresh token\'s jti', ['-r', 'j-r', 'j-r-r'], jti => token({ ...xsuaa, jti, cid: undefined }), 'refresh unknown', 'jti proof'),
  ...each('any jti', ['j-rx', 'r', 'j-R', ''], jti => token({ ...xsuaa, jti }), 'access user', 'cid proof, user_id proof'),
  ['granted_scopes, of whatever type, are a refresh token', token({ ...xsuaa, granted_scopes: null }), 'unknown unknown', 'cid proof, granted_scopes proof']
])
