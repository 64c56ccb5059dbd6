import fc from 'fast-check'
import t from 'tap'
import { classify, type JoseHeader } from '../../../src/policy/principal.ts'
import { PROFILE_NAMES } from '../../../src/policy/profiles/index.ts'
import { issuer, marker, token, type Json } from './table.ts'

const read = (claims: Json) => classify(issuer('rfc9068'), token(claims, { typ: 'at+jwt' }))
const parse = (text: string) => JSON.parse(text) as Json

t.test('scopes come from scope, else from scp, as a string or a list', async t => {
  t.same(read({ scope: 'a b' }).scopes, ['a', 'b'])
  t.same(read({ scope: '  a   b ' }).scopes, ['a', 'b'])
  t.same(read({ scope: ['a', 'b'] }).scopes, ['a', 'b'])
  t.same(read({ scp: 'a b' }).scopes, ['a', 'b'])
  t.same(read({ scp: ['a', 'b'] }).scopes, ['a', 'b'])
  t.same(read({ scope: 'a', scp: ['admin'] }).scopes, ['a'])
  t.same(read({ scope: '', scp: ['admin'] }).scopes, [], 'an empty scope is a scope')
  t.same(read({ scope: [], scp: ['admin'] }).scopes, [], 'an empty list is a scope')
  t.same(read({}).scopes, [])
})

t.test('only strings are split, at spaces alone', async t => {
  t.same(read({ scope: ['read write'] }).scopes, ['read write'])
  t.same(read({ scope: 'a\tb\nc\u00a0d' }).scopes, ['a\tb\nc\u00a0d'])
  t.same(read({ scope: 'a,b' }).scopes, ['a,b'])
})

t.test('what is no string is no scope, permission, role, subject or client', async t => {
  const odd = [1, null, true, ['admin'], { admin: 1 }, '', 'a']
  const principal = read({ scope: odd, permissions: odd, roles: odd, sub: ['ann'], client_id: { toString: 'saas' } })
  t.same(principal.scopes, ['a'])
  t.same(principal.permissions, ['a'])
  t.same(principal.roles, ['a'])
  t.equal(principal.subject, undefined)
  t.equal(principal.client, undefined)
  t.same(read({ permissions: 'admin', roles: { admin: true } }).permissions, [])
  t.same(read({ permissions: 'admin', roles: { admin: true } }).roles, [])
})

t.test('the client is the first of the profile\'s claims that is there', async t => {
  t.equal(classify(issuer('auth0'), token({ azp: 'a', client_id: 'b' })).client, 'a')
  t.equal(classify(issuer('auth0'), token({ azp: 7, client_id: 'b' })).client, 'b')
})

t.test('own properties only: what __proto__ and constructor carry is no claim', async t => {
  const hidden = '{"scope":"admin","sub":"ann","client_id":"saas","auth_time":1,"roles":["admin"],"permissions":["admin"]}'
  const principal = read(parse(`{"__proto__":${hidden},"constructor":${hidden},"toString":1,"hasOwnProperty":1}`))
  t.equal(principal.kind, 'unknown')
  t.same([principal.scopes, principal.roles, principal.permissions, principal.subject, principal.client], [[], [], [], undefined, undefined])
  t.equal(Object.hasOwn(Object.prototype, 'scope'), false)

  const inherited = Object.create({ scope: 'admin', sub: 'ann', client_id: 'ann', typ: 'Bearer', sid: 's' }) as Json
  for (const name of PROFILE_NAMES) {
    const { kind, scopes, subject, client } = classify(issuer(name), { header: { alg: 'RS256', typ: 'at+jwt' }, claims: inherited })
    t.same([kind, scopes, subject, client], ['unknown', [], undefined, undefined], name)
  }
})

t.test('Keycloak roles of a client named __proto__ are its own', async t => {
  const claims = parse('{"typ":"Bearer","resource_access":{"__proto__":{"roles":["admin"]}},"realm_access":{"__proto__":{"roles":["admin"]}}}')
  t.same(classify(issuer('keycloak'), { header: { alg: 'RS256' }, claims }).roles, ['__proto__:admin'])
})

t.test('the principal is frozen through and through', async t => {
  const principal = read({ sub: 'ann', client_id: 'saas', auth_time: 1, scope: 'a', nested: [{ deep: {} }] })
  const nested = principal.claims.nested as Array<{ deep: object }>
  for (const part of [principal, principal.scopes, principal.roles, principal.permissions, principal.evidence, ...principal.evidence, principal.claims, nested, nested[0], nested[0]?.deep]) {
    t.equal(Object.isFrozen(part), true)
  }
})

t.test('evidence carries scalars only, and no more than 100 characters', async t => {
  const { evidence } = classify(issuer('auth0'), token({ sub: `auth0|${'x'.repeat(500)}`, aud: 'https://api', azp: 'app', scope: 'a' }))
  t.equal(String(evidence.find(({ claim }) => claim === 'sub')?.value).length, 100)
})

t.test('claims nested thousands deep are no trouble', async t => {
  const deep = parse(`{"sub":"ann","x":${'['.repeat(4000)}${']'.repeat(4000)}}`)
  t.equal(classify(issuer('rfc9068'), { header: { alg: 'RS256' }, claims: deep }).subject, 'ann')
})

const NAMES = ['sub', 'aud', 'azp', 'client_id', 'cid', 'appid', 'typ', 'scope', 'scp', 'jti', 'sid', 'gty', 'roles', 'permissions', 'amr',
  'acr', 'auth_time', 'uid', 'username', 'token_use', 'tokenName', 'grant_type', 'tok_type', 'sub_type', 'user_id', 'idtyp', 'oid', 'azpacr',
  'xms_sub_fct', 'sub_profile', 'realm_access', 'resource_access', 'iss', 'events', 'act', '__proto__', 'constructor', 'toString']
const VALUES = ['Bearer', 'access', 'access_token', 'AT', 'AT.1', 'app', 'app@clients', 'ann|1', 'client_credentials', 'https://x/', 'user', '']
const value = fc.oneof(fc.constantFrom(...VALUES), fc.jsonValue(), fc.array(fc.constantFrom(...VALUES)))
const claims = fc.array(fc.tuple(fc.constantFrom(...NAMES), value)).map(entries =>
  parse(`{${entries.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join()}}`))
const markers = { access_token_when: marker({ typ: 'x' }), user_when: marker({ 'act.sub': 'x' }), client_when: marker({ constructor: 'x' }) }

t.test('no claims and no header make it throw, and only an access token has a principal', async () => {
  fc.assert(fc.property(fc.constantFrom(...PROFILE_NAMES), claims, fc.option(value), (name, claims, typ) => {
    // A header as it may come from outside: typ of any type.
    const header = { alg: 'RS256', ...typ === null ? {} : { typ } } as JoseHeader
    const principal = classify(issuer(name, markers), { header, claims })
    return Object.isFrozen(principal) && (principal.tokenKind === 'access' || principal.kind === 'unknown')
  }), { numRuns: 1000 })
})
