import t from 'tap'
import { openFiles } from '../../src/file-world.ts'
import { coverageOf, type Coverage } from '../../src/openapi/coverage.ts'
import type { ImportOptions } from '../../src/openapi/rules.ts'
import { writeFiles, type Settings } from '../support/settings.ts'
import type { TestContext } from '../support/teardown.ts'
import { loadConfiguration } from '../../src/config/load.ts'
import { described, GATEWAY } from './described.ts'

async function covered (t: TestContext, paths: object, routes: readonly Settings[], options: ImportOptions = {}): Promise<Coverage> {
  const { configuration, mistakes } = await loadConfiguration(await writeFiles(t, { gateway: GATEWAY, routes }), {})
  if (configuration === undefined) throw new Error(mistakes.map(({ message }) => message).join())
  const world = openFiles(configuration, { now: Date.now, createClient: undefined })
  t.teardown(() => { world.close() })
  return coverageOf(described(paths), configuration.routes, world.matcher, options)
}

const user = { security: [{ user: ['read'] }] }
const rule = (match: string, require: unknown = { user: { scope: 'read' } }) => ({ match, require })

t.test('an operation without a rule is named, with what its requests get', async t => {
  const { missing, unknown } = await covered(t, { '/a': { get: user, put: user }, '/b/{id}.json': { get: user }, '/c': { trace: user }, '/A': { get: user } }, [rule('GET /a')])
  t.same(missing.map(({ operation, code }) => [operation, code]), [['PUT /a', 'method-not-allowed'], ['GET /b/{id}.json', 'route-not-found'], ['TRACE /c', 'route-not-found'], ['GET /A', 'route-not-found']])
  t.same(unknown, [])
})

t.test('a rule, or a method of one, without an operation is named with its place', async t => {
  const { missing, unknown } = await covered(t, { '/a': { get: user }, '/b/{id}': { get: user } }, [
    rule('GET|HEAD|DELETE /a'), rule('GET /b/:id'), rule('GET /b/new'), rule('PUT /b/new'), rule('ANY /c'), rule('ANY /b/:id/*')
  ])
  t.same(missing, [])
  t.same(unknown.map(({ methods, path }) => `${methods.join('|')} ${path}`), ['DELETE /a', 'PUT /b/new', 'GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS /c', 'GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS /b/:id/*'])
  t.match(unknown[0]?.at, /routes\.yaml:2$/)
})

t.test('a broad rule is about every operation below it, and a parameter may be any text', async t => {
  t.match(await covered(t, { '/a/{x}': { get: user }, '/a/{x}/{y}.json': { post: user } }, [rule('ANY /a/*')]), { missing: [], unknown: [], operations: 2, rules: 1 })
  t.match(await covered(t, { '/a/{x}:cancel': { post: user } }, [rule('POST /a/:x_and_verb')]), { missing: [], unknown: [] })
  t.match(await covered(t, { '/api/a': { get: user } }, [rule('GET /v2/api/a')], { base: '/v2' }), { missing: [], unknown: [] })
})

t.test('a rule that lets in more than the description says so, where it can be told', async t => {
  const differing = async (security: unknown, require: unknown, said?: ImportOptions['said']) => {
    const { different } = await covered(t, { '/a': { get: { security } } }, [rule('GET /a', require)], said && { said })
    return different.map(({ comparison }) => comparison)
  }
  t.same(await differing([{ user: ['read'] }], { user: { scope: 'read' } }), [])
  t.same(await differing([{ user: ['read'] }], { user: { scope: ['read', 'more'] } }), [], 'fewer')
  t.same(await differing([{ user: ['read'] }], 'user'), ['wider'])
  t.same(await differing([{ user: ['read'] }], 'client'), ['other'])
  t.same(await differing([{ user: ['read'] }], 'public'), ['wider'])
  t.same(await differing([{ key: [] }], 'user'), [], 'nobody can tell')
  t.same(await differing([{ key: [] }], 'public'), ['wider'], 'but that it is not for anybody')
  t.same(await differing([{ key: [] }, { user: ['read'] }], 'user'), [], 'a key may be a user\'s')
  t.same(await differing([{ key: [] }], 'client', new Map([['key', ['user']]])), ['other'])
})

t.test('public is what a description says where it lets in anybody', async t => {
  t.same((await covered(t, { '/a': { get: { security: [] } }, '/b': { get: {} }, '/c': { get: { security: [{}, { user: [] }] } } }, [rule('GET /:any', 'public')])).different, [])
})
