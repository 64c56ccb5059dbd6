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

t.test('a key is met by what is well-formed, and by nothing else; what begins like it is no way to a broader path', async t => {
  const tables: ReadonlyArray<readonly [rules: readonly string[], rows: Readonly<Record<string, string>>]> = [
    [['GET /o/A(:k)', 'GET /o/:x', 'GET /o/*'], {
      "/o/A('1')": 'GET /o/A(:k)', '/o/A(1)': 'GET /o/A(:k)', "/o/A(k='1',l=2)": 'GET /o/A(:k)', "/o/A('it''s')": 'GET /o/A(:k)', "/o/A('')": 'GET /o/A(:k)', "/o/A(')(')": 'GET /o/A(:k)', '/o/A(f(1))': 'GET /o/A(:k)', '/o/A(%271%27)': 'GET /o/A(:k)', '/o/A(1,%202)': 'GET /o/A(:k)', "/o/A('a%20b')": 'GET /o/A(:k)', '/o/A(...x)': 'GET /o/A(:k)',
      "/o/A('1": AMBIGUOUS, "/o/A('1'')": AMBIGUOUS, '/o/A()': AMBIGUOUS, '/o/A(': AMBIGUOUS, "/o/A('1')x('2')": AMBIGUOUS, '/o/A(1))': AMBIGUOUS, '/o/A((1)': AMBIGUOUS, '/o/A(1)x': AMBIGUOUS, '/o/A(1).': AMBIGUOUS, '/o/A(1%29x%282)': AMBIGUOUS, '/o/A(%27)': AMBIGUOUS, '/o/A(1%20)': AMBIGUOUS, '/o/A(.)': AMBIGUOUS, '/o/A(..)': AMBIGUOUS, '/o/A($Batch.)': AMBIGUOUS, '/o/A(1/2)': AMBIGUOUS,
      "/o/a('1')": AMBIGUOUS, "/o/a('1": AMBIGUOUS, "/o/%41('1')": AMBIGUOUS, '/o/A%281)': AMBIGUOUS, '/o/A%28': AMBIGUOUS, '/o/A%20(1)': AMBIGUOUS, '/o/A%C2%A0(1': AMBIGUOUS, '/o/A(1)/': AMBIGUOUS, '/o/A%20(1)/': AMBIGUOUS,
      '/o/A': 'GET /o/:x', '/o/A1(': 'GET /o/:x', '/o/B(1': 'GET /o/:x', '/o/(1)': 'GET /o/:x', '/o/A(1)/B': 'GET /o/*', '/p/A(1)': NONE
    }],
    // A literal comes first, whatever it looks like; then the longer head, then the longer tail.
    [['GET /A(:k)', "GET /A('1')", 'GET /A()', 'GET /A(b=:k)', 'GET /A(:k,c=2)', "GET /A(':k')", 'GET /:x'], {
      "/A('1')": "GET /A('1')", '/A()': 'GET /A()', '/A(b=1)': 'GET /A(b=:k)', '/A(b=1,c=2)': 'GET /A(b=:k)', '/A(1,c=2)': 'GET /A(:k,c=2)', "/A('2')": "GET /A(':k')", "/A('2''3')": "GET /A(':k')", "/A('2','3')": 'GET /A(:k)', '/A(2)': 'GET /A(:k)',
      '/A(%272%27)': AMBIGUOUS, '/A(b%3D1)': AMBIGUOUS, '/A(B=1)': AMBIGUOUS, '/A(b%20=1)': AMBIGUOUS, "/A(%271')": AMBIGUOUS, "/A%20('1')": AMBIGUOUS, '/A(%20)': AMBIGUOUS
    }],
    // It may go on below, and what does not go on there may go on elsewhere.
    [['GET /A(:k)/i', 'GET /A(b=:k)/j', 'GET /:x/j', 'GET /:x/:y/z'], { '/A(1)/i': 'GET /A(:k)/i', '/A(b=1)/i': 'GET /A(:k)/i', '/A(b=1)/j': 'GET /A(b=:k)/j', '/A(1)/j': 'GET /:x/j', '/A(1/j': AMBIGUOUS, '/B(1/j': 'GET /:x/j', '/A(1)/q/z': 'GET /:x/:y/z', '/A(1)/q': NONE }],
    // A letter that is another one at the end of a word.
    [['GET /A(b\u03a3:k)', 'GET /A(:k)', 'GET /:x'], { '/A(b%CE%A3a)': 'GET /A(b\u03a3:k)', '/A(b%CF%83a)': AMBIGUOUS, '/A(b%CF%82a)': AMBIGUOUS, '/A(ba)': 'GET /A(:k)' }],
    [['GET /a(.:k)', 'GET /a(:k)'], { '/a(.1)': 'GET /a(.:k)', '/a(1)': 'GET /a(:k)', '/a(1.)': 'GET /a(:k)' }],
    [['GET /A.(:k)', 'GET /a(.:k).', 'GET /:x'], { '/A.(1)': 'GET /A.(:k)', '/a.(1)': AMBIGUOUS, '/a(.1).': 'GET /a(.:k).', '/a(.1)': AMBIGUOUS, '/A(.1)': AMBIGUOUS, '/a(1).': AMBIGUOUS }],
    [['GET /a(:k)', 'GET /:x'], { '/a(1)': 'GET /a(:k)', '/a(X)': 'GET /a(:k)', '/a%28X)': AMBIGUOUS, '/A(1)': AMBIGUOUS, "/a%20('1')": AMBIGUOUS }]
  ]
  for (const [rules, rows] of tables) {
    for (const given of [rules, rules.toReversed()]) {
      const matcher = compileMatcher(rulesOf(...given))
      for (const [path, wanted] of Object.entries(rows)) t.equal(meets(matcher, path), wanted, `${path} of ${given.join(', ')}`)
    }
  }
})

