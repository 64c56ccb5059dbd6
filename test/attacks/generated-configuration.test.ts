import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { parse, stringify } from 'yaml'
import { formatMistake, loadConfiguration, type Configuration, type Loaded } from '../../src/config/load.ts'
import { createPathMap } from '../../src/outbound/paths.ts'
import { compileMatcher } from '../../src/policy/match.ts'
import { GATEWAY, ROUTES, SECRET } from '../config/files.ts'
import { tempDir } from '../support/files.ts'
import { tally } from './gauntlet.ts'
import { generation } from './generated.ts'

const GATEWAY_FULL = `listen: { host: 0.0.0.0, port: "\${PORT:-8080}", trusted_proxies: [10.0.0.0/8], rate_limit: { max: 5, per: 1s } }
admin: { port: 9090 }
${GATEWAY.replace('    audience: https://api.example.com\n', '    audience: https://api.example.com\n    algorithms: [RS256]\n    claims: { tenant: acme }\n    clients: { saas: abc }\n')}    headers: { set: { X-A: b }, remove: [X-C] }
`
const ROUTES_FULL = `defaults: { timeout: 5s, rate_limit: { max: 5, per: 1s, by: user } }
${ROUTES}    id: one
  - match: GET /b/:id
    require: [user, { client: { scope: a, claims: { b: [1, c] }, where: "claims.x == 1" } }]
    rewrite: /c/:id
    identity: { headers: { X-User: sub } }
  - match: ANY /d/*
    require: { user|client: { any_scope: [a, b], role: r, max_age: 60, audience: c } }
    issuers: main
  - match: GET /e
    require: public
    credential: none
    headers: { set: { X-E: f } }
`

interface Pair { readonly gateway: string | Uint8Array, readonly routes: string | Uint8Array }

const generated = generation('generated configuration')
const share = (part: number) => ({ seed: generated.seed, numRuns: Math.max(1, Math.floor(generated.numRuns * part)) })

// Generous: more runs by flag take longer. The parts wait for the disk most of the time.
const patient = { timeout: 120_000 + 30 * generated.numRuns, buffered: true }
t.setTimeout(patient.timeout)
t.jobs = 3

/** Writes what differs from the two good files into a folder of the test's own, loads both, and checks what must hold of any result. */
async function loader (t: Test): Promise<(pair: Partial<Pair>) => Promise<Loaded>> {
  const folder = await tempDir(t)
  const files = { config: join(folder, 'gateway.yaml'), routes: join(folder, 'routes.yaml') }
  return async ({ gateway = GATEWAY_FULL, routes = ROUTES_FULL }) => {
    await Promise.all([writeFile(files.config, gateway), writeFile(files.routes, routes)])
    const started = performance.now()
    const loaded = await loadConfiguration(files, { ERP_SECRET: SECRET })
    if (performance.now() - started > 15_000) throw new Error('this took too long')
    assertPlaced(loaded, { [files.config]: gateway, [files.routes]: routes })
    if (loaded.configuration !== undefined) assertComplete(loaded.configuration)
    return loaded
  }
}

/** Refused is: with an error that says where. */
function assertPlaced ({ configuration, mistakes }: Loaded, texts: Readonly<Record<string, string | Uint8Array>>): void {
  const isRefused = mistakes.some(({ severity }) => severity === 'error')
  if (isRefused !== (configuration === undefined)) throw new Error(`errors: ${String(isRefused)}, loaded: ${String(configuration !== undefined)}`)
  for (const one of mistakes) {
    const text = texts[one.file]
    const lines = text === undefined ? 0 : Buffer.from(text).toString().split('\n').length
    if (!(one.line >= 1 && one.line <= lines && one.column >= 1 && one.message !== '')) throw new Error(`no place among ${lines} lines: ${formatMistake(one)}`)
  }
}

