import t, { type Test } from 'tap'
import { get, request, startGatehouse, type Gatehouse, type Wanted } from './gatehouse.ts'

const AMBIGUOUS: Wanted = { status: 400, code: 'target-ambiguous' }
const MALFORMED: Wanted = { status: 400, code: 'request-malformed' }
const NOT_FOUND: Wanted = { status: 404, code: 'route-not-found' }

async function gatehouseOf (t: Test, ...matches: readonly string[]): Promise<Gatehouse> {
  return await startGatehouse(t, { routes: matches.map(match => ({ match, require: 'public', credential: 'none' })) })
}

t.test('only targets in origin-form are served', async t => {
  const { refuses } = await gatehouseOf(t, 'ANY /*')
  for (const target of ['http://gateway.test/x', 'https://gateway.test/x', 'http://evil.example.com/x', 'HTTP://gateway.test/', 'ftp://gateway.test/x']) await refuses(t, get(target), AMBIGUOUS)
  await refuses(t, request('OPTIONS', '*'), AMBIGUOUS)
  await refuses(t, get('*'), AMBIGUOUS)
  for (const target of ['x', '?x', 'x:/y', '.', '']) await refuses(t, get(target), MALFORMED)
})

const STRUCTURE = ['\\', '#', ';', '//', '/./', '/../', '\\..\\', ';/../', '/..;/', '#/../']
const ESCAPES = ['%2e', '%2E', '%2e%2e', '%2f', '%2F', '%5c', '%5C', '%25', '%252e', '%252f', '%3b', '%3B', '%23', '%3f', '%3F']
const CONTROLS = [...Array.from({ length: 32 }, (_one, code) => `%${code.toString(16).padStart(2, '0')}`), '%7f', '%7F', '%C2%80', '%c2%85', '%C2%9F']
const UNSEEN = ['\u00ad', '\u200b', '\u200c', '\u200d', '\u200e', '\u200f', '\u2028', '\u2029', '\u202a', '\u202e', '\u2060', '\u2063', '\u2066', '\u2069', '\ufeff', '\ufe0f', '\u180e', '\u{1bca0}', '\u{1d173}', '\u{e0041}'].map(encodeURIComponent)
const BROKEN = ['%', '%4', '%zz', '%4g', '%-1', '%u0041', '%u002e', '%c0%ae', '%c0%af', '%e0%80%af', '%f0%80%80%af', '%c1%9c', '%ed%a0%80', '%ff', '%fe', '%80', '%e2%80', '%f5%80%80%80', '%C3']

for (const [promise, spellings] of Object.entries({
  'what a server could take for the structure of a path is a 400': STRUCTURE,
  'an escape that would become structure is a 400, in both cases': ESCAPES,
  'an encoded control character is a 400': CONTROLS,
  'an encoded character that nobody sees is a 400': UNSEEN,
  'an escape that is malformed or not UTF-8 is a 400': BROKEN
})) {
  t.test(promise, async t => {
    const { refuses } = await gatehouseOf(t, 'GET /*', 'GET /files/:name')
    for (const spelling of spellings) {
      for (const target of [`/files/a${spelling}-b`, `/files/${spelling}`, `/files${spelling}?q=1`]) {
        await refuses(t, get(target), AMBIGUOUS)
      }
    }
  })
}

t.test('a dot segment is a 400 at the end too', async t => {
  const { refuses } = await gatehouseOf(t, 'GET /*', 'GET /files/:name')
  for (const path of ['/.', '/..', '/files/.', '/files/..', '/./files', '/../files', '/files/../', '/files/./']) await refuses(t, get(path), AMBIGUOUS)
})

t.test('what must be escaped and is not is a 400', async t => {
  const { refuses } = await gatehouseOf(t, 'GET /*')
  for (const char of ['\u00e9', '\u0080', '\u00ff', '\u00a0', '\t', '\u0001', '\u007f', '\u0000', ' ']) await refuses(t, get(`/files/a${char}b`), MALFORMED)
})

t.test('an encoded space is a 400 at the start and the end of a segment only', async t => {
  const { lets, refuses } = await gatehouseOf(t, 'GET /*')
  for (const path of ['/%20', '/%20a', '/a%20', '/a/%20/b', '/a%20/b', '/a/%20b', '/a/b%20', '/%C2%A0a', '/a%E3%80%80', '/a%E2%80%83/b']) await refuses(t, get(path), AMBIGUOUS)
  for (const path of ['/a%20b', '/a%20%20b/c', '/a/b%20c/']) t.equal((await lets(t, get(path))).url, path)
})

t.test('other escapes and characters pass as sent', async t => {
  const { lets } = await gatehouseOf(t, 'GET /*')
  for (const path of ['/%C3%A9', '/%c3%a9', '/%41', '/a%2Bb', '/a%2bb', '/a%2Cb', '/a%3Ab', '/a%40b', '/%7Euser', '/a!$&\'()*+,=:@b', '/...', '/a..b', '/.a', '/a.', '/..a', '/a"b', '/a|b', '/a^b', '/{a}', '/[a]', '/<a>', '/`', '/%22', '/%E2%82%AC', '/%F0%9F%98%80', '/a/', '/%26']) {
    t.equal((await lets(t, get(path))).url, path)
  }
})

