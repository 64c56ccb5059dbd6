// Descriptions that others have published, as npm packages: import → check → each of their operations, with nothing written by hand.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { explain } from '../../src/explain/explain.ts'
import { openFiles } from '../../src/file-world.ts'
import { coverageOf } from '../../src/openapi/coverage.ts'
import { readDescription } from '../../src/openapi/description.ts'
import { parseDocument } from '../../src/openapi/document.ts'
import { projectRoot } from '../support/files.ts'
import { checked, GATEWAY, imported } from './described.ts'

/** What of a description is read here by itself, and not by what is tested. */
interface Raw {
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly security?: Raw['security'] }>>>>
  readonly security?: ReadonlyArray<Readonly<Record<string, readonly string[]>>>
}

interface Published {
  readonly file: string
  /** in front of its paths */
  readonly base: string
  /** the name of its OAuth 2 schemes, and whether a client's own token has the scopes, too */
  readonly oauth2: readonly string[]
  readonly clientMay: (scopes: readonly string[]) => boolean
  readonly counts: { readonly operations: number, readonly told: number, readonly rules: number, readonly narrower: number, readonly left: number, readonly inexpressible: number }
}

const METHODS = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch']

async function holds (t: Test, { file, base, oauth2, clientMay, counts }: Published): Promise<void> {
  const text = await readFile(join(projectRoot, 'node_modules', file), 'utf8')
  const description = readDescription(parseDocument(text))
  const { left, inexpressible, ...result } = imported(description)
  t.match({ ...result, left: left.length, inexpressible: inexpressible.length, unread: result.unread.length }, { ...counts, unread: 0 })
  t.equal(counts.told + counts.left + counts.inexpressible, counts.operations, 'each operation is a rule, or is named')

  const { configuration, errors } = await checked(t, result.routes)
  t.same(errors, [])
  if (configuration === undefined) return
  const world = openFiles(configuration, { now: Date.now, createClient: undefined })
  t.teardown(() => { world.close() })

  const coverage = coverageOf(description, configuration.routes, world.matcher)
  t.same(coverage.missing.map(({ operation }) => operation).sort(), [...left, ...inexpressible].map(({ operation }) => operation).sort(), 'what is left is what coverage misses')
  t.same([coverage.unknown, coverage.different], [[], []])

  const raw = parseDocument(text) as Raw
  let asked = 0
  for (const [path, item] of Object.entries(raw.paths)) {
    for (const method of METHODS) {
      const operation = item[method]
      const alternatives = (operation?.security ?? raw.security ?? []).flatMap(one => oauth2.flatMap(name => one[name] ?? []).length === 0 && !oauth2.some(name => one[name]) ? [] : [oauth2.flatMap(name => one[name] ?? [])])
      if (operation === undefined || alternatives.length === 0) continue
      const target = base + path.replaceAll(/\{[^}]*\}/g, 'x1')
      const ask = async (claims: object | undefined) => await explain({ method: method.toUpperCase(), target, shown: claims && { claims: { ...claims }, header: { alg: 'RS256', typ: 'at+jwt' } } }, world)
      for (const scopes of alternatives) {
        const refused: unknown[] = []
        const say = (what: string, held: boolean) => { if (!held) refused.push(`${what}: ${method} ${path} ${scopes.join(' ')}`) }
        say('a user with the scopes', (await ask(user(scopes))).passes)
        say('a client with the scopes', (await ask(client(scopes))).passes === clientMay(scopes))
        const fewer = scopes.slice(1)
        const suffices = alternatives.some(other => other.every(scope => fewer.includes(scope)))
        say('a user with one scope less', suffices || (await ask(user(fewer))).code === 'scope-missing')
        say('nobody', (await ask(undefined)).code === 'credential-missing')
        t.same(refused, [])
        asked++
      }
    }
  }
  t.ok(asked >= counts.told, `${asked} requirements were asked for`)
}

const seconds = Math.floor(Date.now() / 1000)
const common = { iss: GATEWAY.issuers.main.issuer, aud: GATEWAY.issuers.main.audience, client_id: 'saas', iat: seconds, exp: seconds + 3600, jti: '1' }

function user (scopes: readonly string[]): object {
  return { ...common, sub: 'user-1', auth_time: seconds - 60, scope: scopes.join(' ') }
}

function client (scopes: readonly string[]): object {
  return { ...common, sub: 'saas', scope: scopes.join(' ') }
}

t.test('Figma, OpenAPI 3.1: users with scopes, beside keys that are not taken', { timeout: 100_000 }, async t => {
  await holds(t, {
    file: '@figma/rest-api-spec/openapi/openapi.yaml',
    base: '',
    oauth2: ['OAuth2', 'OrgOAuth2'],
    clientMay: () => false,
    counts: { operations: 54, told: 51, rules: 48, narrower: 51, left: 3, inexpressible: 0 }
  })
})

t.test('Shopware, OpenAPI 3.1: two thousand operations, of users and of clients', { timeout: 100_000 }, async t => {
  await holds(t, {
    file: '@shopware/api-client/api-types/adminApiSchema.json',
    base: '/api',
    oauth2: ['oAuth'],
    clientMay: scopes => !scopes.includes('admin'),
    counts: { operations: 1997, told: 1996, rules: 1201, narrower: 0, left: 1, inexpressible: 0 }
  })
})

t.test('Netlify, Swagger 2.0: users, without a scope', { timeout: 100_000 }, async t => {
  await holds(t, {
    file: '@netlify/open-api/dist/swagger.json',
    base: '/api/v1',
    oauth2: ['netlifyAuth'],
    clientMay: () => false,
    counts: { operations: 181, told: 180, rules: 115, narrower: 0, left: 1, inexpressible: 0 }
  })
})
