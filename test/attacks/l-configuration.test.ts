import { chmod, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Test } from 'tap'
import { compileMatcher } from '../../src/policy/match.ts'
import { ConfigurationError, run } from '../../src/run.ts'
import { GATEWAY, load, ROUTES, SECRET, type Files } from '../config/files.ts'
import { get, request } from '../gateway/gatehouse.ts'
import { runCommand } from '../support/command.ts'
import { tempDir } from '../support/files.ts'
import { startErp } from '../support/erp.ts'
import { startIdp } from '../support/idp.ts'
import { standardGateway, writeFiles, type Settings } from '../support/settings.ts'
import { runSection, startAttacked } from './gauntlet.ts'
import { configuration } from './rows/l-configuration.ts'

const PLACE = /^(?:gateway|routes)\.yaml:[1-9]\d*:[1-9]\d* /

/** The files are refused, and every error says where. */
async function isRefused (t: Test, name: string, files: Files): Promise<void> {
  const { configuration, mistakes, places, lines } = await load(files)
  t.equal(configuration, undefined, name)
  t.ok(mistakes.some(({ severity }) => severity === 'error'), name)
  t.same(places.filter(place => !PLACE.test(place.replace(/^warning /, '') + ' ')), [], name)
  t.notMatch(lines.join('\n'), SECRET)
}

const ruleRequiring = (value: string) => `routes:\n  - match: GET /a\n    require: ${value}\n`
const many = (text: string, times: number) => text.repeat(times)

/** Each unfolds, nests or repeats. */
const BOMBS: Readonly<Record<string, string>> = {
  'lists of lists of aliases': `a0: &a0 [x, x, x]\n${Array.from({ length: 40 }, (_one, at) => `a${at + 1}: &a${at + 1} [${Array(10).fill(`*a${at}`).join(', ')}]\n`).join('')}`,
  'mappings merged into mappings': `a0: &a0 { x: 1 }\n${Array.from({ length: 40 }, (_one, at) => `a${at + 1}: &a${at + 1} { <<: [*a${at}, *a${at}], k${at}: *a${at} }\n`).join('')}`,
  'an alias of itself': 'a: &a [*a]\n',
  'a scalar of 10 MB': `routes: ${many('x', 10_000_000)}\n`,
  'a quoted scalar of 10 MB': `routes: "${many('\\u0041', 1_600_000)}"\n`,
  'a block scalar of 10 MB': `routes: |\n${many('  xxxxxxxx\n', 900_000)}`,
  'ten thousand lists in one another': `${many('[', 10_000)}${many(']', 10_000)}`,
  'ten thousand mappings in one another': `${many('{ a: ', 10_000)}1${many(' }', 10_000)}`,
  'ten thousand levels of indentation in one line': `${many('- ', 10_000)}x`,
  'twelve hundred nested keys': Array.from({ length: 1200 }, (_one, at) => `${many(' ', at)}k:`).join('\n'),
  'ten thousand explicit keys': many('? ', 10_000),
  '28,000 equal rules': `routes:\n${many('  - { match: GET /a, require: user }\n', 28_000)}`,
  'a key of 1 MB': `${many('k', 1_000_000)}: 1\n`,
  'merge keys alone': 'routes:\n  - <<: [{ require: public }, { match: GET /a }]\n',
  'a tag that runs code elsewhere': 'routes: !!js/function "() => 1"\n',
  'a binary tag': 'routes: !!binary aGVsbG8=\n',
  'a set': 'routes: !!set { ? a, ? b }\n',
  'a document that never begins': many('%A 1\n', 100_000),
  'documents without end': many('---\n...\n', 100_000),
  'brackets of two kinds': many('[{', 20_000),
  'quotes that never close': `a: "${many('\\"', 400_000)}`,
  'nothing but tabs': many('\t', 500_000),
  'nothing but NUL': many('\0', 500_000),
  'UTF-16': '\ufeff\0r\0o\0u\0t\0e\0s'
}