t.test('a query passes byte for byte, and a fragment is a 400 there too', async t => {
  const { lets, refuses } = await gatehouseOf(t, 'GET /*')
  for (const query of ['?', '??', '?a=//../%2e%2e;b\\c', '?%', '?%00', '?a=%zz&a=1&a', '?a b'.replace(' ', '+'), '?q=?/../', '?"<>|{}^`']) {
    t.equal((await lets(t, get(`/a${query}`))).url, `/a${query}`)
  }
  for (const query of ['?#', '?a#b', '?a=1&b#access_token=x']) await refuses(t, get(`/a${query}`), AMBIGUOUS)
})

t.test('a path that another rule meets in another letter case is a 400', async t => {
  const { lets, refuses } = await gatehouseOf(t, 'GET /files/:name', 'GET /files/Secret', 'GET /files/caf\u00e9', 'GET /:any/top')
  for (const path of ['/files/other', '/files/Secret', '/files/Secrets', '/files/caf%C3%A9', '/files/caf%c3%a9', '/other/top', '/files/x', '/files/top', '/files/Top']) await lets(t, get(path))
  for (const path of ['/files/secret', '/files/SECRET', '/files/sEcret', '/files/\u017fecret', '/files/CAF%C3%89', '/files/caf%C3%89', '/FILES/top']) {
    await refuses(t, get(encodeURI(decodeURI(path))), AMBIGUOUS)
  }
  // No rule is met as it stands: there is nothing to confuse.
  for (const path of ['/FILES/secret', '/Files/other']) await refuses(t, get(path), NOT_FOUND)
})

t.test('sharp s is met by its capital, and by its two letters', async t => {
  const { lets, refuses } = await gatehouseOf(t, 'GET /files/:name', 'GET /files/stra\u00dfe')
  for (const path of ['/files/stra\u00dfe', '/files/strase']) await lets(t, get(encodeURI(path)))
  for (const path of ['/files/stra\u1e9ee', '/files/STRA\u1e9eE', '/files/strasse', '/files/STRASSE']) await refuses(t, get(encodeURI(path)), AMBIGUOUS)
})

t.test('a path that another rule meets without dots at the end of a segment is a 400', async t => {
  const { lets, refuses } = await gatehouseOf(t, 'GET /*', 'GET /files/:name', 'GET /files/secret', 'GET /v1./top')
  for (const path of ['/files/secret', '/files/.secret', '/files/sec.ret', '/files/other.', '/others.', '/...', '/v1./top', '/files/s...x']) await lets(t, get(path))
  for (const path of ['/files/secret.', '/files/secret...', '/files/SECRET.', '/files/secret%20.', '/files/secret./', '/files./secret', '/v1/top', '/v1../top']) await refuses(t, get(path), AMBIGUOUS)
})

t.test('a path that another rule meets when decoded once more is a 400', async t => {
  const { lets, refuses } = await gatehouseOf(t, 'GET /files/:name', 'GET /files/admin', 'GET /files/a%22b', 'GET /files/%41b', 'GET /files/a+b')
  for (const path of ['/files/admin', '/files/a%22b', '/files/Ab', '/files/a+b', '/files/%61dmi']) await lets(t, get(path))
  for (const path of ['/files/%61dmin', '/files/%61%64%6d%69%6e', '/files/%41DMIN', '/files/%41dmin', '/files/a"b', '/files/%61%22b', '/files/%61b', '/files/ab', '/files/aB', '/files/a%2Bb', '/files/a%2bb']) {
    await refuses(t, get(path), AMBIGUOUS)
  }
})

t.test('a path that another rule meets without its last slash is a 400', async t => {
  const { lets, refuses } = await gatehouseOf(t, 'GET /x', 'GET /x/*', 'GET /y/*', 'GET /z/:id', 'GET /z/*', 'GET /w/a/')
  for (const path of ['/x', '/x/a', '/y/', '/y/a/', '/z/a', '/z/', '/w/a/']) await lets(t, get(path))
  for (const path of ['/x/', '/z/a/', '/z/%61/']) await refuses(t, get(path), AMBIGUOUS)
  for (const path of ['/X/', '/z', '/w/a']) await refuses(t, get(path), NOT_FOUND)
})

t.test('an ambiguous path is a 400 before any method is looked at, and before any token', async t => {
  const { idp, refuses } = await startGatehouse(t, { routes: [{ match: 'GET /files/:name', require: 'user' }, { match: 'POST /files/Secret', require: 'user' }] })
  for (const method of ['GET', 'POST', 'DELETE']) {
    await refuses(t, request(method, '/files/secret', `Authorization: Bearer ${idp.mint()}`), AMBIGUOUS)
    await refuses(t, request(method, '/files/secret'), AMBIGUOUS)
  }
})
