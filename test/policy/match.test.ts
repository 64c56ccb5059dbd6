import fc from 'fast-check'
import t from 'tap'
import { compileMatcher, fold, type Matcher } from '../../src/policy/match.ts'
import { parseMatch, type Match } from '../../src/policy/pattern.ts'
import { Refusal } from '../../src/policy/problems.ts'
import { parseTarget } from '../../src/policy/target.ts'

interface Rule { readonly name: string, readonly match: Match }

function rulesOf (...names: readonly string[]): Rule[] {
  return names.map(name => ({ name, match: parseMatch(name) }))
}

/** The rule that it meets, or the code of the refusal. */
function meets (matcher: Matcher<Rule>, target: string, method = 'GET'): string {
  try {
    return matcher.find(method, parseTarget(target).path).rule.name
  } catch (error) {
    if (error instanceof Refusal) return error.code
    throw error
  }
}

const AMBIGUOUS = 'target-ambiguous'
const NONE = 'route-not-found'

t.test('the path picks by itself', async t => {
  const tables: ReadonlyArray<readonly [rules: readonly string[], rows: Readonly<Record<string, string>>]> = [
    [['GET /a/b', 'GET /a/:x', 'GET /a/*', 'GET /:x/b'], { '/a/b': 'GET /a/b', '/a/c': 'GET /a/:x', '/a/b/c': 'GET /a/*', '/a/': 'GET /a/*', '/b/b': 'GET /:x/b', '/b/c': NONE, '/a': NONE }],
    // From the left: the first literal counts, however well the rest of another path fits.
    [['GET /a/:x/:y', 'GET /:x/b/c'], { '/a/b/c': 'GET /a/:x/:y', '/z/b/c': 'GET /:x/b/c' }],
    [['GET /a/:x/c', 'GET /:x/b/d', 'GET /*'], { '/a/b/d': 'GET /:x/b/d', '/a/b/c': 'GET /a/:x/c', '/a/b/e': 'GET /*', '/': 'GET /*' }],
    [['GET /*'], { '/': 'GET /*', '/a': 'GET /*', '/a/': 'GET /*', '/a/b': 'GET /*' }],
    [['GET /'], { '/': 'GET /', '/a': NONE }],
    [['GET /a/'], { '/a/': 'GET /a/', '/a': NONE }],
    [['GET /:x'], { '/a': 'GET /:x', '/': NONE, '/a/': NONE }],
    [['GET /a', 'GET /a/*'], { '/a': 'GET /a', '/a/b': 'GET /a/*', '/a/': AMBIGUOUS, '/A/': NONE }],
    [['GET /a/*'], { '/a': NONE, '/a/': 'GET /a/*' }],
    [['GET /caf%c3%a9', 'GET /:x/y'], { '/caf%C3%A9': 'GET /caf%c3%a9', '/caf%c3%A9': 'GET /caf%c3%a9', '/cafe': NONE }],
    [['GET /a%3Cb/%C3%AA'], { '/a%3cb/%c3%aa': 'GET /a%3Cb/%C3%AA', '/a%3Cb/%c3%Aa': 'GET /a%3Cb/%C3%AA' }]
  ]
  for (const [rules, rows] of tables) {
    // The order of the rules does not count.
    for (const given of [rules, rules.toReversed()]) {
      const matcher = compileMatcher(rulesOf(...given))
      for (const [path, wanted] of Object.entries(rows)) t.equal(meets(matcher, path), wanted, `${path} of ${given.join(', ')}`)
    }
  }
})

t.test('the method is looked for among the rules of that very path', async t => {
  const matcher = compileMatcher(rulesOf('GET /a', 'ANY /a', 'POST|PUT /a', 'GET /b', 'ANY /*', 'HEAD /c', 'GET /c'))
  for (const [method, path, wanted] of [
    ['GET', '/a', 'GET /a'], ['HEAD', '/a', 'GET /a'], ['POST', '/a', 'POST|PUT /a'], ['DELETE', '/a', 'ANY /a'],
    ['HEAD', '/b', 'GET /b'], ['POST', '/b', 'method-not-allowed'], ['HEAD', '/c', 'HEAD /c'], ['GET', '/c', 'GET /c'], ['TRACE', '/a', 'method-not-allowed'], ['get', '/a', 'method-not-allowed'], ['POST', '/z', 'ANY /*']
  ] as const) t.equal(meets(matcher, path, method), wanted, `${method} ${path}`)
  try {
    matcher.find('DELETE', '/b')
    t.fail('is refused')
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    t.equal(error.code, 'method-not-allowed')
    t.strictSame(error.extras.headers, { Allow: 'GET, HEAD' })
  }
})

