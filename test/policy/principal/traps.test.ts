// Each rule below looks as if it held everywhere. Each has an IdP at which it opens the wrong door, or shuts the right one.
import { issuer, table, token } from './table.ts'

const auth0 = { iss: 'https://t.eu.auth0.com/', sub: 'auth0|123', aud: ['https://api'], azp: 'app', scope: 'openid erp' }
const keycloak = { jti: 'onrtac:1', typ: 'Bearer', azp: 'spa', sub: 'u', sid: 's', scope: 'openid' }
const service = { jti: 'trrtcc:1', typ: 'Bearer', azp: 'svc', sub: 'sa', scope: 'profile', acr: '1', client_id: 'svc', preferred_username: 'service-account-svc', email_verified: false }
const entra = { ver: '2.0', azp: 'spa', azpacr: '0', oid: 'U', sub: 'pairwise', scp: 'erp', aud: 'api' }
const okta = { jti: 'AT.1', iss: 'https://d.okta.com/oauth2/default', aud: 'api', cid: 'c', uid: 'u', scp: ['erp'], sub: 'ann' }
const cognito = { sub: 'a-b', client_id: 'app', token_use: 'access', scope: 'erp/write', username: 'ann', auth_time: 1, version: 2 }
const hydra = { sub: 'ann', aud: ['https://api'], client_id: 'app', scp: ['erp'], jti: 'j' }
const authentik = { sub: 'h', aud: 'app', azp: 'app', uid: 'x', nonce: 'n', amr: ['pwd'], sid: 's', auth_time: 1, acr: 'default' }
const pingam = { sub: '(usr!ann)', aud: 'app', tokenName: 'access_token', grant_type: 'authorization_code', scope: ['erp'], nonce: 'n', auth_time: 1 }
const zitadel = { sub: '1', aud: ['app', 'project'], client_id: 'app', jti: 'j' }

// typ: at+jwt identifies access tokens
table(issuer('auth0'), [['Auth0 sends access tokens without at+jwt', token(auth0), 'access', 'user']])
table(issuer('keycloak'), [['Keycloak sends access tokens without at+jwt', token(keycloak), 'access', 'user']])
table(issuer('entra'), [['Entra sends access tokens without at+jwt', token(entra), 'access', 'user']])
table(issuer('okta'), [['Okta sends access tokens without any typ', token(okta, {}), 'access', 'user']])
table(issuer('cognito'), [['Cognito sends access tokens without any typ', token(cognito, {}), 'access', 'user']])
table(issuer('hydra'), [['Hydra sends access tokens without at+jwt', token(hydra), 'access', 'user']])
table(issuer('authentik'), [['authentik sends access tokens without at+jwt', token(authentik), 'access', 'user']])

// nonce: an ID token. aud equal to the client: an ID token
table(issuer('authentik'), [['authentik puts nonce and the client as audience into access tokens', token(authentik), 'access', 'user']])
table(issuer('pingam'), [['PingAM puts nonce and the client as audience into access tokens', token({ ...pingam, client_id: 'app' }), 'access', 'user']])
table(issuer('entra'), [
  ['Entra puts a nonce into the header of tokens for Graph', token(entra, { typ: 'JWT', nonce: 'n' }), 'access', 'user'],
  ['Entra: SPA and API may share one registration', token({ ...entra, aud: 'spa' }), 'access', 'user']
])
table(issuer('zitadel'), [['Zitadel lists all clients as audience of access tokens', token(zitadel), 'access', 'unknown']])

// at_hash and c_hash absent: an access token
table(issuer('rfc9068'), [['an ID token of the code flow has no hash, and is one', token({ sub: 'ann', aud: 'app', auth_time: 1 }), 'id', 'unknown']])
table(issuer('cognito'), [['Cognito: an ID token without a hash is one', token({ ...cognito, token_use: 'id' }, {}), 'id', 'unknown']])
table(issuer('auth0'), [['a hash in what looks like an access token makes it none', token({ ...auth0, at_hash: 'h' }), 'unknown', 'unknown']])