/** What a slip makes of a rule: of each of these a careless reader makes a rule that checks less. */
const SLIPS: Readonly<Record<string, string>> = {
  'no require': 'routes:\n  - match: GET /a\n',
  'a misspelt require': 'routes:\n  - match: GET /a\n    requires: user\n',
  'require in another letter case': 'routes:\n  - match: GET /a\n    Require: user\n',
  'a misspelt condition': ruleRequiring('{ user: { requierd_scopes: a } }'),
  'a condition in another letter case': ruleRequiring('{ user: { Scope: a } }'),
  'a condition of another gateway': ruleRequiring('{ user: { scopes: [a] } }'),
  'a key twice, the weaker last': ruleRequiring('{ user: { scope: a } }\n    require: user'),
  'a condition twice, the weaker last': ruleRequiring('{ user: { scope: a, scope: b } }'),
  'the rules twice': `${ruleRequiring('user')}routes: [{ match: GET /a, require: public }]\n`,
  'tabs for spaces': 'routes:\n\t- match: GET /a\n\t  require: user\n',
  'auth: no': 'routes:\n  - match: GET /a\n    auth: no\n',
  'no methods': 'routes:\n  - match: /a\n    methods: []\n    require: user\n',
  'an empty match': 'routes:\n  - match: ""\n    require: user\n',
  'a match of nothing': 'routes:\n  - match:\n    require: user\n',
  'issuers of nothing': `${ruleRequiring('user')}    issuers: []\n`,
  'issuers that are null': `${ruleRequiring('user')}    issuers: null\n`,
  'a condition beside the word': 'routes:\n  - match: GET /a\n    require: user\n    scope: a\n',
  'a condition on public': ruleRequiring('{ public: { scope: a } }'),
  'require in defaults': `defaults: { require: user }\n${'routes:\n  - match: GET /a\n'}`,
  'a dot for a comma': ruleRequiring('{ user: { scope: a. any_scope: b } }'),
  ...Object.fromEntries(['', 'null', '~', '""', '[]', '{}', '0', 'false', 'no', 'off', 'on', 'yes', 'Yes', 'true', 'none', 'any', 'all', '"*"', 'anyone', 'authenticated', 'User', 'PUBLIC', '" user"', 'user,client', 'user or client', 'user||client', '[user, ]x', '[""]', '[null]', '[[user]]', '{ user: {} }', '{ user: }', '{ user: true }', '{ user: [] }', '{ "": { scope: a } }', '[{}]']
    .map(value => [`require: ${value}`, ruleRequiring(value)])),
  ...Object.fromEntries(['scope', 'any_scope', 'permission', 'any_permission', 'role', 'any_role', 'client_id', 'audience', 'acr'].flatMap(condition => ['', 'null', '""', '[]', '[""]', '[null]', '{}', 'no', 'true', '0', '" "']
    .map(value => [`${condition}: ${value}`, ruleRequiring(`{ user: { ${condition}: ${value} } }`)]))),
  ...Object.fromEntries(['{}', '[]', 'null', '""', '{ a: }', '{ a: [] }', '{ a: null }', '{ a: {} }', '{ a: no }', '{ "": a }', '{ a: [b, null] }'].map(value => [`claims: ${value}`, ruleRequiring(`{ user: { claims: ${value} } }`)])),
  ...Object.fromEntries(['0', '-1', 'null', '""', '.inf', '1e309', 'never', '[]'].map(value => [`max_age: ${value}`, ruleRequiring(`{ user: { max_age: ${value} } }`)])),
  ...Object.fromEntries(['null', '""', '" "', 'yes', '[]', '!claims.blocked', '"1"', '"claims"', '"clams.a"'].map(value => [`where: ${value}`, ruleRequiring(`{ user: { where: ${value} } }`)]))
}

/** The same for gateway.yaml: line → what stands in its place. */
const GATEWAY_SLIPS: ReadonlyArray<readonly [line: string, instead: string]> = [
  ...['null', '', '""', '[]', '{}', 'no', '"*"', 'https://', 'tenant.eu.auth0.com', 'http://tenant.eu.auth0.com/'].map(value => ['issuer: https://tenant.eu.auth0.com/', `issuer: ${value}`] as const),
  ...['null', '', '""', '[]', '[""]', '{}', 'no', '[null]'].map(value => ['audience: https://api.example.com', `audience: ${value}`] as const),
  ['audience: https://api.example.com', 'audiense: https://api.example.com'],
  ['audience: https://api.example.com', 'required_audience: https://api.example.com'],
  ['    audience: https://api.example.com\n', ''],
  ['idp: auth0', 'idp: none'],
  ['idp: auth0', 'idp: auth0\n    algorithms: []'],
  ['idp: auth0', 'idp: auth0\n    algorithms: [none]'],
  ['idp: auth0', 'idp: auth0\n    verify: off'],
  ['idp: auth0', 'idp: auth0\n    claims: {}'],
  ['idp: auth0', 'idp: auth0\n    allowed_clients: []'],
  ['idp: auth0', 'idp: auth0\n    idp: rfc9068'],
  ['issuers:\n', 'issuers: {}\nissuer:\n'],
  ['      client_credentials:', '      client_credential:'],
  ['url: https://erp.example.com', 'url: http://erp.example.com'],
  ['url: https://erp.example.com', 'url: ""']
]

