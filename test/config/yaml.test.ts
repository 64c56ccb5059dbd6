import t from 'tap'
import { GATEWAY, load, SECRET } from './files.ts'

const rule = (require: string) => `routes:\n  - match: GET /a\n    require: ${require}\n`

interface Row {
  readonly promise: string
  readonly routes: string | Uint8Array
  readonly wrong: readonly string[]
  readonly hint?: string
}

const REFUSED: readonly Row[] = [
  { promise: 'a key that stands twice', routes: `${rule('user')}    require: public\n`, wrong: ['4:5 routes[0].require'] },
  { promise: 'the file\'s keys twice', routes: `${rule('user')}routes: []\n`, wrong: ['4:1 routes'] },
  { promise: 'a tag in place of text', routes: rule('{ user: { where: !claims.blocked } }'), wrong: ['3:31 routes[0].require.user.where'], hint: 'quote' },
  { promise: 'a tag of YAML itself', routes: rule('!!str user'), wrong: ['3:14 routes[0].require'], hint: 'quote' },
  { promise: 'a tag that is no more than !', routes: rule('{ user: { where: ! claims.blocked } }'), wrong: ['3:31 routes[0].require.user.where'], hint: 'quote' },
  { promise: 'an anchor', routes: rule('&a user'), wrong: ['3:14 routes[0].require'], hint: 'quote' },
  { promise: 'an alias', routes: rule('*a'), wrong: ['3:14 routes[0].require'], hint: 'quote' },
  { promise: 'an alias of an anchor', routes: 'routes:\n  - &a { match: GET /a, require: user }\n  - *a\n', wrong: ['2:5 routes[0]', '3:5 routes[1]'] },
  { promise: 'a merge key', routes: 'routes:\n  - <<: { require: public }\n    match: GET /a\n    require: user\n', wrong: ['2:5 routes[0]'] },
  { promise: 'a key that is a prototype', routes: 'routes:\n  - __proto__: { require: public }\n    match: GET /a\n    require: user\n', wrong: ['2:5 routes[0]'] },
  { promise: 'a key that is no text', routes: rule('{ user: { claims: { 1: a } } }'), wrong: ['3:32 routes[0].require.user.claims', '3:34 routes[0].require.user.claims'], hint: 'quote' },
  { promise: 'a second document', routes: `${rule('user')}---\n${rule('public')}`, wrong: ['1:1'] },
  { promise: 'a directive that makes no a truth value', routes: `%YAML 1.1\n---\n${rule('user')}`, wrong: ['1:1'] },
  { promise: 'a tab as indentation', routes: 'routes:\n\t- match: GET /a\n', wrong: ['2:1'], hint: 'spaces' },
  { promise: 'a colon too many', routes: rule('{ user: { where: claims.a: b: c } }').replace('{ user: { where: ', '').replace(' } }', ''), wrong: ['3:14', '3:24'], hint: 'quote' },
  { promise: 'an open bracket', routes: rule('[user'), wrong: ['4:1'] },
  { promise: 'an open quote', routes: rule('"user'), wrong: ['4:1'] },
  { promise: 'an unknown escape', routes: rule('"\\user"'), wrong: ['3:15'] },
  { promise: 'an @', routes: rule('@user'), wrong: ['3:14'], hint: 'quote' },
  { promise: 'what is not UTF-8', routes: Uint8Array.of(0x72, 0xff, 0xfe), wrong: ['1:1'] },
  ...['no', 'No', 'off', 'on', 'YES'].map((word): Row => ({ promise: `a plain ${word} as require`, routes: rule(word), wrong: ['3:14 routes[0].require'], hint: 'quote' })),
  ...['yes', 'off', 'True', 'FALSE', '007', '0o17', '0x1f', '1e3', '1.0', '+1', '12345678901234567890', '.inf', '.nan', '-0', '1e309'].map((word): Row => ({
    promise: `a plain ${word} as a claim's value`, routes: rule(`{ user: { claims: { a: ${word} } } }`), wrong: ['3:37 routes[0].require.user.claims.a'], hint: 'quote'
  })),
  ...['null', '~'].map((word): Row => ({ promise: `${word} as a claim's value`, routes: rule(`{ user: { claims: { a: ${word} } } }`), wrong: ['3:37 routes[0].require.user.claims.a'] }))
]

