import t from 'tap'
import { GATEWAY, load, SECRET } from './files.ts'

const TWO_UPSTREAMS = `${GATEWAY}    headers: { set: { X-From: upstream, X-Tier: one }, remove: [X-Debug], keep: [X-Forwarded-Tenant] }
  crm: { url: https://crm.example.com, credential: { headers: { X-Crm-Key: ${SECRET} } } }
`

async function routesOf (routes: string, gateway = GATEWAY) {
  const { configuration, lines } = await load({ gateway, routes })
  t.same(lines, [])
  return configuration?.routes ?? []
}

t.test('a rule that says nothing more gets every default', async t => {
  const [route] = await routesOf('routes:\n  - match: GET|POST /a/:id\n    require: user\n')
  t.match(route, {
    name: 'GET|POST /a/:id',
    id: undefined,
    require: [{ kinds: ['user'], conditions: {} }],
    issuers: ['main'],
    upstream: 'erp',
    withoutCredential: false,
    timeout: 30_000,
    idle_timeout: 60_000,
    rate_limits: [],
    headers: { set: {}, remove: [], keep: [] },
    response_headers: { set: {}, remove: [], keep: [] },
    identity: []
  })
  t.equal(route?.body_limit, undefined)
  t.match(route?.at, /routes\.yaml:2$/)
})

t.test('with sap, sessions are made at the first service that a rule names, unless the operator says otherwise', async t => {
  const csrfBy = async (upstream: string, match: string, more = '') => {
    const { configuration, lines } = await load({ gateway: GATEWAY + upstream, routes: `routes:\n  - { match: GET /a, require: user }\n  - { match: ${match}, require: user${more} }\n` })
    return { csrf: configuration?.gateway.upstreams['erp']?.csrf, warned: lines.some(line => line.includes('csrf')) }
  }
  const path = '/sap/opu/odata/sap/API_BUSINESS_PARTNER/'
  t.match(await csrfBy('    erp: sap\n', '"POST /sap/opu/odata/sap/API_BUSINESS_PARTNER/A_BusinessPartner"'), { csrf: { path, header: 'X-CSRF-Token', methods: ['POST', 'PUT', 'PATCH', 'DELETE'], sessions: 1 }, warned: false })
  t.match(await csrfBy('    erp: sap\n', '"PATCH /partners/:key"', ', rewrite: "/sap/opu/odata/sap/API_BUSINESS_PARTNER/A_BusinessPartner(:key)"'), { csrf: { path }, warned: false })
  t.match(await csrfBy('    erp: sap\n', 'POST /sap/opu/odata4/sap/api_x/srvd_a2x/sap/x/0001/X'), { csrf: { path: '/sap/opu/odata4/sap/api_x/srvd_a2x/sap/x/0001/' } })
  t.match(await csrfBy('    erp: sap\n    csrf: { path: /own }\n', 'POST /sap/opu/odata/sap/A/B'), { csrf: { path: '/own' } })
  t.same(await csrfBy('    erp: sap\n    csrf: none\n', 'POST /sap/opu/odata/sap/A/B'), { csrf: undefined, warned: false })
  t.same(await csrfBy('    erp: sap\n', 'POST /b'), { csrf: undefined, warned: true })
  t.same(await csrfBy('    erp: sap\n', 'GET /b'), { csrf: undefined, warned: false })
  t.same(await csrfBy('', 'POST /sap/opu/odata/sap/A/B'), { csrf: undefined, warned: false })
})

t.test('what an ERP is known for stands beneath what the operator says', async t => {
  const sap = GATEWAY + '    erp: sap\n    headers: { set: { SAP_Client: "100" } }\n    refuse_query: Debug\n'
  const [one, two] = await routesOf('defaults: { refuse_query: [b] }\nroutes:\n  - { match: GET /a, require: user }\n  - { match: GET /b, require: user, refuse_query: [c, sap-user], timeout: 1s, headers: { remove: X-Own }, response_headers: { set: { X-CSRF-Token: none } } }\n', sap)
  t.match(one, { timeout: 65_000, headers: { set: { SAP_Client: '100' } } })
  t.notOk(one?.headers.remove.includes('sap-client'))
  t.ok(one?.headers.remove.includes('sap-user'))
  t.ok(one?.response_headers.remove.includes('x-csrf-token'))
  t.same([one?.refuse_query.refused.includes('sap-user'), one?.refuse_query.refused.slice(-2)], [true, ['debug', 'b']])
  t.match(two, { timeout: 1000, response_headers: { set: { 'X-CSRF-Token': 'none' } } })
  t.same([two?.headers.remove.includes('sap-user'), two?.headers.remove.includes('x-own'), two?.response_headers.remove.includes('x-csrf-token')], [true, true, false])
  t.same(two?.refuse_query.refused.slice(-3), ['debug', 'b', 'c'])
})

