import Fastify, { type FastifyRequest } from 'fastify'
import t, { type Test } from 'tap'
import { within } from '../../src/common/memo.ts'
import type { Route, RouteLimit } from '../../src/config/configuration.ts'
import { Counters } from '../../src/inbound/counters.ts'
import { createLimits, limitName, registerCounting, type Limit } from '../../src/inbound/limits.ts'
import type { Principal } from '../../src/policy/principal.ts'
import { Refusal } from '../../src/policy/problems.ts'
import { clientOf, userOf } from '../policy/principals.ts'
import { holdClock } from './clock.ts'

type Rule = Pick<Route, 'name' | 'rate_limits'>

let rules = 0

const by = (by: RouteLimit['by'], changes: Partial<RouteLimit> = {}): RouteLimit => ({ max: 1, per: 60_000, by, on_store_failure: 'local', shared: false, ...changes })
const ruleOf = (...rate_limits: readonly RouteLimit[]): Rule => ({ name: `GET /${rules++}`, rate_limits })
const refused = (limit: number, seconds: number) => ({
  code: 'rate-limited',
  headers: { 'Retry-After': String(seconds), 'RateLimit-Limit': String(limit), 'RateLimit-Remaining': '0', 'RateLimit-Reset': String(seconds) }
})

/** The limits of an app, with a clock of the test's. */
async function startLimits (t: Test, overall: { readonly max: number, readonly per: number } | undefined, ...rules: readonly Rule[]) {
  const clock = holdClock(t, 0)
  const app = Fastify()
  await registerCounting(app)
  const counters = new Map<string, Counters>()
  const anew = (limit = overall, all = rules) => createLimits(app, limit && { on_store_failure: 'local', ...limit }, all, name => within(counters, name, () => new Counters()))
  const limits = anew()
  let onRequest = async (_request: FastifyRequest): Promise<void> => {}
  app.get('/', async request => { await onRequest(request) })
  /** What each of these says to one request, one after the other: undefined where it is taken. */
  const ask = async (asked: readonly Limit[], principal?: Principal, remoteAddress = '192.0.2.1') => {
    const answers: unknown[] = []
    onRequest = async request => { for (const limit of asked) answers.push(await answerOf(limit, request, principal)) }
    const { headers } = await app.inject({ url: '/', remoteAddress })
    t.same(Object.keys(headers).filter(name => name.includes('ratelimit')), [], 'the framework limits nothing by itself')
    return answers
  }
  return { app, clock, limits, anew, ask, byAddress: limits.byAddress === undefined ? [] : [limits.byAddress] }
}

async function answerOf (limit: Limit, request: FastifyRequest, principal: Principal | undefined): Promise<unknown> {
  try {
    return await limit(request, principal)
  } catch (error) {
    if (error instanceof Refusal) return { code: error.code, headers: error.extras.headers }
    throw error
  }
}

t.test('where nothing is limited there is nothing to pay for', async t => {
  for (const rules of [[], [ruleOf()], [ruleOf(), ruleOf()]]) {
    const { limits } = await startLimits(t, undefined, ...rules)
    t.match(limits, { any: false, byAddress: undefined })
    t.same(limits.ofRoute(ruleOf()), [])
  }
})

t.test('one limit anywhere is something', async t => {
  for (const [overall, rules, all, own] of [
    [{ max: 1, per: 1000 }, [], 1, 0],
    [{ max: 1, per: 1000 }, [ruleOf()], 1, 0],
    [undefined, [ruleOf(), ruleOf(by('user'), by('client'))], 0, 2]
  ] as const) {
    const { limits, byAddress } = await startLimits(t, overall, ...rules)
    t.equal(limits.any, true)
    t.equal(byAddress.length, all)
    t.equal(limits.ofRoute(rules.at(-1) ?? ruleOf()).length, own)
  }
})

t.test('as many as it says are taken, until its time is over; the next is told when', async t => {
  const { clock, ask, byAddress } = await startLimits(t, { max: 2, per: 60_000 })
  for (const [now, expected] of [
    [0, undefined], [1000, undefined], [1000, refused(2, 59)], [1001, refused(2, 59)], [58_000, refused(2, 2)], [59_000, refused(2, 1)], [59_999.5, refused(2, 1)],
    [60_000, undefined], [60_000, undefined], [60_000, refused(2, 60)]
  ] as const) {
    clock.now = now
    t.same(await ask(byAddress), [expected], String(now))
  }
})