t.test('a path with a second reading that another rule meets is ambiguous', async t => {
  const tables: ReadonlyArray<readonly [rules: readonly string[], ambiguous: readonly string[], fine: readonly string[]]> = [
    [['GET /:x', 'GET /admin'], ['/Admin', '/ADMIN', '/%61dmin', '/%41dmin', '/adm%C4%B1n'], ['/admin', '/administrator', '/admi']],
    [['GET /:x', 'GET /%41dmin'], ['/admin', '/aDMIN', '/%41dmin', '/%61dmin'], ['/Admin', '/other']],
    [['GET /:x', 'GET /a%22b'], ['/a"b', '/A"b', '/%61"b', '/%41%22b'], ['/a%22b', '/a%22', '/ab']],
    [['GET /:x', 'GET /%C3%89t'], ['/%C3%A9t', '/%C3%89T', '/%c3%89%74'], ['/%C3%89t', '/%c3%89t', '/Et']],
    [['GET /:x', 'GET /stra%C3%9Fe'], ['/STRASSE', '/strasse', '/STRA%C3%9FE'], ['/stra%C3%9Fe', '/strase']],
    [['GET /:x', 'GET /key'], ['/%E2%84%AAey'], ['/key', '/ke']],
    [['GET /a', 'GET /:x/*'], ['/a/', '/A/', '/%61/'], ['/a', '/b/', '/a/b']],
    [['GET /a/:id', 'GET /a/*'], ['/a/b/'], ['/a/b', '/a/', '/a/b/c', '/a/b/c/']],
    [['GET /A/:id', 'GET /:x/b'], ['/a/b', '/%41/b'], ['/A/b', '/A/c', '/c/b', '/a1/b']],
    [['GET /A/*', 'GET /a/*'], ['/A/b', '/a/b', '/a/'], []],
    // Dots within a segment are letters as any others, those at its end are not.
    [['GET /:x', 'GET /a.b'], ['/a.B', '/A.b', '/a.%62', '/a.b.'], ['/a.b', '/a.c', '/a..b', '/a.b.c']],
    [['GET /:x', 'GET /a.B'], ['/a.b', '/A.B', '/A.b'], ['/a.B', '/a.c']],
    [['GET /:x', 'GET /a'], ['/a.', '/a..', '/a...'], ['/a', '/a.a']]
  ]
  for (const [rules, ambiguous, fine] of tables) {
    const matcher = compileMatcher(rulesOf(...rules))
    for (const path of ambiguous) t.equal(meets(matcher, path), AMBIGUOUS, `${path} of ${rules.join(', ')}`)
    for (const path of fine) t.match(meets(matcher, path), /^GET /, `${path} of ${rules.join(', ')}`)
  }
})

t.test('parameters and what * matched are as sent', async t => {
  const matcher = compileMatcher(rulesOf('GET /a/:x/b/:y', 'GET /f/*', 'GET /g/:x/*', 'GET /:constructor/p'))
  t.match(matcher.find('GET', '/a/%C3%a9/b/1%202'), { params: { x: '%C3%a9', y: '1%202' }, rest: undefined })
  t.match(matcher.find('GET', '/f/a/b%20/'), { params: {}, rest: 'a/b%20/' })
  t.equal(matcher.find('GET', '/f/').rest, '')
  t.match(matcher.find('GET', '/g/x/y/z'), { params: { x: 'x' }, rest: 'y/z' })
  t.same(Object.entries(matcher.find('GET', '/q/p').params), [['constructor', 'q']])
})