t.test('gateway.yaml gets the contract\'s defaults', async t => {
  const { configuration } = await load({})
  if (configuration === undefined) return t.fail('it loads')
  const { listen, admin, log, drain_delay: delay, drain_timeout: drain, problems_base: base, issuers, upstreams } = configuration.gateway
  t.same(listen, { host: '0.0.0.0', port: 8080, trusted_proxies: [], max_header_size: 32_768, max_token_size: 16_384, token_cache: { max: 100_000, max_size: 268_435_456 }, header_timeout: 10_000, keep_alive_timeout: 72_000 })
  t.same(admin, { host: '127.0.0.1', port: 9090 })
  t.same([log, delay, drain, base], [{ level: 'info', requests: true }, 0, 30_000, 'urn:countersign:problem:'])
  t.match(issuers.main, { clock_tolerance: 5000, keys_max_stale: 86_400_000, allow_http: false, audience: ['https://api.example.com'] })
  t.match(upstreams.erp?.credential, { kind: 'client_credentials', auth_method: 'client_secret_basic', basic_encoding: 'rfc6749', header: 'Authorization' })
})

t.test('defaults hold where a rule says nothing, and give way where it does', async t => {
  const [one, two] = await routesOf(`
defaults:
  timeout: 5s
  idle_timeout: 10s
  body_limit: 1MiB
  credential: none
  rewrite: /v2/*
  identity: { headers: { X-User: sub } }
routes:
  - { match: GET /a/*, require: user }
  - { match: GET /b/*, require: user, timeout: 1m, idle_timeout: 2m, body_limit: 0B, rewrite: /v3/*, identity: { headers: { X-Org: org.name } } }
`)
  t.match(one, { timeout: 5000, idle_timeout: 10_000, body_limit: 1_048_576, withoutCredential: true, rewrite: '/v2/*', identity: [{ header: 'X-User', claim: 'sub', path: ['sub'] }] })
  t.match(two, { timeout: 60_000, idle_timeout: 120_000, body_limit: 0, withoutCredential: true, rewrite: '/v3/*', identity: [{ header: 'X-Org', claim: 'org.name', path: ['org', 'name'] }] })
})

t.test('retries and time limits: the rule\'s, else those of defaults, else the upstream\'s; one object for all that share them', async t => {
  const gateway = `${GATEWAY}    timeout: 7s\n    idle_timeout: 8s\n    retry: { attempts: 3 }\n`
  const [one, two, three, four] = await routesOf(`routes:
  - { match: GET /a, require: user }
  - { match: GET /b, require: user, timeout: 1s, retry: none }
  - { match: POST /c, require: user, retry: { methods: [POST, GET] } }
  - { match: GET /d, require: user }
`, gateway)
  t.match(one, { timeout: 7000, idle_timeout: 8000, retry: { attempts: 3, on: ['connect', 'reset'], methods: ['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS'], budget: 0.2, backoff: 25 } })
  t.match(two, { timeout: 1000, idle_timeout: 8000, retry: undefined })
  t.match(three, { retry: { attempts: 2, methods: ['POST', 'GET'] } })
  t.equal(one?.retry, four?.retry)
  const [five, six] = await routesOf('defaults: { timeout: 2s, retry: { attempts: 5 } }\nroutes:\n  - { match: GET /a, require: user }\n  - { match: GET /b, require: user }\n', gateway)
  t.match(five, { timeout: 2000, retry: { attempts: 5 } })
  t.equal(five?.retry, six?.retry)
})

t.test('of an upstream\'s protection, nothing is on that is not written, but for the time limits and ejection', async t => {
  const { configuration } = await load({})
  const { connect_timeout: connect, url, balance, eject_after: after, eject_for: out, eject_max: most, total_timeout: total, concurrency, breaker, retry, health_check: check } = configuration?.gateway.upstreams.erp ?? {}
  t.same([url, connect, balance, after, out, most], [['https://erp.example.com'], 10_000, 'round_robin', 5, 10_000, 0.5])
  t.same([total, concurrency, breaker, retry, check], [undefined, undefined, undefined, undefined, undefined])
  const written = await load({ gateway: `${GATEWAY}    concurrency: { max: "5" }\n    breaker: {}\n    retry: {}\n    health_check: { path: /health }\n` })
  t.match(written.configuration?.gateway.upstreams.erp, {
    concurrency: { max: 5, queue_timeout: 5000 },
    breaker: { failures: 5, window: 10_000, min_requests: 20, open_for: 5000 },
    retry: { attempts: 2 },
    health_check: { every: 2000, timeout: 2000, expect: [200], healthy: 2, unhealthy: 2 }
  })
})