t.test('spaces at parentheses are none to many a server: without them a path meets no other rule', async t => {
  const matcher = compileMatcher(rulesOf("GET /x/A('1')", 'GET /x/:y', 'GET /x/*'))
  for (const path of ["/x/A%20('1')", "/x/a%20('1')", "/x/A(%20'1')", "/x/A('1'%C2%A0)", "/x/A('1'%20)/"]) t.equal(meets(matcher, path), AMBIGUOUS, path)
  for (const path of ["/x/A%20'1'", "/x/B%20('1')", '/x/A%20b', '/x/A(%20)']) t.equal(meets(matcher, path), 'GET /x/:y', path)
  const small = compileMatcher(rulesOf('GET /x/:y', 'GET /x/A%20(:k)', 'GET /x/a(:k)'))
  t.equal(meets(small, '/x/A%20(1)'), AMBIGUOUS)
})

t.test('$batch is let through by a rule that names it at its very place', async t => {
  const matcher = compileMatcher(rulesOf('ANY /a/*', 'POST /b/$batch', 'ANY /b/:x', 'ANY /c/:x/*', 'POST /d/%24Batch', 'ANY /d/*', 'GET /e/$metadata', 'GET /e/:x/$count', 'GET /e/:x/name/$value', 'GET /e/:x/y/$ref', 'GET /e/K(:k)'))
  for (const [path, wanted] of Object.entries({
    '/b/$batch': 'POST /b/$batch', '/d/$Batch': 'POST /d/%24Batch',
    '/a/$batch': NONE, '/a/%24batch': NONE, '/a/$BATCH': NONE, '/a/$batch.': NONE, '/a/$b%61tch': NONE, '/a/x/$batch': NONE, '/a/$batch/x': NONE, '/a/$batch/': NONE, '/a/x/%24Batch%20./y': NONE, '/c/$batch/x': NONE, '/c/x/$batch': NONE, '/c/x/y/$batch/z': NONE,
    '/b/%24batch': AMBIGUOUS, '/b/$BATCH': AMBIGUOUS, '/b/$batch.': AMBIGUOUS, '/b/$batc%68': AMBIGUOUS, '/d/$batch': AMBIGUOUS,
    '/a/batch': 'ANY /a/*', '/a/$batches': 'ANY /a/*', '/a/x$batch': 'ANY /a/*', '/a/($batch)': 'ANY /a/*', '/b/$all': 'ANY /b/:x', '/a/%24all': 'ANY /a/*', '/c/$$batch/x': 'ANY /c/:x/*'
  })) t.equal(meets(matcher, path, 'POST'), wanted, path)
  for (const [path, wanted] of Object.entries({
    '/b/$batch': 'method-not-allowed', '/e/$metadata': 'GET /e/$metadata', '/e/x/$count': 'GET /e/:x/$count', '/e/x/name/$value': 'GET /e/:x/name/$value', '/e/x/y/$ref': 'GET /e/:x/y/$ref', '/e/%24metadata': NONE, '/e/$METADATA': NONE
  })) t.equal(meets(matcher, path), wanted, path)
})

