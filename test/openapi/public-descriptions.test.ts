// Descriptions that others have published, as npm packages: import → check → test of each of their operations, with nothing
// written by hand.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { tryOut } from '../../src/commands/rehearsing.ts'
import { loadConfiguration } from '../../src/config/load.ts'
import { openFiles } from '../../src/file-world.ts'
import { coverageOf } from '../../src/openapi/coverage.ts'
import { readDescription } from '../../src/openapi/description.ts'
import { parseDocument } from '../../src/openapi/document.ts'
import { projectRoot } from '../support/files.ts'
import { writeFiles } from '../support/settings.ts'
import { GATEWAY, imported } from './described.ts'

/** What of a description is read here by itself, and not by what is tested. */
interface Raw {
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly security?: Raw['security'] }>>>>
  readonly security?: ReadonlyArray<Readonly<Record<string, readonly string[]>>>
}

interface Published {
  readonly file: string
  /** in front of its paths */
  readonly base: string
  /** the names of its OAuth 2 schemes */
  readonly oauth2: readonly string[]
  /** whether a client's own token may have these scopes, too */
  readonly clientMay: (scopes: readonly string[]) => boolean
  readonly counts: { readonly operations: number, readonly told: number, readonly rules: number, readonly narrower: number, readonly left: number }
}

const METHODS = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch']

async function holds (t: Test, { file, base, oauth2, clientMay, counts }: Published): Promise<void> {
  const text = await readFile(join(projectRoot, 'node_modules', file), 'utf8')
  const description = readDescription(parseDocument(text))
  const { left, inexpressible, unread, ...result } = imported(description)
  t.match({ ...result, left: left.length }, counts)
  t.same([inexpressible, unread], [[], []])
  t.equal(counts.told + counts.left, counts.operations, 'each operation is in a rule, or is named')

  const cases = casesOf(parseDocument(text) as Raw, { base, oauth2, clientMay })
  t.ok(cases.length >= counts.told * 3, `${cases.length} cases`)
  const files = await writeFiles(t, { gateway: GATEWAY, routes: result.routes, files: { 'routes.test.yaml': `cases:\n${cases.map(one => `- ${JSON.stringify(one)}\n`).join('')}` } })

  const { configuration, mistakes } = await loadConfiguration(files, {})
  t.same(mistakes.filter(({ severity }) => severity === 'error'), [], 'check takes it')
  if (configuration === undefined) return
  const world = openFiles(configuration, { now: Date.now, createClient: undefined })
  t.teardown(() => { world.close() })
  const { missing, unknown, different } = coverageOf(description, configuration.routes, world.matcher)
  t.same(missing.map(({ operation }) => operation), left.map(({ operation }) => operation), 'what is left is what coverage misses')
  t.same([unknown, different], [[], []])

  const { rehearsal, mistakes: found } = await tryOut({ ...files, cases: join(files.dir, 'routes.test.yaml') })
  t.same(found.filter(({ severity }) => severity === 'error'), [])
  t.same(rehearsal?.cases.filter(({ ok }) => !ok), [])
  t.same(rehearsal?.negatives.filter(({ ok }) => !ok), [])
  t.ok((rehearsal?.cases.length ?? 0) >= cases.length)
  t.comment(`${rehearsal?.cases.length ?? 0} requests of cases, ${rehearsal?.negatives.length ?? 0} generated`)
}

/** For each requirement of each operation: who may by it, who may not, and one scope less. */
function casesOf (raw: Raw, { base, oauth2, clientMay }: Pick<Published, 'base' | 'oauth2' | 'clientMay'>): object[] {
  return Object.entries(raw.paths).flatMap(([path, item]) => METHODS.flatMap(method => {
    const operation = item[method]
    const security = operation === undefined ? [] : operation.security ?? raw.security ?? []
    const alternatives = security.flatMap(one => oauth2.flatMap(name => one[name] === undefined ? [] : [one[name]]))
    const request = `${method.toUpperCase()} ${base}${path.replaceAll(/\{[^}]*\}/g, 'x1')}`
    return alternatives.flatMap((scope): object[] => {
      const fewer = scope.slice(1)
      const suffices = alternatives.some(other => other.every(one => fewer.includes(one)))
      return [
        { request, as: 'user', scope, expect: 'allow' },
        { request, as: 'client', scope, expect: clientMay(scope) ? 'allow' : 'deny 403 principal-kind' },
        { request, as: 'user', scope: fewer, expect: suffices ? 'allow' : 'deny 403 scope-missing' },
        { request, as: ['nobody', 'id_token'], expect: 'deny 401' }
      ]
    })
  }))
}

t.test('Figma, OpenAPI 3.1: users with scopes, beside keys that are not taken', { timeout: 200_000 }, async t => {
  await holds(t, {
    file: '@figma/rest-api-spec/openapi/openapi.yaml',
    base: '',
    oauth2: ['OAuth2', 'OrgOAuth2'],
    clientMay: () => false,
    counts: { operations: 54, told: 51, rules: 48, narrower: 51, left: 3 }
  })
})

t.test('Shopware, OpenAPI 3.1: two thousand operations, of users and of clients', { timeout: 200_000 }, async t => {
  await holds(t, {
    file: '@shopware/api-client/api-types/adminApiSchema.json',
    base: '/api',
    oauth2: ['oAuth'],
    clientMay: scopes => !scopes.includes('admin'),
    counts: { operations: 1997, told: 1996, rules: 1201, narrower: 0, left: 1 }
  })
})

t.test('Netlify, Swagger 2.0: users, without a scope', { timeout: 200_000 }, async t => {
  await holds(t, {
    file: '@netlify/open-api/dist/swagger.json',
    base: '/api/v1',
    oauth2: ['netlifyAuth'],
    clientMay: () => false,
    counts: { operations: 181, told: 180, rules: 115, narrower: 0, left: 1 }
  })
})