t.test('an inherited name is no literal and no method', async t => {
  const matcher = compileMatcher(rulesOf('GET /a'))
  for (const path of ['/constructor', '/__proto__', '/toString', '/a/constructor']) t.equal(meets(matcher, path), NONE)
  for (const method of ['constructor', '__proto__', '']) t.equal(meets(matcher, '/a', method), 'method-not-allowed')
})

t.test('candidates are all rules that the path could meet, the winner\'s first', async t => {
  const matcher = compileMatcher(rulesOf('GET /a/b', 'POST /a/b', 'GET /a/:x', 'ANY /*', 'GET /A/B'))
  t.same(matcher.candidates('/a/b').map(({ name }) => name), ['GET /a/b', 'POST /a/b', 'GET /a/:x', 'ANY /*', 'GET /A/B'])
  t.same(matcher.candidates('/x').map(({ name }) => name), ['ANY /*'])
  t.same(matcher.candidates('/a').map(({ name }) => name), ['ANY /*'], 'none where a path only goes on')
  t.same(matcher.candidates('/a/').map(({ name }) => name), ['ANY /*'], 'a parameter is never empty')
  const slashed = compileMatcher(rulesOf('GET /Q/B/', 'GET /:x/B', 'GET /q/:y'))
  t.same(slashed.candidates('/Q/B/').map(({ name }) => name), ['GET /Q/B/', 'GET /:x/B', 'GET /q/:y'], 'without the last slash, in each letter case')
})

t.test('folding takes away letter case, and what is dots and white space at the end of a segment', async t => {
  for (const [text, folded] of [
    ['/A/b', '/a/b'], ['/a./b', '/a/b'], ['/a../b..', '/a/b'], ['/a.b/c', '/a.b/c'], ['/a..b', '/a..b'], ['/a. ./b', '/a/b'], ['/a .', '/a'], ['/a.b.', '/a.b'], ['/.a', '/.a'],
    ['/a.\u00a0/b', '/a/b'], ['/a b', '/a b'], ['/STRASSE', '/strasse'], ['/stra\u00dfe', '/strasse'], ['/\u1e9e', '/ss'], ['/\u212a', '/k'], ['/\u017f', '/s']
  ] as const) t.equal(fold(text), folded, JSON.stringify(text))
})

t.test('a long path costs no more than the rules there are', async t => {
  const matcher = compileMatcher(rulesOf('GET /:a/:b/:c/x', 'GET /a/a/a/y', 'GET /a/*', 'GET /:a/a/:c/z'))
  const path = '/a'.repeat(8000)
  for (let at = 0; at < 200; at++) t.equal(meets(matcher, path), 'GET /a/*')
})

// One reading: whoever behind the gateway decodes the path, ignores letter case, drops a last slash, or normalises it
// as a browser would, sees the path of the very rule that was decided; or the request was refused.
const RULES = ['GET /', 'GET /a', 'GET /a/', 'GET /a/*', 'GET /A/b', 'GET /a/:id', 'GET /a/admin', 'GET /:x/b', 'GET /b/%41', 'GET /b/a"b', 'GET /b/:id', 'GET /caf\u00e9/:id', 'GET /caf\u00e9/K', 'GET /:x/a|b', 'GET /c/a%20b', 'GET /*', 'GET /b/a+b', 'GET /b/stra\u00dfe', 'GET /:x/:y/{z}', 'GET /b/^']
const PIECES = ['a', 'A', 'b', 'B', 'admin', 'Admin', '%61', '%41', '%62', '"', '%22', '/', '/', '/', '//', '.', '..', '%2e', '%2F', '\\', ';', '%20', '%C3%A9', '%c3%89', '%E2%84%AA', 'k', 'K', '|', '%7C', '+', '%2B', '^', '%5E', '{z}', '%7bz%7D', 'stra%C3%9Fe', 'STRASSE', '%ff', '%', 'caf', '~', '%7E', '%E2%80%8B', '`', '<']

