// With test/gateway/require.test.ts the test that matters most: make `decide` return { granted: true, findings: [] } at
// its start and every row here that has a code fails.
import t from 'tap'
import fc from 'fast-check'
import { decide, refusalOf, type PolicyRule } from '../../src/policy/decide.ts'
import type { Principal, PrincipalKind } from '../../src/policy/principal.ts'
import { PROBLEMS } from '../../src/policy/problems.ts'
import { compileAlternative, type AdmittedKind, type Conditions } from '../../src/policy/require.ts'
import { clientOf, context, NOW, userOf } from './principals.ts'

type Alternatives = ReadonlyArray<readonly [kinds: readonly AdmittedKind[], conditions?: Conditions]>

const USER = ['user'] as const
const CLIENT = ['client'] as const
const BOTH = ['user', 'client'] as const

function ruleOf (alternatives: Alternatives | 'public', issuers: readonly string[] = ['main']): PolicyRule {
  const requirement = alternatives === 'public' ? alternatives : alternatives.map(([kinds, conditions = {}]) => compileAlternative({ kinds, conditions }, {}))
  return { id: 'GET /a', at: 'routes.yaml:2', requirement, isConstant: false, issuers: new Set(issuers), reports: false }
}

interface Row {
  readonly promise: string
  readonly rule: PolicyRule
  readonly principal: Principal
  /** where it is refused */
  readonly code?: keyof typeof PROBLEMS
  readonly challenge?: Readonly<Record<string, string>>
}

const ofKind = (kind: PrincipalKind): Principal => userOf({ kind })
const loggedIn = (seconds: number, acr?: string): Principal => userOf({ claims: { auth_time: NOW - seconds, ...acr !== undefined && { acr } } })

const rows: readonly Row[] = [
  { promise: 'a user by user', rule: ruleOf([[USER]]), principal: userOf() },
  { promise: 'a client by client', rule: ruleOf([[CLIENT]]), principal: clientOf() },
  { promise: 'each by user|client', rule: ruleOf([[BOTH]]), principal: clientOf() },
  { promise: 'a client by user', rule: ruleOf([[USER]]), principal: clientOf(), code: 'principal-kind' },
  { promise: 'a user by client', rule: ruleOf([[CLIENT]]), principal: userOf(), code: 'principal-kind' },
  { promise: 'an agent by any word', rule: ruleOf([[USER], [CLIENT], [BOTH]]), principal: ofKind('agent'), code: 'principal-kind' },
  { promise: 'an unknown principal by any word', rule: ruleOf([[USER], [CLIENT], [BOTH]]), principal: ofKind('unknown'), code: 'principal-kind' },
  { promise: 'by the first of two', rule: ruleOf([[USER, { scope: ['a'] }], [USER, { scope: ['b'] }]]), principal: userOf({ scopes: ['a'] }) },
  { promise: 'by the second of two', rule: ruleOf([[USER, { scope: ['a'] }], [USER, { scope: ['b'] }]]), principal: userOf({ scopes: ['b'] }) },
  { promise: 'by neither of two, and is told what both miss', rule: ruleOf([[USER, { scope: ['a', 'x'] }], [USER, { scope: ['b'] }]]), principal: userOf({ scopes: ['x'] }), code: 'scope-missing', challenge: { scope: 'a b' } },
  { promise: 'and is told nothing of the other kind\'s', rule: ruleOf([[CLIENT, { scope: ['c'] }], [USER, { scope: ['u'] }]]), principal: userOf(), code: 'scope-missing', challenge: { scope: 'u' } },
  { promise: 'and a scope that two miss is named once', rule: ruleOf([[USER, { scope: ['a', 'b'] }], [BOTH, { scope: ['b', 'c'] }]]), principal: userOf(), code: 'scope-missing', challenge: { scope: 'a b c' } },
  { promise: 'the nearest alternative gives the code', rule: ruleOf([[USER, { role: ['r'], scope: ['a'] }], [USER, { permission: ['p'] }]]), principal: userOf(), code: 'permission-missing', challenge: { scope: 'a' } },
  { promise: 'the first check that fails gives the code', rule: ruleOf([[USER, { client_id: ['x'], scope: ['a'] }]]), principal: userOf(), code: 'client-not-listed', challenge: { scope: 'a' } },
  { promise: 'an alternative that wants a login and more is no nearer for that', rule: ruleOf([[USER, { max_age: 60, role: ['r'] }], [USER, { permission: ['p'] }]]), principal: loggedIn(61), code: 'permission-missing' },
  { promise: 'too old a login', rule: ruleOf([[USER, { max_age: 60 }]]), principal: loggedIn(61), code: 'login-too-old', challenge: { max_age: '60' } },
  { promise: 'too weak a login', rule: ruleOf([[USER, { acr: ['a', 'b'] }]]), principal: loggedIn(1, 'c'), code: 'login-too-weak', challenge: { acr_values: 'a b' } },
  { promise: 'both', rule: ruleOf([[USER, { acr: ['a'], max_age: 60 }]]), principal: loggedIn(61, 'c'), code: 'login-too-old', challenge: { max_age: '60', acr_values: 'a' } },
  { promise: 'no step-up where it would not help', rule: ruleOf([[USER, { max_age: 60, role: ['r'] }]]), principal: loggedIn(61), code: 'role-missing' },
  { promise: 'a step-up where one alternative wants nothing else', rule: ruleOf([[USER, { role: ['r'] }], [USER, { max_age: 60, acr: ['a'] }]]), principal: loggedIn(61), code: 'login-too-old', challenge: { max_age: '60', acr_values: 'a' } },
  { promise: 'no step-up without auth_time', rule: ruleOf([[USER, { max_age: 60, acr: ['a'] }]]), principal: userOf(), code: 'claim-mismatch' },
  { promise: 'another issuer, before anything else', rule: ruleOf([[CLIENT]], ['other']), principal: userOf(), code: 'issuer-not-accepted' },
  { promise: 'a rule without issuers', rule: ruleOf([[USER]], []), principal: userOf(), code: 'issuer-not-accepted' },
  { promise: 'a rule without alternatives', rule: ruleOf([]), principal: userOf(), code: 'principal-kind' },
  { promise: 'a rule without kinds', rule: ruleOf([[[]]]), principal: userOf(), code: 'principal-kind' }
]

