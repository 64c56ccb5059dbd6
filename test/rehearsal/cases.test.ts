import t from 'tap'
import { ISSUERS } from './issuers.ts'
import { MAIN, rehearsed } from './tried.ts'

const verdicts = ({ cases }: Awaited<ReturnType<typeof rehearsed>>): string[] => cases.map(({ request, as, got, ok }) => `${ok ? 'ok' : 'no'} ${request} ${as}: ${got}`)

t.test('a case is each of its requests by each of its principals, and each key says what it says', async t => {
  const routes = [
    { match: 'GET|PUT /a/:id', require: ['user', { client: { scope: ['a', 'b'] } }], id: 'the-a' },
    { match: 'GET /p', require: { 'user|client': { permission: 'p', role: 'r' } } },
    { match: 'GET /listed', require: { client: { client_id: ['billing', 'jobs-id'] } } },
    { match: 'GET /step', require: { user: { max_age: '5m', acr: 'high' } } },
    { match: 'GET /claims', require: { user: { claims: { 'team.name': 'blue' }, audience: 'urn:second' } } },
    { match: 'GET /own/:who', require: { user: { where: 'request.params.who == principal.subject && request.address == "10.0.0.9"' } } }
  ]
  const issuers = { main: { ...MAIN.main, clients: { billing: 'billing-id' } } }
  const rehearsal = await rehearsed(t, {
    issuers,
    routes,
    cases: {
      cases: [
        { request: ['GET|PUT /a/1', 'GET /a/2?q=x'], as: ['user', 'nobody'], expect: 'allow' },
        { request: 'PUT /a/1', as: 'client', scope: 'a b', expect: 'allow', rule: 'the-a' },
        { request: 'PUT /a/1', as: 'client', scope: ['a'], expect: 'deny scope-missing' },
        { request: 'PUT /a/1', as: 'user', expect: 'allow', rule: 'GET /p' },
        { request: 'GET /p', as: ['user', 'client'], permission: 'p', role: ['r', 'x'], expect: 'allow' },
        { request: 'GET /p', as: 'user', permission: 'p', expect: 'deny 403 role-missing' },
        { request: 'GET /listed', as: 'client', client_id: 'billing', expect: 'allow' },
        { request: 'GET /listed', as: 'client', client_id: 'jobs-id', expect: 'allow' },
        { request: 'GET /listed', as: 'client', client_id: 'other', expect: 'deny client-not-listed' },
        { request: 'GET /step', as: 'user', acr: 'high', login_age: '4m', expect: 'allow' },
        { request: 'GET /step', as: 'user', acr: 'high', login_age: '6m', expect: 'deny 401 login-too-old' },
        { request: 'GET /step', as: 'user', acr: 'low', expect: 'deny login-too-weak' },
        { request: 'GET /claims', as: 'user', claims: { 'team.name': 'blue' }, audience: ['https://api.example.com', 'urn:second'], expect: 'allow' },
        { request: 'GET /claims', as: 'user', claims: { 'team.name': 'red' }, audience: ['https://api.example.com', 'urn:second'], expect: 'deny claim-mismatch' },
        { request: 'GET /claims', as: 'user', claims: { auth_time: null }, expect: 'deny 403 principal-kind' },
        { request: 'GET /own/ada', as: 'user', address: '10.0.0.9', expect: 'allow' },
        { request: 'GET /own/bob', as: 'user', address: '10.0.0.9', expect: 'deny where-not-met' },
        { request: 'GET /a/1', as: 'user', expired: true, expect: 'deny token-expired' },
        { request: 'GET /a/1', as: 'user', headers: { 'X-HTTP-Method': 'PUT' }, expect: 'deny 400 method-override' },
        { request: 'GET /a/1', as: 'user', headers: { Host: 'api.example.com' }, expect: 'allow' },
        { request: 'ANY /none', as: 'nobody', expect: 'deny' }
      ]
    }
  })
  const wrong = rehearsal.cases.filter(({ ok }) => !ok).map(({ request, as, expected, got }) => `${request} ${as}: ${expected} / ${got}`)
  t.same(wrong, [
    'GET /a/1 nobody: allow / deny 401 credential-missing',
    'PUT /a/1 nobody: allow / deny 401 credential-missing',
    'GET /a/2?q=x nobody: allow / deny 401 credential-missing',
    'PUT /a/1 user: allow by GET /p / allow',
    // A slip in the path is no guard.
    ...['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'].map(method => `${method} /none nobody: deny / deny 404 route-not-found`)
  ])
  t.notOk(rehearsal.ok)
  t.equal(rehearsal.cases.length, 6 + 8 + 1 + 12 - 1 + 7)
})

