import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { stringify } from 'yaml'
import type { ShadowReport } from '../../src/observe/shadow-tally.ts'
import { delimited, httpPart, MULTIPART } from '../support/batch-body.ts'
import type { CallOptions } from '../support/call.ts'
import { startErp } from '../support/erp.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { startIdp, type Idp } from '../support/idp.ts'
import { rewrite, type Settings } from '../support/settings.ts'

const NEXT = 'routes.next.yaml'

interface Policies {
  readonly now: Settings | readonly Settings[]
  readonly next: Settings | readonly Settings[]
  readonly changes?: Settings
}

const asFile = (rules: Policies['next']): string => stringify(Array.isArray(rules) ? { routes: rules } : rules, { aliasDuplicateObjects: false })

async function scene (t: Test, { now, next, changes }: Policies) {
  const idp = await startIdp(t, { alg: 'ES256' })
  const erp = await startErp(t)
  const gateway = await startGateway(t, { idp, erp, routes: now, files: { [NEXT]: asFile(next) }, shadow: NEXT, ...changes && { changes } })
  return { idp, erp, gateway }
}

async function reportOf (gateway: TestGateway, requests?: number): Promise<ShadowReport> {
  // What is asked of an IdP for the other rules alone is not waited for.
  for (const until = Date.now() + 20_000; ; await sleep(20)) {
    const report = (await gateway.admin('/shadow')).json() as ShadowReport
    if (requests === undefined || report.requests >= requests || Date.now() > until) return report
  }
}

const kinds = ({ differences }: ShadowReport): string[] => differences.map(({ outcome, before, now, client = '-', count }) => `${count} ${outcome} ${before.code ?? 'passes'} > ${now.code ?? 'passes'}, ${now.rule?.id ?? 'no rule'} by ${client}`)

t.test('a tighter policy is tried out on real requests: who would now be refused, by which rule, and nobody feels it', async t => {
  const { idp, erp, gateway } = await scene(t, {
    now: [{ match: 'GET /a/:id', require: 'user|client' }, { match: 'GET /b', require: 'client' }],
    next: [{ match: 'GET /b', require: 'client' }, { match: 'GET /a/:id', require: { 'user|client': { client_id: 'saas' } } }]
  })
  const [good, other, third] = [idp.mintUser(), idp.mintClient({ client_id: 'billing' }), idp.mintClient({ client_id: 'third' })]
  for (const token of [good, other, good, other, third, good]) t.equal((await gateway.call({ path: '/a/1?secret=query', token })).status, 200)
  t.equal((await gateway.call({ path: '/b', token: other })).status, 200)
  t.equal((await gateway.call({ path: '/b', token: good })).status, 403)
  t.equal(erp.requests.length, 7, 'each went to the ERP once')
  const report = await reportOf(gateway)
  t.match(report, { file: /routes\.next\.yaml$/, compares: true, mistakes: [], requests: 8, outcomes: { same: 5, now_refused: 3, now_passed: 0 }, others: 0 })
  t.same(kinds(report), ['2 now_refused passes > client-not-listed, GET /a/:id by billing', '1 now_refused passes > client-not-listed, GET /a/:id by third'])
  const [first] = report.differences
  t.match(first, { before: { rule: { at: /routes\.yaml:2$/ } }, now: { rule: { at: /routes\.next\.yaml:4$/ } }, issuer: 'main', last: { method: 'GET', path: '/a/1' } })
  t.same(Object.keys(first?.now.rule ?? {}).sort(), ['at', 'id'])
  t.ok(gateway.logLines().some(({ msg, decision }) => msg === 'request' && decision === first?.last.decision), 'and one of them can be looked up in the log')
  const { text } = await gateway.admin('/metrics')
  for (const line of ['countersign_shadow_decisions_total{outcome="now_refused"} 3', 'countersign_shadow_decisions_total{outcome="same"} 5', 'countersign_shadow_compares 1']) t.ok(text.includes(line), line)
  await gateway.close()
  t.match(gateway.logLines().find(({ msg }) => msg === 'what other routes would have changed'), { requests: 8, now_refused: 3 })
  t.notMatch(gateway.log, 'secret=query')
})

