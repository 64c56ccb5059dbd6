import t from 'tap'
import { loadConfiguration } from '../../src/config/load.ts'
import type { PastLine, RuleRow } from '../../src/explain/explanation.ts'
import type { Told } from '../../src/observe/snapshot.ts'
import { startRedis } from '../support/redis.ts'
import { registerSecret } from '../support/secrets.ts'
import { standardGateway, writeFiles, type Settings } from '../support/settings.ts'
import { routes, startScene } from './scene.ts'

t.test('the page comes with a policy that lets it load its own files alone, and is never kept', async t => {
  const { gateway } = await startScene(t)
  const page = await gateway.admin('/')
  t.match(page, { status: 200, headers: { 'content-type': /^text\/html/ } })
  const policy = Object.fromEntries(String(page.headers['content-security-policy']).split('; ').map(rule => [rule.slice(0, rule.indexOf(' ')), rule.slice(rule.indexOf(' ') + 1)]))
  t.same(policy, {
    'default-src': "'none'",
    'script-src': "'self'",
    'style-src': "'self'",
    'img-src': "'self'",
    'connect-src': "'self'",
    'base-uri': "'none'",
    'form-action': "'none'",
    'frame-ancestors': "'none'",
    'require-trusted-types-for': "'script'",
    'trusted-types': "'none'"
  })
  t.match(page.headers, { 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer', 'cross-origin-opener-policy': 'same-origin', 'cross-origin-resource-policy': 'same-origin', 'cache-control': 'no-store' })
  t.notMatch(page.text, /<script(?![^>]*src=)|<style|\son[a-z]+=/, 'nothing is inline')

  const files = [...page.text.matchAll(/(?:src|href)="\.\/(assets\/[^"]+)"/g)].map(([, file]) => file)
  t.ok(files.length >= 2)
  for (const file of files) t.match(await gateway.admin(`/${file}`), { status: 200, headers: { 'cache-control': 'public, max-age=31536000, immutable', 'x-content-type-options': 'nosniff', 'content-security-policy': /default-src 'none'/ } })
  for (const path of ['/assets', '/assets/', '/assets/../../src/cli.js', '/%2e%2e/src/cli.js', '/src/main.tsx', '/package.json', '/.countersign-page', '/index.html/']) t.match(await gateway.admin(path), { status: 404 }, path)
  t.match(await gateway.admin('/', { method: 'POST', body: {} }), { status: 404 })
})

t.test('a snapshot tells how it stands: what was counted, what is remembered, and no secret', async t => {
  const { idp, gateway } = await startScene(t)
  await gateway.call({ path: '/addresses/1', token: idp.mintUser() })
  await gateway.call({ path: '/addresses/1', token: idp.mintClient() })
  await gateway.call({ path: '/none' })
  const answer = await gateway.admin('/snapshot?history')
  t.match(answer, { status: 200, headers: { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' } })
  const told = answer.json() as Told
  t.match(told, {
    status: 'ready',
    degraded: [],
    totals: { outcomes: { answered: 1, refused: 2, left: 0, upstream: 0, gateway: 0 } },
    process: { count: 1, inFlight: 0, knownTokens: 2, shed: 0 },
    configuration: { rules: /^[\w-]{12}$/, routes: 4, reloads: { adopted: 0, unchanged: 0, rejected: 0 } },
    refusals: { remembered: 2, code: [{ name: 'route-not-found', count: 1 }, { name: 'scope-missing', count: 1 }], rule: [{ name: '' }, { name: 'GET /addresses/:id' }], client: [{ name: '' }, { name: 'saas' }] },
    issuers: [{ name: 'main', issuer: idp.issuer, keys: 1, usable: true, fetches: { ok: 1, failed: 0 } }],
    upstreams: [{ name: 'erp', open: 0, hosts: [{ ejected: false, healthy: true }], credential: { kind: 'client_credentials', available: true, fetches: { ok: 1, failed: 0 }, shared: 0 } }]
  })
  const [rule] = told.traffic.filter(one => one.rule === 'GET /addresses/:id')
  t.match(rule, { upstream: 'erp', ends: [{ code: '', status: 200, count: 1 }, { code: 'scope-missing', status: 403, count: 1 }] })
  t.equal(rule?.durations.reduce((sum, count) => sum + count), 2)
  t.equal(rule?.durations.length, told.bounds.length + 1)
  t.equal(told.history?.length, 1, 'the first sample is taken at the start')
  const { askedAt = 0, endsAt = 0 } = told.upstreams[0]?.credential ?? {}
  t.ok(askedAt <= told.time && told.time < endsAt)
  t.notOk('store' in told)
  const rows = (await gateway.admin('/rules')).json() as RuleRow[]
  t.match(rows, [{ name: 'GET /addresses/:id', methods: 'GET', who: /read:address/, at: 'routes.yaml:2' }, {}, {}, {}])
})

t.test('refusals are had by what they have in common', async t => {
  const { idp, gateway } = await startScene(t)
  for (const [path, token] of [['/addresses/1', idp.mintClient()], ['/addresses/2', idp.mintIdToken()], ['/none', idp.mintUser()]] as const) await gateway.call({ path, token })
  const had = async (query: string) => ((await gateway.admin(`/decisions?${query}`)).json() as PastLine[]).map(({ path }) => path)
  t.same(await had('code=id-token'), ['/addresses/2'])
  t.same(await had('rule=GET%20%2Faddresses%2F%3Aid'), ['/addresses/2', '/addresses/1'])
  t.same(await had('rule='), ['/none'])
  t.same(await had('client=saas&code=scope-missing'), ['/addresses/1'])
  t.same(await had('client=nobody'), [])
  t.same((await had('code=id-token&code=scope-missing')).length, 3, 'a name that stands twice asks for nothing')
})

t.test('what fails around it is told, with since when', async t => {
  const redis = await startRedis(t)
  const { idp, gateway } = await startScene(t, { changes: { redis: { url: redis.url }, upstreams: { erp: { breaker: { failures: 5 }, concurrency: { max: 3 } } } } })
  for (const until = Date.now() + 15_000; (((await gateway.admin('/snapshot')).json()) as Told).store?.up !== true && Date.now() < until;) await new Promise(resolve => setTimeout(resolve, 20))
  idp.keys.published = []
  await gateway.call({ path: '/addresses/1', token: idp.mintUser({}, { header: { kid: 'unknown' } }) })
  const told = (await gateway.admin('/snapshot')).json() as Told
  t.match(told, {
    issuers: [{ fetches: { failed: 1, problem: /publishes no key/ } }],
    upstreams: [{ circuit: 'closed', queued: 0 }],
    store: { up: true, operations: [{ operation: 'probe', outcome: 'ok' }] }
  })
  t.ok((told.issuers[0]?.fetches.failedAt ?? 0) > 0)
})

t.test('what the page is told is for whom the rest of the port is: other sites and strangers get nothing', async t => {
  const { gateway } = await startScene(t)
  for (const path of ['/snapshot', '/rules']) {
    t.match(await gateway.admin(path, { headers: { host: 'rebound.example.com' } }), { status: 403 })
    t.match(await gateway.admin(path, { headers: { host: `127.0.0.1:${gateway.adminPort}`, 'sec-fetch-site': 'cross-site' } }), { status: 403 })
    t.match(await gateway.admin(path), { status: 200 })
  }
  const token = registerSecret('an-admin-token-of-some-length', 'the admin token')
  const guarded = await startScene(t, { changes: { admin: { token, host: '0.0.0.0' } } })
  t.match(await guarded.gateway.admin('/'), { status: 200 })
  for (const path of ['/snapshot', '/rules']) {
    t.match(await guarded.gateway.admin(path), { status: 401 })
    t.match(await guarded.gateway.admin(path, { token: 'another-admin-token-of-a-length' }), { status: 401 })
    t.match(await guarded.gateway.admin(path, { token }), { status: 200 })
  }
})

t.test('off loopback there is no console without a token; one that is asked for there does not start', async t => {
  const without = async (admin: Settings) => {
    const { gateway } = await startScene(t, { changes: { admin } })
    return await Promise.all(['/', '/snapshot', '/rules', '/livez'].map(async path => (await gateway.admin(path)).status))
  }
  t.same(await without({ host: '0.0.0.0' }), [404, 404, 404, 200])
  t.same(await without({ console: false }), [404, 404, 404, 200])
  t.same(await without({ host: '127.0.0.1', console: true }), [200, 200, 200, 200])

  const mistakes = async (admin: Settings) => {
    const files = await writeFiles(t, { gateway: standardGateway({ idp: { issuer: 'http://127.0.0.1:1', origin: 'http://127.0.0.1:1', clients: {} } as never, erp: { origin: 'http://127.0.0.1:1' } }, { admin, upstreams: { erp: { credential: { basic: { username: 'a', password: 'of-these-tests' }, client_credentials: undefined } } } }), routes })
    return (await loadConfiguration(files, {}, { now: Date.now() })).mistakes.filter(({ severity }) => severity === 'error')
  }
  t.match(await mistakes({ host: '0.0.0.0', console: true }), [{ path: 'admin.console' }])
  t.match(await mistakes({ host: '10.1.2.3', console: true }), [{ path: 'admin.console' }])
  t.same(await mistakes({ host: '0.0.0.0', console: true, token: registerSecret('an-admin-token-of-some-length', 'the admin token') }), [])
  t.same(await mistakes({ host: '0.0.0.0' }), [])
  t.same(await mistakes({ host: '::1', console: true }), [])
})
