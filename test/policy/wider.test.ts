import t from 'tap'
import type { Alternative, Conditions, Require } from '../../src/policy/require.ts'
import { compareAudiences, type Audience } from '../../src/policy/wider.ts'

const taking = (require: Require, issuers: readonly string[] = ['main']): Audience => ({ require, issuers })
const reporting = (require: Require, issuers: readonly string[] = ['main']): Audience => ({ require, issuers, enforce: 'report' })
const user = (conditions: Conditions = {}): Alternative => ({ kinds: ['user'], conditions })
const client = (conditions: Conditions = {}): Alternative => ({ kinds: ['client'], conditions })
const either = (conditions: Conditions = {}): Alternative => ({ kinds: ['user', 'client'], conditions })
const claim = (name: string, ...values: string[]) => ({ name, path: [name], values })

/** Each lets in all that the one before it does, and somebody more. */
const WIDER: ReadonlyArray<readonly [what: string, before: Audience | undefined, now: Audience | undefined]> = [
  ['a rule where there was none', undefined, taking([user({ scope: ['a'] })])],
  ['public', taking([either()]), taking('public')],
  ['another kind', taking([user()]), taking([either()])],
  ['another kind, as an alternative', taking([user()]), taking([user(), client({ scope: ['a'] })])],
  ['another issuer', taking([user()]), taking([user()], ['main', 'second'])],
  ['a scope dropped', taking([user({ scope: ['a', 'b'] })]), taking([user({ scope: ['a'] })])],
  ['every scope dropped', taking([user({ scope: ['a'] })]), taking([user()])],
  ['one of them in the place of all', taking([user({ scope: ['a', 'b'] })]), taking([user({ any_scope: ['a', 'b'] })])],
  ['one more of which one suffices', taking([user({ any_scope: ['a'] })]), taking([user({ any_scope: ['a', 'b'] })])],
  ['a permission dropped', taking([user({ permission: ['a', 'b'] })]), taking([user({ permission: ['b'] })])],
  ['one more permission of which one suffices', taking([user({ any_permission: ['a'] })]), taking([user({ any_permission: ['b', 'a'] })])],
  ['a role dropped', taking([user({ role: ['a', 'b'] })]), taking([user({ role: ['b'] })])],
  ['one more role of which one suffices', taking([user({ any_role: ['a'] })]), taking([user({ any_role: ['b', 'a'] })])],
  ['one more client', taking([client({ client_id: ['a'] })]), taking([client({ client_id: ['a', 'b'] })])],
  ['any client', taking([client({ client_id: ['a'] })]), taking([client()])],
  ['one more audience', taking([user({ audience: ['a'] })]), taking([user({ audience: ['a', 'b'] })])],
  ['one more acr', taking([user({ acr: ['a'] })]), taking([user({ acr: ['a', 'b'] })])],
  ['one more value of a claim', taking([user({ claims: [claim('t', 'a')] })]), taking([user({ claims: [claim('t', 'a', 'b')] })])],
  ['a claim dropped', taking([user({ claims: [claim('t', 'a'), claim('u', 'b')] })]), taking([user({ claims: [claim('t', 'a')] })])],
  ['an older login', taking([user({ max_age: 60 })]), taking([user({ max_age: 61 })])],
  ['any login', taking([user({ max_age: 60 })]), taking([user()])],
  ['where dropped', taking([user({ where: 'true' })]), taking([user()])],
  ['enforce: report, which lets in the other kind', taking([user()]), reporting([user()])],
  ['enforce: report, which lets in what lacks a scope', taking([either({ scope: ['a'] })]), reporting([either({ scope: ['a'] })])],
  ['enforce: report beside a login that stays asked for', taking([user({ max_age: 60, acr: ['a'], role: ['r'] })]), reporting([user({ max_age: 60, acr: ['a'], role: ['r'] })])],
  ['enforce: report, by which a login without auth_time passes', taking([either({ max_age: 60 })]), reporting([either({ max_age: 60 })])],
  ['an older login, where the rest is reported', reporting([user({ max_age: 60, scope: ['a'] })]), reporting([user({ max_age: 61, scope: ['b'] })])],
  ['another issuer, where the rest is reported', reporting([user()]), reporting([user()], ['main', 'second'])],
  ['two kinds, of which the other alternatives take one each', taking([either({ scope: ['a'] })]), taking([user(), client({ scope: ['a'] })])]
]

t.test('what lets in more is wider, and the other way round narrower', async t => {
  for (const [what, before, now] of WIDER) {
    t.equal(compareAudiences(before, now), 'wider', what)
    t.equal(compareAudiences(now, before), 'narrower', `${what}, taken back`)
    t.equal(compareAudiences(now, now), 'same', `${what}, as it is`)
  }
})

t.test('what lets in others is neither', async t => {
  const cases: ReadonlyArray<readonly [string, Audience, Audience]> = [
    ['another scope', taking([user({ scope: ['a'] })]), taking([user({ scope: ['b'] })])],
    ['the other kind', taking([user()]), taking([client()])],
    ['another where, which may say anything', taking([user({ where: 'a' })]), taking([user({ where: 'b' })])],
    ['another issuer in the place of one', taking([user()], ['main']), taking([user()], ['second'])],
    ['another claim', taking([user({ claims: [claim('t', 'a')] })]), taking([user({ claims: [claim('u', 'a')] })])],
    ['a wider kind with a further condition', taking([user()]), taking([either({ scope: ['a'] })])]
  ]
  for (const [what, before, now] of cases) {
    t.equal(compareAudiences(before, now), 'other', what)
    t.equal(compareAudiences(now, before), 'other', `${what}, the other way round`)
  }
})

t.test('alternatives in another order are the same', async t => {
  t.equal(compareAudiences(taking([user(), client({ scope: ['a', 'b'] })]), taking([client({ scope: ['b', 'a'] }), user()])), 'same')
  t.equal(compareAudiences(taking('public', []), taking('public', [])), 'same')
  t.equal(compareAudiences(undefined, undefined), 'same')
  t.equal(compareAudiences(taking([either()]), reporting([either()])), 'same', 'where nothing is a 403, there is nothing to report')
  t.equal(compareAudiences(reporting([user({ scope: ['a'] })]), reporting([client()])), 'same', 'what is reported is let in all the same')
  t.equal(compareAudiences(taking([client({ scope: ['a'] })]), reporting([user({ max_age: 60 })])), 'wider')
})