type Call = (idp: Idp) => CallOptions
const at = (path: string, token?: (idp: Idp) => string, more: CallOptions = {}): Call => idp => ({ path, ...token && { token: token(idp) }, ...more })
const user = (idp: Idp): string => idp.mintUser()
const idToken = (idp: Idp): string => idp.mintIdToken()

const COMPARED: ReadonlyArray<readonly [promise: string, now: Settings | undefined, next: Settings | undefined, call: Call, expected: string]> = [
  ['what both let in', { require: 'user' }, { require: 'user' }, at('/a', user), 'same'],
  ['what both refuse alike', { require: 'client' }, { require: 'client' }, at('/a', user), 'same'],
  ['a 403 that would pass', { require: 'client' }, { require: 'user' }, at('/a', user), '1 now_passed principal-kind > passes, GET /a by saas'],
  ['a 403 that would be another one', { require: { user: { scope: 'x' } } }, { require: { user: { role: 'x' } } }, at('/a', user), '1 other_refusal scope-missing > role-missing, GET /a by saas'],
  ['a 404 that would pass, by a token that nobody had asked for', undefined, { require: 'user' }, at('/a', user), '1 now_passed route-not-found > passes, GET /a by saas'],
  ['a 404 that would be a 403', undefined, { require: 'client' }, at('/a', user), '1 other_refusal route-not-found > principal-kind, GET /a by saas'],
  ['a 404 that would be a 401', undefined, { require: 'user' }, at('/a', idToken), '1 other_refusal route-not-found > id-token, GET /a by -'],
  ['a 404 without a token', undefined, { require: 'user' }, at('/a'), '1 other_refusal route-not-found > credential-missing, GET /a by -'],
  ['a 404 of both', { require: 'user' }, { require: 'user' }, at('/b', user), 'same'],
  ['a rule that would be gone', { require: 'user' }, undefined, at('/a', user), '1 now_refused passes > route-not-found, no rule by saas'],
  ['a method that nobody had', { match: 'PUT /a', require: 'user' }, { require: 'user' }, at('/a', user), '1 now_passed method-not-allowed > passes, GET /a by saas'],
  ['a 401 that would pass for the rule is public', { require: 'user' }, { require: 'public' }, at('/a'), '1 now_passed credential-missing > passes, GET /a by -'],
  ['a bad token that would not be read', { require: 'user' }, { require: 'public' }, at('/a', idToken), '1 now_passed id-token > passes, GET /a by -'],
  ['an ID token, which opens nothing', { require: 'user' }, { require: 'user|client', enforce: 'report' }, at('/a', idToken), 'same'],
  ['public that would ask: a good token', { require: 'public' }, { require: 'user' }, at('/a', user), 'same'],
  ['public that would ask: no token', { require: 'public' }, { require: 'user' }, at('/a'), '1 now_refused passes > credential-missing, GET /a by -'],
  ['public that would ask: an ID token', { require: 'public' }, { require: 'user' }, at('/a', idToken), '1 now_refused passes > id-token, GET /a by -'],
  ['public that would ask for another kind', { require: 'public' }, { require: 'client' }, at('/a', user), '1 now_refused passes > principal-kind, GET /a by saas'],
  ['an issuer that would be taken', { require: 'user', issuers: 'second' }, { require: 'user' }, at('/a', user), '1 now_passed issuer-not-accepted > passes, GET /a by saas'],
  ['an issuer that would not', { require: 'user' }, { require: 'user', issuers: 'second' }, at('/a', user), '1 now_refused passes > issuer-not-accepted, GET /a by saas'],
  ['a login that would be asked for anew', { require: 'user' }, { require: { user: { max_age: '10s' } } }, at('/a', user), '1 now_refused passes > login-too-old, GET /a by saas'],
  ['a login that would suffice', { require: { user: { max_age: '10s' } } }, { require: 'user' }, at('/a', user), '1 now_passed login-too-old > passes, GET /a by saas'],
  ['where, by address', { require: 'user' }, { require: { user: { where: 'request.address == "192.0.2.7"' } } }, at('/a', user, { headers: { 'x-forwarded-for': '192.0.2.7' } }), 'same'],
  ['where, by another address', { require: 'user' }, { require: { user: { where: 'request.address == "192.0.2.7"' } } }, at('/a', user, { headers: { 'x-forwarded-for': '192.0.2.8' } }), '1 now_refused passes > where-not-met, GET /a by saas'],
  ['another timeout and another path', { require: 'user' }, { require: 'user', timeout: '9s', rewrite: '/b' }, at('/a', user), '1 other_rule passes > passes, GET /a by saas'],
  ['what is reported now and would be enforced', { require: 'client', enforce: 'report' }, { require: 'client' }, at('/a', user), '1 now_refused passes > principal-kind, GET /a by saas'],
  ['what would be reported', { require: 'user|client' }, { require: 'client', enforce: 'report' }, at('/a', user), 'same'],
  ['a query that would be refused', { require: 'user' }, { require: 'user', refuse_query: ['login'] }, at('/a?login=x', user), '1 now_refused passes > query-refused, GET /a by saas'],
  ['a header that would be the gateway\'s', { require: 'user' }, { require: 'user', headers: { set: { 'X-Tenant': 'a' } } }, at('/a', user, { headers: { x_tenant: 'b' } }), '1 now_refused passes > header-ambiguous, no rule by saas']
]