for (const { promise, rule, principal, code, challenge = {} } of rows) {
  t.test(`${code === undefined ? 'lets in' : 'refuses'}: ${promise}`, async t => {
    const decision = decide(rule, principal, context)
    if (decision.granted) {
      t.equal(code, undefined)
      t.ok(decision.findings.some(({ holds, ofThisKind }) => holds && ofThisKind), 'says which alternative it was')
      return
    }
    t.equal(decision.code, code)
    const refusal = refusalOf(rule, principal, decision)
    t.equal(refusal.code, code)
    t.same(refusal.extras.challenge, challenge)
    t.match(refusal.detail, /\w/)
    t.equal(PROBLEMS[refusal.code].status, /^login|^issuer/.test(decision.code) ? 401 : 403)
  })
}

interface ReportRow {
  readonly promise: string
  readonly alternatives: Alternatives
  readonly principal: Principal
  /** what is told, and let through; or what is refused all the same */
  readonly reported?: keyof typeof PROBLEMS
  readonly refused?: keyof typeof PROBLEMS
  readonly issuers?: readonly string[]
}

const reporting: readonly ReportRow[] = [
  { promise: 'what holds is told of nobody', alternatives: [[USER]], principal: userOf() },
  { promise: 'another kind', alternatives: [[CLIENT]], principal: userOf(), reported: 'principal-kind' },
  { promise: 'the other kind', alternatives: [[USER]], principal: clientOf(), reported: 'principal-kind' },
  { promise: 'a scope', alternatives: [[USER, { scope: ['a'] }]], principal: userOf(), reported: 'scope-missing' },
  { promise: 'a permission', alternatives: [[USER, { permission: ['a'] }]], principal: userOf(), reported: 'permission-missing' },
  { promise: 'a role', alternatives: [[USER, { any_role: ['a'] }]], principal: userOf(), reported: 'role-missing' },
  { promise: 'a client', alternatives: [[BOTH, { client_id: ['a'] }]], principal: clientOf(), reported: 'client-not-listed' },
  { promise: 'an audience', alternatives: [[BOTH, { audience: ['a'] }]], principal: clientOf(), reported: 'audience-missing' },
  { promise: 'where', alternatives: [[USER, { where: 'false' }]], principal: userOf(), reported: 'where-not-met' },
  { promise: 'max_age without auth_time', alternatives: [[USER, { max_age: 60 }]], principal: userOf(), reported: 'claim-mismatch' },
  { promise: 'an agent', alternatives: [[BOTH]], principal: ofKind('agent'), refused: 'principal-kind' },
  { promise: 'an unknown principal', alternatives: [[BOTH, { scope: ['a'] }]], principal: ofKind('unknown'), refused: 'principal-kind' },
  { promise: 'an ID token, whatever let it come so far', alternatives: [[CLIENT]], principal: userOf({ tokenKind: 'id' }), refused: 'principal-kind' },
  { promise: 'a token of an unknown kind', alternatives: [[USER, { scope: ['a'] }]], principal: userOf({ tokenKind: 'unknown' }), refused: 'scope-missing' },
  { promise: 'another issuer', alternatives: [[USER]], issuers: ['other'], principal: userOf(), refused: 'issuer-not-accepted' },
  { promise: 'too old a login', alternatives: [[USER, { max_age: 60 }]], principal: loggedIn(61), refused: 'login-too-old' },
  { promise: 'too weak a login', alternatives: [[USER, { acr: ['a'] }]], principal: userOf(), refused: 'login-too-weak' },
  { promise: 'too old a login that lacks a role too', alternatives: [[USER, { max_age: 60, role: ['r'] }]], principal: loggedIn(61), refused: 'login-too-old' },
  { promise: 'a young login that lacks a role', alternatives: [[USER, { max_age: 60, role: ['r'] }]], principal: loggedIn(59), reported: 'role-missing' },
  { promise: 'an old login where another alternative wants none', alternatives: [[USER, { max_age: 60, role: ['r'] }], [USER, { scope: ['a'] }]], principal: loggedIn(61), reported: 'scope-missing' }
]

