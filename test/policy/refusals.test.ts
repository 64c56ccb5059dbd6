// What a refusal says beyond its code: which facts, never in which words.
import t from 'tap'
import { flattened } from '../../src/policy/claims.ts'
import { decide, refusalOf, type PolicyRule } from '../../src/policy/decide.ts'
import type { Principal } from '../../src/policy/principal.ts'
import { refuse, type Refusal } from '../../src/policy/problems.ts'
import { compileAlternative, type AdmittedKind, type Conditions } from '../../src/policy/require.ts'
import { context, NOW, userOf } from './principals.ts'

const EVERYONE = ['user', 'client'] as const

function ruleOf (alternatives: ReadonlyArray<readonly [readonly AdmittedKind[], Conditions?]>): PolicyRule {
  return { id: 'GET /a', at: 'routes.yaml:2', requirement: alternatives.map(([kinds, conditions = {}]) => compileAlternative({ kinds, conditions }, {})), isConstant: false, issuers: new Set(['main']), reports: false }
}

function refusalFor (rule: PolicyRule, principal: Principal): Refusal {
  const decision = decide(rule, principal, context)
  if (decision.granted) throw new Error('it was let in')
  return refusalOf(rule, principal, decision)
}

const withClaims = (claims: Principal['claims']): Principal => userOf({ claims })
const tier = { name: 'tier', path: ['tier'], values: ['gold', 2] }