t.test('a percent is a part of one, however it is written; from gateway.yaml a number also as text', async t => {
  for (const [written, part] of Object.entries({ '50%': 0.5, 0.5: 0.5, '"0.5"': 0.5, '"${RATE}"': 0.25, 1: 1, '"1"': 1, '100%': 1, 0.001: 0.001 })) {
    const gateway = `${GATEWAY}    breaker: { failure_rate: ${written} }\n    eject_max: ${written}\n    retry: { budget: ${written} }\n`
    const { configuration, lines } = await load({ gateway, env: { ERP_SECRET: SECRET, RATE: '0.25' } })
    t.match(configuration?.gateway.upstreams.erp, { breaker: { failure_rate: part }, eject_max: part, retry: { budget: part } }, `${written}: ${lines.join()}`)
  }
  const [one, two] = await routesOf('routes:\n  - { match: GET /a, require: user, retry: { budget: 0.5 } }\n  - { match: GET /b, require: user, retry: { budget: 5% } }\n')
  t.same([one?.retry?.budget, two?.retry?.budget], [0.5, 0.05])
})

t.test('what is tried again is one list, of words and statuses; in gateway.yaml a status may be text', async t => {
  const [one, two] = await routesOf('routes:\n  - { match: GET /a, require: user, retry: { on: [connect, 502, timeout, 503] } }\n  - { match: GET /b, require: user, retry: { on: 429 } }\n')
  t.same([one?.retry?.on, two?.retry?.on], [['connect', 502, 'timeout', 503], [429]])
  const { configuration } = await load({ gateway: `${GATEWAY}    retry: { on: [reset, "503"], methods: POST }\n` })
  t.match(configuration?.gateway.upstreams.erp?.retry, { on: ['reset', 503], methods: ['POST'] })
})

t.test('an upstream is one URL or several, and its settings count for each', async t => {
  for (const [written, urls] of Object.entries({ 'https://erp.example.com': ['https://erp.example.com'], '[https://erp.example.com]': ['https://erp.example.com'], '[https://a.example.com/x, https://b.example.com:8443/x/]': ['https://a.example.com/x', 'https://b.example.com:8443/x/'] })) {
    const { configuration, lines } = await load({ gateway: GATEWAY.replace('    url: https://erp.example.com', `    url: ${written}`) })
    t.same(configuration?.gateway.upstreams.erp?.url, urls, lines.join())
  }
})

t.test('a default limit is one object in every rule that takes it: one counter', async t => {
  const { configuration } = await load({
    gateway: `redis: { url: rediss://redis.example.com, keys: ${'A'.repeat(43)} }\n${GATEWAY}`,
    routes: `
defaults: { rate_limit: { max: 5, per: 1m, by: client } }
routes:
  - { match: GET /a, require: user }
  - { match: GET /b, require: user }
  - { match: GET /c, require: user, rate_limit: [{ max: 1, per: 1s, by: user, on_store_failure: deny }, { max: 9, per: 1h, by: address }] }
`
  })
  const [one, two, three] = configuration?.routes ?? []
  t.same(one?.rate_limits, [{ max: 5, per: 60_000, by: 'client', on_store_failure: 'local', shared: true }])
  t.equal(one?.rate_limits[0], two?.rate_limits[0])
  t.same(three?.rate_limits, [{ max: 1, per: 1000, by: 'user', on_store_failure: 'deny', shared: false }, { max: 9, per: 3_600_000, by: 'address', on_store_failure: 'local', shared: false }])
})

