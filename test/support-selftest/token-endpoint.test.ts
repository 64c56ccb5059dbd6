import * as client from 'openid-client'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import t from 'tap'
import { startErp } from '../support/erp.ts'
import { startIdp, type Idp } from '../support/idp.ts'
import { verifyMachineToken, verifying } from '../support/machine-token.ts'
import { call } from '../support/raw-http.ts'

const secret = 'p-ss+w:rd %é_1'

const ask = async (idp: Idp, authorization?: string, params: Record<string, string> = {}) => {
  const answer = await fetch(idp.tokenEndpoint, {
    method: 'POST',
    headers: authorization === undefined ? {} : { authorization },
    body: new URLSearchParams({ grant_type: 'client_credentials', ...params })
  })
  // What the endpoint promises (RFC 6749 section 5).
  return { status: answer.status, ...await answer.json() as { error?: string, access_token: string, token_type?: string, expires_in?: unknown } }
}
const basic = (id: string, secret: string) => `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`

t.test('openid-client gets a token by each method, and jose verifies it', async t => {
  for (const authenticate of [client.ClientSecretBasic, client.ClientSecretPost]) {
    const idp = await startIdp(t, { clients: { 'my app': { secret } } })
    const config = await client.discovery(new URL(idp.issuer), 'my app', undefined, authenticate(secret), { execute: [client.allowInsecureRequests] })
    const { access_token: token } = await client.clientCredentialsGrant(config, { scope: 'erp', resource: 'https://erp.example.com' })
    const { payload } = await jwtVerify(token, createRemoteJWKSet(new URL(idp.jwksUri)), { issuer: idp.issuer, audience: 'https://erp.example.com' })
    t.match(payload, { sub: 'my app', client_id: 'my app', scope: 'erp' })
    t.equal(idp.requests.token, 1)
    t.match(idp.tokenRequests, [{ client: 'my app', token }])
    t.equal(idp.tokenRequests[0]?.params.get('scope'), 'erp')
  }
})

t.test('a Basic secret is read as the client is registered: form-decoded, or as it is', async t => {
  const decoding = await startIdp(t, { clients: { app: { secret } } })
  const raw = await startIdp(t, { clients: { app: { secret, basicEncoding: 'raw' } } })
  const encoded = encodeURIComponent(secret).replaceAll('%20', '+')
  t.match(await ask(decoding, basic('app', encoded)), { status: 200 })
  t.match(await ask(decoding, basic('app', secret)), { status: 401, error: 'invalid_client' })
  t.match(await ask(raw, basic('app', secret)), { status: 200 })
  t.match(await ask(raw, basic('app', encoded)), { status: 401, error: 'invalid_client' })
})

t.test('wrong secrets, two methods at once, other methods and other grants are refused', async t => {
  const idp = await startIdp(t, { clients: { app: { secret }, poster: { secret, authMethod: 'client_secret_post' } } })
  const good = basic('app', encodeURIComponent(secret))
  t.match(await ask(idp), { status: 401 })
  t.match(await ask(idp, basic('app', 'not-the-secret')), { status: 401 })
  t.match(await ask(idp, good, { client_id: 'app', client_secret: secret }), { status: 401 })
  t.match(await ask(idp, basic('poster', encodeURIComponent(secret))), { status: 401 })
  t.match(await ask(idp, undefined, { client_id: 'poster', client_secret: secret }), { status: 200 })
  t.match(await ask(idp, good, { grant_type: 'password' }), { status: 400, error: 'unsupported_grant_type' })
})

t.test('expires_in and token_type are written as told, or left out', async t => {
  const idp = await startIdp(t, { clients: { app: { secret } } })
  const good = basic('app', encodeURIComponent(secret))
  for (const expiresIn of [3, '3', -1, 0, 1e15, null, 'soon']) {
    idp.machine.expiresIn = expiresIn
    t.equal((await ask(idp, good)).expires_in, expiresIn)
  }
  idp.machine.expiresIn = undefined
  idp.machine.tokenType = undefined
  idp.machine.format = 'opaque'
  const answer = await ask(idp, good)
  t.notOk('expires_in' in answer || 'token_type' in answer)
  t.match(answer.access_token, /^[\w-]{43}$/)
})

t.test('an ERP that verifies refuses what is not a machine token of the identity provider', async t => {
  const idp = await startIdp(t, { clients: { app: { secret } } })
  const other = await startIdp(t)
  const erp = await startErp(t, verifying(idp, { scope: 'erp' }))
  const { access_token: token } = await ask(idp, basic('app', encodeURIComponent(secret)), { scope: 'erp other' })
  t.equal((await call(erp.port, { token })).status, 200)
  t.match(await verifyMachineToken(idp, `Bearer ${token}`), { sub: 'app' })
  for (const bad of [idp.mint(), other.mintClient({ aud: 'https://erp.example.com', scope: 'erp' }), idp.mintClient({ aud: 'https://erp.example.com' }), 'x']) {
    t.equal((await call(erp.port, { token: bad })).status, 401)
  }
  t.equal((await call(erp.port)).status, 401)
  t.equal(idp.requests.jwks, 0)
})
