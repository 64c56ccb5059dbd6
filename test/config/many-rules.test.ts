import t from 'tap'
import { load } from './files.ts'
import { compileMatcher } from '../../src/policy/match.ts'
import { compileAlternative } from '../../src/policy/require.ts'
import type { Principal } from '../../src/policy/principal.ts'

const COUNT = 10_000
const HEAD = 'defaults:\n  timeout: 10s\nroutes:\n'

// Six lines each: the first rule begins on the fourth.
const LINES_OF_A_RULE = 6
const ruleText = (at: number) => `  # area ${at}
  - match: GET|POST /v1/area${at}/:id/items
    require:
      - user: { any_scope: ["read:${at}", all], claims: { tenant: [acme, bolt], org.level: 3 } }
      - { client: { scope: "read:${at} write:${at}", client_id: [saas, "batch-${at}"] } }
    headers: { set: { X-Area: "${at}" } }
`
const many = (count: number) => HEAD + Array.from({ length: count }, (_, at) => ruleText(at)).join('')
const lineOf = (at: number) => 4 + at * LINES_OF_A_RULE + 1

const nobody: Principal = { tokenKind: 'access', kind: 'user', issuer: 'main', subject: 'ada', client: undefined, scopes: [], permissions: [], roles: [], claims: {}, evidence: [] }
const context = { now: 0, request: { method: 'GET', path: '/', params: {}, address: '127.0.0.1' } }

t.test('ten thousand rules load, and each decides as it is written', async t => {
  const { configuration, lines } = await load({ routes: many(COUNT) })
  t.same(lines, [])
  const routes = configuration?.routes ?? []
  t.equal(routes.length, COUNT)
  const matcher = compileMatcher(routes)
  for (const at of [0, 1, 4321, COUNT - 2, COUNT - 1]) {
    const { rule, params } = matcher.find('POST', `/v1/area${at}/7/items`)
    t.equal(rule, routes[at])
    t.same(params, { id: '7' })
    t.match(rule, { name: `GET|POST /v1/area${at}/:id/items`, timeout: 10_000, headers: { set: { 'X-Area': String(at) } }, issuers: ['main'] })
    t.equal(rule.at.split(':').at(-1), String(lineOf(at)))
    const [user, client] = rule.require === 'public' ? [] : rule.require.map(one => compileAlternative(one, {}))
    const holds = (alternative: typeof user, principal: Partial<Principal>) => alternative?.checks.every(check => check({ ...nobody, ...principal }, context).holds)
    const claims = { tenant: 'acme', org: { level: 3 } }
    t.equal(holds(user, { scopes: [`read:${at}`], claims }), true)
    t.equal(holds(user, { scopes: [`read:${at + 1}`], claims }), false)
    t.equal(holds(user, { scopes: ['all'], claims: { ...claims, tenant: 'other' } }), false)
    t.equal(holds(client, { scopes: [`read:${at}`, `write:${at}`], client: `batch-${at}` }), true)
    t.equal(holds(client, { scopes: [`read:${at}`], client: `batch-${at}` }), false)
    t.equal(holds(client, { scopes: [`read:${at}`, `write:${at}`], client: `batch-${at + 1}` }), false)
  }
  t.throws(() => matcher.find('GET', `/v1/area${COUNT}/7/items`), { code: 'route-not-found' })
})