for (const { promise, routes, wrong, hint } of REFUSED) {
  t.test(`YAML is refused for ${promise}`, async t => {
    const { places, lines, configuration } = await load({ routes })
    t.same(places, wrong.map(place => `routes.yaml:${place}`), lines.join('\n'))
    t.equal(configuration, undefined)
    if (hint !== undefined) t.ok(lines.some(line => line.includes(hint)), `hints at ${hint}`)
  })
}

t.test('what YAML 1.1 would turn into something else stays what it says', async t => {
  const values = { date: '2024-01-01', time: '12:30:45', version: '"1.0"', quoted: '"no"', number: '42', truth: 'true', underscore: '1_000' }
  const claims = Object.entries(values).map(([name, value]) => `        ${name}: ${value}\n`).join('')
  const { configuration, lines } = await load({ routes: `routes:\n  - match: GET /a\n    require:\n      user:\n       claims:\n${claims}` })
  t.same(lines, [])
  const [route] = configuration?.routes ?? []
  const [alternative] = route?.require === 'public' ? [] : route?.require ?? []
  t.same(Object.fromEntries(alternative?.conditions.claims?.map(({ name, values: [value] }) => [name, value]) ?? []), {
    date: '2024-01-01', time: '12:30:45', version: '1.0', quoted: 'no', number: 42, truth: true, underscore: '1_000'
  })
})

// L01: YAML bombs. A nested thing used to end the process: the parser recurses, and V8 aborts where a regular expression
// is compiled at the end of the stack.
const many = (text: string, times: number) => text.repeat(times)
const BOMBS: Readonly<Record<string, string>> = {
  'billion laughs': `a: &a [x]\n${Array.from({ length: 30 }, (_, at) => `b${at}: &b${at} [*a, *a, *a, *a, *a, *a, *a, *a, *a]\n`).join('')}`,
  'ten thousand lists': many('[', 10_000) + many(']', 10_000),
  'half a million open lists': many('[', 500_000),
  'ten thousand mappings': many('{a: ', 10_000) + many('}', 10_000),
  'ten thousand dashes': `${many('- ', 10_000)}a`,
  'ten thousand question marks': many('? ', 10_000),
  'deep indentation': Array.from({ length: 1400 }, (_, at) => `${' '.repeat(at)}a:`).join('\n'),
  'a hundred thousand keys': Array.from({ length: 60_000 }, (_, at) => `k${at}: 1`).join('\n'),
  'a hundred thousand rules': `routes:\n${many('- {}\n', 100_000)}`,
  'a scalar of 10 MB': `a: ${many('x', 10_000_000)}`,
  'a scalar of 1 MB': `routes: ${many('x', 1_000_000)}`,
  'three hundred thousand tags': many('!a ', 300_000),
  'three hundred thousand anchors': many('&a ', 300_000),
  'three hundred thousand aliases': many('*a\n', 300_000),
  'a million quotes': many('\'', 1_000_000),
  'a million comments': many('#\n', 500_000),
  'two hundred thousand documents': many('---\n', 200_000),
  'two hundred thousand directives': many('%a\n', 200_000)
}

for (const [name, text] of Object.entries(BOMBS)) {
  t.test(`a YAML bomb is a mistake, soon: ${name}`, async t => {
    for (const files of [{ routes: text }, { gateway: text }]) {
      const { configuration, mistakes } = await load(files)
      t.equal(configuration, undefined)
      t.ok(mistakes.length > 0 && mistakes.length <= 102, `${mistakes.length} mistakes`)
    }
  })
}

t.test('no syntax error repeats what stands there', async t => {
  const broken = ['{ file: a', `"${SECRET}`, `*${SECRET}`, `!${SECRET} x`, `&${SECRET} x`, `{ ${SECRET} }`, `{ ${SECRET}, ${SECRET} }`, `${SECRET}: a: b`, `@${SECRET}`, `[${SECRET}]`, `{ file: a, ${SECRET}: b }`, `\n  - ${SECRET}\n ${SECRET}`, `|${SECRET}`, `007${SECRET}`]
  for (const secret of broken) {
    const { lines, configuration } = await load({ gateway: GATEWAY.replace('{ env: ERP_SECRET }', secret) })
    if (configuration === undefined) t.ok(lines.length > 0)
    t.notMatch(lines.join('\n'), SECRET, secret)
  }
})