t.test('of requests that come at once as many are taken', async t => {
  const { app, limits } = await startLimits(t, { max: 2, per: 60_000 })
  app.get('/at-once', async request => await Promise.all([1, 2, 3].map(async () => limits.byAddress === undefined ? 'none' : await answerOf(limits.byAddress, request, undefined) ?? 'taken')))
  t.same((await app.inject('/at-once')).json(), ['taken', 'taken', refused(2, 60)])
})

t.test('an overall limit counts each caller\'s network for itself', async t => {
  const { ask, byAddress } = await startLimits(t, { max: 1, per: 60_000 })
  for (const [address, taken] of [
    ['192.0.2.1', true], ['192.0.2.2', true], ['::ffff:192.0.2.1', false], ['2001:db8:0:1::1', true], ['2001:db8:0:1::2', false], ['2001:db8:0:2::1', true]
  ] as const) t.same(await ask(byAddress, userOf({ subject: address }), address), [taken ? undefined : refused(1, 60)], address)
})

t.test('whose requests are counted together', async t => {
  const one = '192.0.2.1'
  const other = '192.0.2.2'
  for (const [what, of, first, second, together] of [
    ['one user from anywhere, by any client', 'user', [userOf(), one], [userOf({ client: 'other' }), other], true],
    ['another user', 'user', [userOf(), one], [userOf({ subject: 'user-2' }), one], false],
    ['a user of another issuer', 'user', [userOf(), one], [userOf({ issuer: 'partner' }), one], false],
    ['a client for itself', 'user', [clientOf(), one], [clientOf({ subject: 'other' }), other], true],
    ['a user and a client of one name', 'user', [userOf({ subject: 'saas' }), one], [clientOf({ client: 'saas' }), one], false],
    ['another client of that subject', 'user', [clientOf(), one], [clientOf({ client: 'batch' }), one], false],
    ['users of a client', 'client', [userOf(), one], [userOf({ subject: 'user-2' }), other], true],
    ['a client and its user', 'client', [clientOf(), one], [userOf(), other], true],
    ['a user at another client', 'client', [userOf(), one], [userOf({ client: 'other' }), one], false],
    ['a client of another issuer', 'client', [clientOf(), one], [clientOf({ issuer: 'partner' }), one], false],
    ['one address', 'address', [userOf(), one], [userOf({ subject: 'user-2', client: 'other', issuer: 'partner' }), one], true],
    ['another address', 'address', [userOf(), one], [userOf(), other], false],
    ['nobody, by the address', 'user', [undefined, one], [undefined, one], true],
    ['nobody, by another address', 'user', [undefined, one], [undefined, other], false],
    ['nobody for a client, by another address', 'client', [undefined, one], [undefined, other], false],
    ['a user without a subject, by the address', 'user', [userOf({ subject: undefined }), one], [userOf({ subject: undefined, client: 'other' }), one], true],
    ['a user without a subject, by another address', 'user', [userOf({ subject: undefined }), one], [userOf({ subject: undefined }), other], false],
    ['a user without a client, by another address', 'client', [userOf({ client: undefined }), one], [userOf({ client: undefined }), other], false],
    ['a user and who has no name', 'user', [userOf(), one], [undefined, one], false]
  ] satisfies ReadonlyArray<[string, RouteLimit['by'], [Principal | undefined, string], [Principal | undefined, string], boolean]>) {
    const rule = ruleOf(by(of))
    const { limits, ask } = await startLimits(t, undefined, rule)
    const asked = limits.ofRoute(rule)
    t.same(await ask(asked, first[0], first[1]), [undefined], what)
    t.same(await ask(asked, second[0], second[1]), [together ? refused(1, 60) : undefined], `${of}: ${what}`)
  }
})

