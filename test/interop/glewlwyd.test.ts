import { createRemoteJWKSet, jwtVerify, type JWTPayload } from 'jose'
import t from 'tap'
import { answering, startErp, type Erp, type ErpHandler } from '../support/erp.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import type { TestContext } from '../support/teardown.ts'
import { ALICE, API, ERP, MIDDLEWARE, SAAS } from './glewlwyd-admin.ts'
import { startGlewlwyd, type Glewlwyd } from './glewlwyd.ts'

const ROUTES = [
  { match: 'POST /addresses', require: 'user' },
  { match: 'GET /addresses/:id', require: ['user', { client: { scope: 'read:address' } }] },
  { match: 'PUT /addresses/:id', require: { client: { scope: 'write:address' } } }
]
const POST = { method: 'POST', path: '/addresses', body: { street: 'Main' } }
const PUT = { method: 'PUT', path: '/addresses/7', body: { street: 'Main' } }
const GET = { path: '/addresses/7' }

/** A test's own gateway and ERP before the one Glewlwyd, and what the ERP took for a machine token. */
interface Scene { readonly erp: Erp, readonly gateway: TestGateway, readonly machineTokens: JWTPayload[] }
interface Differences { readonly issuer?: object, readonly credentials?: object }

async function scene (t: TestContext, idp: Glewlwyd, { issuer, credentials }: Differences = {}): Promise<Scene> {
  const machineTokens: JWTPayload[] = []
  const erp = await startErp(t, verifying(idp, machineTokens))
  const gateway = await startGateway(t, {
    routes: ROUTES,
    gateway: {
      listen: { host: '127.0.0.1', port: 0 },
      admin: { host: '127.0.0.1', port: 0 },
      log: { level: 'trace' },
      issuers: { main: { issuer: idp.issuer, audience: API, user_when: { account: 'person' }, ...issuer } },
      upstreams: {
        erp: {
          url: erp.origin,
          credential: {
            client_credentials: {
              issuer: 'main', client_id: MIDDLEWARE.client, client_secret: MIDDLEWARE.secret, basic_encoding: 'raw', scope: 'erp', resource: ERP, ...credentials
            }
          }
        }
      }
    }
  })
  return { erp, gateway, machineTokens }
}

/** The ERP's own check on every call, by jose: 401 unless the token is Glewlwyd's, for the ERP, with the scope `erp`. */
function verifying (idp: Glewlwyd, taken: JWTPayload[]): ErpHandler {
  const keys = createRemoteJWKSet(new URL(`${idp.issuer}/jwks`))
  return async (req, res, seen) => {
    try {
      const token = /^Bearer (\S+)$/.exec(seen.headers.authorization ?? '')?.[1] ?? ''
      const { payload } = await jwtVerify(token, keys, { issuer: idp.issuer, audience: ERP, typ: 'at+jwt', requiredClaims: ['exp'] })
      if (payload['scope'] !== 'erp') throw new Error('another scope')
      taken.push(payload)
    } catch {
      return answering(401)(req, res, seen)
    }
    return answering()(req, res, seen)
  }
}

t.test('a gateway before Glewlwyd', async t => {
  const idp = await startGlewlwyd(t)
  const user = await idp.codeFlow({ ...ALICE, ...SAAS, scope: 'openid read:address write:address', resource: API, nonce: 'once-only' })
  const client = await idp.clientCredentials({ ...SAAS, scope: 'read:address write:address', resource: API })

  t.test('a user\'s token opens the user\'s routes, the client\'s own the client\'s', async t => {
    const { erp, gateway } = await scene(t, idp)
    for (const request of [POST, GET]) t.equal((await gateway.call({ ...request, token: user.access_token })).status, 200)
    for (const request of [PUT, GET]) t.equal((await gateway.call({ ...request, token: client.access_token })).status, 200)
    t.match(erp.requests, [{ method: 'POST' }, { method: 'GET' }, { method: 'PUT' }, { method: 'GET' }])
  })

  t.test('the ERP gets the gateway\'s own token, one for all calls, and verifies it each time', async t => {
    const { erp, gateway, machineTokens } = await scene(t, idp)
    await gateway.call({ ...POST, token: user.access_token })
    await gateway.call({ ...PUT, token: client.access_token })
    t.match(machineTokens, [{ sub: MIDDLEWARE.client, aud: ERP, scope: 'erp' }, { sub: MIDDLEWARE.client, aud: ERP, scope: 'erp' }])
    t.equal(machineTokens[0]?.jti, machineTokens[1]?.jti)
    t.equal(erp.requests.length, 2)
  })

  t.test('neither opens the other\'s route', async t => {
    const { erp, gateway } = await scene(t, idp)
    t.match(await gateway.call({ ...PUT, token: user.access_token }), { status: 403, code: 'principal-kind' })
    t.match(await gateway.call({ ...POST, token: client.access_token }), { status: 403, code: 'principal-kind' })
    t.equal(erp.requests.length, 0)
  })

  t.test('a client\'s token without the scope is refused, and told which', async t => {
    const { erp, gateway } = await scene(t, idp)
    const { access_token: token } = await idp.clientCredentials({ ...SAAS, scope: 'read:address', resource: API })
    const answer = await gateway.call({ ...PUT, token })
    t.match(answer, { status: 403, code: 'scope-missing', headers: { 'www-authenticate': /scope="write:address"/ } })
    t.equal(erp.requests.length, 0)
  })

  t.test('an ID token opens nothing and is called one', async t => {
    const { erp, gateway } = await scene(t, idp)
    for (const request of [POST, GET, PUT]) {
      const answer = await gateway.call({ ...request, token: String(user.id_token) })
      t.match(answer, { status: 401, code: 'id-token', headers: { 'www-authenticate': /error="invalid_token"/ } })
    }
    t.equal(erp.requests.length, 0)
  })

  t.test('a token that was asked for without a resource is for another audience', async t => {
    const { erp, gateway } = await scene(t, idp)
    const { access_token: token } = await idp.clientCredentials({ ...SAAS, scope: 'write:address' })
    t.match(await gateway.call({ ...PUT, token }), { status: 401, code: 'audience-mismatch' })
    t.equal(erp.requests.length, 0)
  })

  t.test('without user_when nothing proves a user, and the token opens nothing', async t => {
    const { erp, gateway } = await scene(t, idp, { issuer: { user_when: undefined } })
    for (const request of [POST, GET, PUT]) {
      t.match(await gateway.call({ ...request, token: user.access_token }), { status: 403, code: 'principal-kind' })
    }
    t.equal((await gateway.call({ ...PUT, token: client.access_token })).status, 200)
    t.equal(erp.requests.length, 1)
  })

  t.test('with basic_encoding rfc6749 the gateway gets no token of its own: 503, never 401', async t => {
    const { erp, gateway } = await scene(t, idp, { credentials: { basic_encoding: 'rfc6749' } })
    const answer = await gateway.call({ ...POST, token: user.access_token })
    t.match(answer, { status: 503, code: 'machine-token-unavailable', headers: { 'retry-after': /^\d+$/ } })
    t.equal(erp.requests.length, 0)
  })

  t.test('a machine token for another audience is refused by the ERP, and that is a 502, never the caller\'s 401', async t => {
    const { erp, gateway, machineTokens } = await scene(t, idp, { credentials: { resource: undefined } })
    t.match(await gateway.call({ ...GET, token: user.access_token }), { status: 502, code: 'upstream-credential-refused' })
    t.equal(erp.requests.length, 2, 'once more, with a new token')
    t.same(machineTokens, [])
  })
})
