// As signs.test.ts, for what is mostly run by its owners.
import { each, issuer, marker, pins, token, type Json, type Pin } from './table.ts'

const at = (claims: Json) => token(claims, { typ: 'at+jwt' })

const keycloak = { typ: 'Bearer', azp: 'Svc', scope: 'erp' }
const service = { ...keycloak, client_id: 'Svc', preferred_username: 'service-account-svc' }

pins(issuer('keycloak'), [
  ...each('an access token\'s typ', ['Bearer', 'DPoP'], typ => token({ ...service, typ }), 'access client', 'typ proof, preferred_username proof'),
  ...each('a refresh token\'s typ', ['Refresh', 'Offline'], typ => token({ ...service, typ }), 'refresh unknown', 'typ proof'),
  ...each('no session, and no absence of one', ['', 5, null], sid => token({ ...service, sid }), 'access unknown', 'typ proof, preferred_username strong'),
  ...each('not the client\'s service account', ['service-account-Svc', 'service-account-svc2', 'x-service-account-svc', 'service-account-', ''],
    name => token({ ...service, preferred_username: name }), 'access unknown', 'typ proof'),
  ...each('no client has no service account', ['undefined', '', 'svc'],
    name => token({ ...service, azp: undefined, client_id: undefined, preferred_username: `service-account-${name}` }), 'access unknown', 'typ proof'),
  ...each('a user\'s grant, of whatever name the user is', ['ac', 'ro', 'dg', 'ci'],
    grant => token({ ...service, sid: 's', jti: `onrt${grant}:1` }), 'access user', 'typ proof, sid proof, jti strong'),
  ...each('a grant that says nothing', ['rt', 'te', 'xx'],
    grant => token({ ...service, sid: 's', jti: `onrt${grant}:1` }), 'access unknown', 'typ proof, sid proof, preferred_username strong'),
  ['the grant of a client is its own, with a session too', token({ ...keycloak, sid: 's', jti: 'onrtcc:1' }), 'access client', 'typ proof, jti proof'],
  ...each('jti names client credentials', ['trrtcc:1', 'onltcc:', 'ofrtcc:1:2'], jti => token({ ...keycloak, jti }), 'access client', 'typ proof, jti proof'),
  ...each('jti does not', ['onrtcc', 'onrtcc1', 'xonrtcc:1', 'nrtcc:1', 'onrtccx:1', 'ONRTCC:1', 'onrtCC:1', 'onrt:cc:1', '\nonrtcc:1', 'onrxcc:1', 'cc:', ''],
    jti => token({ ...keycloak, jti }), 'access unknown', 'typ proof')
])

const authentik = { sub: 'h', aud: 'app', azp: 'app', uid: 'x', scope: 'erp' }

pins(issuer('authentik'), [
  ...each('one alone is no access token, and no ID token', ['uid', 'azp'], name => token({ ...authentik, [name]: undefined }), 'unknown unknown', ''),
  ...each('nor is one that is empty', ['uid', 'azp'], name => token({ ...authentik, [name]: '' }), 'unknown unknown', ''),
  ...each('nor is one that is no string', ['uid', 'azp'], name => token({ ...authentik, [name]: 7 }), 'unknown unknown', ''),
  ['neither is an ID token', token({ ...authentik, uid: undefined, azp: undefined }), 'id unknown', 'uid proof'],
  ['a method in amr is a user', token({ ...authentik, amr: ['', 'pwd'] }), 'access user', 'uid proof, amr proof'],
  ['a session is a user', token({ ...authentik, sid: 's' }), 'access user', 'uid proof, sid proof'],
  ...each('no login', [{ amr: 'pwd' }, { amr: [] }, { amr: [''] }, { amr: [1] }, { sid: '' }, { sid: 1 }, { sid: ['s'] }],
    login => token({ ...authentik, ...login }), 'access unknown', 'uid proof')
])

const hydra = { sub: 'ann', aud: ['https://api'], client_id: 'app' }