t.test('parameters and what * matched are as sent', async t => {
  const matcher = compileMatcher(rulesOf('GET /a/:x/b/:y', 'GET /f/*', 'GET /g/:x/*', 'GET /:constructor/p'))
  t.match(matcher.find('GET', '/a/%C3%a9/b/1%202'), { params: { x: '%C3%a9', y: '1%202' }, rest: undefined })
  t.match(matcher.find('GET', '/f/a/b%20/'), { params: {}, rest: 'a/b%20/' })
  t.equal(matcher.find('GET', '/f/').rest, '')
  t.match(matcher.find('GET', '/g/x/y/z'), { params: { x: 'x' }, rest: 'y/z' })
  t.same(Object.entries(matcher.find('GET', '/q/p').params), [['constructor', 'q']])
  const keyed = compileMatcher(rulesOf('GET /a/K(:x)/:y', "GET /b/K(z=1,y=':x')", 'GET /%41%20b(:x)'))
  t.match(keyed.find('GET', '/a/K(%27%c3%A9%27)/2').params, { x: '%27%c3%A9%27', y: '2' })
  t.match(keyed.find('GET', "/b/K(z=1,y='it''s')").params, { x: "it''s" })
  t.match(keyed.find('GET', '/A%20b(1)').params, { x: '1' })
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
  const keyed = compileMatcher(rulesOf('GET /K(:x)', 'GET /K(y=:x)', 'GET /:x', 'GET /*', 'GET /K(y=1)', 'GET /k(z=:x)'))
  t.same(keyed.candidates('/K(y=1)').map(({ name }) => name), ['GET /K(y=1)', 'GET /K(y=:x)', 'GET /K(:x)', 'GET /:x', 'GET /*'])
  t.same(keyed.candidates('/K(z=1)').map(({ name }) => name), ['GET /K(:x)', 'GET /:x', 'GET /*', 'GET /k(z=:x)'])
  t.same(keyed.candidates('/K(').map(({ name }) => name), [], 'what is no well-formed key meets nothing')
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

t.test('nor do many keys of one place, and long ones', async t => {
  const names = Array.from({ length: 300 }, (_, at) => `GET /K(${'a'.repeat(at % 20)}:k)/${'x/'.repeat(at / 20)}end`)
  const matcher = compileMatcher(rulesOf(...names, 'GET /:x/*'))
  for (const path of [`/K(${'a'.repeat(15_000)})/q`, `/K(${"''".repeat(7500)})/q`, `/K(${'('.repeat(7500)}${')'.repeat(7500)})/q`, `/K(${'%27'.repeat(5000)})/q`]) t.equal(meets(matcher, path), 'GET /:x/*')
  for (const path of [`/K(${'('.repeat(15_000)}/q`, `/K(${"'".repeat(15_001)})/q`, `/K(${'a'.repeat(8000)}${')'.repeat(7000)}/q`, `/K%20${'%20'.repeat(5000)}(1)/q`]) t.equal(meets(matcher, path), path.includes('%20') ? 'GET /:x/*' : AMBIGUOUS)
})

// One reading: whoever behind the gateway decodes the path, ignores letter case, drops a last slash, or normalises it
// as a browser would, sees the path of the very rule that was decided; or the request was refused.
const RULES = ['GET /', 'GET /a', 'GET /a/', 'GET /a/*', 'GET /A/b', 'GET /a/:id', 'GET /a/admin', 'GET /:x/b', 'GET /b/%41', 'GET /b/a"b', 'GET /b/:id', 'GET /caf\u00e9/:id', 'GET /caf\u00e9/K', 'GET /:x/a|b', 'GET /c/a%20b', 'GET /*', 'GET /b/a+b', 'GET /b/stra\u00dfe', 'GET /:x/:y/{z}', 'GET /b/^', 'GET /K(:k)', 'GET /K(A=:k)', "GET /k('1')", 'GET /a/K(:k)/b', "GET /:x/K(':k')", 'GET /k(:k)x']
const PIECES = ['a', 'A', 'b', 'B', 'admin', 'Admin', '%61', '%41', '%62', '"', '%22', '/', '/', '/', '//', '.', '..', '%2e', '%2F', '\\', ';', '%20', '%C3%A9', '%c3%89', '%E2%84%AA', 'k', 'K', '|', '%7C', '+', '%2B', '^', '%5E', '{z}', '%7bz%7D', 'stra%C3%9Fe', 'STRASSE', '%ff', '%', 'caf', '~', '%7E', '%E2%80%8B', '`', '<', 'K(', 'k(', "K('", 'K(A=', '1', "'", ')', ')', "')", '(', '%27', '%28', '%29', 'K%20(', '=', '%3D']

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
    'without spaces at parentheses': naive(names, withoutSpaces(decoded), decodeURIComponent),
    'folded, without spaces at parentheses': naive(names, fold(withoutSpaces(bare(decoded))), text => fold(decodeURIComponent(text))),
    'as a URL': naive(names, decodeURIComponent(asUrl(path)), decodeURIComponent),
    'as a URL, undecoded': naive(names, upperCaseEscapes(asUrl(path)), same)
  }
}

