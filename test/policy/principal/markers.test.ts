import t from 'tap'
import { classify } from '../../../src/policy/principal.ts'
import { ID_TOKENS } from './id-tokens.ts'
import { issuer, marker, saw, table, token, type Json } from './table.ts'

const claims = { sub: 'ann', client_id: 'saas', aud: 'https://api', scope: 'erp' }
const at = (more: Json) => token({ ...claims, ...more }, { typ: 'at+jwt' })
const markers = {
  access_token_when: marker({ type: 'access_token', 'https://acme.example/use': 'api' }),
  user_when: marker({ 'acme.kind': 'human' }),
  client_when: marker({ 'acme.kind': ['robot', 'service'], trusted: true })
}
const all = { type: 'access_token', 'https://acme.example/use': 'api' }

table(issuer('rfc9068', markers), [
  ['access_token_when proves an access token', token({ ...claims, ...all }), 'access', 'unknown'],
  ['all of it must hold', token({ ...claims, type: 'access_token' }), 'unknown', 'unknown'],
  ['it does not make one of a token with at_hash', token({ ...claims, ...all, at_hash: 'h' }), 'unknown', 'unknown'],
  ['nor of a logout token', token({ ...claims, ...all, events: {} }), 'logout', 'unknown'],
  ['nor of a token of another type', token({ ...claims, ...all }, { typ: 'dpop+jwt' }), 'unknown', 'unknown'],
  ['at+jwt needs it not', at({ auth_time: 1 }), 'access', 'user'],
  ['user_when proves a user', at({ acme: { kind: 'human' } }), 'access', 'user'],
  ['client_when proves a client', at({ acme: { kind: 'service' }, trusted: true }), 'access', 'client'],
  ['all of client_when must hold', at({ acme: { kind: 'service' } }), 'access', 'unknown'],
  ['types count', at({ acme: { kind: 'service' }, trusted: 'true' }), 'access', 'unknown'],
  ['a user by user_when and a client by the IdP is a contradiction', at({ sub: 'saas', acme: { kind: 'human' } }), 'access', 'unknown'],
  ['a client by client_when and a user by the IdP is a contradiction', at({ auth_time: 1, acme: { kind: 'robot' }, trusted: true }), 'access', 'unknown'],
  ['user_when and client_when at once is a contradiction', at({ acme: { kind: ['human', 'robot'] }, trusted: true }), 'access', 'unknown'],
  ['an agent is one, whatever user_when says', at({ sub_profile: 'ai_agent', acme: { kind: 'human' } }), 'access', 'agent'],
  ['user_when opens nothing with an ID token', token({ ...ID_TOKENS.rfc9068.claims, acme: { kind: 'human' } }), 'id', 'unknown']
])

table(issuer('rfc9068', { access_token_when: [], user_when: [], client_when: [] }), [
  ['an empty access_token_when marks nothing', token(claims), 'unknown', 'unknown'],
  ['an empty user_when and client_when mark nothing', at({}), 'access', 'unknown']
])

table(issuer('auth0', { user_when: marker({ iss: 'https://t.eu.auth0.com/' }) }), [
  ['an anonymous session is nobody, whatever user_when says', token({ iss: 'https://t.eu.auth0.com/', sub: 'anon@1', aud: 'https://api', azp: 'app', scope: 'erp' }), 'access', 'unknown']
])

table(issuer('keycloak', { access_token_when: marker({ azp: 'app' }) }), [
  ['access_token_when makes no access token of an ID token', ID_TOKENS.keycloak, 'unknown', 'unknown'],
  ['nor of a refresh token', token({ typ: 'Refresh', azp: 'app', sid: 's' }), 'unknown', 'unknown']
])

t.test('the evidence names the marker and what it saw', async t => {
  const { evidence } = classify(issuer('rfc9068', markers), at({ acme: { kind: 'human' } }))
  t.match(evidence, [{ claim: 'header typ', value: 'at+jwt' }, { claim: 'acme.kind', value: 'human', strength: 'proof' }])
})

t.test('where nothing proves a principal, and where two do, the evidence says what may', async t => {
  t.ok(saw(classify(issuer('rfc9068'), at({})), 'user_when, client_when'))
  t.ok(saw(classify(issuer('rfc9068', markers), at({ sub: 'saas', acme: { kind: 'human' } })), 'user_when, client_when'))
})

t.test('an actor is noted', async t => {
  t.ok(saw(classify(issuer('rfc9068'), at({ auth_time: 1, act: { sub: 'svc' } })), 'act'))
})