t.test('headers add up: upstream, defaults, rule; the last word on a name counts', async t => {
  const [one, two, three] = await routesOf(`
defaults: { upstream: erp, headers: { set: { X-From: defaults, X-All: a }, remove: X-Trace }, response_headers: { remove: X-Internal } }
routes:
  - { match: GET /a, require: user }
  - { match: GET /b, require: user, headers: { set: { x_from: rule }, remove: [X-All], keep: [X-Forwarded-Site] }, response_headers: { set: { Cache-Control: no-store }, keep: Server } }
  - { match: GET /c, require: user, upstream: crm }
`, TWO_UPSTREAMS)
  t.same(one?.headers, { set: { 'X-From': 'defaults', 'X-Tier': 'one', 'X-All': 'a' }, remove: ['x-debug', 'x-trace'], keep: ['x-forwarded-tenant'] })
  t.same(two?.headers, { set: { x_from: 'rule', 'X-Tier': 'one' }, remove: ['x-debug', 'x-trace', 'x-all'], keep: ['x-forwarded-tenant', 'x-forwarded-site'] })
  t.same(two?.response_headers, { set: { 'Cache-Control': 'no-store' }, remove: ['x-internal'], keep: ['server'] })
  t.same(three?.headers, { set: { 'X-From': 'defaults', 'X-All': 'a' }, remove: ['x-trace'], keep: [] })
})

t.test('a header that is a credential\'s is told apart by the rule\'s own upstream', async t => {
  const { places } = await load({
    gateway: TWO_UPSTREAMS,
    routes: 'defaults: { headers: { set: { X-Crm-Key: a } } }\nroutes:\n  - { match: GET /a, require: user, upstream: erp }\n  - { match: GET /b, require: user, upstream: crm }\n'
  })
  t.same(places, ['routes.yaml:4:5 routes[1]'])
})

t.test('require has one normal form, however it is written', async t => {
  const spellings: ReadonlyArray<[string, unknown]> = [
    ['public', 'public'],
    ['user', [{ kinds: ['user'], conditions: {} }]],
    ['[user]', [{ kinds: ['user'], conditions: {} }]],
    ['user|client', [{ kinds: ['user', 'client'], conditions: {} }]],
    ['client|user', [{ kinds: ['user', 'client'], conditions: {} }]],
    ['{ user|client: { scope: a } }', [{ kinds: ['user', 'client'], conditions: { scope: ['a'] } }]],
    ['{ client: { scope: [a, b], any_scope: c d } }', [{ kinds: ['client'], conditions: { scope: ['a', 'b'], any_scope: ['c', 'd'] } }]],
    ['{ client: { role: "my role", client_id: [x, y] } }', [{ kinds: ['client'], conditions: { role: ['my role'], client_id: ['x', 'y'] } }]],
    ['{ user: { max_age: 300, acr: gold } }', [{ kinds: ['user'], conditions: { max_age: 300, acr: ['gold'] } }]],
    ['{ user: { max_age: 5m } }', [{ kinds: ['user'], conditions: { max_age: 300 } }]],
    ['{ user: { claims: { a.b: 1, "https://x.y/z": [p, true] } } }', [{ kinds: ['user'], conditions: { claims: [{ name: 'a.b', path: ['a', 'b'], values: [1] }, { name: 'https://x.y/z', path: ['https://x.y/z'], values: ['p', true] }] } }]],
    ['{ user: { where: "!has(claims.blocked)" } }', [{ kinds: ['user'], conditions: { where: '!has(claims.blocked)' } }]],
    ['[user, { client: { scope: a } }]', [{ kinds: ['user'], conditions: {} }, { kinds: ['client'], conditions: { scope: ['a'] } }]]
  ]
  for (const [written, normal] of spellings) {
    const [route] = await routesOf(`routes:\n  - match: GET /a\n    require: ${written}\n`)
    t.same(route?.require, normal, written)
  }
})

t.test('a public rule takes no issuers; any other those that it names', async t => {
  const gateway = GATEWAY.replace('upstreams:', '  other: { issuer: https://id.example.com, audience: a, idp: rfc9068 }\nupstreams:')
  const routes = await routesOf('defaults: { issuers: main }\nroutes:\n  - { match: GET /a, require: public }\n  - { match: GET /b, require: user }\n  - { match: GET /c, require: user, issuers: [other, main] }\n', gateway)
  t.same(routes.map(({ issuers }) => issuers), [[], ['main'], ['other', 'main']])
})

t.test('allowed_clients may use the names of clients', async t => {
  const { configuration } = await load({ gateway: GATEWAY.replace('    audience: https://api.example.com\n', '    clients: { saas: 0oa1, batch: 0oa2 }\n    allowed_clients: [saas, 0oa3]\n') })
  t.same(configuration?.gateway.issuers.main?.allowed_clients, ['0oa1', '0oa3'])
})

t.test('the configuration is frozen through and through', async t => {
  const { configuration } = await load({})
  const walk = (value: unknown): boolean => typeof value !== 'object' || value === null || (Object.isFrozen(value) && Object.values(value).every(walk))
  t.ok(configuration)
  t.ok(walk(configuration))
})