function asUrl (path: string): string {
  return new URL(`http://erp.test${path}`).pathname
}

function withoutSpaces (path: string): string {
  return path.split(/(\s*[(),=]\s*)/).map((part, at) => at % 2 === 1 ? part.trim() : part).join('')
}

function naive (names: readonly string[], path: string, spell: (text: string) => string): string | undefined {
  const segments = path.slice(1).split('/')
  const keyed = rulesOf(...names).flatMap(({ match }) => match.segments.map((segment, at) => ({ before: JSON.stringify(match.segments.slice(0, at).map(nameless)), segment, at })))
  const ranked = rulesOf(...names).flatMap(({ name, match }) => {
    const rank: number[] = []
    const met: Array<{ name: string, rank: number[] }> = []
    for (const [at, one] of match.segments.entries()) {
      const segment = segments[at]
      if (segment === undefined) return met
      if (one.kind === 'rest') return [...met, { name, rank: [...rank, 2] }]
      if (one.kind === 'key') {
        const guard = spell(one.head).split('(', 1)[0] + '('
        const before = JSON.stringify(match.segments.slice(0, at).map(nameless))
        const isKey = keyed.some(other => other.at === at && other.before === before && other.segment.kind === 'key' && isKeyOf(segment, spell(`${other.segment.head}:`).slice(0, -1), spell(other.segment.tail)))
        if (segment.startsWith(guard) && !isKey) met.push({ name: 'a malformed key', rank: [...rank, 0.99] })
        const [head, tail] = [spell(`${one.head}:`).slice(0, -1), spell(one.tail)]
        if (!isKeyOf(segment, head, tail)) return met
        rank.push(0.9 - head.length / 100 - tail.length / 10_000)
        continue
      }
      if (one.kind === 'literal' ? spell(one.text) !== segment : segment === '') return met
      rank.push(one.kind === 'literal' ? 0 : 1)
    }
    return match.segments.length === segments.length ? [...met, { name, rank }] : met
  })
  return ranked.sort((one, other) => compare(one.rank, other.rank))[0]?.name
}

function nameless (segment: Match['segments'][number]): unknown {
  return { ...segment, name: undefined }
}

/** The value between head and tail: its strings taken out, then its pairs of parentheses, no parenthesis and no quote is left. */
function isKeyOf (segment: string, head: string, tail: string): boolean {
  if (!segment.startsWith(head) || !segment.endsWith(tail) || segment.length <= head.length + tail.length) return false
  const value = segment.slice(head.length, segment.length - tail.length)
  const decoded = decodeURIComponent(value)
  if (/^\s|\s$|^[.\s]+$/.test(decoded)) return false
  if (head.endsWith("'")) return /^(?:[^']|'')*$/.test(decoded)
  let left = decoded.replace(/'(?:[^']|'')*'/g, '_')
  for (let before = ''; before !== left;) [before, left] = [left, left.replace(/\([^()]*\)/, '')]
  return !/[()']/.test(left)
}

function compare (one: readonly number[], other: readonly number[]): number {
  for (const [at, rank] of one.entries()) if (rank !== other[at]) return rank - (other[at] ?? 0)
  return 0
}

function upperCaseEscapes (path: string): string {
  return path.replace(/%[0-9a-f]{2}/gi, escape => escape.toUpperCase())
}