// azp: an access token
table(issuer('keycloak'), [['Keycloak puts azp into ID tokens', token({ ...keycloak, typ: 'ID' }), 'id', 'unknown']])
table(issuer('pingam'), [['PingAM puts azp into ID tokens', token({ ...pingam, azp: 'app', tokenName: 'id_token' }), 'id', 'unknown']])
table(issuer('zitadel'), [['Zitadel puts azp into ID tokens', token({ ...zitadel, azp: 'app', amr: ['pwd'], auth_time: 1 }), 'id', 'unknown']])
table(issuer('rfc9068'), [['Google puts azp into ID tokens', token({ iss: 'https://accounts.google.com', sub: '1', aud: 'app', azp: 'app' }), 'id', 'unknown']])

// auth_time: a user
table(issuer('cognito'), [['Cognito gives auth_time to machines', token({ ...cognito, sub: 'app', username: undefined }, {}), 'access', 'client']])
table(issuer('pingam'), [['PingAM gives auth_time to machines', token({ ...pingam, sub: '(age!app)', grant_type: 'client_credentials' }), 'access', 'client']])

// acr, preferred_username, email_verified: a user
table(issuer('keycloak'), [['Keycloak gives acr, preferred_username and email_verified to machines', token(service), 'access', 'client']])
table(issuer('authentik'), [['authentik gives preferred_username and acr to machines', token({ ...authentik, amr: undefined, sid: undefined, preferred_username: 'ak-app-client_credentials' }), 'access', 'unknown']])

// client_id and no email: a machine
table(issuer('cognito'), [['a Cognito user has client_id and no email', token(cognito, {}), 'access', 'user']])
table(issuer('auth0'), [['an Auth0 user of the RFC 9068 profile has client_id and no email', token({ ...auth0, azp: undefined, client_id: 'app' }, { typ: 'at+jwt' }), 'access', 'user']])

// azp or appid and no upn or email: a machine
table(issuer('entra'), [['an Entra user may have neither upn nor email', token(entra), 'access', 'user']])
table(issuer('keycloak'), [['a minimal Keycloak user has azp and nothing personal', token(keycloak), 'access', 'user']])

// sub equal to the client: the only machines there are
table(issuer('keycloak'), [['a Keycloak machine has its own sub', token(service), 'access', 'client']])
table(issuer('entra'), [['an Entra machine has its own sub', token({ ...entra, azpacr: '1', scp: undefined, roles: ['Call'], sub: 'U' }), 'access', 'client']])
table(issuer('auth0'), [['an Auth0 machine has its own sub', token({ ...auth0, sub: 'app@clients', gty: 'client-credentials' }), 'access', 'client']])

// roles: app-only. idtyp absent: a user. idtyp user or scp: a human
table(issuer('entra'), [
  ['Entra users have roles too', token({ ...entra, roles: ['Clerk'] }), 'access', 'user'],
  ['roles alone are no app', token({ ...entra, scp: undefined, roles: ['Clerk'] }), 'access', 'unknown'],
  ['idtyp is absent from most app tokens', token({ ...entra, azpacr: '2', scp: undefined, roles: ['Call'], sub: 'U' }), 'access', 'client'],
  ['an agent user has idtyp user and scp', token({ ...entra, idtyp: 'user', xms_sub_fct: '13 2' }), 'access', 'agent']
])

// gty: a machine
table(issuer('auth0'), [
  ['Auth0 writes gty for the password grant', token({ ...auth0, gty: 'password' }), 'access', 'user'],
  ['Auth0 writes gty for the refresh-token grant', token({ ...auth0, gty: 'refresh-token' }), 'access', 'user']
])

// sid: a user
table(issuer('keycloak'), [['a Keycloak machine may have a session', token({ ...service, jti: 'onrtcc:1', sid: 's' }), 'access', 'client']])

// no sub: a machine
table(issuer('duende'), [['a Duende machine has no sub', token({ client_id: 'svc', scope: ['erp'] }, { typ: 'at+jwt' }), 'access', 'client']])
table(issuer('keycloak'), [['a Keycloak token without sub is a misconfiguration', token({ ...service, jti: 'j', sub: undefined, client_id: undefined }), 'access', 'unknown']])
table(issuer('rfc9068'), [['a token without sub is nobody', token({ client_id: 'svc', scope: 'erp' }, { typ: 'at+jwt' }), 'access', 'unknown']])
table(issuer('entra'), [['an Entra token without sub and oid is nobody', token({ ...entra, scp: undefined, roles: ['Call'], sub: undefined, oid: undefined }), 'access', 'unknown']])