runSection(configuration, {
  L01: async t => {
    const before = process.memoryUsage().rss
    for (const [name, text] of Object.entries(BOMBS)) {
      for (const files of [{ routes: text }, { gateway: text }]) {
        const started = performance.now()
        await isRefused(t, name, files)
        t.ok(performance.now() - started < 10_000, `${name}: soon`)
      }
    }
    t.ok(process.memoryUsage().rss - before < 1024 ** 3, 'within little memory')
    t.ok((await load({})).configuration, 'what is no bomb loads')
    // In a process of its own, that has little of it: the ones that unfold, and the ones that nest.
    const dir = await tempDir(t, { 'gateway.yaml': BOMBS['lists of lists of aliases'] ?? '', 'routes.yaml': BOMBS['brackets of two kinds'] ?? '' })
    const { code, signal, stderr } = await runCommand(t, ['start', '--config', 'gateway.yaml', '--routes', 'routes.yaml'], { cwd: dir, nodeArgs: ['--max-old-space-size=64'] })
    t.same({ code, signal }, { code: 2, signal: null }, stderr)
    for (const file of ['gateway.yaml', 'routes.yaml']) t.match(stderr, new RegExp(`${file}:\\d+:\\d+ `))
  },

  L03: async t => {
    for (const [name, routes] of Object.entries(SLIPS)) await isRefused(t, name, { routes })
    for (const [line, instead] of GATEWAY_SLIPS) {
      t.ok(GATEWAY.includes(line))
      await isRefused(t, instead, { gateway: GATEWAY.replace(line, instead) })
    }
    for (const good of ['user', 'client', 'user|client', '[user]', '{ user: { scope: a } }']) t.ok((await load({ routes: ruleRequiring(good) })).configuration, good)
  },

  L04: async t => {
    const idp = await startIdp(t, { alg: 'ES256' })
    const erp = await startErp(t)
    const start = async (secret: unknown, env: NodeJS.ProcessEnv = {}, extra: Settings = {}) => {
      const changes = { ...extra, upstreams: { erp: { credential: { client_credentials: { client_secret: secret } } } } }
      const { dir, ...files } = await writeFiles(t, { gateway: standardGateway({ idp, erp }, changes), routes: ROUTES, files: { empty: '', blank: ' \n', broken: 'one\ntwo', nul: 'a\0b', hidden: 'a-secret-of-tests' } })
      await mkdir(join(dir, 'folder'))
      await chmod(join(dir, 'hidden'), 0)
      return await run({ ...files, env })
    }
    const notThere = [{ env: 'ERP_SECRET_OF_TESTS' }, { file: 'nowhere' }, { file: 'folder' }, { file: '/dev/null' }, { file: '/dev/zero' }, '${ERP_SECRET_OF_TESTS}']
    const useless = [{ file: 'empty' }, { file: 'blank' }, { file: 'broken' }, { file: 'nul' }, '', ' ', '${ERP_SECRET_OF_TESTS:-}', '${ERP_SECRET_OF_TESTS', {}, { env: '' }, { file: '' }, { evn: 'A' }, { env: 'A', file: 'b' }, [], 0, false]
    // Whoever runs the tests as root may read everything.
    const unreadable = process.getuid?.() === 0 ? [] : [{ file: 'hidden' }]
    for (const secret of [...notThere, ...useless, ...unreadable]) {
      await t.rejects(start(secret), ConfigurationError, JSON.stringify(secret))
    }
    for (const value of ['', ' ', '\n', 'a\nb']) await t.rejects(start({ env: 'ERP_SECRET_OF_TESTS' }, { ERP_SECRET_OF_TESTS: value }), ConfigurationError, JSON.stringify(value))
    // No secret at all: the key that says so is there, or nothing starts.
    await t.rejects(start(null), ConfigurationError)
    t.same([idp.requests.lines, idp.accepted, erp.accepted], [[], 0, 0], 'nobody was called')
    const good = await start({ env: 'ERP_SECRET_OF_TESTS' }, { ERP_SECRET_OF_TESTS: idp.clients['middleware']?.secret }, { log: { level: 'silent' } })
    t.ok(good.dataPort > 0, 'with its secret it starts')
    await good.close()
  },

  L06: async t => {
    const rule = (match: string, wanted = 'user') => `  - match: ${match}\n    require: ${wanted}\n`
    const file = (...rules: readonly string[]) => `routes:\n${rules.join('')}`
    const refused: ReadonlyArray<readonly string[]> = [
      ['GET /a', 'GET /a'],
      ['GET /a', 'GET|POST /a'],
      ['ANY /a', 'ANY /a'],
      ['GET /a/:id', 'GET /a/:key'],
      ['ANY /a/*', 'ANY /a/*'],
      ['GET /a', 'GET /a/'],
      ['GET /a', 'POST /a/'],
      ['GET /a', 'GET /A'],
      ['GET /a/:id', 'GET /A/:id'],
      ['GET /a', 'GET /%61'],
      ['GET /caf\u00e9', 'GET /caf%C3%A9'],
      ['GET /stra\u00dfe', 'GET /strasse'],
      ['GET /stra\u00dfe', 'GET /stra\u1e9ee'],
      ['GET /a', 'GET /a.'],
      ['GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS /a', 'ANY /a']
    ]
    for (const [one = '', other = ''] of refused) {
      await isRefused(t, `${one} and ${other}`, { routes: file(rule(one), rule(other, 'client')) })
      await isRefused(t, `${other} and ${one}`, { routes: file(rule(other), rule(one, 'client')) })
      t.ok((await load({ routes: file(rule(other)) })).configuration, `${other} alone`)
    }
    // What only hides methods is said, and stays 405: HEAD comes with GET, OPTIONS does not.
    const { configuration, places, lines } = await load({ routes: file(rule('ANY /a/*'), rule('GET /a/b', '{ user: { scope: a } }'), rule('POST /a/:id', 'client')) })
    t.match(places, ['warning routes.yaml:4:12 routes[1].match', 'warning routes.yaml:4:12 routes[1].match', 'warning routes.yaml:6:12 routes[2].match'])
    t.match(lines.join('\n'), /hides POST, PUT, PATCH, DELETE, OPTIONS of/)
    t.notMatch(lines.join('\n'), /hides [^\n]*HEAD, POST/)
    // Whatever their order, the same rule answers.
    for (const order of [[0, 1, 2], [2, 1, 0], [1, 2, 0]]) {
      const matcher = compileMatcher(order.flatMap(at => configuration?.routes[at] ?? []))
      for (const [method, path, winner] of [['GET', '/a/b', '/a/b'], ['HEAD', '/a/b', '/a/b'], ['POST', '/a/c', '/a/:id'], ['DELETE', '/a/b/c', '/a/*'], ['GET', '/a/', '/a/*']] as const) {
        t.equal(matcher.find(method, path).rule.match.path, winner, `${method} ${path}`)
      }
      for (const [method, path] of [['POST', '/a/b'], ['OPTIONS', '/a/b'], ['GET', '/a/c']] as const) t.throws(() => matcher.find(method, path), { code: 'method-not-allowed' })
    }
  },

  L07: async t => {
    for (const [name, routes] of Object.entries({
      'everything public, with our credential': 'routes:\n  - match: ANY /*\n    require: public\n',
      'public below a prefix, with our credential': 'routes:\n  - match: GET /api/*\n    require: public\n',
      'a default that is public': 'defaults: { require: public }\nroutes:\n  - match: GET /a\n    require: user\n',
      'a default route': 'default: allow\nroutes:\n  - match: GET /a\n    require: user\n',
      'a rule for everything': 'routes:\n  - match: "*"\n    require: user\n',
      'a rule for every method by another name': 'routes:\n  - match: "* /a"\n    require: user\n',
      'a rule without a match': 'routes:\n  - require: public\n',
      'no rules': 'routes: []\n',
      'nothing for rules': 'routes:\n',
      'an empty file': ''
    })) await isRefused(t, name, { routes })

    const { lets, refuses } = await startAttacked(t, {
      routes: [
        { match: 'GET /open', require: 'public', credential: 'none' },
        { match: 'GET|PUT /orders/:id', require: 'public', credential: 'none' }
      ]
    })
    await lets(t, get('/open'))
    for (const target of ['/', '/closed', '/open/x', '/openx', '/orders', '/orders/1/x', '/favicon.ico', '/robots.txt', '/.well-known/openid-configuration', '/metrics', '/livez', '/*', '/:id', '/undefined', '/__proto__', '/constructor']) {
      for (const method of ['GET', 'HEAD', 'POST', 'OPTIONS', 'DELETE']) await refuses(t, request(method, target), { status: 404, code: 'route-not-found' })
    }
    for (const method of ['POST', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE']) {
      await refuses(t, request(method, '/open'), { status: 405, code: 'method-not-allowed', headers: { allow: 'GET, HEAD' } })
      await refuses(t, request(method, '/orders/constructor'), { status: 405, code: 'method-not-allowed', headers: { allow: 'GET, HEAD, PUT' } })
    }
  }
})
