import t from 'tap'
import { loadConfiguration } from '../../src/config/load.ts'
import { policyDifference, type PolicyChange } from '../../src/explain/policy-difference.ts'
import { sentenceOf } from '../../src/explain/sentence.ts'
import { writeFiles, type Settings } from '../support/settings.ts'
import type { TestContext } from '../support/teardown.ts'

const gateway = {
  issuers: { main: { issuer: 'https://idp.example.com', audience: 'a' }, second: { issuer: 'https://second.example.com', audience: 'a' } },
  upstreams: { erp: { url: 'https://erp.example.com', credential: 'none' } }
}

async function routesOf (t: TestContext, routes: readonly Settings[]) {
  const files = await writeFiles(t, { gateway, routes: { defaults: { issuers: 'main' }, routes } })
  const { configuration, mistakes } = await loadConfiguration(files, {})
  if (configuration === undefined) throw new Error(mistakes.map(({ message }) => message).join())
  return configuration.routes
}

async function changed (t: TestContext, before: readonly Settings[], now: readonly Settings[]): Promise<Array<Pick<PolicyChange, 'comparison' | 'before' | 'now'> & { what: string }>> {
  const changes = policyDifference(await routesOf(t, before), await routesOf(t, now))
  return changes.map(({ comparison, methods, path, before, now }) => ({ comparison, what: `${methods.join('|')} ${path}`, before, now }))
}

t.test('a rule is a sentence', async t => {
  const sentences = async (require: unknown, more: Settings = {}) => (await routesOf(t, [{ match: 'GET /a', require, ...more }])).map(sentenceOf)
  t.same(await sentences('public'), ['anybody'])
  t.same(await sentences('user'), ['a user of main'])
  t.same(await sentences('user|client', { issuers: ['main', 'second'] }), ['a user or a client of main or second'])
  t.same(await sentences([{ user: { scope: 'a' } }, { client: { client_id: 'billing' } }]), ['a user of main with scope a, or client billing of main'])
  t.same(await sentences({ user: { scope: 'a b', role: 'clerk', claims: { tenant: ['acme', 1] }, max_age: '5m', acr: 'high', where: 'principal.subject != "x"' } }), ['a user of main with scopes a and b, with role clerk, with claim tenant "acme" or 1, logged in within 300 s, logged in with acr high and where principal.subject != "x"'])
  t.same(await sentences({ user: { client_id: ['a', 'b'], any_scope: ['x', 'y', 'z'] } }), ['a user by client a or b of main with scope x, y or z'])
})

t.test('what lets in more comes first, then others, fewer, and what is otherwise dealt with', async t => {
  const before = [
    { match: 'GET /a', require: 'user' },
    { match: 'GET /b', require: 'user' },
    { match: 'GET /c', require: 'user|client' },
    { match: 'GET /d', require: 'user' },
    { match: 'GET /e', require: 'user' }
  ]
  const now = [
    { match: 'GET /a', require: 'user', timeout: '3s' },
    { match: 'GET /b', require: 'client' },
    { match: 'GET /c', require: 'user' },
    { match: 'GET /d', require: 'public' },
    { match: 'GET /e', require: 'user' }
  ]
  t.same((await changed(t, before, now)).map(({ comparison, what }) => `${comparison} ${what}`), ['wider GET /d', 'other GET /b', 'narrower GET /c', 'same GET /a'])
  t.same(await changed(t, before, before), [])
})

t.test('a narrower path in front of a broader rule, or taken away, is compared with what took its requests', async t => {
  const broad = { match: 'ANY /orders/:id', require: { client: { scope: 'x' } } }
  const narrow = { match: 'GET /orders/new', require: 'public' }
  t.same(await changed(t, [broad], [broad, narrow]), [
    { comparison: 'wider', what: 'GET /orders/new', before: 'a client of main with scope x', now: 'anybody' },
    { comparison: 'narrower', what: 'POST|PUT|PATCH|DELETE|OPTIONS /orders/new', before: 'a client of main with scope x', now: 'nobody' }
  ])
  t.same((await changed(t, [broad, narrow], [broad])).map(({ comparison, what }) => `${comparison} ${what}`), ['wider POST|PUT|PATCH|DELETE|OPTIONS /orders/new', 'narrower GET /orders/new'])
})

t.test('a method more, a rule that is gone', async t => {
  t.same(await changed(t, [{ match: 'PUT /a', require: 'user' }], [{ match: 'PUT|PATCH /a', require: 'user' }]), [{ comparison: 'wider', what: 'PATCH /a', before: 'nobody', now: 'a user of main' }])
  t.same(await changed(t, [{ match: 'GET /a', require: 'user' }, { match: 'GET /b', require: 'user' }], [{ match: 'GET /a', require: 'user' }]), [{ comparison: 'narrower', what: 'GET /b', before: 'a user of main', now: 'nobody' }])
})
