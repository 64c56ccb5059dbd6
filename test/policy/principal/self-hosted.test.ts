import { ID_TOKENS } from './id-tokens.ts'
import { issuer, marker, table, token, type Json, type Row } from './table.ts'

const at = (claims: Json) => token(claims, { typ: 'at+jwt' })

const hydra = { iss: 'https://hydra.example.com/', sub: 'ann', aud: ['https://api'], client_id: 'app', scp: ['openid', 'erp'], ext: {}, nbf: 1_700_000_000, jti: 'j' }

table(issuer('hydra'), [
  ['Hydra: a subject other than the client is a user', token(hydra), 'access', 'user'],
  ['Hydra: scope as a string does as well', token({ ...hydra, scp: undefined, scope: 'openid erp' }), 'access', 'user'],
  ['Hydra: a subject that is the client is a client', token({ ...hydra, sub: 'app' }), 'access', 'client'],
  ['Hydra: a client without scopes is a client', token({ ...hydra, sub: 'app', scp: [] }), 'access', 'client'],
  ['Hydra: no subject is nobody', token({ ...hydra, sub: undefined }), 'access', 'unknown'],
  ['Hydra: no client_id is no access token', token({ ...hydra, client_id: undefined }), 'unknown', 'unknown'],
  ['Hydra: no scopes claim is no access token', token({ ...hydra, scp: undefined }), 'unknown', 'unknown'],
  ['Hydra: an ID token is one', ID_TOKENS.hydra, 'id', 'unknown'],
  ['Hydra: an ID token to which the consent app added client_id and scope is none', token({ ...ID_TOKENS.hydra.claims, client_id: 'x', scope: 'erp', at_hash: undefined }), 'unknown', 'unknown'],
  ['Hydra: the client as audience is no access token', token({ ...hydra, aud: ['app'] }), 'unknown', 'unknown'],
  ['Hydra: rat is no access token', token({ ...hydra, rat: 1 }), 'unknown', 'unknown'],
  ['Hydra: sid is no access token', token({ ...hydra, sid: 's' }), 'unknown', 'unknown'],
  ['Hydra: nonce is no access token', token({ ...hydra, nonce: 'n' }), 'unknown', 'unknown'],
  ['Hydra: auth_time is no access token', token({ ...hydra, auth_time: 1 }), 'unknown', 'unknown']
])

const zitadel = { iss: 'https://i.zitadel.cloud', sub: '1777', aud: ['app', 'project'], client_id: 'app', jti: 'j' }

table(issuer('zitadel'), [
  ['Zitadel: nothing tells a human from a service user', token(zitadel), 'access', 'unknown'],
  ['Zitadel: an ID token is one', ID_TOKENS.zitadel, 'id', 'unknown'],
  ['Zitadel: an ID token with jti and scope is one', token({ ...ID_TOKENS.zitadel.claims, jti: 'j', scope: 'erp', at_hash: undefined, nonce: undefined }), 'id', 'unknown'],
  ...['auth_time', 'amr', 'acr', 'nonce'].map((name): Row => [`Zitadel: ${name} alone tells an ID token`, token({ ...zitadel, [name]: 1 }), 'id', 'unknown']),
  ['Zitadel: no jti is no access token', token({ ...zitadel, jti: undefined }), 'unknown', 'unknown']
])

table(issuer('zitadel', { user_when: marker({ 'acme.kind': 'human' }), client_when: marker({ 'acme.kind': ['service', 'robot'] }) }), [
  ['Zitadel with markers: a human is a user', token({ ...zitadel, acme: { kind: 'human' } }), 'access', 'user'],
  ['Zitadel with markers: a service user is a client', token({ ...zitadel, acme: { kind: 'robot' } }), 'access', 'client'],
  ['Zitadel with markers: both at once is a contradiction', token({ ...zitadel, acme: { kind: ['human', 'robot'] } }), 'access', 'unknown'],
  ['Zitadel with markers: neither is nobody', token({ ...zitadel, acme: {} }), 'access', 'unknown'],
  ['Zitadel with markers: an ID token is one still', token({ ...ID_TOKENS.zitadel.claims, acme: { kind: 'human' } }), 'id', 'unknown']
])

const authentik = { ...ID_TOKENS.authentik.claims, azp: 'app', uid: 'x', scope: 'openid erp' }
const machine = { ...authentik, amr: undefined, sid: undefined, nonce: undefined, preferred_username: 'ak-app-client_credentials' }

table(issuer('authentik'), [
  ['authentik: amr is a user, with nonce and the client as audience', token({ ...authentik, sid: undefined }), 'access', 'user'],
  ['authentik: sid is a user', token({ ...authentik, amr: undefined }), 'access', 'user'],
  ['authentik: what is missing is no proof of a client', token(machine), 'access', 'unknown'],
  ['authentik: an ID token is one', ID_TOKENS.authentik, 'id', 'unknown'],
  ['authentik: an ID token with a mapped azp is one', token({ ...ID_TOKENS.authentik.claims, azp: 'app', scope: 'erp' }), 'id', 'unknown'],
  ['authentik: an ID token with a mapped uid is one', token({ ...ID_TOKENS.authentik.claims, uid: 'ann', scope: 'erp' }), 'id', 'unknown'],
  ['authentik: an ID token without nonce is one', token({ ...ID_TOKENS.authentik.claims, nonce: undefined, scope: 'erp' }), 'id', 'unknown'],
  ['authentik: at_hash is no access token', token({ ...authentik, at_hash: 'h' }), 'unknown', 'unknown']
])

table(issuer('authentik', { client_when: marker({ preferred_username: 'ak-app-client_credentials' }) }), [
  ['authentik with a marker: a client', token(machine), 'access', 'client'],
  ['authentik with a marker: a session of that name is a contradiction', token({ ...machine, sid: 's' }), 'access', 'unknown']
])

const duende = { iss: 'https://ids.example.com', aud: 'https://api', nbf: 1_700_000_000, client_id: 'app', scope: ['erp'], jti: 'j' }
const person = { ...duende, sub: '818727', auth_time: 1_700_000_000, idp: 'local', amr: ['pwd'], scope: ['openid', 'erp'] }

table(issuer('duende'), [
  ['Duende: a subject is a user', at(person), 'access', 'user'],
  ['Duende: no subject is a client', at(duende), 'access', 'client'],
  ['Duende: a subject that is the client is a contradiction', at({ ...duende, sub: 'app' }), 'access', 'unknown'],
  ['Duende: a subject that is no string is no absence of one', at({ ...duende, sub: 0 }), 'access', 'unknown'],
  ['Duende: an empty subject is no absence of one', at({ ...duende, sub: '' }), 'access', 'unknown'],
  ['Duende: neither subject nor client is nobody', at({ ...duende, client_id: undefined }), 'access', 'unknown'],
  ['Duende: a user through an actor is a user', at({ ...person, act: { client_id: 'agent' } }), 'access', 'user'],
  ['Duende: typ JWT is no access token', token(person), 'unknown', 'unknown'],
  ['Duende: an ID token is one', ID_TOKENS.duende, 'id', 'unknown'],
  ['Duende: at_hash contradicts at+jwt', at({ ...person, at_hash: 'h' }), 'unknown', 'unknown']
])
