import fc from 'fast-check'
import t from 'tap'
import { Refusal } from '../../src/policy/problems.ts'
import { decodePath, isPlainPath, parseTarget } from '../../src/policy/target.ts'

function refusalOf (target: string): Refusal | undefined {
  try {
    parseTarget(target)
    return undefined
  } catch (error) {
    if (error instanceof Refusal) return error
    throw error
  }
}

/** The code of the refusal; undefined where there is none. */
function codeOf (target: string): string | undefined {
  return refusalOf(target)?.code
}

t.test('a target is cut at its first question mark, and both parts stay as sent', async t => {
  for (const [target, path, query] of [
    ['/', '/', ''],
    ['/a', '/a', ''],
    ['/a?', '/a', '?'],
    ['/a?b=c', '/a', '?b=c'],
    ['/a?b?c', '/a', '?b?c'],
    ['/a/?/../;\\', '/a/', '?/../;\\'],
    ['/%C3%a9/a%20b/', '/%C3%a9/a%20b/', ''],
    ['/a?%zz&%00', '/a', '?%zz&%00']
  ] as const) t.same(parseTarget(target), { path, query })
})

t.test('a path that can be read in two ways is ambiguous', async t => {
  const targets = ['', 'a', '*', '?', 'http://a/b', '//', '//a', '/a//b', '/a//', '/.', '/..', '/./a', '/../a', '/a/.', '/a/..', '/a/./b', '/a/../b', '/a\\b', '/a;b', '/a#b', '/a;', '/#',
    '/%2e', '/%2E%2e', '/a%2Fb', '/a%5cb', '/%25', '/%252e', '/a%3Bb', '/a%23b', '/a%3fb', '/%00', '/%1f', '/%7F', '/%', '/%a', '/%gg', '/%ff', '/%c0%ae', '/%ed%a0%80', '/%C2%80', '/%C2%AD', '/%E2%80%8B', '/%EF%BB%BF', '/%F3%A0%81%81',
    '/%20', '/%20a', '/a%20', '/a/%20/b', '/a%20/b', '/%C2%A0a', '/\u00e9', '/a b', '/a\tb', '/a?b#c', '/a?#']
  for (const target of targets) {
    const refusal = refusalOf(target)
    t.equal(refusal?.code, 'target-ambiguous', target)
    t.match(refusal?.extras.saw, /\w/, 'and the log is told why')
  }
})

t.test('what a rule admits is asked about where the path would be refused, and only there', async t => {
  const asked: string[] = []
  const admits = (method: string, path: string) => { asked.push(`${method} ${path}`); return path === '/a%2fb' }
  t.same(parseTarget('/a%2fb?c', 'GET', admits), { path: '/a%2fb', query: '?c' })
  t.same(parseTarget('/a%20b', 'PUT', admits), { path: '/a%20b', query: '' })
  t.throws(() => parseTarget('/a;b', 'POST', admits), { code: 'target-ambiguous', extras: { saw: 'the path has one of \\ # ;' } })
  t.throws(() => parseTarget('/a%2fb?#', 'GET', admits), { code: 'target-ambiguous' })
  t.throws(() => parseTarget('/a%2fb?access_token=x', 'GET', admits), { code: 'credential-in-query' })
  t.same(asked, ['GET /a%2fb', 'POST /a;b', 'GET /a%2fb', 'GET /a%2fb'])
})

t.test('every control character, and every character that nobody sees, is ambiguous when encoded', async t => {
  const codes = [...range(0x00, 0x1f), ...range(0x7f, 0x9f), 0xad, 0x34f, 0x61c, 0x115f, 0x1160, 0x17b4, 0x17b5, ...range(0x180b, 0x180f), ...range(0x200b, 0x200f), ...range(0x2028, 0x202e), ...range(0x2060, 0x206f), 0x3164, ...range(0xfe00, 0xfe0f), 0xfeff, 0xffa0, ...range(0xe0000, 0xe007f)]
  for (const code of codes) t.equal(codeOf(`/a${encodeURIComponent(String.fromCodePoint(code))}b`), 'target-ambiguous', `U+${code.toString(16)}`)
})

t.test('what else there is passes', async t => {
  const targets = ['/', '/a', '/a/', '/a.b', '/...', '/.a', '/a..', '/-._~!$&\'()*+,=:@', '/a%20b', '/%41', '/%7e', '/%2B', '/%c3%a9', '/%E2%82%AC', '/%F0%9F%98%80', '/"<>^`{|}[]', '/a?a/../b//c;d\\e%2e']
  for (const target of targets) t.equal(codeOf(target), undefined, target)
})

t.test('a token in the query is refused in every spelling of its name', async t => {
  for (const query of ['access_token=a', 'id_token=a', 'a=b&access_token', 'a;id_token=b', 'ACCESS_TOKEN=a', '%61ccess_token=a', 'access%5ftoken=a', '%20access_token=a', 'access_token%20=a']) {
    t.equal(codeOf(`/a?${query}`), 'credential-in-query', query)
  }
  for (const query of ['token=a', 'a=access_token', 'access_token_=a', 'xaccess_token=a', 'access_token%3da', '%E0access_token=a']) t.equal(codeOf(`/a?${query}`), undefined, query)
})

t.test('decoding is once, and of a plain path nothing', async t => {
  t.equal(decodePath('/a%20b/%C3%A9'), '/a b/\u00e9')
  t.equal(decodePath('/a+b'), '/a+b')
  t.equal(isPlainPath('/a.b~c!$&\'()*+,=:@'), true)
  for (const path of ['/a%20b', '/a"b', '/a|b', '/a^', '/{a}']) t.equal(isPlainPath(path), false, path)
})

t.test('whatever is sent, it is refused by a Refusal or comes apart into what was sent', async t => {
  const pieces = fc.constantFrom('/', '//', '.', '..', '%2e', '%2F', '%', '%25', 'a', 'B', '?', '#', ';', '\\', '%20', ' ', '%C3%A9', '%c3', '\u00e9', '&', '=', 'access_token', '%00', '"', '\u0000')
  fc.assert(fc.property(fc.array(pieces, { maxLength: 12 }).map(parts => parts.join('')), fc.boolean(), (text, rooted) => {
    const target = rooted ? `/${text}` : text
    if (codeOf(target) !== undefined) return
    const { path, query } = parseTarget(target)
    t.equal(path + query, target)
    decodePath(path)
  }), { numRuns: 3000 })
})

function range (first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_one, at) => first + at)
}
