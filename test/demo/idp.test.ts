import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import t from 'tap'
import { beginLogin, discover, machineToken } from '../../src/demo/oauth.ts'
import { api, clients, erp } from '../../src/demo/people.ts'
import { scriptedLogin } from '../../src/demo/scripted-login.ts'
import { buildIdp } from './build.ts'

t.test('a login by code and PKCE gives an access token for the API that proves a user', async (t) => {
  const { issuer, saas } = await buildIdp(t)
  const login = await scriptedLogin(issuer, saas, 'ada')
  const keys = createRemoteJWKSet(new URL(`${issuer}/jwks`))

  const { payload, protectedHeader } = await jwtVerify(login.accessToken, keys, { issuer, audience: api, typ: 'at+jwt', algorithms: ['RS256'] })
  t.match(protectedHeader, { alg: 'RS256', typ: 'at+jwt', kid: String })
  t.match(payload, { sub: 'ada', client_id: 'saas-web', auth_time: Number, exp: Number, jti: String })
  t.ok(Number(payload.exp) - Number(payload.iat) >= 3600, 'lives for an hour')
})

t.test('the same login gives an ID token for the SaaS, with the nonce and the name', async (t) => {
  const { issuer, saas } = await buildIdp(t)
  const login = await scriptedLogin(issuer, saas, 'grace')
  const keys = createRemoteJWKSet(new URL(`${issuer}/jwks`))

  const { payload } = await jwtVerify(login.idToken, keys, { issuer, audience: 'saas-web' })
  t.not(decodeProtectedHeader(login.idToken).typ, 'at+jwt')
  t.match(payload, { sub: 'grace', name: 'Grace Hopper', nonce: String })
  t.equal(login.name, 'Grace Hopper')
})

t.test('client credentials give the scopes of the client, for its one API', async (t) => {
  const { issuer } = await buildIdp(t)
  const keys = createRemoteJWKSet(new URL(`${issuer}/jwks`))
  for (const [client, audience, scope] of [
    [clients.backend, api, 'read:address write:address'],
    [clients.readonly, api, 'read:address'],
    [clients.middleware, erp, 'erp']
  ] as const) {
    const token = await machineToken(await discover(issuer, client), client)
    const { payload } = await jwtVerify(token, keys, { issuer, audience, typ: 'at+jwt', algorithms: ['RS256'] })
    t.match(payload, { sub: client.id, client_id: client.id, scope })
    t.notOk('auth_time' in payload, 'no user')
  }
})

t.test('nobody but the gateway gets a token for the ERP, or scopes beyond their own', async (t) => {
  const { issuer } = await buildIdp(t)
  const ask = async ({ id, secret }: { id: string, secret: string }, fields: Record<string, string>) => fetch(`${issuer}/token`, {
    method: 'POST',
    headers: { Authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` },
    body: new URLSearchParams({ grant_type: 'client_credentials', ...fields })
  })
  t.equal((await ask(clients.backend, { resource: erp })).status, 400)
  t.equal((await ask(clients.readonly, { resource: api, scope: 'write:address' })).status, 400)
  t.equal((await ask({ ...clients.backend, secret: 'wrong' }, { resource: api })).status, 401)
})

t.test('a wrong password shows the form again, and a login without PKCE does not begin', async (t) => {
  const { issuer, saas } = await buildIdp(t)
  const web = await discover(issuer, clients.web)
  const { url } = await beginLogin(web, `${saas}/callback`)

  const begun = await fetch(url, { redirect: 'manual' })
  const page = new URL(String(begun.headers.get('location')), issuer)
  const cookie = begun.headers.getSetCookie().map((line) => line.split(';')[0]).join('; ')
  const shown = await fetch(page, { headers: { cookie } })
  t.equal(shown.status, 200)
  t.match(shown.headers.get('content-security-policy'), /default-src 'none'/)
  const refused = await fetch(page, { method: 'POST', headers: { cookie }, body: new URLSearchParams({ username: 'ada"><b>', password: 'x' }), redirect: 'manual' })
  t.equal(refused.status, 401)
  t.notMatch(await refused.text(), '"><b>', 'what was typed is escaped')
  t.equal((await fetch(page, { method: 'POST', body: new URLSearchParams({ username: 'ada', password: 'ada' }), redirect: 'manual' })).status, 400, 'another browser cannot finish it')

  url.searchParams.delete('code_challenge')
  const bare = await fetch(url, { redirect: 'manual' })
  t.match(bare.headers.get('location'), /error=invalid_request/)
})