t.test('each request is compared by what both policies say of it', async t => {
  const [idp, second] = [await startIdp(t, { alg: 'ES256' }), await startIdp(t, { alg: 'ES256' })]
  const erp = await startErp(t)
  for (const [promise, now, next, call, expected] of COMPARED) {
    const file = (rule: Settings | undefined): Settings => ({ defaults: { issuers: 'main' }, routes: [{ match: 'GET /z', require: 'user' }, ...rule === undefined ? [] : [{ match: 'GET /a', ...rule }]] })
    const changes = { issuers: { second: { issuer: second.issuer, audience: 'https://api.example.com' } }, listen: { trusted_proxies: ['127.0.0.1'] } }
    const gateway = await startGateway(t, { idp, erp, changes, routes: file(now), files: { [NEXT]: asFile(file(next)) }, shadow: NEXT })
    const before = erp.requests.length
    const { status } = await gateway.call(call(idp))
    t.equal(erp.requests.length, before + (status === 200 ? 1 : 0))
    const report = await reportOf(gateway, 1)
    t.equal(report.requests, 1, promise)
    t.same(kinds(report), expected === 'same' ? [] : [expected], promise)
    await gateway.close()
  }
})

t.test('what the rules have no word on is not compared: spellings, limits, outages', async t => {
  const rule = { match: 'GET /a', require: 'user', rate_limit: { max: 1, per: '1h', by: 'user' } }
  const { idp, gateway } = await scene(t, { now: [rule], next: [{ ...rule, rate_limit: { max: 1, per: '1h', by: 'user' } }] })
  const token = idp.mintUser()
  t.equal((await gateway.call({ path: '//a', token })).status, 400)
  t.same([(await gateway.call({ path: '/a', token })).status, (await gateway.call({ path: '/a', token })).status], [200, 429], 'the limit is counted once')
  t.match(await reportOf(gateway), { requests: 1, outcomes: { same: 1 } })
})

t.test('a batch is decided by the other rules too, each of its requests', async t => {
  const batch = { match: 'POST /o/$batch', require: 'user', batch: { each: 'same_rules' } }
  const { idp, erp, gateway } = await scene(t, {
    now: [batch, { match: 'GET /o/A', require: 'user' }, { match: 'GET /o/B', require: 'user' }],
    next: [batch, { match: 'GET /o/A', require: 'user' }, { match: 'GET /o/B', require: 'client' }]
  })
  const send = async (...targets: readonly string[]) => await gateway.call({ method: 'POST', path: '/o/$batch', token: idp.mintUser(), headers: { 'content-type': MULTIPART }, body: delimited(targets.map(target => httpPart({ target }))) })
  t.equal((await send('A', 'A')).status, 200)
  t.equal((await send('A', 'B')).status, 200)
  t.equal((await send('A', 'C')).status, 404)
  t.equal(erp.requests.length, 2)
  const report = await reportOf(gateway)
  t.match(report.outcomes, { same: 2, now_refused: 1 })
  t.same(kinds(report), ['1 now_refused passes > principal-kind, GET /o/B by saas'])
})