pins(issuer('hydra'), [
  ...each('scopes are an access token', [{ scp: 'erp' }, { scp: [] }, { scp: [7] }, { scope: 'erp' }, { scope: [] }],
    scopes => token({ ...hydra, ...scopes }), 'access user', 'client_id proof, sub proof'),
  ...each('no scopes are none', [{ scp: '' }, { scp: null }, { scp: {} }, { scope: '' }, { scope: null }],
    scopes => token({ ...hydra, ...scopes }), 'unknown unknown', ''),
  ...each('no client is none', ['', 7, undefined], id => token({ ...hydra, client_id: id, scp: [] }), 'unknown unknown', '')
])

const api = { use: 'api', scope: 'erp' }

pins(issuer('hydra', { access_token_when: marker({ use: 'api' }) }), [
  ['a subject without a client is nobody', token({ ...api, sub: 'ann' }), 'access unknown', 'use proof'],
  ['neither subject nor client is nobody', token(api), 'access unknown', 'use proof']
])

pins(issuer('duende'), [
  ['neither subject nor client is nobody', at({}), 'access unknown', 'header typ proof'],
  ['a client and no subject is a client', at({ client_id: 'app' }), 'access client', 'header typ proof, client_id proof'],
  ['an empty client is none', at({ client_id: '' }), 'access unknown', 'header typ proof'],
  ['a subject is a user, with a client or without', at({ sub: 'ann' }), 'access user', 'header typ proof, sub proof'],
  ['the client as subject is strong evidence of a client', at({ sub: 'app', client_id: 'app' }), 'access unknown', 'header typ proof, sub proof, sub strong']
])

const pingam = { client_id: 'app', tokenName: 'access_token', scope: ['erp'] }
const NEARLY = ['usr', 'age'].flatMap(type =>
  [`x(${type}!a)`, `(${type}!a)x`, `(${type}!a)\n`, `\n(${type}!a)`, `(${type}!)`, `(${type}!a`, `${type}!a`, `(${type}a)`])

pins(issuer('pingam'), [
  ...each('a user\'s subject', ['(usr!ann)', '(usr!)))', '(usr!\n)'], sub => token({ ...pingam, sub }), 'access user', 'tokenName proof, sub proof'),
  ...each('a client\'s subject', ['(age!app)', '(age!)))', '(age!\n)'], sub => token({ ...pingam, sub }), 'access client', 'tokenName proof, sub proof'),
  ...each('nobody\'s subject', [undefined, '', ...NEARLY], sub => token({ ...pingam, sub }), 'access unknown', 'tokenName proof'),
  ...each('a user\'s grant', ['authorization_code', 'password', 'urn:ietf:params:oauth:grant-type:device_code'],
    grant => token({ ...pingam, grant_type: grant }), 'access user', 'tokenName proof, grant_type proof'),
  ['a client\'s grant', token({ ...pingam, grant_type: 'client_credentials' }), 'access client', 'tokenName proof, grant_type proof'],
  ...each('nobody\'s grant', ['device_code', 'Password', ''], grant => token({ ...pingam, grant_type: grant }), 'access unknown', 'tokenName proof'),
  ['an ID token\'s name', token({ ...pingam, tokenName: 'id_token' }), 'id unknown', 'tokenName proof'],
  ['a refresh token\'s name', token({ ...pingam, tokenName: 'refresh_token' }), 'refresh unknown', 'tokenName proof']
])

const machine = { sub: 'app', client_id: 'app', aud: 'https://api' }

pins(issuer('pingfederate'), [
  ['the client as subject is a client', at(machine), 'access client', 'header typ proof, sub proof'],
  ...each('of whatever type, it denies a client', ['auth_time', 'acr', 'amr'], name => at({ ...machine, [name]: null }), 'access unknown', 'header typ proof'),
  ['neither subject nor client is nobody', at({}), 'access unknown', 'header typ proof']
])

pins(issuer('zitadel'), [
  ['jti is an access token', token({ jti: 'j', scope: 'erp' }), 'access unknown', 'jti proof'],
  ...each('no jti', ['', 7], jti => token({ jti, scope: 'erp' }), 'unknown unknown', ''),
  ...['auth_time', 'amr', 'acr', 'nonce'].map((name): Pin =>
    [`${name}, of whatever type, is an ID token, and is said once`, token({ jti: 'j', scope: 'erp', [name]: null }), 'id unknown', `${name} proof`])
])
