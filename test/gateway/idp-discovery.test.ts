import t from 'tap'
import { startErp } from '../support/erp.ts'
import { startGateway } from '../support/gateway.ts'
import { startIdp } from '../support/idp.ts'
import { selfSigned } from '../support/self-signed.ts'
import { startScene, until } from './idp-scene.ts'

t.test('an issuer is found with a slash at its end, with a path, and where its document is elsewhere', async t => {
  for (const issuer of [(origin: string) => `${origin}/`, (origin: string) => `${origin}/realms/a`, (origin: string) => `${origin}/realms/a/`, () => 'https://idp.example.com/']) {
    const { idp, ask } = await startScene(t, { idp: { issuer } })
    t.equal((await ask()).status, 200, idp.issuer)
    t.match(idp.requests, { discovery: 1, jwks: 1, token: 1 })
  }
})

t.test('a document of another issuer lends no keys and no token endpoint', async t => {
  const { erp, idp, ask, gateway } = await startScene(t, { before: idp => { idp.discovery = { issuer: `${idp.issuer}/` } } })
  t.match(await ask(), { status: 503, code: 'issuer-keys-unavailable' })
  t.match(await gateway.call({ path: '/status' }), { status: 503, code: 'machine-token-unavailable' })
  t.match(idp.requests, { jwks: 0, token: 0 })
  t.equal(erp.requests.length, 0)
})

t.test('a document that names http off loopback, or nothing that is a URL, gives no keys', async t => {
  for (const wrong of [(port: number) => `http://0.0.0.0:${port}/jwks`, () => undefined, () => 'not a URL', () => 7, (port: number) => `file://127.0.0.1:${port}/jwks`]) {
    const { idp, ask } = await startScene(t, { before: idp => { idp.discovery = { jwks_uri: wrong(idp.port) } } })
    t.match(await ask(), { status: 503, code: 'issuer-keys-unavailable' })
    t.equal(idp.requests.jwks, 0)
    idp.discovery = {}
    t.equal((await until(200, ask)).status, 200)
  }
})

t.test('allow_http lets it', async t => {
  const { ask } = await startScene(t, {
    before: idp => { idp.discovery = { jwks_uri: `http://0.0.0.0:${idp.port}/jwks` } },
    changes: { issuers: { main: { allow_http: true } } }
  })
  t.equal((await ask()).status, 200)
})

t.test('a secret is not sent to a token endpoint that the document has on http off loopback', async t => {
  const { idp, gateway } = await startScene(t, { before: idp => { idp.discovery = { token_endpoint: `http://0.0.0.0:${idp.port}/token` } } })
  t.match(await gateway.call({ path: '/status' }), { status: 503, code: 'machine-token-unavailable' })
  t.equal(idp.requests.token, 0)
})

t.test('a configured jwks_uri wants no document, and the document does not count', async t => {
  const other = await startIdp(t, { alg: 'ES256' })
  const { idp, ask } = await startScene(t, {
    before: idp => { idp.discovery = { jwks_uri: other.jwksUri } },
    changes: idp => ({ issuers: { main: { jwks_uri: idp.jwksUri } }, upstreams: { erp: { credential: { client_credentials: { issuer: undefined, token_endpoint: idp.tokenEndpoint } } } } })
  })
  t.equal((await ask()).status, 200)
  t.match(idp.requests, { discovery: 0, jwks: 1, token: 1 })
  t.equal(other.requests.lines.length, 0)
})

t.test('an IdP that comes up after the gateway is found', async t => {
  const { idp, ask } = await startScene(t, { before: async idp => { await idp.stop() } })
  t.match(await ask(), { status: 503, code: 'issuer-keys-unavailable' })
  await idp.start()
  t.equal((await until(200, ask)).status, 200)
})

t.test('endpoints that move are found again', async t => {
  const { idp, ask } = await startScene(t, { before: idp => { idp.discovery = { jwks_uri: `${idp.origin}/old-keys`, token_endpoint: `${idp.origin}/old-token` } } })
  t.match(await ask(), { status: 503, code: 'issuer-keys-unavailable' })
  idp.discovery = { token_endpoint: `${idp.origin}/old-token` }
  t.match(await until(503, async () => {
    const answer = await ask()
    return answer.code === 'issuer-keys-unavailable' ? { ...answer, status: 0 } : answer
  }), { code: 'machine-token-unavailable' })
  idp.discovery = {}
  t.equal((await until(200, ask)).status, 200)
})

t.test('an IdP whose certificate does not hold is not spoken to', async t => {
  const pretender = await startErp(t, undefined, { tls: selfSigned() })
  const erp = await startErp(t)
  const idp = await startIdp(t, { alg: 'ES256' })
  const gateway = await startGateway(t, {
    idp,
    erp,
    routes: [{ match: 'GET /orders', require: 'user' }, { match: 'GET /status', require: 'public' }],
    changes: { issuers: { main: { jwks_uri: `${pretender.origin}/jwks` } }, upstreams: { erp: { credential: { client_credentials: { issuer: undefined, token_endpoint: `${pretender.origin}/token` } } } } }
  })
  t.match(await gateway.call({ path: '/orders', token: idp.mint() }), { status: 503, code: 'issuer-keys-unavailable' })
  t.match(await gateway.call({ path: '/status' }), { status: 503, code: 'machine-token-unavailable' })
  t.equal(pretender.requests.length, 0)
  t.equal(erp.requests.length, 0)
})

t.test('the keys of one issuer verify no token of another', async t => {
  const idp = await startIdp(t, { alg: 'ES256' })
  const other = await startIdp(t, { alg: 'ES256' })
  const erp = await startErp(t)
  const gateway = await startGateway(t, {
    idp,
    erp,
    routes: [{ match: 'GET /orders', require: 'user', issuers: ['main', 'other'] }],
    changes: { issuers: { other: { issuer: other.issuer, audience: 'https://api.example.com' } } }
  })
  const ask = async (token: string) => await gateway.call({ path: '/orders', token })
  t.equal((await ask(idp.mint())).status, 200)
  t.equal((await ask(other.mint())).status, 200)
  t.match(await ask(idp.mint({ iss: other.issuer })), { status: 401, code: 'token-invalid' })
  t.match(await ask(idp.mint({}, { key: { ...other.keys.current, kid: idp.keys.current.kid } })), { status: 401, code: 'token-invalid' })
  await other.stop()
  t.equal((await ask(idp.mint())).status, 200)
  t.equal(erp.requests.length, 3)
})