t.test('a path meets the same rule in every reading, or is refused', async t => {
  const anyRules = fc.subarray(RULES, { minLength: 2, maxLength: 4 })
  const anyPath = fc.array(fc.constantFrom(...PIECES), { maxLength: 7 }).map(pieces => `/${pieces.join('')}`)
  // A path of one of the rules in any spelling: those are where two readings part.
  const ruleInDisguise = fc.constantFrom(...RULES).chain(name => {
    const path = decodeURIComponent(name.slice('GET '.length)).replace(/:\w+/g, 'q').replace('*', 'q/a')
    return fc.tuple(...[...path, ''].map(char => fc.constantFrom(...spellings(char)))).map(parts => parts.join(''))
  })
  let served = 0
  fc.assert(fc.property(anyRules, fc.oneof(anyPath, ruleInDisguise), (names, path) => {
    const matcher = compileMatcher(rulesOf(...names))
    const raw = meets(matcher, path)
    if (!raw.startsWith('GET ')) return
    served++
    for (const [reading, met] of Object.entries(readings(names, path))) {
      if (met !== undefined && met !== raw) throw new Error(`${path} meets ${raw}, but ${reading} ${met}; rules: ${names.join(', ')}`)
    }
  }), { numRuns: 20_000 })
  t.ok(served > 2000, `served ${served}`)
})

/** As it is, most of the time; escaped, in the other letter case, or both. The empty one is the end: perhaps one slash more. */
function spellings (char: string): string[] {
  if (char === '/') return ['/']
  if (char === '') return ['', '', '/']
  const escaped = (text: string) => text.replace(/[^]/gu, one => [...Buffer.from(one)].map(byte => `%${byte.toString(16).padStart(2, '0')}`).join(''))
  const other = char === char.toLowerCase() ? char.toUpperCase() : char.toLowerCase()
  const plain = /^[\x21-\x7e]$/.test(char) ? char : encodeURIComponent(char)
  return [plain, plain, plain, plain, escaped(char), escaped(char).toUpperCase(), encodeURI(other), escaped(other)]
}

/** What a router that reads more loosely would meet, written anew and without a trie; undefined where that is none. */
function readings (names: readonly string[], path: string): Record<string, string | undefined> {
  const decoded = decodeURIComponent(path)
  const bare = (text: string) => text.length > 1 && text.endsWith('/') ? text.slice(0, -1) : text
  const same = (text: string) => text
  return {
    'decoded once': naive(names, decoded, decodeURIComponent),
    'in another letter case': naive(names, fold(decoded), text => fold(decodeURIComponent(text))),
    'in small letters': naive(names, decoded.toLowerCase(), text => decodeURIComponent(text).toLowerCase()),
    'in capitals': naive(names, decoded.toUpperCase(), text => decodeURIComponent(text).toUpperCase()),
    'without its last slash': naive(names, upperCaseEscapes(bare(path)), same),
    'decoded, without its last slash': naive(names, bare(decoded), decodeURIComponent),
    'folded, without its last slash': naive(names, bare(fold(decoded)), text => fold(decodeURIComponent(text))),
    'as a URL': naive(names, decodeURIComponent(asUrl(path)), decodeURIComponent),
    'as a URL, undecoded': naive(names, upperCaseEscapes(asUrl(path)), same)
  }
}

function asUrl (path: string): string {
  return new URL(`http://erp.test${path}`).pathname
}

function naive (names: readonly string[], path: string, spell: (text: string) => string): string | undefined {
  const segments = path.slice(1).split('/')
  const ranked = rulesOf(...names).flatMap(({ name, match }) => {
    const rank: number[] = []
    for (const [at, one] of match.segments.entries()) {
      const segment = segments[at]
      if (segment === undefined) return []
      if (one.kind === 'rest') return [{ name, rank: [...rank, 2] }]
      if (one.kind === 'literal' ? spell(one.text) !== segment : segment === '') return []
      rank.push(one.kind === 'literal' ? 0 : 1)
    }
    return match.segments.length === segments.length ? [{ name, rank }] : []
  })
  return ranked.sort((one, other) => compare(one.rank, other.rank))[0]?.name
}

function compare (one: readonly number[], other: readonly number[]): number {
  for (const [at, rank] of one.entries()) if (rank !== other[at]) return rank - (other[at] ?? 0)
  return 0
}

function upperCaseEscapes (path: string): string {
  return path.replace(/%[0-9a-f]{2}/gi, escape => escape.toUpperCase())
}