/** Loaded is: nobody gets in without a rule that says so, and what starts with it starts. */
function assertComplete ({ gateway, routes }: Configuration): void {
  if (routes.length === 0) throw new Error('no rules')
  for (const { require, match, rewrite, issuers, at, withoutCredential } of routes) {
    if (!/^.+routes\.yaml:[1-9]\d*$/.test(at)) throw new Error(`no place: ${at}`)
    createPathMap('', match, rewrite)
    const isPublic = require === 'public'
    if (isPublic && match.segments.at(-1)?.kind === 'rest' && !withoutCredential) throw new Error('everybody has our credential')
    if (isPublic) continue
    if (require.length === 0 || issuers.length === 0) throw new Error(`${at}: no require, or no issuer`)
    for (const { kinds, conditions } of require) {
      if (kinds.length === 0 || Object.values(conditions).some(isEmpty)) throw new Error(`${at}: an empty condition`)
    }
  }
  compileMatcher(routes)
  for (const { issuer, audience, allowed_clients: clients, algorithms } of Object.values(gateway.issuers)) {
    if (isEmpty(issuer) || (isEmpty(audience) && isEmpty(clients)) || algorithms?.length === 0) throw new Error('an issuer that checks less')
  }
  for (const { url, credential } of Object.values(gateway.upstreams)) if (isEmpty(url) || isEmpty(credential)) throw new Error('an upstream without its credential')
}

function isEmpty (value: unknown): boolean {
  return value === undefined || value === null || value === '' || (Array.isArray(value) && (value.length === 0 || value.some(isEmpty)))
}

/** What is loaded checks no less than what a reader of the file finds there: as many rules, alternatives and conditions. */
function assertMeansWhatItSays (text: string, { configuration }: Loaded): void {
  if (configuration === undefined) return
  const { routes } = parse(text) as { routes: Array<{ require: unknown }> }
  const said = routes.map(({ require }) => weigh(require))
  const meant = configuration.routes.map(({ require }) => require === 'public'
    ? 'public'
    : require.map(({ kinds, conditions }) => [...kinds].sort().join('|') + Object.keys(conditions).sort().join()).join(' or '))
  if (said.join('\n') !== meant.join('\n')) throw new Error(`says ${said.join('; ')}; means ${meant.join('; ')}`)
}

function weigh (require: unknown): string {
  if (Array.isArray(require)) return require.map(weigh).join(' or ')
  if (typeof require === 'string') return require.split('|').sort().join('|')
  return Object.entries(require as object).map(([kinds, conditions]) => weigh(kinds) + Object.keys(conditions as object).sort().join()).join(' or ')
}

// What a slip, a merge or an attacker puts into YAML.
const SPLICES = [' ', '\n', '\t', ':', ': ', '- ', '[', ']', '{', '}', ',', '#', '&a ', '*a', '!a ', '!!str ', '|', '>', '%', '@', '`', '"', '\'', '\\', '~', '? ', '<<: ', '---\n', '...\n', '${', '${A}', '$${', '\0', '\u{feff}', '\u2028', '\r', '__proto__', 'constructor', 'null', 'no', '1e309', '0', '-1', 'public', 'user', '|client', 'scope', '*', '/*', '\u{1f600}', '\ud800']

const splice = fc.record({
  at: fc.nat(),
  cut: fc.nat({ max: 12 }),
  put: fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...SPLICES) }, { weight: 1, arbitrary: fc.array(fc.nat({ max: 0x10ffff }), { maxLength: 4 }).map(points => String.fromCodePoint(...points)) })
})
const lineEdit = fc.record({ at: fc.nat(), to: fc.nat(), edit: fc.constantFrom('drop', 'twice', 'move', 'indent', 'outdent', 'comment') })

function spliced (text: string, edits: ReadonlyArray<{ at: number, cut: number, put: string }>): string {
  return edits.reduce((now, { at, cut, put }) => {
    const from = at % (now.length + 1)
    return now.slice(0, from) + put + now.slice(from + cut)
  }, text)
}

function withLines (text: string, edits: ReadonlyArray<{ at: number, to: number, edit: string }>): string {
  const lines = text.split('\n')
  for (const { at, to, edit } of edits) {
    const from = at % lines.length
    const line = lines[from] ?? ''
    if (edit === 'drop' || edit === 'move') lines.splice(from, 1)
    if (edit === 'twice' || edit === 'move') lines.splice(to % (lines.length + 1), 0, line)
    if (edit === 'indent') lines[from] = `  ${line}`
    if (edit === 'outdent') lines[from] = line.replace(/^ {2}/, '')
    if (edit === 'comment') lines[from] = `# ${line}`
  }
  return lines.join('\n')
}