t.test('each limit of a list counts by its own, also after another', async t => {
  const rule = ruleOf(by('user'), by('address', { max: 2, per: 30_000 }))
  const { limits, ask } = await startLimits(t, undefined, rule)
  const asked = limits.ofRoute(rule)
  t.same(await ask(asked, userOf()), [undefined, undefined])
  t.same(await ask(asked, userOf()), [refused(1, 60), undefined])
  t.same(await ask(asked, userOf({ subject: 'user-2' })), [undefined, refused(2, 30)])
})

t.test('a shared limit is one counter over all rules, and any other one of its rule', async t => {
  for (const shared of [true, false]) {
    const limit = by('user', { shared })
    const [rule, other] = [ruleOf(limit), ruleOf(limit)]
    const { limits, ask } = await startLimits(t, undefined, rule, other)
    t.same(await ask([...limits.ofRoute(rule), ...limits.ofRoute(other)], userOf()), [undefined, shared ? refused(1, 60) : undefined])
  }
  const two = ruleOf(by('user', { shared: true }), by('user', { shared: true }))
  const both = await startLimits(t, undefined, two)
  t.same(await both.ask(both.limits.ofRoute(two), userOf()), [undefined, undefined], 'each in its own place')
  const [rule, other] = [ruleOf(by('user', { shared: true })), ruleOf(by('user', { shared: true }))]
  const { limits, ask } = await startLimits(t, undefined, rule, other)
  t.same(await ask([...limits.ofRoute(rule), ...limits.ofRoute(other)], userOf()), [undefined, refused(1, 60)], 'it is the one in its place of the list')
})

t.test('limits that are made anew go on counting, by rule and place; by another one where the time or the who is another', async t => {
  const rule = ruleOf(by('user'), by('address', { max: 3 }))
  const { limits, anew, ask, byAddress } = await startLimits(t, { max: 1, per: 60_000 }, rule)
  t.same(await ask([...byAddress, ...limits.ofRoute(rule)], userOf()), [undefined, undefined, undefined])
  const next = anew({ max: 3, per: 60_000 })
  const same = next.ofRoute({ ...rule, rate_limits: [by('user', { max: 2 }), by('address', { max: 3 })] })
  t.same(await ask([...next.byAddress === undefined ? [] : [next.byAddress], ...same], userOf()), [undefined, undefined, undefined])
  t.same(await ask([...next.byAddress === undefined ? [] : [next.byAddress], ...same], userOf()), [undefined, refused(2, 60), undefined])
  for (const other of [[by('client')], [by('user', { per: 59_000 })]]) {
    t.same(await ask(next.ofRoute({ ...rule, rate_limits: other }), userOf()), [undefined])
  }
  t.same(await ask(next.ofRoute({ ...rule, name: 'GET /other' }), userOf()), [undefined, undefined])
  const shorter = anew({ max: 1, per: 59_000 }).byAddress
  t.same(await ask(shorter === undefined ? [] : [shorter]), [undefined])
})

t.test('a limit has one name wherever it is counted: by its place, by whom and how long; not by how much', async t => {
  const limit = by('user')
  const name = limitName('rule GET /a', limit, 1)
  t.equal(limitName('rule GET /a', by('user', { max: 99, on_store_failure: 'deny' }), 1), name)
  for (const other of [limitName('rule GET /b', limit, 1), limitName('defaults', limit, 1), limitName('rule GET /a', limit, 2), limitName('rule GET /a', by('client'), 1), limitName('rule GET /a', by('user', { per: 1000 }), 1), limitName('listen', { per: 60_000 })]) t.not(other, name)
  const names: string[] = []
  const app = Fastify()
  await registerCounting(app)
  const rule = { name: 'GET /a', rate_limits: [by('user', { shared: true, on_store_failure: 'allow' }), by('client')] }
  const limits = createLimits(app, { max: 1, per: 1000, on_store_failure: 'deny' }, [rule], (name, onFailure) => {
    names.push(`${name} ${onFailure}`)
    return new Counters()
  })
  limits.ofRoute(rule)
  limits.ofRoute(rule)
  t.same(names, ['listen 0 address 1000 deny', 'defaults 0 user 60000 allow', 'rule GET /a 1 client 60000 local', 'rule GET /a 1 client 60000 local'])
})