t.test('mistakes in the first, a middle and the last rules come in one go, each where it stands', async t => {
  const changes: ReadonlyArray<readonly [at: number, from: string, to: string, wanted: string]> = [
    [0, 'GET|POST /v1/area0/', 'GET|PSOT /v1/area0/', '1:12 routes[0].match'],
    [5000, '{ scope: "read:5000 ', '{ scpe: "read:5000 ', '4:21 routes[5000].require[1].client.scpe'],
    [9994, '# area 9995', '  tmeout: 3s', '6:5 routes[9994].tmeout'],
    [9995, '"read:9995", all]', '"read:9995", 7]', '3:42 routes[9995].require[0].user.any_scope[1]'],
    [9996, '/v1/area9996/:id', '/v1/area0000/:x', '1:12 routes[9996].match'],
    [9997, '["read:9997", all]', '*a', '3:28 routes[9997].require[0].user.any_scope'],
    [9998, '["read:9998", all]', '!a b', '3:28 routes[9998].require[0].user.any_scope'],
    [9999, 'X-Area: "9999"', '"X Area": "9999"', '5:23 routes[9999].headers.set["X Area"]']
  ]
  // A rule of the same path as another: the one that comes later is told.
  const text = changes.reduce((text, [, from, to]) => text.replace(from, to), many(COUNT).replace('/v1/area17/:id', '/v1/area0000/:id'))
  const { places, configuration } = await load({ routes: text })
  t.equal(configuration, undefined)
  t.same(places, changes.map(([at, , , wanted]) => {
    const [line = '', ...rest] = wanted.split(':')
    return `routes.yaml:${lineOf(at) - 1 + Number(line)}:${rest.join(':')}`
  }))
})

for (const [promise, from, to] of [
  ['a colon too many', '{ client: { scope: "read:998 ', 'client: a: b { scope: "read:998 '],
  ['an item that is not indented as the others', '  - match: GET|POST /v1/area998/', '    - match: GET|POST /v1/area998/'],
  ['a bracket that is not closed', '["read:998", all]', '["read:998", all'],
  ['a bracket too many', '["read:998", all]', '["read:998", all]]']
] as const) {
  t.test(`what is no YAML in rule 999 is reported where it stands: ${promise}`, async t => {
    const { places, configuration } = await load({ routes: many(1000).replace(from, to) })
    t.equal(configuration, undefined)
    t.ok(places.length > 0 && places.length <= 5)
    // Within its lines, from the comment in front of it to the one behind.
    for (const place of places) t.ok(Math.abs(Number(place.split(':')[1]) - lineOf(998) - 2) <= 3, place)
  })
}

t.test('another list before the rules is read as it is written, however long', async t => {
  const others = 1500
  const { places } = await load({ routes: `others:\n${'  - { a: [b, c, d], e: { f: g } }\n'.repeat(others)}${many(500).replace('/v1/area499/', '/v1/area7/')}` })
  t.same(places, ['1:1 others', `${1 + others + lineOf(499)}:12 routes[499].match`].map(place => `routes.yaml:${place}`))
})

for (const [promise, routes, message, place] of [
  ['8 MiB', `# ${'x'.repeat(99)}\n`.repeat(90_000), /larger than 8 MiB/, '1:1'],
  ['a scalar of 64 KiB', `${many(2)}  - description: ${'x'.repeat(70_000)}\n`, /64 KiB/, '16:18'],
  ['a quote that is not closed', many(1000).replace('"read:500"', '\'read:500'), /quote/, `${lineOf(500) + 2}:29`],
  ['forty levels', `routes:\n  - require: ${'['.repeat(50)}`, /nested too deeply/, '1:1'],
  ['twenty thousand rules', `${HEAD}${'  - {}\n'.repeat(25_000)}`, /20000/, '20004:5'],
  ['twenty thousand keys', Array.from({ length: 25_000 }, (_, at) => `k${at}: 1\n`).join(''), /20000/, '1:1'],
  ['what is held at once', `routes: [${'a,'.repeat(500_000)}]`, /too large.* - on a new line/, '1:1'],
  ['three million words', `${HEAD}${`  - [${'a,'.repeat(130_000)}]\n`.repeat(20)}`, /too large: split/, '1:1']
] as const) {
  t.test(`more than ${promise} is refused with what to do`, async t => {
    const { mistakes: [first, ...more], configuration } = await load({ routes })
    t.equal(configuration, undefined)
    t.same(more, [])
    t.match(first?.message, message)
    t.equal(`${first?.line}:${first?.column}`, place)
  })
}
