// OData: the key of an entity stands in parentheses within a segment, and a $batch holds requests that nobody sees who
// looks at its path. A gateway that matches A_BusinessPartner(…) by a pattern is asked the old question again: which bytes are
// the key, and does the ERP say the same? The class of CVE-2024-45813 (two parameters in one segment), of CVE-2021-29492
// (escapes), of CVE-2018-1199 and CVE-2020-5902 (semicolons), by another grammar; and $batch as the way round every rule
// that an API gateway before an OData service has (known of SAP Gateway and of Microsoft's libraries).
import t, { type Test } from 'tap'
import { get, request, type Gatehouse, type Wanted } from '../gateway/gatehouse.ts'
import { startAttacked, tally } from './gauntlet.ts'
import { AMBIGUOUS, guardsOf, NOT_FOUND } from './path-scene.ts'

const NO_SCOPE = (scope: string): Wanted => ({ status: 403, code: 'scope-missing', challenge: { error: 'insufficient_scope', scope } })

const PARTNER = "/odata/A_BusinessPartner('1')"
const CUSTOMER = "/odata/A_Customer('1')"

/** Whoever may read customers may not read partners, nor the other way round; anybody may read the rest. */
async function startOData (t: Test): Promise<Gatehouse & { readonly customer: string, readonly partner: string, readonly anybody: string }> {
  const house = await startAttacked(t, {
    routes: [
      { match: 'GET /odata/A_BusinessPartner(:key)', require: { user: { scope: 'partner' } } },
      { match: 'GET /odata/A_Customer(:key)', require: { user: { scope: 'customer' } } },
      { match: 'GET /odata/:entity', require: 'user' },
      { match: 'ANY /odata/*', require: 'user' },
      { match: 'POST /admin/$batch', require: { user: { scope: 'batch' } } },
      { match: 'GET /odata/Files(:key)', require: { user: { scope: 'customer' } }, escapes: ['%2f', '%25'], matrix: true }
    ]
  })
  const bearer = (scope: string) => `Authorization: Bearer ${house.idp.mint(scope === '' ? {} : { scope })}`
  return { ...house, customer: bearer('customer'), partner: bearer('partner'), anybody: bearer('') }
}

/** Ways to write one entity so that it is taken for another, or for what anybody may read. */
function disguises (path: string, other: string): string[] {
  const name = path.slice('/odata/'.length, path.indexOf('('))
  const rival = other.slice('/odata/'.length, other.indexOf('('))
  return [
    `/odata/${name.toLowerCase()}('1')`, `/odata/${name.toUpperCase()}('1')`, `/odata/%41${name.slice(1)}('1')`, `/odata/A%5f${name.slice(2)}('1')`,
    `/odata/${name}%28'1')`, `/odata/${name}('1'%29`, `/odata/${name}%28%271%27%29`, `/odata/${name.toLowerCase()}%28'1'%29`,
    `/odata/${name}%20('1')`, `/odata/${name}(%20'1')`, `/odata/${name}('1'%20)`, `/odata/${name}%C2%A0('1')`, `/odata/${name}%E3%80%80(%20'1'%20)`,
    `/odata/${name}('1').`, `/odata/${name}('1')...`, `/odata/${name}('1')%20.`, `/odata/${name}('1')/`,
    `/odata/${name}('1`, `/odata/${name}('1'`, `/odata/${name}('1'')`, `/odata/${name}()`, `/odata/${name}(`, `/odata/${name}('1'))`, `/odata/${name}(('1')`,
    `/odata/${name}('1')x('2')`, `/odata/${name}('1')${rival}('1')`, `/odata/${name}('1'%29/../${rival}('1')`, `/odata/${name}('1');v=1`, `/odata/${name};v=1('1')`, `/odata/${name}('1')%3bv`,
    `/odata/${name}('1')%2f${rival}('1')`, `/odata/${rival}('1')/../${name}('1')`, `/odata/${rival}('1')%2f..%2f${name}('1')`, `/odata/${rival}('1')x%28'${name}('1')`, `/odata/${rival}('/${name}('1')`, `/odata/${rival}('1'%29%2f${name}%28'1')`,
    `/odata/${rival}(')${name}('1')`, `/odata//${name}('1')`, `/odata/./${name}('1')`, `/odata/${name}\\('1')`, `/odata/${name}%2528'1')`, `/odata/${name}(%25271%2527)`, `/odata/${name}(%00'1')`, `/odata/${name}%E2%80%8B('1')`, `/odata/${name}(..)`, `/odata/${name}($batch)`
  ]
}

