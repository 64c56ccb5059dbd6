import t from 'tap'
import { encodeSegment, MatchError, METHODS, parseMatch, parsePattern } from '../../src/policy/pattern.ts'

t.test('a match is methods and a path', async t => {
  t.same(parseMatch('GET /'), { methods: ['GET'], any: false, path: '/', segments: [{ kind: 'literal', text: '' }] })
  t.same(parseMatch('GET|POST /addresses/:id'), {
    methods: ['GET', 'POST'],
    any: false,
    path: '/addresses/:id',
    segments: [{ kind: 'literal', text: 'addresses' }, { kind: 'param', name: 'id' }]
  })
  t.same(parseMatch('ANY /x/*'), { methods: METHODS, any: true, path: '/x/*', segments: [{ kind: 'literal', text: 'x' }, { kind: 'rest' }] })
  t.same(parseMatch('  HEAD   /x/ ').segments, [{ kind: 'literal', text: 'x' }, { kind: 'literal', text: '' }])
  for (const method of METHODS) t.same(parseMatch(`${method} /a`).methods, [method])
})

t.test('a literal is kept as a caller sends it: escapes only where they must be, in capitals', async t => {
  for (const [written, text] of [
    ['a', 'a'], ['A.b-c_d~e', 'A.b-c_d~e'], ['caf\u00e9', 'caf%C3%A9'], ['caf%c3%a9', 'caf%C3%A9'], ['%61', 'a'], ['a%20b', 'a%20b'], ['a%2Bb', 'a+b'], ['a+b', 'a+b'],
    ['$&+,=@', '$&+,=@'], ['a:b', 'a:b'], ['a"b', 'a%22b'], ['%22', '%22'], ['!\'()', '!\'()'], ['\u{1f600}', '%F0%9F%98%80']
  ] as const) t.same(parsePattern(`/${written}`), [{ kind: 'literal', text }], written)
  t.equal(encodeSegment('a b/\u00e9'), 'a%20b%2F%C3%A9')
})

t.test('a parameter within parentheses is the key of its segment, and a colon elsewhere is a letter', async t => {
  for (const [written, head, tail, quoted] of [
    ['Orders(:id)', 'Orders(', ')', false], ['Items(SalesOrder=:id)', 'Items(SalesOrder=', ')', false], ["Orders(':id')", "Orders('", "')", true],
    ["Orders(a='x''y',b=:id)", "Orders(a='x''y',b=", ')', false], ["Orders(':id''')", "Orders('", "''')", true], ['Orders(f(:id))', 'Orders(f(', '))', false],
    ['Orders(:id)x(1)', 'Orders(', ')x(1)', false], ['O(1):x(:id)', 'O(1):x(', ')', false], ["O'Neil(:id)", "O'Neil(", ')', false], ['%4frd%C3%A9(%41=:id%20)', 'Ord%C3%A9(A=', '%20)', false], ["O(guid':id')", "O(guid'", "')", true]
  ] as const) t.same(parsePattern(`/${written}`), [{ kind: 'key', head, name: 'id', tail, quoted }], written)
  for (const [written, text] of [
    ['x:cancel', 'x:cancel'], ['x:y(1)', 'x:y(1)'], ['Orders(1):cancel', 'Orders(1):cancel'], ['O(%3Aid)', 'O(:id)'], ['O()', 'O()'], ["O('a)')", "O('a)')"], ['O)(', 'O)('], ['$batch', '$batch'], ['%24batch', '$batch'], ['$metadata', '$metadata']
  ] as const) t.same(parsePattern(`/${written}`), [{ kind: 'literal', text }], written)
})

t.test('a path has a hundred segments at most', async t => {
  t.equal(parseMatch(`GET ${'/a'.repeat(100)}`).segments.length, 100)
  t.throws(() => parseMatch(`GET ${'/a'.repeat(101)}`), MatchError)
})

for (const [promise, text] of [
  ['no path', 'GET'],
  ['nothing', ''],
  ['no method', '/a'],
  ['two paths', 'GET /a /b'],
  ['an unknown method', 'FETCH /a'],
  ['a method in small letters', 'get /a'],
  ['a method twice', 'GET|GET /a'],
  ['ANY beside another', 'GET|ANY /a'],
  ['an empty method', 'GET| /a'],
  ['a comma between methods', 'GET,POST /a'],
  ['CONNECT', 'CONNECT /a'],
  ['a path without its slash', 'GET a'],
  ['a URL', 'GET http://a/b'],
  ['an empty segment', 'GET /a//b'],
  ['an empty first segment', 'GET //a'],
  ['a dot segment', 'GET /a/./b'],
  ['two dots', 'GET /..'],
  ['* in the middle', 'GET /a/*/b'],
  ['* within a segment', 'GET /a/b*'],
  ['**', 'GET /a/**'],
  ['a parameter without a name', 'GET /a/:'],
  ['a parameter with a hyphen', 'GET /a/:a-b'],
  ['a parameter that begins with a digit', 'GET /a/:1'],
  ['two parameters in a segment', 'GET /a/:a:b'],
  ['a parameter twice', 'GET /:a/:a'],
  ['two parameters in parentheses', 'GET /a(b=:b,c=:c)'],
  ['a parameter in parentheses with nothing before them', 'GET /(:b)'],
  ['a parameter twice, once in parentheses', 'GET /:b/a(:b)'],
  ['a key without a name', 'GET /a(:)'],
  ['a key whose name begins with a digit', 'GET /a(:1)'],
  ['a time in parentheses', "GET /a(datetime'2020-01-01T00:00:00')"],
  ['a parenthesis that stays open', 'GET /a(:b'],
  ['two parentheses of which one stays open', 'GET /a((:b)'],
  ['a parenthesis too many', 'GET /a(:b))'],
  ['a quote that stays open', "GET /a(':b)"],
  ['a quote that opens behind the key', "GET /a(:b')"],
  ['a quote that ends before the key', "GET /a('x':b)"],
  ['a quote that begins behind the key', "GET /a(:b'x')"],
  ['* behind a key', 'GET /a(:b)*'],
  ['* before a key', 'GET /a*(:b)'],
  ['a semicolon behind a key', 'GET /a(:b);v'],
  ['an encoded slash before a key', 'GET /a%2f(:b)'],
  ['an encoded slash behind a key', 'GET /a(:b%2f)'],
  ['a query', 'GET /a?b'],
  ['a fragment', 'GET /a#b'],
  ['a semicolon', 'GET /a;b'],
  ['a backslash', 'GET /a\\b'],
  ['an encoded slash', 'GET /a%2fb'],
  ['an encoded dot', 'GET /%2e%2e'],
  ['an encoded percent', 'GET /a%25'],
  ['an encoded control character', 'GET /a%00'],
  ['a malformed escape', 'GET /a%zz'],
  ['an escape that is not UTF-8', 'GET /a%ff']
] as const) {
  t.test(`no match has ${promise}`, async t => {
    t.throws(() => parseMatch(text), MatchError)
  })
}