t.test('the caller is told what its token has and what the route wants, and the log what the check saw', async t => {
  for (const [conditions, principal, facts, saw] of [
    [{ scope: ['a', 'b'] }, userOf({ scopes: ['x', 'y'] }), ['x y', 'a b'], 'scope: has ["x","y"], wants ["a","b"]'],
    [{ any_scope: ['a', 'b'] }, userOf({ scopes: ['x', 'y'] }), ['x y', 'a b'], 'any_scope: has ["x","y"], wants ["a","b"]'],
    [{ permission: ['a', 'b'] }, userOf({ permissions: ['x', 'y'] }), ['x y', 'a b'], 'permission: has ["x","y"], wants ["a","b"]'],
    [{ any_permission: ['a', 'b'] }, userOf({ permissions: ['x', 'y'] }), ['x y', 'a b'], 'any_permission: has ["x","y"], wants ["a","b"]'],
    [{ role: ['a', 'b'] }, userOf({ roles: ['x', 'y'] }), ['x y', 'a b'], 'role: has ["x","y"], wants ["a","b"]'],
    [{ any_role: ['a', 'b'] }, userOf({ roles: ['x', 'y'] }), ['x y', 'a b'], 'any_role: has ["x","y"], wants ["a","b"]'],
    [{ scope: ['a'] }, userOf({ scopes: [] }), ['no scope', 'a'], 'scope: has [], wants ["a"]'],
    [{ any_scope: ['a'] }, userOf({ scopes: [] }), ['no scope', 'a'], 'any_scope: has [], wants ["a"]'],
    [{ permission: ['a'] }, userOf(), ['no permission', 'a'], 'permission: has [], wants ["a"]'],
    [{ role: ['a'] }, userOf(), ['no role', 'a'], 'role: has [], wants ["a"]'],
    [{ client_id: ['a', 'b'] }, userOf({ client: 'x' }), [], 'client_id: has "x", wants ["a","b"]'],
    [{ client_id: ['a', 'b'] }, userOf({ client: undefined }), [], 'client_id: has nothing, wants ["a","b"]'],
    [{ audience: ['a', 'b'] }, withClaims({ aud: ['x', 1, 'y'] }), ['x y', 'a b'], 'audience: has ["x","y"], wants ["a","b"]'],
    [{ audience: ['a'] }, withClaims({}), ['none', 'a'], 'audience: has [], wants ["a"]'],
    [{ claims: [tier] }, withClaims({ tier: { gold: true } }), ['tier'], 'claims: has "an object", wants {"tier":["gold",2]}'],
    [{ max_age: 60 }, withClaims({ auth_time: NOW - 61 }), ['61', '60'], 'max_age: has 61, wants 60'],
    [{ max_age: 60 }, withClaims({}), ['auth_time'], 'max_age: has nothing, wants 60'],
    [{ acr: ['a', 'b'] }, withClaims({ acr: 'x' }), ['acr x', 'a b'], 'acr: has "x", wants ["a","b"]'],
    [{ acr: ['a', 'b'] }, withClaims({ acr: 7 }), ['no acr', 'a b'], 'acr: has 7, wants ["a","b"]'],
    [{ where: 'claims.x == 1' }, withClaims({ x: 2 }), [], 'where: has nothing, wants "claims.x == 1"'],
    [{ scope: ['a'], role: ['b'] }, userOf({ scopes: ['x'], roles: ['y'] }), ['scope x', '. ', 'role y'], 'scope: has ["x"], wants ["a"]; role: has ["y"], wants ["b"]']
  ] as ReadonlyArray<[Conditions, Principal, string[], string]>) {
    const what = JSON.stringify(conditions)
    const { detail, extras } = refusalFor(ruleOf([[EVERYONE, conditions]]), principal)
    for (const fact of facts) t.ok(detail.includes(fact), `${what}: ${detail} (${fact})`)
    t.match(detail, /^\S.*\.$/)
    t.notMatch(detail, /undefined|null|\[object/)
    t.equal(extras.saw, saw)
    t.equal(extras.principal, principal)
  }
})

t.test('each condition has words of its own', async t => {
  const caller = userOf({ scopes: ['x'], permissions: ['x'], roles: ['x'], claims: { aud: 'x', acr: 'x', auth_time: NOW - 61, tier: 'x' } })
  const each: Conditions[] = [
    { scope: ['a'] }, { any_scope: ['a'] }, { permission: ['a'] }, { role: ['a'] }, { client_id: ['a'] }, { audience: ['a'] }, { claims: [tier] }, { max_age: 60 }, { acr: ['a'] }, { where: 'false' }
  ]
  const details = each.map(conditions => refusalFor(ruleOf([[EVERYONE, conditions]]), caller).detail)
  details.push(refusalFor(ruleOf([[EVERYONE, { max_age: 60 }]]), userOf()).detail)
  details.push(refusalFor({ ...ruleOf([[EVERYONE]]), issuers: new Set(['other']) }, caller).detail)
  details.push(refusalFor(ruleOf([]), caller).detail)
  t.equal(new Set(details).size, details.length, details.join('\n'))
})

t.test('who is of another kind is told which kind it is, and whose the route is', async t => {
  const detailFor = (kind: Principal['kind'], ...alternatives: ReadonlyArray<readonly [readonly AdmittedKind[]]>) => refusalFor(ruleOf(alternatives), userOf({ kind })).detail
  const seen = new Set((['user', 'client', 'agent', 'unknown'] as const).map(kind => detailFor(kind, [[]])))
  t.equal(seen.size, 4)
  for (const detail of seen) t.match(detail, /\. \S.*\.$/)
  const routeOf = (detail: string) => detail.slice(0, detail.indexOf('.'))
  const [users, clients] = [routeOf(detailFor('agent', [['user']])), routeOf(detailFor('agent', [['client']]))]
  t.match(users, /user/)
  t.match(clients, /client/)
  t.notMatch(clients, /user/)
  for (const alternatives of [[[EVERYONE]], [[['user']], [['client']]], [[EVERYONE], [EVERYONE]]] as const) t.match(routeOf(detailFor('agent', ...alternatives)), /^[^.]*user.* or client[^.]*$/)
  const evidence = [{ claim: 'sub', says: 'one', strength: 'proof' }, { claim: 'gty', says: 'other', strength: 'hint' }] as const
  t.equal(refusalFor(ruleOf([[['user']]]), userOf({ kind: 'unknown', evidence })).extras.saw, 'sub: one; gty: other')
})

t.test('a decision that looked at nothing says so', async t => {
  const nothing = { granted: false, findings: [], failed: [], missingScopes: [] }
  t.same(decide({ ...ruleOf([[EVERYONE]]), issuers: new Set() }, userOf(), context), { ...nothing, code: 'issuer-not-accepted' })
  t.same(decide(ruleOf([[['client'], { scope: ['a'] }]]), userOf(), context), { ...nothing, code: 'principal-kind', findings: [{ kinds: ['client'], ofThisKind: false, checks: [], holds: false }] })
})

t.test('a new login is not asked for where something else is missing, wherever it stands', async t => {
  t.equal(refusalFor(ruleOf([[EVERYONE, { max_age: 60, where: 'false' }]]), withClaims({ auth_time: NOW - 61 })).code, 'where-not-met')
})

t.test('only what depends on nothing but the principal is constant', async t => {
  for (const [conditions, isConstant] of [
    [{}, true], [{ scope: ['a'], acr: ['b'], claims: [tier] }, true], [{ max_age: 60 }, false], [{ where: 'true' }, false], [{ max_age: 60, where: 'true' }, false]
  ] as const) t.equal(compileAlternative({ kinds: EVERYONE, conditions }, {}).isConstant, isConstant, JSON.stringify(conditions))
})

t.test('of what is nested the log has the kind alone', async t => {
  for (const [claim, flat] of [[[[1], { a: 1 }, 'x', 2, null], ['a list', 'an object', 'x', 2, null]], [{ a: 1 }, 'an object'], ['x', 'x'], [undefined, undefined]] as const) t.same(flattened(claim), flat)
})

t.test('a refusal is an error by its name, and has its cause where there is one', async t => {
  const cause = new Error('of all')
  t.equal(refuse('internal', 'x', { cause }).cause, cause)
  const plain = refuse('internal', 'x')
  t.notOk('cause' in plain)
  t.equal(plain.name, 'Refusal')
  t.equal(String(plain), 'Refusal: internal')
})
