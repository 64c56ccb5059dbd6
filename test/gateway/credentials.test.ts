import t from 'tap'
import { get, startGatehouse, type Wanted } from './gatehouse.ts'

const routes = [
  { match: 'GET /addresses', require: 'user' },
  { match: 'GET /open', require: 'public' }
]
const MISSING: Wanted = { status: 401, code: 'credential-missing', challenge: {} }
const MALFORMED: Wanted = { status: 400, code: 'credential-malformed', challenge: { error: 'invalid_request' } }
const TWO: Wanted = { status: 400, code: 'credential-ambiguous', challenge: { error: 'invalid_request' } }
const IN_QUERY: Wanted = { status: 400, code: 'credential-in-query', challenge: { error: 'invalid_request' } }

t.test('no credential is a 401 with a challenge that names no error', async t => {
  const { refuses } = await startGatehouse(t, { routes })
  await refuses(t, { path: '/addresses' }, MISSING)
  await refuses(t, { path: '/addresses', method: 'HEAD' }, MISSING)
})

t.test('a scheme other than Bearer is no credential, and neither is a header that no token belongs in', async t => {
  const { idp, refuses } = await startGatehouse(t, { routes })
  const token = idp.mint()
  for (const value of ['Basic dXNlcjpwYXNzd29yZA==', `DPoP ${token}`, 'Digest username="x"', `Token ${token}`, 'Negotiate', 'Bearerx y', `JWT ${token}`]) {
    await refuses(t, get('/addresses', `Authorization: ${value}`), MISSING)
  }
  for (const header of ['Cookie: access_token=', 'X-Api-Key: ', 'Proxy-Authorization: Bearer ', 'X-Forwarded-Access-Token: ', 'X-Access-Token: ']) {
    await refuses(t, get('/addresses', `${header}${token}`), MISSING)
  }
})

t.test('the scheme is read in any letter case', async t => {
  const { idp, lets } = await startGatehouse(t, { routes })
  for (const scheme of ['Bearer', 'bearer', 'BEARER', 'bEaReR', 'Bearer ']) {
    await lets(t, get('/addresses', `Authorization: ${scheme} ${idp.mint()}`))
  }
})

t.test('a malformed Authorization is a 400, whatever the path asks for', async t => {
  const { idp, refuses } = await startGatehouse(t, { routes })
  const token = idp.mint()
  const values = ['', 'Bearer', 'Bearer ', 'Bearer a b', `Bearer\t${token}`, `Bearer "${token}"`, `Bearer <${token}>`, `Bearer ${token};`,
    `Bearer:${token}`, `Bearer ${token} x`, `"Bearer" ${token}`, '=', ', Bearer a', 'Bearer {"a":1}', 'Bearer a=b', 'Bearer \u00e9', '\u00e9 a']
  for (const value of values) {
    for (const path of ['/addresses', '/open', '/nowhere']) await refuses(t, get(path, `Authorization: ${value}`), MALFORMED)
  }
})

t.test('two credentials are a 400, the same twice too, whatever the path asks for', async t => {
  const { idp, refuses } = await startGatehouse(t, { routes })
  const token = idp.mint()
  for (const path of ['/addresses', '/open', '/nowhere']) {
    await refuses(t, get(path, `Authorization: Bearer ${token}`, `Authorization: Bearer ${token}`), TWO)
    await refuses(t, get(path, `Authorization: Bearer ${token}`, `authorization: Bearer ${idp.mint()}`), TWO)
    await refuses(t, get(path, 'Authorization: Basic dXNlcjpwYXNzd29yZA==', `Authorization: Bearer ${token}`), TWO)
    await refuses(t, get(path, `Authorization: Bearer ${token}`, 'Authorization:'), TWO)
    // Joined by a proxy in front.
    await refuses(t, get(path, `Authorization: Bearer ${token}, Bearer ${token}`), TWO)
    await refuses(t, get(path, `Authorization: Bearer ${token},Bearer ${token}`), TWO)
  }
})

t.test('a token in the query is a 400, beside a good header and on a public route too', async t => {
  const { idp, refuses } = await startGatehouse(t, { routes })
  const token = idp.mint()
  const queries = [`access_token=${token}`, `id_token=${token}`, 'access_token=', 'access_token', `a=1&access_token=${token}`, `Access_Token=${token}`,
    `ACCESS_TOKEN=${token}`, `access%5Ftoken=${token}`, `%61ccess_token=${token}`, `%69%64%5f%74%6f%6b%65%6e=${token}`, `a=1;id_token=${token}`, `?access_token=${token}`.slice(1)]
  for (const query of queries) {
    await refuses(t, get(`/addresses?${query}`, `Authorization: Bearer ${token}`), IN_QUERY)
    await refuses(t, get(`/open?${query}`), IN_QUERY)
    await refuses(t, get(`/nowhere?${query}`), IN_QUERY)
  }
})

t.test('a query that only looks alike passes byte for byte', async t => {
  const { lets } = await startGatehouse(t, { routes })
  for (const query of ['token=1', 'access_tokens=1', 'q=access_token', 'q=id_token%3D1', 'my_access_token=1', 'access-token=1', 'access_token%3D=1', '%zz=%', '?', '']) {
    t.equal((await lets(t, get(`/open?${query}`))).url, `/open?${query}`)
  }
})
