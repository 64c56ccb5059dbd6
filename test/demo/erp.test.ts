import { generateKeyPairSync } from 'node:crypto'
import { SignJWT, UnsecuredJWT, exportJWK } from 'jose'
import t from 'tap'
import { erp as audience } from '../../src/demo/people.ts'
import { openSite } from '../../src/demo/site.ts'
import { tearDown, type TestContext } from '../support/teardown.ts'
import { buildErp } from './build.ts'

const keys = generateKeyPairSync('rsa', { modulusLength: 2048 })

/** An issuer whose tokens the tests can bend, and the ERP that trusts it. */
async function build (t: TestContext) {
  const site = await openSite('--idp-port', 0)
  tearDown(t, () => site.close())
  const jwk = { ...await exportJWK(keys.publicKey), kid: 'k', alg: 'RS256', use: 'sig' }
  site.serve((request, response) => {
    response.end(JSON.stringify(request.url === '/jwks' ? { keys: [jwk] } : { issuer: site.url, jwks_uri: `${site.url}/jwks` }))
  })
  const erp = await buildErp(t, site.url)
  const claims = () => ({ iss: site.url, aud: audience, sub: 'middleware', client_id: 'middleware', scope: 'erp', iat: now(), exp: now() + 60 })
  const call = async (token: string | undefined, path = '/addresses', init: RequestInit = {}) => fetch(`${erp.url}${path}`, {
    ...init, headers: { 'X-Request-Id': 'test', ...(token !== undefined && { Authorization: `Bearer ${token}` }) }
  })
  return { erp, claims, call }
}

const now = () => Math.floor(Date.now() / 1000)
const sign = (claims: object, header: object = {}, key = keys.privateKey) =>
  new SignJWT({ ...claims }).setProtectedHeader({ alg: 'RS256', typ: 'at+jwt', kid: 'k', ...header }).sign(key)

t.test('the ERP takes a machine token of its issuer, for itself, with its scope', async (t) => {
  const { erp, claims, call } = await build(t)
  const answer = await call(await sign(claims()))
  t.equal(answer.status, 200)
  t.match(await answer.json(), [{ id: '1', name: 'Ada Lovelace' }])
  t.match(erp.saw('test'), { method: 'GET', url: '/erp/addresses', status: 200, machine: { client_id: 'middleware' }, foreignTokens: [] })
})

t.test('the ERP refuses every other token, with 401', async (t) => {
  const { erp, claims, call } = await build(t)
  const good = await sign(claims())
  const foreign = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
  const wrong: Record<string, string | undefined> = {
    none: undefined,
    'no JWT': 'secret',
    'another audience': await sign({ ...claims(), aud: 'https://api.example.com' }),
    'no audience': await sign({ ...claims(), aud: undefined }),
    'another issuer': await sign({ ...claims(), iss: 'https://elsewhere.example' }),
    expired: await sign({ ...claims(), exp: now() - 1 }),
    'no end': await sign({ ...claims(), exp: undefined }),
    unsigned: new UnsecuredJWT(claims()).encode(),
    'another scope': await sign({ ...claims(), scope: 'erp2 read:address' }),
    'no scope': await sign({ ...claims(), scope: undefined }),
    'no access token': await sign(claims(), { typ: 'JWT' }),
    'a foreign key': await sign(claims(), {}, foreign),
    'an unknown key': await sign(claims(), { kid: 'other' }, foreign),
    'a changed body': good.replace(/\.[\w-]+\./, `.${Buffer.from(JSON.stringify({ ...claims(), scope: 'erp all' })).toString('base64url')}.`)
  }
  for (const [name, token] of Object.entries(wrong)) {
    const answer = await call(token)
    t.equal(answer.status, 401, name)
    t.equal(erp.saw('test')?.machine, undefined, name)
  }
  t.equal((await call(undefined, '/status')).status, 401, 'its status, too')
})

t.test('addresses are created, found by their Location, replaced, changed', async (t) => {
  const { claims, call } = await build(t)
  const token = await sign(claims())
  const send = (path: string, method: string, body: unknown) => call(token, path, { method, body: JSON.stringify(body) })

  const created = await send('/addresses', 'POST', { name: 'Grace', street: '1 Lane', city: 'Arlington' })
  t.equal(created.status, 201)
  t.equal(created.headers.get('location'), '/erp/addresses/2')
  t.match(await (await call(token, '/addresses/2')).json(), { id: '2', name: 'Grace', verified: false })
  t.match(await (await send('/addresses/2', 'PATCH', { verified: true })).json(), { id: '2', name: 'Grace', verified: true })
  t.match(await (await send('/addresses/2', 'PUT', { name: 'G', street: 'S', city: 'C' })).json(), { id: '2', name: 'G', verified: false })
  t.match(await (await call(token, '/status')).json(), { status: 'up', addresses: 2 })

  t.equal((await send('/addresses', 'POST', { name: 'Grace' })).status, 422)
  t.equal((await send('/addresses', 'POST', 'x'.repeat(20_000))).status, 413)
  t.equal((await call(token, '/addresses', { method: 'POST', body: '{' })).status, 400)
  t.equal((await call(token, '/addresses/9')).status, 404)
  t.equal((await send('/addresses/1', 'DELETE', {})).status, 405)
})