for (const { promise, alternatives, principal, reported, refused, issuers } of reporting) {
  t.test(`enforce: report ${refused === undefined ? 'lets through' : 'refuses'}: ${promise}`, async t => {
    const rule = ruleOf(alternatives, issuers)
    const decision = decide({ ...rule, reports: true }, principal, context)
    t.equal(decision.granted, refused === undefined)
    t.equal(decision.granted ? decision.reported?.code : decision.code, reported ?? refused)
    // What is told is the refusal that there would be.
    if (decision.granted && reported !== undefined) t.same(decision.reported, decide(rule, principal, context))
    if (!decision.granted) t.not(PROBLEMS[refusalOf(rule, principal, decision).code].status, decision.code === 'principal-kind' || decision.code === 'scope-missing' ? 401 : 403)
  })
}

t.test('public is decided without a look at anyone', async t => {
  for (const kind of ['user', 'client', 'agent', 'unknown'] as const) t.same(decide(ruleOf('public', []), ofKind(kind), context), { granted: true, findings: [], reported: undefined })
})

t.test('a decision has the evidence of every alternative of the caller\'s kind, and of no other', async t => {
  const decision = decide(ruleOf([[CLIENT, { scope: ['c'] }], [USER, { scope: ['openid'], role: ['r'] }]]), userOf(), context)
  t.match(decision, {
    granted: false,
    findings: [
      { kinds: CLIENT, ofThisKind: false, checks: [], holds: false },
      { kinds: USER, ofThisKind: true, checks: [{ condition: 'scope', holds: true, has: ['openid'], wants: ['openid'] }, { condition: 'role', holds: false, has: [], wants: ['r'] }], holds: false }
    ],
    failed: [{ condition: 'role' }]
  })
})

t.test('only who is of an admitted kind, of an accepted issuer, and meets every condition of one alternative gets in', async () => {
  const words = ['a', 'b', 'c']
  const some = fc.subarray(words)
  const conditions = fc.record({ scope: fc.subarray(words, { minLength: 1 }), any_role: fc.subarray(words, { minLength: 1 }), permission: fc.subarray(words, { minLength: 1 }) }, { requiredKeys: [] })
  const alternatives = fc.array(fc.tuple(fc.constantFrom<readonly AdmittedKind[]>(USER, CLIENT, BOTH), conditions), { maxLength: 3 })
  const kinds = fc.constantFrom<PrincipalKind>('user', 'client', 'agent', 'unknown')
  fc.assert(fc.property(alternatives, kinds, some, some, some, fc.constantFrom('main', 'other'), (given, kind, scopes, roles, permissions, issuer) => {
    const wanted = issuer === 'main' && given.some(([kinds, { scope = [], any_role: anyRole, permission = [] }]) =>
      kinds.some(one => one === kind) && scope.every(one => scopes.includes(one)) && permission.every(one => permissions.includes(one)) && (anyRole === undefined || anyRole.some(one => roles.includes(one))))
    const principal = userOf({ kind, scopes, roles, permissions, issuer })
    const rule = ruleOf(given)
    const decision = decide(rule, principal, context)
    if (decision.granted !== wanted) throw new Error(`granted ${decision.granted}: ${JSON.stringify({ given, kind, scopes, roles, permissions, issuer })}`)
    if (!decision.granted) refusalOf(rule, principal, decision)
  }), { numRuns: 5000 })
})