t.test('a file with mistakes harms no request: nothing is compared until it is good again', async t => {
  const rules = [{ match: 'GET /a', require: 'user' }]
  const { idp, gateway } = await scene(t, { now: rules, next: rules })
  const dir = gateway.dir
  const ask = async (): Promise<void> => { t.equal((await gateway.call({ path: '/a', token: idp.mintUser() })).status, 200) }
  const until = async (compares: boolean): Promise<ShadowReport> => {
    for (const end = Date.now() + 30_000; Date.now() < end; await sleep(50)) {
      const report = await reportOf(gateway)
      if (report.compares === compares && report.requests === 0 === compares) return report
    }
    throw new Error(`compares is not ${String(compares)}`)
  }
  await ask()
  t.equal((await reportOf(gateway)).requests, 1)
  await rewrite(dir, { routes: rules, files: { [NEXT]: 'routes:\n  - match: GET /a\n    require: usr\n' } })
  t.match(await until(false), { mistakes: [/routes\.next\.yaml:3:14$/], requests: 1 })
  await ask()
  t.match((await gateway.admin('/metrics')).text, /^countersign_shadow_compares 0$/m)
  t.match(await gateway.admin('/readyz'), { status: 200 })
  t.match(gateway.logLines().filter(({ msg }) => msg === 'what other routes would have changed'), [{ requests: 1, same: 1 }])
  await rewrite(dir, { files: { [NEXT]: asFile([{ match: 'GET /a', require: 'client' }]) } })
  await until(true)
  await ask()
  t.match((await reportOf(gateway)).outcomes, { now_refused: 1, same: 0 })
})

t.test('the rules in force change: it begins to count anew', async t => {
  const rules = [{ match: 'GET /a', require: 'user' }]
  const { idp, gateway } = await scene(t, { now: rules, next: rules })
  const ask = async () => (await gateway.call({ path: '/a', token: idp.mintUser() })).status
  t.equal(await ask(), 200)
  await rewrite(gateway.dir, { routes: [{ match: 'GET /a', require: 'client' }] })
  await gateway.reload()
  t.equal(await ask(), 403)
  t.match(await reportOf(gateway), { requests: 1, outcomes: { now_passed: 1 } })
})

t.test('a mistake in gateway.yaml ends no comparison, and nothing else than that file is to blame', async t => {
  const rules = [{ match: 'GET /a', require: 'user' }]
  const { idp, gateway } = await scene(t, { now: rules, next: rules })
  await rewrite(gateway.dir, { gateway: 'upstreams: nonsense' })
  await gateway.reload()
  t.equal((await gateway.call({ path: '/a', token: idp.mintUser() })).status, 200)
  t.match(await reportOf(gateway), { compares: true, requests: 1, mistakes: [] })
})

t.test('without --shadow there is no report and no series; and whoever may not ask is not told', async t => {
  const idp = await startIdp(t)
  const erp = await startErp(t)
  const gateway = await startGateway(t, { idp, erp, routes: [{ match: 'GET /a', require: 'user' }] })
  t.match(await gateway.admin('/shadow'), { status: 404 })
  t.notMatch((await gateway.admin('/metrics')).text, /^countersign_shadow_(?:decisions_total\{|compares )/m)
  t.match(await gateway.admin('/shadow', { headers: { host: 'rebound.example.com' } }), { status: 403 })
})

t.test('a file with mistakes at the start is an error, before anything is opened', async t => {
  await t.rejects(scene(t, { now: [{ match: 'GET /a', require: 'user' }], next: [{ match: 'GET /a', require: 'usr' }] }), { name: 'ConfigurationError', mistakes: [{ file: /routes\.next\.yaml$/, line: 3 }] })
})