t.test('one entity is not reached through the rule of another, nor through a broader one', async t => {
  const { lets, refuses, customer, partner, anybody } = await startOData(t)
  t.equal((await lets(t, get(PARTNER, partner))).url, PARTNER)
  t.equal((await lets(t, get(CUSTOMER, customer))).url, CUSTOMER)
  t.equal((await lets(t, get('/odata/A_BusinessPartner(%271%27)', partner))).url, '/odata/A_BusinessPartner(%271%27)', 'an encoded quote is a quote to everybody')
  await refuses(t, get(PARTNER, customer), NO_SCOPE('partner'))
  await refuses(t, get(CUSTOMER, partner), NO_SCOPE('customer'))
  for (const [own, other, who] of [[PARTNER, CUSTOMER, customer], [CUSTOMER, PARTNER, partner]] as const) {
    const spellings = [...new Set(disguises(own, other))]
    t.ok(spellings.length >= 30)
    // Not even whoever may read it is let through by them.
    for (const path of spellings) for (const token of [who, own === PARTNER ? partner : customer, anybody]) await refuses(t, get(path, token), AMBIGUOUS)
  }
  tally('n: OData', { of: 1, held: t.passing() ? 1 : 0 })
})

t.test('what a key may hold on purpose is no way out of it', async t => {
  const { lets, refuses, customer } = await startOData(t)
  // Decoded, this would be what anybody may read.
  for (const path of ["/odata/Files('a%2fb')", "/odata/Files('a;b')"]) await refuses(t, get(path, customer), AMBIGUOUS)
  t.equal((await lets(t, get("/odata/Files('%2541')", customer))).url, "/odata/Files('%2541')")
  const own = ["Files('1')%2fA_BusinessPartner('1')", "Files('%2fA_BusinessPartner(1)%2f')", "Files('1%2527)x(%25271')", 'Files(1%2529%252fA_BusinessPartner%25281)', 'Files(..%2fA_BusinessPartner(1))', 'Files(1;)', "Files('1')%3bv", "Files('1'%252f)", "Files('1%255c')", 'Files(1%2500)', "Files(%2fA_BusinessPartner('1')"]
  for (const path of own) await refuses(t, get(`/odata/${path}`, customer), AMBIGUOUS)
  // The grant is that rule's alone.
  for (const path of ["A_Customer('a%2fb')", "A_Customer('%2541')", "A_Customer('a;b')", 'Files%2f1', 'Files;v']) await refuses(t, get(`/odata/${path}`, customer), AMBIGUOUS)
  tally('n: OData', { of: 1, held: t.passing() ? 1 : 0 })
})

t.test('no broader rule lets $batch through, however it is spelled', async t => {
  const { lets, refuses, anybody, idp } = await startOData(t)
  const batch = (path: string, token: string) => ({ method: 'POST', path, headers: { authorization: token.slice('Authorization: '.length), 'content-type': 'multipart/mixed; boundary=b' }, body: "--b\r\nContent-Type: application/http\r\n\r\nGET A_BusinessPartner('1') HTTP/1.1\r\n\r\n--b--\r\n" })
  for (const path of ['/odata/$batch', '/odata/%24batch', '/odata/$BATCH', '/odata/$b%61tch', '/odata/$batch.', '/odata/$batch%20.', '/odata/x/$batch', '/odata/$batch/x', '/odata/%24%62%61%74%63%68', '/odata/x/%24Batch./y', '/odata/$batch?x=1']) await refuses(t, batch(path, anybody), NOT_FOUND)
  for (const path of ['/odata/$batch/', '/odata/$batch;v=1', '/odata/;/$batch', '/odata/x%2f$batch', '/odata/%2524batch', '/odata/x/../$batch', '/odata/$batch%00']) await refuses(t, batch(path, anybody), AMBIGUOUS)
  const token = `Authorization: Bearer ${idp.mint({ scope: 'batch' })}`
  await refuses(t, batch('/admin/$batch', anybody), NO_SCOPE('batch'))
  t.equal((await lets(t, batch('/admin/$batch', token))).url, '/admin/$batch')
  for (const path of ['/admin/%24batch', '/admin/$BATCH', '/admin/$batch.', '/admin/$batch/']) await refuses(t, batch(path, token), NOT_FOUND)
  await refuses(t, request('GET', '/admin/$batch', token), { status: 405, code: 'method-not-allowed', headers: { allow: 'POST' } })
  for (const path of ['/odata/$metadata', '/odata/x/$count', '/odata/batch', '/odata/$batches']) t.equal((await lets(t, get(path, anybody))).url, path)
  tally('n: OData', { of: 1, held: t.passing() ? 1 : 0 })
})

