import t from 'tap'
import { get, startGatehouse } from './gatehouse.ts'

const routes = [
  { match: 'GET /status', require: 'public' },
  { match: 'GET /bare', require: 'public', credential: 'none' },
  { match: 'GET /files/*', require: 'public', credential: 'none' }
]

t.test('a public route drops what the caller shows, unread, and shows the ERP the gateway\'s own', async t => {
  const { idp, lets } = await startGatehouse(t, { routes })
  const tokens = [idp.mint(), idp.mintIdToken(), idp.mint({ exp: 1 }), idp.mint({ iss: 'urn:evil' }), 'opaque', 'a.b.c', idp.mint({ padding: 'x'.repeat(18_000) })]
  for (const value of [...tokens.map(token => `Bearer ${token}`), 'Basic dXNlcjpwYXNzd29yZA==', 'DPoP x']) {
    const { headers } = await lets(t, get('/status', `Authorization: ${value}`))
    t.equal(headers.authorization, `Bearer ${idp.tokenRequests[0]?.token}`)
    t.equal(idp.requests.token, 1)
    const bare = await lets(t, get('/bare', `Authorization: ${value}`))
    t.notOk('authorization' in bare.headers)
  }
})

t.test('no credential of a caller passes a public route', async t => {
  const { lets } = await startGatehouse(t, { routes })
  const lines = ['Cookie: session=1', 'Proxy-Authorization: Basic eA==', 'DPoP: x', 'X-Api-Key: k', 'X-Forwarded-User: admin', 'X-Forwarded-Access-Token: y', 'Remote-User: admin', 'X-Auth-Request-User: admin', 'SSL-Client-Cert: z', 'X-Passes: yes']
  for (const path of ['/status', '/bare', '/files/a/b']) {
    const { headers } = await lets(t, get(path, ...lines))
    t.equal(headers['x-passes'], 'yes')
    for (const line of lines.slice(0, -1)) t.notOk((line.split(':', 1)[0] ?? '').toLowerCase() in headers, line)
  }
})

t.test('a public route without credential needs no IdP at all', async t => {
  const { idp, lets, refuses } = await startGatehouse(t, { routes: [...routes, { match: 'GET /private', require: 'user' }] })
  const token = idp.mint()
  await lets(t, { path: '/private', token })
  await idp.stop()
  await lets(t, { path: '/bare', token })
  await lets(t, { path: '/files/a' })
  await refuses(t, { path: '/private' }, { status: 401, code: 'credential-missing', challenge: {} })
})