t.test('what is a surprise says which check failed, who let it in, what to do, and where the case stands', async t => {
  const { cases } = await rehearsed(t, {
    routes: [{ match: 'GET /a', require: [{ client: { scope: 'a' } }, 'user'] }],
    cases: `cases:
  - { request: GET /a, as: client, scope: b, expect: allow }
  - request: GET /a
    as: user
    expect: deny
    name: a user does not read
`
  })
  t.match(cases, [
    { ok: false, at: /routes\.test\.yaml:2$/, expected: 'allow', got: 'deny 403 scope-missing', rule: /routes\.yaml:3$/ },
    { ok: false, at: /routes\.test\.yaml:3$/, expected: 'deny', got: 'allow', name: 'a user does not read' }
  ])
  t.match(cases[0]?.reasons.join('\n'), /met by GET \/a[^]*a client with scope a: scope has b, wants a[^]*→ /)
  t.match(cases[1]?.reasons.join('\n'), /let in by GET \/a [^]*a user[^]*user by .*sub/)
})

t.test('where there are several issuers, a case says whose token it is, or the file does; the rule takes its own', async t => {
  const rehearsal = await rehearsed(t, {
    issuers: { main: ISSUERS.auth0, partner: ISSUERS.keycloak },
    defaults: { issuers: 'main' },
    routes: [{ match: 'GET /a', require: 'user' }, { match: 'GET /b', require: 'client', issuers: ['main', 'partner'] }],
    cases: {
      issuer: 'main',
      cases: [
        { request: 'GET /a', as: 'user', expect: 'allow' },
        { request: 'GET /a', as: 'user', issuer: 'partner', expect: 'deny 401 issuer-not-accepted' },
        { request: 'GET /b', as: 'client', issuer: ['main', 'partner'], expect: 'allow' },
        { request: 'GET /b', as: 'user', issuer: ['main', 'partner'], expect: 'deny 403 principal-kind' }
      ]
    }
  })
  t.ok(rehearsal.ok, verdicts(rehearsal).join('\n'))
  t.equal(rehearsal.cases.length, 6)
  t.ok(rehearsal.negatives.some(({ what, ok }) => what === 'of issuer partner' && ok))
  t.same(rehearsal.coverage.rules.map(({ unnoticed }) => unnoticed.filter(one => one.includes('partner'))), [[], []])
})

t.test('an IdP\'s shape by name is asked of any policy', async t => {
  const rehearsal = await rehearsed(t, {
    issuers: { main: ISSUERS.entra },
    routes: [{ match: 'GET /a', require: 'user' }, { match: 'PUT /a', require: { client: { role: 'write' } } }],
    cases: {
      cases: [
        { request: 'GET /a', as: ['user', 'entra-v1-user', 'entra-v2-user', 'entra-user-by-agent'], expect: 'allow' },
        { request: 'GET /a', as: ['entra-agent', 'entra-agent-user', 'agent'], expect: 'deny 403 principal-kind' },
        { request: 'GET /a', as: ['entra-no-grant', 'keycloak-user'], expect: 'deny 401' },
        // What is a scope elsewhere is a role of an app's there.
        { request: 'PUT /a', as: ['client', 'entra-v1-client', 'entra-client-without-idtyp'], scope: 'write', expect: 'allow' }
      ]
    }
  })
  t.ok(rehearsal.ok, verdicts(rehearsal).join('\n'))
})

t.test('a policy of public rules alone needs no issuer', async t => {
  const { ok, negatives, coverage, matrix } = await rehearsed(t, { issuers: {}, routes: [{ match: 'GET /status', require: 'public' }], cases: { coverage: 'required', cases: [{ request: 'GET /status', as: 'nobody', expect: 'allow' }] } })
  t.ok(ok)
  t.same([negatives.length, coverage.whole, matrix.rows.length], [0, true, 0])
})
