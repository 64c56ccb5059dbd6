import t, { type Test } from 'tap'
import type { Settings } from '../support/settings.ts'
import { get, request, startGatehouse, type Gatehouse, type Wanted } from './gatehouse.ts'

const NOT_FOUND: Wanted = { status: 404, code: 'route-not-found' }
const notAllowed = (allow: string): Wanted => ({ status: 405, code: 'method-not-allowed', headers: { allow } })

/** Public rules, of which each tells the ERP its match. */
async function gatehouseOf (t: Test, ...matches: readonly string[]): Promise<Gatehouse & { meets (t: Test, line: string, match: string): Promise<void> }> {
  const routes = matches.map((match): Settings => ({ match, require: 'public', credential: 'none', headers: { set: { 'X-Rule': match } } }))
  const house = await startGatehouse(t, { routes })
  return {
    ...house,
    async meets (t, line, match) {
      const [method = '', target = ''] = line.split(' ')
      const seen = await house.lets(t, request(method, target))
      t.match(seen, { method, url: target, headers: { 'x-rule': match } }, line)
    }
  }
}

t.test('the path picks segment by segment: a literal before :name before *', async t => {
  const { meets, refuses } = await gatehouseOf(t, 'GET /', 'GET /a', 'GET /a/:id', 'GET /a/b', 'GET /a/*', 'GET /a/:id/c', 'GET /a/b/*', 'GET /:x/d/:y', 'GET /a/:id/d/*')
  for (const [line, match] of [
    ['GET /', 'GET /'],
    ['GET /?a=b', 'GET /'],
    ['GET /a', 'GET /a'],
    ['GET /a/b', 'GET /a/b'],
    ['GET /a/c', 'GET /a/:id'],
    ['GET /a/b/c', 'GET /a/b/*'],
    ['GET /a/c/c', 'GET /a/:id/c'],
    ['GET /a/c/e', 'GET /a/*'],
    ['GET /a/c/c/c', 'GET /a/*'],
    ['GET /a/d/e', 'GET /a/*'],
    ['GET /b/d/e', 'GET /:x/d/:y'],
    ['GET /a/x/d/e/f', 'GET /a/:id/d/*'],
    ['GET /a/x/d', 'GET /a/*']
  ] as const) await meets(t, line, match)
  for (const path of ['/b', '/b/c', '/b/d', '/b/d/e/f', '/ab', '/A', '/a.json']) await refuses(t, get(path), NOT_FOUND)
})

t.test('/x/* is /x/ and all below, and not /x', async t => {
  const { meets, refuses } = await gatehouseOf(t, 'GET /x/*')
  for (const path of ['/x/', '/x/a', '/x/a/', '/x/a/b/c']) await meets(t, `GET ${path}`, 'GET /x/*')
  for (const path of ['/x', '/', '/xa', '/X/a', '/y/x/a']) await refuses(t, get(path), NOT_FOUND)
})

t.test(':name is one whole segment of any length but none', async t => {
  const { meets, refuses } = await gatehouseOf(t, 'GET /x/:id')
  for (const path of ['/x/7', `/x/${'a'.repeat(8000)}`, '/x/a.b-c~d_e', '/x/a%20b', '/x/%C3%A9', '/x/:id', '/x/*']) await meets(t, `GET ${path}`, 'GET /x/:id')
  for (const path of ['/x/', '/x', '/x/a/b', '/x/a/']) await refuses(t, get(path), NOT_FOUND)
})

t.test('another method is 405 with Allow, and never a broader path', async t => {
  const { meets, refuses } = await gatehouseOf(t, 'GET /a/b', 'DELETE|PUT /a/b', 'ANY /a/*', 'POST /a/:id')
  await meets(t, 'GET /a/b', 'GET /a/b')
  await meets(t, 'PUT /a/b', 'DELETE|PUT /a/b')
  for (const method of ['POST', 'PATCH', 'OPTIONS']) await refuses(t, request(method, '/a/b'), notAllowed('GET, HEAD, PUT, DELETE'))
  for (const method of ['GET', 'HEAD', 'DELETE']) await refuses(t, request(method, '/a/c'), notAllowed('POST'))
  for (const method of ['GET', 'POST', 'OPTIONS', 'DELETE']) await meets(t, `${method} /a/c/d`, 'ANY /a/*')
  await refuses(t, { method: 'POST', path: '/a/b', body: 'what nobody reads' }, notAllowed('GET, HEAD, PUT, DELETE'))
})

t.test('a named method beats ANY, and ANY is the seven methods', async t => {
  const { meets, refuses } = await gatehouseOf(t, 'ANY /a', 'POST|PATCH /a', 'ANY /b', 'GET /b', 'HEAD /b')
  for (const method of ['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS']) await meets(t, `${method} /a`, 'ANY /a')
  for (const method of ['POST', 'PATCH']) await meets(t, `${method} /a`, 'POST|PATCH /a')
  await meets(t, 'GET /b', 'GET /b')
  await meets(t, 'HEAD /b', 'HEAD /b')
  for (const method of ['TRACE', 'PURGE', 'PROPFIND', 'LOCK', 'SEARCH', 'QUERY', 'M-SEARCH']) {
    await refuses(t, request(method, '/a'), notAllowed('GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS'))
  }
})

t.test('HEAD goes through GET, past ANY, and a rule of its own comes first', async t => {
  const { meets, refuses } = await gatehouseOf(t, 'GET /a', 'ANY /a', 'GET /b', 'HEAD /b', 'POST /c', 'HEAD /d')
  await meets(t, 'HEAD /a', 'GET /a')
  await meets(t, 'HEAD /b', 'HEAD /b')
  await refuses(t, request('HEAD', '/c'), notAllowed('POST'))
  await refuses(t, request('GET', '/d'), notAllowed('HEAD'))
})

t.test('a method that HTTP knows nothing of is refused, whatever the path', async t => {
  const { refuses } = await gatehouseOf(t, 'ANY /a')
  for (const method of ['FETCH', 'get', 'Get', 'GETT', 'G', '']) {
    await refuses(t, request(method, '/a'), { status: 400, code: 'request-malformed', headers: { connection: 'close' } })
  }
})

t.test('CONNECT is refused: this is no tunnel', async t => {
  const { gateway, erp, refuses } = await gatehouseOf(t, 'ANY /*')
  for (const target of ['gateway.test:443', `127.0.0.1:${erp.port}`, '/a']) {
    await refuses(t, request('CONNECT', target), { status: 400, code: 'target-ambiguous', headers: { connection: 'close' } })
  }
  const { responses } = await gateway.raw(`CONNECT 127.0.0.1:${erp.port} HTTP/1.1\r\nHost: a\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n`)
  t.match(responses.map(({ status }) => status), [400])
  t.equal(erp.requests.length, 0)
})

t.test('nothing of the admin port is on the data port', async t => {
  const { refuses } = await gatehouseOf(t, 'GET /a')
  for (const path of ['/livez', '/readyz', '/metrics', '/']) await refuses(t, get(path), NOT_FOUND)
})