t.test('no key that a caller sends is a path of its own once a rule has rewritten it', async t => {
  const house = await startAttacked(t, {
    routes: [
      { match: 'GET /partners/:key', require: 'public', rewrite: '/odata/A_BusinessPartner(:key)' },
      { match: 'GET /names/:key', require: 'public', rewrite: "/odata/Names(':key')" },
      { match: 'GET /files/:key', require: 'public', rewrite: '/odata/Files(:key)', escapes: ['%2f', '%25', '%5c'] },
      { match: 'ANY /Customers(:key)', require: 'public', rewrite: '/api/:key' },
      { match: "ANY /Notes(':key')", require: 'public', rewrite: '/api/:key', escapes: ['%2f', '%25'] }
    ]
  })
  const { lets, refuses } = house
  for (const [asked, arrives] of Object.entries({
    "/partners/'1'": "/odata/A_BusinessPartner('1')", '/partners/%271%27': '/odata/A_BusinessPartner(%271%27)', '/names/1': "/odata/Names('1')", "/names/it''s": "/odata/Names('it''s')", '/names/a)(b': "/odata/Names('a)(b')",
    "/files/'a%2fb'": "/odata/Files('a%2fb')", "/Customers('1')": "/api/'1'", '/Customers(1,2)': '/api/1,2', "/Notes('a%2fb')": '/api/a%2fb'
  })) t.equal((await lets(t, get(asked))).url, arrives)
  for (const path of ["/partners/'1", '/partners/1)', "/partners/1)x('2'", '/partners/1%29x%282', '/partners/1)(2', '/partners/...', '/partners/$batch.', "/names/1'", "/names/'", "/names/1')%20or%20('1", '/names/%27', "/files/1)%2fA_BusinessPartner('1'", "/files/'1%2527)x(%25271'", '/files/1%2529%252fx%25282', '/files/a%2f..%2fb', '/files/1%2f',
    '/Customers(..)', '/Customers(.)', '/Customers($batch)', '/Customers(%24BATCH)', "/Notes('..')", "/Notes('..%2fadmin')", "/Notes('a%2f..%2f..')", "/Notes('%252e%252e')", "/Notes('x%2f$batch')", "/Notes('$batch')"]) {
    await refuses(t, get(path), path.includes('/partners/$') ? NOT_FOUND : AMBIGUOUS)
  }
  tally('n: OData', { of: 1, held: t.passing() ? 1 : 0 })
})

t.test('the longest keys and the most rules are matched soon', async t => {
  const rules = Array.from({ length: 200 }, (_one, at) => [`GET /o/E(${'a'.repeat(at)}:k)`, `GET /o/E(:k,${'b'.repeat(at)}=1)/x`, `GET /:x/E(${'a'.repeat(at)}:k)/y`]).flat()
  const guard = guardsOf([...rules.map(match => ({ match })), { match: 'GET /f/:x', escapes: ['%2f', '%5c', '%25', '%3b'] as const, matrix: true }])
  const started = performance.now()
  for (const part of ['a', "''", '%27', '(', ')', '()', 'a(', '%28', '%20', '=%20', ',%20(']) guard('GET', `/o/E(${part.repeat(Math.floor(15_000 / part.length))})/z`)
  for (const part of ['%2f', 'a%2f', '%25', ';', '%253b', 'a%2fa;a%5ca%253ba%255ca']) guard('GET', `/f/a${part.repeat(Math.floor(15_000 / part.length))}a`)
  t.ok(performance.now() - started < 15_000, 'the longest paths are matched soon')
  tally('n: OData', { of: 1, held: t.passing() ? 1 : 0 })
})