const few = { maxLength: 3 }
/** A text with pieces put in, lines moved, or neither. */
const edited = (text: string) => fc.oneof(
  { weight: 3, arbitrary: fc.array(splice, few).map(edits => spliced(text, edits)) },
  { weight: 2, arbitrary: fc.array(lineEdit, few).map(edits => withLines(text, edits)) },
  { weight: 1, arbitrary: fc.constant(text) }
)

t.test('whatever is done to the text of the files, they load with all they say or are refused with a place', patient, async t => {
  const load = await loader(t)
  let loads = 0
  const runs = share(0.35)
  await fc.assert(fc.asyncProperty(edited(GATEWAY_FULL), edited(ROUTES_FULL), async (gateway, routes) => {
    const loaded = await load({ gateway, routes })
    if (loaded.configuration !== undefined) loads++
    assertMeansWhatItSays(routes, loaded)
  }), runs)
  t.comment(`${loads} of ${runs.numRuns} load`)
  t.ok(runs.numRuns < 200 || (loads > runs.numRuns / 50 && loads < runs.numRuns * 0.9), 'some load and some do not')
})

const VALUES: readonly unknown[] = [null, '', ' ', [], {}, [null], [[]], 0, 1, -1, 1.5, true, false, 'no', 'public', 'user', 'user|client', 'none', '*', '/*', 'GET /b/:id', '${ERP_SECRET}', '${NONE}', 'main', 'https://evil.example.com', { scope: 'a' }, { user: {} }, { user: { scope: '' } }, 'x'.repeat(2000), '\u0000', '1s', '__proto__']
const KEYS = ['scope', 'scopes', 'require', 'Require', 'requier', 'match', 'public', 'user', 'client', 'user|client', 'issuers', 'credential', 'defaults', 'audience', 'constructor', 'toString', '', '0', 'x']
const change = fc.record({ at: fc.nat(), kind: fc.constantFrom('drop', 'set', 'set', 'swap', 'rename', 'add', 'wrap', 'repeat'), other: fc.nat(), value: fc.constantFrom(...VALUES), key: fc.constantFrom(...KEYS) })
type Change = typeof change extends fc.Arbitrary<infer C> ? C : never

interface Place { readonly parent: Record<string, unknown> | unknown[], readonly key: string }

/** Every member of every mapping and list below, as where it is held. */
function placesIn (node: unknown): Place[] {
  if (typeof node !== 'object' || node === null) return []
  return Object.entries(node).flatMap(([key, value]) => [{ parent: node as Place['parent'], key }, ...placesIn(value)])
}

const read = ({ parent, key }: Place): unknown => Reflect.get(parent, key)

function changed (text: string, changes: readonly Change[]): string {
  const tree = parse(text) as unknown
  for (const { at, kind, other, value, key } of changes) {
    const places = placesIn(tree)
    const place = places[at % places.length]
    const second = places[other % places.length]
    if (place === undefined || second === undefined) break
    const { parent } = place
    const before = read(place)
    if (kind === 'drop' && Array.isArray(parent)) parent.splice(Number(place.key), 1)
    else if (kind === 'drop') Reflect.deleteProperty(parent, place.key)
    if (kind === 'set') put(place, structuredClone(value))
    if (kind === 'wrap') put(place, Array.isArray(before) ? before[0] : [before])
    if (kind === 'repeat' && Array.isArray(parent)) parent.push(structuredClone(before))
    if (kind === 'add' && !Array.isArray(parent)) put({ parent, key }, structuredClone(value))
    if (kind === 'rename' && !Array.isArray(parent)) {
      Reflect.deleteProperty(parent, place.key)
      put({ parent, key }, before)
    }
    if (kind === 'swap') {
      // Copies: one of the two may hold the other.
      const [one, two] = [structuredClone(before), structuredClone(read(second))]
      put(place, two)
      put(second, one)
    }
  }
  return stringify(tree, { aliasDuplicateObjects: false })
}

function put ({ parent, key }: Place, value: unknown): void {
  Object.defineProperty(parent, key, { value, enumerable: true, configurable: true, writable: true })
}

