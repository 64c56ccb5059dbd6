import t from 'tap'
import { classify } from '../../../src/policy/principal.ts'
import { ID_TOKENS } from './id-tokens.ts'
import { issuer, marker, saw, table, token } from './table.ts'

const v2 = { ver: '2.0', iss: 'https://login.microsoftonline.com/T/v2.0', aud: 'api-guid', tid: 'T', uti: 'x' }
const v1 = { ver: '1.0', iss: 'https://sts.windows.net/T/', aud: 'api://api', tid: 'T', uti: 'x' }
const user = { ...v2, azp: 'spa', azpacr: '0', oid: 'U', sub: 'pairwise', scp: 'access_as_user', name: 'Ann', preferred_username: 'ann@example.com' }
const app = { ...v2, azp: 'svc', azpacr: '1', oid: 'X', sub: 'X', roles: ['Call'] }
const userV1 = { ...v1, appid: 'web', appidacr: '1', oid: 'U', sub: 'pairwise', scp: 'access_as_user', upn: 'ann@example.com' }
const appV1 = { ...v1, appid: 'svc', appidacr: '2', oid: 'X', sub: 'X', roles: ['Call'] }

table(issuer('entra'), [
  ['version 2: delegated permissions are a user', token(user), 'access', 'user'],
  ['version 1: delegated permissions are a user', token(userV1), 'access', 'user'],
  ['a user without profile claims is a user', token({ ...user, name: undefined, preferred_username: undefined }), 'access', 'user'],
  ['a user with app roles is a user', token({ ...user, roles: ['Clerk'] }), 'access', 'user'],
  ['a user of a web app with a secret is a user', token({ ...user, azpacr: '1' }), 'access', 'user'],
  ['idtyp user is a user', token({ ...user, idtyp: 'user' }), 'access', 'user'],
  ['version 2: oid equal to sub without scp is an app', token(app), 'access', 'client'],
  ['version 1: oid equal to sub without scp is an app', token(appV1), 'access', 'client'],
  ['idtyp app is an app, whatever its sub', token({ ...app, idtyp: 'app', sub: 'other' }), 'access', 'client'],
  ['idtyp app with delegated permissions is a contradiction', token({ ...user, idtyp: 'app' }), 'access', 'unknown'],
  ['idtyp app of a public client is a contradiction', token({ ...app, idtyp: 'app', azpacr: '0' }), 'access', 'unknown'],
  ['a public client is never an app', token({ ...app, azpacr: '0' }), 'access', 'unknown'],
  ['an app whose way to log in is unknown is none', token({ ...app, azpacr: undefined }), 'access', 'unknown'],
  ['a number is no azpacr', token({ ...app, azpacr: 1 }), 'access', 'unknown'],
  ['oid other than sub is no app', token({ ...app, sub: 'pairwise' }), 'access', 'unknown'],
  ['no oid is no app', token({ ...app, oid: undefined, sub: undefined }), 'access', 'unknown'],
  ['a device is no user', token({ ...user, idtyp: 'device' }), 'access', 'unknown'],
  ['a device is no app', token({ ...app, idtyp: 'device' }), 'access', 'unknown'],
  ['idtyp user without scp is no app', token({ ...app, idtyp: 'user' }), 'access', 'unknown'],
  ['neither scp nor roles opens nothing', token({ ...app, roles: undefined }), 'unknown', 'unknown'],
  ['empty roles open nothing', token({ ...app, roles: [] }), 'unknown', 'unknown'],
  ['roles that are no strings open nothing', token({ ...app, roles: [1] }), 'unknown', 'unknown'],
  ['idtyp app without roles opens nothing', token({ ...app, roles: undefined, idtyp: 'app' }), 'unknown', 'unknown'],
  ['appid without appidacr is no access token', token({ ...appV1, appidacr: undefined }), 'unknown', 'unknown'],
  ['SPA and API in one registration: the audience is no sign', token({ ...user, aud: 'spa' }), 'access', 'user'],
  ['a nonce in the header is no sign', token(user, { typ: 'JWT', nonce: 'n' }), 'access', 'user'],
  ['an agent identity is an agent', token({ ...app, idtyp: 'app', xms_sub_fct: '3 9 11', xms_act_fct: '11' }), 'access', 'agent'],
  ['in whatever order', token({ ...app, idtyp: 'app', xms_sub_fct: '9 11 3' }), 'access', 'agent'],
  ['an agent user is an agent, however human it looks', token({ ...user, idtyp: 'user', xms_sub_fct: '2 13' }), 'access', 'agent'],
  ['a facet that only contains the digits is none', token({ ...user, xms_sub_fct: '113 1 3' }), 'access', 'user'],
  ['a user through an agent is a user', token({ ...user, idtyp: 'user', xms_act_fct: '9 3 11' }), 'access', 'user'],
  ['an ID token is one', ID_TOKENS.entra, 'id', 'unknown'],
  ['an ID token without nonce is one', token({ ...ID_TOKENS.entra.claims, nonce: undefined, c_hash: undefined }), 'id', 'unknown'],
  ['an ID token for a registration shared with the API is one', token({ ...ID_TOKENS.entra.claims, aud: 'api-guid', scope: 'access_as_user', nonce: undefined, c_hash: undefined }), 'id', 'unknown'],
  ['a nonce in the payload is no access token', token({ ...user, nonce: 'n' }), 'unknown', 'unknown'],
  ['an ID token with scp is no access token', token({ ...ID_TOKENS.entra.claims, scp: 'access_as_user' }), 'id', 'unknown'],
  ['an ID token with azp and scp is no access token', token({ ...ID_TOKENS.entra.claims, azp: 'app', scp: 'access_as_user' }), 'unknown', 'unknown']
])

table(issuer('entra', { client_when: marker({ tid: 'T' }) }), [
  ['idtyp user contradicts client_when', token({ ...app, idtyp: 'user' }), 'access', 'unknown'],
  ['client_when alone makes a client', token({ ...app, sub: 'other' }), 'access', 'client']
])

t.test('what is missing from an app without roles is said', async t => {
  t.ok(saw(classify(issuer('entra'), token({ ...app, roles: undefined })), 'roles'))
  t.notOk(saw(classify(issuer('entra'), token(app)), 'roles'))
})

t.test('a user through an agent is noted', async t => {
  t.ok(saw(classify(issuer('entra'), token({ ...user, xms_act_fct: '11' })), 'xms_act_fct'))
  t.notOk(saw(classify(issuer('entra'), token({ ...user, xms_act_fct: '3' })), 'xms_act_fct'))
})

t.test('version 1 names the client in appid, version 2 in azp', async t => {
  t.equal(classify(issuer('entra'), token(userV1)).client, 'web')
  t.equal(classify(issuer('entra'), token(user)).client, 'spa')
})

t.test('roles are the roles claim, scopes the scp string', async t => {
  const { roles, scopes } = classify(issuer('entra'), token({ ...user, scp: 'a b', roles: ['Clerk'] }))
  t.same(roles, ['Clerk'])
  t.same(scopes, ['a', 'b'])
})
