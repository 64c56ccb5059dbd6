import t from 'tap'
import { described, imported, linesOf } from './described.ts'

/** Who may, by a security of one operation; undefined where it is left to fill in. */
function whoBy (security: unknown, more: object = {}, said?: ReadonlyMap<string, ReadonlyArray<'user' | 'client'>>): string | undefined {
  const { routes, told } = imported(described({ '/a': { get: { ...security !== undefined && { security } } } }, more), said && { said })
  t.notMatch(routes, /^ {4}require: public/m)
  return told === 0 ? undefined : routes.slice(routes.indexOf('require:') + 'require:'.length).trim().replace(/\s*\n\s*/g, ' ')
}

t.test('the flow of an OAuth 2 scheme says who calls by it, and its scopes must all be there', async t => {
  t.equal(whoBy([{ user: [] }]), 'user')
  t.equal(whoBy([{ client: ['read'] }]), '{ client: { scope: read } }')
  t.equal(whoBy([{ both: ['read', 'write'] }]), '{ user|client: { scope: [read, write] } }')
  t.equal(whoBy([{ both: ['login'] }]), '{ user: { scope: login } }', 'a scope that one flow has alone')
  t.equal(whoBy([{ both: ['other'] }]), '{ user|client: { scope: other } }', 'a scope that none has: its list is not complete')
  t.equal(whoBy([{ oidc: ['read'] }]), '{ user: { scope: read } }', 'OpenID Connect is a login')
  const flows = { password: 'user', implicit: 'user', authorizationCode: 'user', deviceAuthorization: 'user', clientCredentials: 'client' }
  for (const [flow, who] of Object.entries(flows)) t.equal(whoBy([{ s: [] }], { components: { securitySchemes: { s: { type: 'oauth2', flows: { [flow]: { scopes: {} } } } } } }), who, flow)
})

t.test('any of several is an alternative of the rule', async t => {
  t.equal(whoBy([{ user: ['read'] }, { client: ['write'] }]), '- { user: { scope: read } } - { client: { scope: write } }')
  t.equal(whoBy([{ user: ['read'] }, { client: ['read'] }]), '{ user|client: { scope: read } }', 'the same of both is said once')
  t.equal(whoBy([{ user: ['read', 'write'] }, { user: ['write', 'read'] }]), '{ user: { scope: [read, write] } }')
})

t.test('two schemes together are told where the same callers come by both', async t => {
  t.equal(whoBy([{ user: ['read'], oidc: ['write'] }]), '{ user: { scope: [read, write] } }')
  t.equal(whoBy([{ user: ['read'], client: ['read'] }]), undefined)
  t.equal(whoBy([{ user: ['read'], key: [] }]), undefined, 'the scope alone would be less than what is asked for')
})

t.test('what cannot be told is left to fill in, and nothing is ever public', async t => {
  const untold = { key: [{ key: [] }], bearer: [{ bearer: [] }], basic: [{ basic: [] }], mtls: [{ mtls: [] }], 'a login without a scope': [{ oidc: [] }], nothing: [], 'not a word': undefined, 'an empty one': [{}], 'no such scheme': [{ nobody: [] }], 'no list': 'user', 'no mapping': ['user'], 'no list of scopes': [{ user: 'read' }], 'no scope': [{ user: [1] }, { user: [''] }, { user: [null, 'read'] }], 'no scope that a token can have': [{ user: ['a b"c'] }], 'a scope of the environment': [{ user: ['${HOME}'] }] }
  for (const [name, security] of Object.entries(untold)) t.equal(whoBy(security), undefined, name)
  t.equal(whoBy([{ s: [] }], { components: { securitySchemes: { s: { type: 'oauth2', flows: { another: { scopes: {} } } } } } }), undefined, 'a flow that is not known')
})

t.test('an alternative that cannot be told is left out beside one that can, and said', async t => {
  const result = imported(described({ '/a': { get: { security: [{ key: [] }, { user: ['read'] }, {}] } } }))
  t.same(linesOf(result), ['  - match: GET /a', '    require: { user: { scope: read } }', '    # not taken: key (an API key in header X-Api-Key); or anybody, without a credential'])
  t.match(result, { told: 1, narrower: 1, left: [] })
})

t.test('the security of the document counts where an operation says nothing, and not where it does', async t => {
  const global = { security: [{ user: ['read'] }] }
  t.equal(whoBy(undefined, global), '{ user: { scope: read } }')
  t.equal(whoBy([], global), undefined)
  t.equal(whoBy([{ client: [] }], global), 'client')
})

t.test('the operator says who calls by a scheme that does not', async t => {
  t.equal(whoBy([{ bearer: [] }], {}, new Map([['bearer', ['user', 'client']]])), 'user|client')
  t.equal(whoBy([{ key: [], user: ['read'] }], {}, new Map([['key', ['user']]])), '{ user: { scope: read } }')
  t.equal(whoBy([{ oidc: ['read'] }], {}, new Map([['oidc', ['client']]])), '{ client: { scope: read } }')
  t.equal(whoBy([{}], {}, new Map([['bearer', ['user']]])), undefined, 'never of nobody')
  t.same(imported(described({ '/a': { get: { security: [{ key: [] }] }, put: { security: [{ key: [], mtls: [] }] } } })).untold, [{ scheme: 'key', operations: 2 }, { scheme: 'mtls', operations: 1 }])
})
