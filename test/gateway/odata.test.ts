import t, { type Test } from 'tap'
import { answering } from '../support/erp.ts'
import type { Settings } from '../support/settings.ts'
import { get, startGatehouse, type Gatehouse, type Wanted } from './gatehouse.ts'

const AMBIGUOUS: Wanted = { status: 400, code: 'target-ambiguous' }

async function gatehouseOf (t: Test, ...routes: readonly Settings[]): Promise<Gatehouse> {
  return await startGatehouse(t, { routes: routes.map(route => ({ require: 'public', credential: 'none', ...route, headers: { set: { 'X-Rule': route.match } } })) })
}

t.test('a key arrives as the caller wrote it, by the rule of its entity', async t => {
  const { lets, refuses } = await gatehouseOf(t, ...['GET /o/A_BusinessPartner(:key)', 'GET /o/Orders(:id)/Items', 'GET /o/Items(SalesOrder=:so)', "GET /o/Names(':name')", 'GET /o/Orders()', 'GET /o/$metadata', 'GET /o/:x'].map(match => ({ match })))
  for (const [path, match] of Object.entries({
    "/o/A_BusinessPartner('1000')": 'GET /o/A_BusinessPartner(:key)', "/o/A_BusinessPartner('it''s%20%C3%A9')?$select=a": 'GET /o/A_BusinessPartner(:key)', '/o/A_BusinessPartner(%27a%27)': 'GET /o/A_BusinessPartner(:key)', "/o/A_BusinessPartner(a='1',b=guid'2')": 'GET /o/A_BusinessPartner(:key)',
    "/o/Orders('1')/Items": 'GET /o/Orders(:id)/Items', "/o/Items(SalesOrder='7',Item=10)": 'GET /o/Items(SalesOrder=:so)', "/o/Names('x')": "GET /o/Names(':name')", '/o/Orders()': 'GET /o/Orders()', '/o/$metadata': 'GET /o/$metadata', '/o/A_BusinessPartner': 'GET /o/:x'
  })) {
    const seen = await lets(t, get(path))
    t.match(seen, { url: path, headers: { 'x-rule': match } }, path)
  }
  for (const path of ["/o/A_BusinessPartner('1", '/o/A_BusinessPartner()', "/o/A_BusinessPartner('1')x", '/o/Items(Item=1)', '/o/Names(1)', '/o/items(SalesOrder=1)', '/o/%24metadata']) await refuses(t, get(path), AMBIGUOUS)
})

t.test('a `where` sees a key decoded once', async t => {
  const { lets, refuses, idp } = await startGatehouse(t, {
    routes: [
      { match: 'GET /o/K(:key)', require: { user: { where: 'request.params.key == "\'é\'"' } } },
      { match: 'GET /f/:name', require: { user: { where: 'request.params.name in ["a/b", "%41;v=1"]' } }, escapes: ['%2f', '%25'], matrix: true }
    ]
  })
  const token = `Authorization: Bearer ${idp.mint()}`
  for (const path of ["/o/K('%C3%A9')", '/o/K(%27%c3%a9%27)', '/f/a%2fb', '/f/%2541;v=1']) t.equal((await lets(t, get(path, token))).url, path)
  for (const path of ["/o/K('e')", '/o/K(1)', '/f/a%252fb', '/f/%2541']) await refuses(t, get(path, token), { status: 403, code: 'where-not-met', challenge: { error: 'insufficient_scope' } })
})

t.test('what a rule admits arrives byte for byte, by its rewrite too', async t => {
  const { lets, refuses } = await gatehouseOf(t,
    { match: 'GET /f/:name', escapes: ['%2F', '%5c', '%25', '%3B'] }, { match: 'GET /m/:id/x', matrix: true }, { match: 'GET /r/:id', escapes: '%2f', matrix: true, rewrite: '/api/:id/v' }, { match: 'GET /k/Docs(:key)', escapes: '%2f' }, { match: 'GET /p/:x' })
  for (const [path, arrives] of Object.entries({
    '/f/a%2fb%5Cc': '/f/a%2fb%5Cc', '/f/a%252fb%2541': '/f/a%252fb%2541', '/f/a%3bb?q=;%2f': '/f/a%3bb?q=;%2f', '/m/7;v=2;w/x': '/m/7;v=2;w/x', '/r/a%2Fb;v=2': '/api/a%2Fb;v=2/v', "/k/Docs('a%2fb')": "/k/Docs('a%2fb')"
  })) t.equal((await lets(t, get(path))).url, arrives, path)
  for (const path of ['/f/a;b', '/f/..%2fa', '/f/a%2f', '/m/7%3bv/x', '/m/7/x;v', '/m;v/7/x', '/r/a%5cb', '/p/a%2fb', '/p/a;b', "/k/Docs('a%2f..%2fb')", "/k/Docs('a;b')"]) await refuses(t, get(path), AMBIGUOUS)
})

t.test('a Location comes back from a key, and to one', async t => {
  const { gateway, erp } = await gatehouseOf(t, { match: 'GET /partners/:key', rewrite: '/odata/A_BusinessPartner(:key)' }, { match: 'GET /Notes(:id)', rewrite: '/notes/:id' })
  for (const [path, location, wanted] of [
    ["/partners/'1'", "/odata/A_BusinessPartner('2')", "/partners/'2'"], ["/partners/'1'", "/odata/A_BusinessPartner('2", "/odata/A_BusinessPartner('2"], ['/Notes(1)', '/notes/2', '/Notes(2)'], ['/Notes(1)', '/notes/2)(3', '/notes/2)(3']
  ] as const) {
    erp.answerWith(answering(201, '', { Location: location }))
    t.equal((await gateway.raw(get(path))).response.headers.location, wanted)
  }
})
