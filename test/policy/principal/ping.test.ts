import t from 'tap'
import { classify } from '../../../src/policy/principal.ts'
import { ID_TOKENS } from './id-tokens.ts'
import { issuer, marker, table, token, type Json } from './table.ts'

const at = (claims: Json) => token(claims, { typ: 'at+jwt' })

const one = { iss: 'https://auth.pingone.eu/E/as', aud: ['https://api'], client_id: 'app', env: 'E', org: 'O', scope: 'erp' }
const user = { ...one, sub: 'ann', auth_time: 1_700_000_000, acr: 'Single_Factor' }

table(issuer('pingone'), [
  ['PingOne: auth_time is a user', token({ ...user, acr: undefined }, {}), 'access', 'user'],
  ['PingOne: acr is a user', token({ ...user, auth_time: undefined }, {}), 'access', 'user'],
  ['PingOne: a user with typ at+jwt, as from 2027-03-02', at(user), 'access', 'user'],
  ['PingOne: neither, and no sub, is a client', token(one, {}), 'access', 'client'],
  ['PingOne: neither, and the client as sub, is a client', at({ ...one, sub: 'app' }), 'access', 'client'],
  ['PingOne: neither, and another sub, is nobody', token({ ...one, sub: 'ann' }, {}), 'access', 'unknown'],
  ['PingOne: a sub that is no string is no absence of one', token({ ...one, sub: null }, {}), 'access', 'unknown'],
  ['PingOne: a login of the client is a contradiction', token({ ...user, sub: 'app' }, {}), 'access', 'unknown'],
  ['PingOne: an ID token is one', ID_TOKENS.pingone, 'id', 'unknown'],
  ['PingOne: an ID token with client_id and scope is no access token', token({ ...ID_TOKENS.pingone.claims, client_id: 'app', scope: 'openid', at_hash: undefined, nonce: undefined }, {}), 'unknown', 'unknown'],
  ['PingOne: a nonce is no access token', token({ ...user, nonce: 'n' }, {}), 'unknown', 'unknown'],
  ['PingOne: no scope is no access token', token({ ...user, scope: undefined }, {}), 'unknown', 'unknown']
])

const federate = { iss: 'https://pf.example.com', sub: 'ann', aud: 'https://api', client_id: 'app', scope: 'erp' }

table(issuer('pingfederate'), [
  ['PingFederate: at+jwt is an access token, its user unknown without a marker', at(federate), 'access', 'unknown'],
  ['PingFederate: a login is no proof, the mapping is free', at({ ...federate, auth_time: 1 }), 'access', 'unknown'],
  ['PingFederate: a subject that is the client is a client', at({ ...federate, sub: 'app' }), 'access', 'client'],
  ['PingFederate: a mapping without sub is nobody', at({ ...federate, sub: undefined }), 'access', 'unknown'],
  ['PingFederate: a measured exchange is nobody without a marker', token({ ...federate, authorization_details: [], act: { sub: 'agent' } }, { 'pi.atm': '8dzf', typ: 'at+jwt' }), 'access', 'unknown'],
  ['PingFederate: without the typ it is no access token', token(federate, {}), 'unknown', 'unknown'],
  ['PingFederate: the client as audience is no access token', at({ ...federate, aud: 'app' }), 'unknown', 'unknown'],
  ['PingFederate: an ID token is one', ID_TOKENS.pingfederate, 'id', 'unknown']
])

table(issuer('pingfederate', {
  access_token_when: marker({ token: 'access' }),
  user_when: marker({ principal_type: 'user' }),
  client_when: marker({ principal_type: 'client' })
}), [
  ['PingFederate with markers: a user', token({ ...federate, token: 'access', principal_type: 'user' }, {}), 'access', 'user'],
  ['PingFederate with markers: a client', token({ ...federate, token: 'access', principal_type: 'client' }, {}), 'access', 'client'],
  ['PingFederate with markers: a user that is the client is a contradiction', token({ ...federate, sub: 'app', token: 'access', principal_type: 'user' }, {}), 'access', 'unknown'],
  ['PingFederate with markers: an ID token with the marker is no access token', token({ ...federate, aud: 'app', token: 'access' }, {}), 'unknown', 'unknown']
])

const am = { iss: 'https://t.forgeblocks.com:443/am/oauth2/alpha', sub: '(usr!ann)', subname: 'ann', cts: 'OAUTH2_STATELESS_GRANT', aud: 'app', client_id: 'app', tokenName: 'access_token', grant_type: 'authorization_code', scope: ['openid', 'erp'], realm: '/alpha', auth_level: 0, authGrantId: 'g', auth_time: 1_700_000_000, nonce: 'n' }
const machine = { ...am, sub: '(age!app)', subname: 'app', grant_type: 'client_credentials', scope: ['erp'], nonce: undefined }

table(issuer('pingam'), [
  ['PingAM: the code grant is a user, with nonce and the client as audience', token(am), 'access', 'user'],
  ['PingAM: the code grant of an older version is a user', token({ ...am, sub: 'ann' }), 'access', 'user'],
  ['PingAM: client credentials are a client, in spite of auth_time', token(machine), 'access', 'client'],
  ['PingAM: client credentials of an older version are a client', token({ ...machine, sub: 'app' }), 'access', 'client'],
  ['PingAM: a refreshed user is known by the type of its subject', token({ ...am, grant_type: 'refresh_token' }), 'access', 'user'],
  ['PingAM: a refreshed token without it is nobody', token({ ...am, sub: 'ann', grant_type: 'refresh_token' }), 'access', 'unknown'],
  ['PingAM: a user by client credentials is a contradiction', token({ ...am, grant_type: 'client_credentials' }), 'access', 'unknown'],
  ['PingAM: a client by code is a contradiction', token({ ...machine, grant_type: 'authorization_code' }), 'access', 'unknown'],
  ['PingAM: an unfinished subject is none', token({ ...am, sub: '(usr!', grant_type: undefined }), 'access', 'unknown'],
  ['PingAM: an ID token is one', ID_TOKENS.pingam, 'id', 'unknown'],
  ['PingAM: an ID token with scope and grant is one', token({ ...ID_TOKENS.pingam.claims, scope: ['erp'], grant_type: 'authorization_code', at_hash: undefined, nonce: undefined }), 'id', 'unknown'],
  ['PingAM: a refresh token is one', token({ ...am, tokenName: 'refresh_token' }), 'refresh', 'unknown'],
  ['PingAM: no tokenName is no access token', token({ ...am, tokenName: undefined }), 'id', 'unknown']
])

t.test('PingAM: an older token names the client as its audience', async t => {
  t.equal(classify(issuer('pingam'), token({ ...am, client_id: undefined })).client, 'app')
})
