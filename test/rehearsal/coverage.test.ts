import t from 'tap'
import { missingOf } from '../../src/rehearsal/checks.ts'
import { weakerRules } from '../../src/rehearsal/weaker.ts'
import { rehearsed } from './tried.ts'

const routes = [{ match: 'PUT|PATCH /a/:id', require: [{ user: { scope: 'w', role: ['r'] } }, { client: { client_id: 'jobs' } }] }]
const allow = [
  { request: 'PUT|PATCH /a/1', as: 'user', scope: 'w', role: 'r', expect: 'allow' },
  { request: 'PUT /a/1', as: 'client', client_id: 'jobs', expect: 'allow' }
]
const missing = async (t: Parameters<typeof rehearsed>[0], cases: readonly object[]): Promise<string[]> => {
  const { coverage } = await rehearsed(t, { routes, cases: { cases } })
  return coverage.rules.flatMap(missingOf)
}

t.test('what no case lets in is missing, by alternative and by method', async t => {
  t.same((await missing(t, [{ request: 'GET /nowhere', as: 'nobody', expect: 'deny 404' }])).slice(0, 4), [
    'no case lets in a user with scope w and with role r', 'no case lets in client jobs', 'no case is let in by PUT, PATCH', 'no case refuses anybody'
  ])
  t.notOk((await missing(t, allow)).some(one => /lets in|let in/.test(one)))
})

t.test('each weakening wants a case that would notice it, and one such case is enough', async t => {
  const unnoticed = async (...cases: readonly object[]): Promise<number> => (await missing(t, [...allow, ...cases])).length
  t.equal(await unnoticed(), 6)
  t.equal(await unnoticed({ request: 'PUT /a/1', as: 'nobody', expect: 'deny 401' }), 5, 'public')
  t.equal(await unnoticed({ request: 'PUT /a/1', as: 'user', role: 'r', expect: 'deny scope-missing' }), 4, 'public, and without scope')
  t.equal(await unnoticed({ request: 'PUT /a/1', as: 'user', scope: 'w', expect: 'deny role-missing' }), 4)
  t.equal(await unnoticed({ request: 'PUT /a/1', as: 'client', scope: 'w', role: 'r', expect: 'deny client-not-listed' }), 3, 'public, another client, and a client by the first alternative')
  t.equal(await unnoticed({ request: 'PUT /a/1', as: 'user', client_id: 'jobs', expect: 'deny' }), 4)
  t.equal(await unnoticed(
    { request: 'PUT /a/1', as: 'user', role: 'r', expect: 'deny' }, { request: 'PUT /a/1', as: 'user', scope: 'w', expect: 'deny' },
    { request: 'PUT /a/1', as: 'client', scope: 'w', role: 'r', expect: 'deny' }, { request: 'PUT /a/1', as: 'user', client_id: 'jobs', expect: 'deny' }
  ), 0)
})

t.test('what lets nobody more in is no weakening; another issuer is one', async t => {
  const words = (require: Parameters<typeof weakerRules>[0]['require'], issuers = ['main'], all = ['main']): string[] => weakerRules({ require, issuers }, all).map(({ admits }) => admits)
  t.same(words('public'), [])
  t.same(words([{ kinds: ['user', 'client'], conditions: {} }, { kinds: ['client'], conditions: { scope: ['a'] } }]), ['anybody'])
  t.same(words([{ kinds: ['user'], conditions: {} }], ['main'], ['main', 'partner']), ['anybody', 'a client', 'a token of partner'])
  const all = { scope: ['a', 'b'], any_scope: ['c', 'd'], permission: ['p'], role: ['r'], any_role: ['s', 't'], client_id: ['x'], audience: ['y'], max_age: 5, acr: ['z'], where: 'true', claims: [{ name: 'n', path: ['n'], values: [1] }, { name: 'm', path: ['m'], values: [2] }] }
  const each = words([{ kinds: ['user', 'client'], conditions: all }])
  t.equal(each.length, 1 + 2 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 2)
  t.equal(new Set(each).size, each.length, 'each in its own words')
  t.match(each.join('\n'), /but without scope a[^]*but without permission p[^]*but without role r[^]*another claim n[^]*no scope of c, d[^]*by another client[^]*without audience y[^]*more than 5 s ago[^]*another acr[^]*not so: true/)
  // Whoever has permission p has one of p and q: nothing hangs on the second condition.
  t.same(words([{ kinds: ['user', 'client'], conditions: { permission: ['p'], any_permission: ['p', 'q'] } }]), ['anybody', 'a user or a client with permission p or q, but without permission p'])
})

t.test('coverage: required makes it red, reported tells it', async t => {
  for (const [coverage, ok] of [['required', false], ['reported', true], [undefined, true]] as const) {
    const rehearsal = await rehearsed(t, { routes, cases: { ...coverage && { coverage }, cases: allow } })
    t.match(rehearsal, { ok, coverage: { whole: false } })
  }
})

t.test('the matrix says what each principal gets of each rule, tried with each scope that is named anywhere', async t => {
  const { matrix } = await rehearsed(t, {
    routes: [
      { match: 'GET /status', require: 'public' }, { match: 'POST /a', require: 'user' },
      { match: 'GET /a', require: [{ user: { any_scope: ['r', 'w'] } }, { client: { scope: 'w' } }] },
      { match: 'PUT /a', require: { 'user|client': { scope: ['r', 'w'] } } },
      { match: 'DELETE /a', require: { client: { client_id: 'jobs', role: 'admin' } } }
    ],
    cases: { cases: [{ request: 'GET /status', as: 'nobody', expect: 'allow' }] }
  })
  const text = ({ plain, with: doors }: { readonly plain: string | number, readonly with: readonly string[] }): string => [plain, ...doors].join(' ')
  t.same(matrix.rows.map(row => [row.rule, text(row.nobody), text(row.id_token), text(row.user), text(row.client)]), [
    ['GET /status', 'allow', 'allow', 'allow', 'allow'],
    ['POST /a', '401', '401', 'allow', '403'],
    ['GET /a', '401', '401', '403 scope r scope w', '403 scope w'],
    ['PUT /a', '401', '401', '403 scopes r and w', '403 scopes r and w'],
    ['DELETE /a', '401', '401', '403', '403 client jobs with role admin']
  ])
  t.same(matrix.grants.map(({ kind, name }) => `${kind} ${name}`), ['scope r', 'scope w', 'role admin'])
})