t.test('whatever becomes of their keys and values, they load with all they say or are refused with a place', patient, async t => {
  const load = await loader(t)
  let loads = 0
  const runs = share(0.35)
  const changes = fc.array(change, { minLength: 1, maxLength: 2 })
  const one = fc.oneof(
    fc.record({ gateway: changes.map(all => changed(GATEWAY_FULL, all)), routes: fc.constant(ROUTES_FULL) }),
    fc.record({ gateway: fc.constant(GATEWAY_FULL), routes: changes.map(all => changed(ROUTES_FULL, all)) }),
    fc.record({ gateway: changes.map(all => changed(GATEWAY_FULL, all)), routes: changes.map(all => changed(ROUTES_FULL, all)) })
  )
  await fc.assert(fc.asyncProperty(one, async pair => {
    const loaded = await load(pair)
    if (loaded.configuration !== undefined) loads++
    assertMeansWhatItSays(pair.routes, loaded)
  }), runs)
  t.comment(`${loads} of ${runs.numRuns} load`)
  t.ok(runs.numRuns < 200 || (loads > runs.numRuns / 50 && loads < runs.numRuns * 0.9), 'some load and some do not')
})

t.test('whatever bytes the files hold, they are refused with a place', patient, async t => {
  const load = await loader(t)
  const bytes = fc.uint8Array({ maxLength: 300 })
  const broken = (text: string) => fc.tuple(fc.nat({ max: text.length - 1 }), bytes).map(([at, some]) => Buffer.concat([Buffer.from(text.slice(0, at)), some, Buffer.from(text.slice(at))]))
  await fc.assert(fc.asyncProperty(fc.boolean(), fc.record({ gateway: bytes, routes: bytes }), fc.record({ gateway: broken(GATEWAY_FULL), routes: broken(ROUTES_FULL) }), async (isWhole, all, some) => {
    const { configuration } = await load(isWhole ? all : some)
    if (isWhole && configuration !== undefined) throw new Error('bytes without a meaning load')
  }), share(0.05))
  t.pass()
})

t.test('whatever is done to the file around it, no mistake shows the secret', patient, async t => {
  const load = await loader(t)
  const gateway = GATEWAY_FULL.replace('{ env: ERP_SECRET }', SECRET)
  const start = gateway.indexOf(SECRET)
  await fc.assert(fc.asyncProperty(fc.array(splice, { minLength: 1, maxLength: 3 }), async edits => {
    const near = edits.map(one => ({ ...one, at: start - 60 + one.at % (120 + SECRET.length) }))
    const { mistakes } = await load({ gateway: spliced(gateway, near) })
    const shown = mistakes.map(formatMistake).find(line => line.includes(SECRET))
    if (shown !== undefined) throw new Error(shown)
  }), share(0.1))
  t.pass()
})

t.test('require is never taken for less than it says', patient, async t => {
  const load = await loader(t)
  const word = fc.constantFrom('user', 'client', 'user|client', 'client|user', 'public', 'usr', '', 'null', '[]', '{}', 'no', '~')
  const conditions = fc.constantFrom('{}', '{ scope: a }', '{ scope: [a, b], role: c }', '{ scope: [] }', '{ scope: "" }', '{ scop: a }', '{ scope: }', '{ scope: a, claims: {} }', '{ claims: { a: b }, max_age: 5 }', '{ scope: a, scope: b }', '[]', '""')
  const alternative = fc.oneof(word, fc.tuple(word, conditions).map(([kind, wanted]) => `{ ${kind}: ${wanted} }`))
  const value = fc.oneof(alternative, fc.array(alternative, { maxLength: 3 }).map(all => `[${all.join(', ')}]`))
  let loads = 0
  await fc.assert(fc.asyncProperty(value, async require => {
    const routes = `routes:\n  - match: GET /a\n    require: ${require}\n`
    const loaded = await load({ routes })
    if (loaded.configuration !== undefined) loads++
    assertMeansWhatItSays(routes, loaded)
  }), share(0.15))
  t.ok(loads > 0 || generated.numRuns < 1000, `${loads} load`)
})

t.teardown(() => {
  if (t.passing()) tally('generated configuration', { of: generated.numRuns, held: generated.numRuns })
})
