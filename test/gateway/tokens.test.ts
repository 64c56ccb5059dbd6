import { createPublicKey } from 'node:crypto'
import t from 'tap'
import { apiAudience } from '../support/mint.ts'
import { createSigningKey, hmacKey, noKey } from '../support/signing-keys.ts'
import { challengeOf, parseProblem, startGatehouse, type Wanted } from './gatehouse.ts'

const routes = [
  { match: 'GET /addresses', require: 'user' },
  { match: 'GET /scoped', require: { user: { scope: 'write:address' } } }
]
const INVALID: Wanted = { status: 401, code: 'token-invalid', challenge: { error: 'invalid_token' } }
const invalid = (code: string): Wanted => ({ ...INVALID, code })

t.test('what fails before the signature is verified gets one fixed answer', async t => {
  const { idp, refuses, lets } = await startGatehouse(t, { routes, changes: { issuers: { main: { algorithms: ['ES256', 'RS256'] } } } })
  const { current } = idp.keys
  const pem = createPublicKey(current.privateKey ?? '').export({ type: 'spki', format: 'pem' }).toString()
  const good = idp.mint()
  const [head = '', payload = '', signature = ''] = good.split('.')
  const other = await createSigningKey('ES256', current.kid)
  const forged = Buffer.from(payload, 'base64url').toString().replace('user-1', 'user-2')
  const tokens: Record<string, string> = {
    'an unknown issuer': idp.mint({ iss: 'https://evil.example.com' }),
    'no issuer': idp.mint({ iss: undefined }),
    'an issuer that is no string': idp.mint({ iss: [idp.issuer] }),
    'the issuer with a slash more': idp.mint({ iss: `${idp.issuer}/` }),
    'the issuer in capitals': idp.mint({ iss: idp.issuer.toUpperCase() }),
    'an inherited name as issuer': idp.mint({ iss: 'constructor' }),
    'alg none': idp.mint({}, { key: noKey }),
    'alg none with a signature': idp.sign({ alg: 'none', kid: current.kid, typ: 'at+jwt' }, Buffer.from(payload, 'base64url')),
    'the public key as HMAC secret': idp.mint({}, { key: hmacKey(pem, 'HS256', current.kid) }),
    'an algorithm that the issuer does not use': idp.mint({}, { header: { alg: 'ES384' } }),
    'another algorithm than its key is for': idp.mint({}, { header: { alg: 'RS256' } }),
    'an unknown key': idp.mint({}, { header: { kid: 'nowhere' } }),
    'another key of the same name': idp.mint({}, { key: other }),
    'another payload': `${head}.${Buffer.from(forged).toString('base64url')}.${signature}`,
    'another header': `${Buffer.from(JSON.stringify({ alg: 'ES256', kid: current.kid, typ: 'JWT' })).toString('base64url')}.${payload}.${signature}`,
    'another signature': `${head}.${payload}.${idp.mint({ sub: 'user-3' }).split('.')[2]}`,
    'a signature cut short': good.slice(0, -4),
    'another spelling of the signature': respelt(good),
    'a signature of zeros': `${head}.${payload}.${Buffer.alloc(64).toString('base64url')}`,
    'crit in its header': idp.mint({}, { header: { crit: ['exp'] } }),
    'an empty crit': idp.mint({}, { header: { crit: [] } }),
    'b64 in its header': idp.mint({}, { header: { b64: false } }),
    'zip in its header': idp.mint({}, { header: { zip: 'DEF' } }),
    'a kid that is no string': idp.mint({}, { header: { kid: 1 } }),
    'a typ that is no string': idp.mint({}, { header: { typ: ['at+jwt'] } }),
    'a payload that is no JSON': idp.mint({}, { payload: '{' }),
    'a payload that is a list': idp.mint({}, { payload: `[{"iss":"${idp.issuer}"}]` }),
    'a payload that is null': idp.mint({}, { payload: 'null' }),
    'a payload that is not UTF-8': idp.mint({}, { payload: Buffer.concat([Buffer.from(`{"iss":"${idp.issuer}","x":"`), Buffer.from([0xff]), Buffer.from('"}')]) }),
    'more bytes than max_token_size': idp.mint({ padding: 'x'.repeat(16_384) })
  }
  await lets(t, { path: '/addresses', token: good })
  const answers = new Set<string>()
  for (const [promise, token] of Object.entries(tokens)) {
    await t.test(promise, async t => {
      const { headers, body } = await refuses(t, { path: '/addresses', token }, INVALID)
      const { decision, ...said } = parseProblem(body)
      const { 'x-request-id': id, date, ...sent } = headers
      t.ok(decision !== id && date !== undefined)
      answers.add(JSON.stringify([said, sent]))
      t.notMatch(body.toString(), /issuer|signature|kid|alg|evil|nowhere/i)
    })
  }
  t.equal(answers.size, 1, 'to the byte, but for the two ids and the date')
})

// The last of 86 characters has four bits that do not count (RFC 4648 section 3.5).
function respelt (token: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const last = alphabet.indexOf(token.slice(-1))
  return token.slice(0, -1) + (alphabet[last ^ 1] ?? '')
}

t.test('what is no JWT is told to ask for one with an audience', async t => {
  const { idp, refuses } = await startGatehouse(t, { routes })
  const [head = '', payload = '', signature = ''] = idp.mint().split('.')
  const jwe = Buffer.from('{"alg":"RSA-OAEP","enc":"A256GCM"}').toString('base64url')
  const opaque = ['opaque', 'v2.local.abcdefghijkl', 'a.b', 'a.b.c', 'a.b.c.d', '....', '..', `${jwe}.a.b.c.d`, `${head}.${payload}`, `${head}.${payload}.${signature}.x`,
    `.${payload}.${signature}`, `${payload.slice(0, 7)}.${payload}.${signature}`, `${Buffer.from('{"typ":"JWT"}').toString('base64url')}.${payload}.${signature}`, 'c29tZQ==']
  for (const token of opaque) {
    const { headers, body } = await refuses(t, { path: '/addresses', token }, invalid('token-not-jwt'))
    t.match(parseProblem(body), { detail: /audience/ })
    t.match(headers['www-authenticate'], /error_description="[^"]*audience/)
  }
})

t.test('an expired token is told so', async t => {
  const { idp, refuses } = await startGatehouse(t, { routes })
  await refuses(t, { path: '/addresses', token: idp.mint({ exp: Math.floor(Date.now() / 1000) - 60 }) }, invalid('token-expired'))
  await refuses(t, { path: '/addresses', method: 'HEAD', token: idp.mint({ exp: 1 }) }, invalid('token-expired'))
})

t.test('an ID token is told that it is one, whatever its audience, and to send an access token', async t => {
  const { idp, refuses } = await startGatehouse(t, { routes })
  for (const aud of ['saas', apiAudience, ['saas', apiAudience], undefined, 7]) {
    for (const path of ['/addresses', '/scoped']) {
      const { headers, body } = await refuses(t, { path, token: idp.mintIdToken({ aud }) }, invalid('id-token'))
      t.match(parseProblem(body), { detail: /ID token.*access token/ })
      t.match(headers['www-authenticate'], /error_description="[^"]*ID token[^"]*access token/)
      t.ok(body.includes(apiAudience), 'names the audience to ask for')
    }
  }
})

t.test('each kind of token that is no access token is a 401', async t => {
  const { idp, refuses, lets } = await startGatehouse(t, { routes, changes: { issuers: { main: { idp: 'keycloak' } } } })
  const mint = (typ: unknown, claims = {}) => idp.mint({ typ, azp: 'saas', sid: 's1', ...claims }, { header: { typ: 'JWT' } })
  await lets(t, { path: '/addresses', token: mint('Bearer') })
  await refuses(t, { path: '/addresses', token: mint('ID') }, invalid('id-token'))
  await refuses(t, { path: '/addresses', token: mint('Refresh') }, invalid('token-kind'))
  await refuses(t, { path: '/addresses', token: mint('Offline') }, invalid('token-kind'))
  await refuses(t, { path: '/addresses', token: mint('Logout') }, invalid('token-kind'))
  await refuses(t, { path: '/addresses', token: mint(undefined) }, invalid('token-kind'))
  await refuses(t, { path: '/addresses', token: mint('bearer') }, invalid('token-kind'))
  await refuses(t, { path: '/addresses', token: mint(['Bearer']) }, invalid('token-kind'))
  await refuses(t, { path: '/addresses', token: mint('Bearer', { at_hash: 'x' }) }, invalid('token-kind'))
})

t.test('an audience of another API is a 401, in a list too', async t => {
  const { idp, refuses, lets } = await startGatehouse(t, { routes, changes: { issuers: { main: { audience: [apiAudience, 'urn:second'] } } } })
  for (const aud of ['https://other.example.com', [], [[apiAudience]], [apiAudience, 7], { 0: apiAudience }, undefined, null, `${apiAudience}/`, apiAudience.toUpperCase(), `${apiAudience} urn:second`, 'constructor']) {
    await refuses(t, { path: '/addresses', token: idp.mint({ aud }) }, invalid('audience-mismatch'))
  }
  for (const aud of [apiAudience, 'urn:second', ['https://other.example.com', 'urn:second']]) await lets(t, { path: '/addresses', token: idp.mint({ aud }) })
})

t.test('allowed_clients and the claims of an issuer hold for every token', async t => {
  const { idp, refuses, lets } = await startGatehouse(t, {
    routes: [{ match: 'GET /addresses', require: 'user|client' }],
    changes: { issuers: { main: { clients: { portal: 'saas' }, allowed_clients: ['portal', 'batch'], claims: { tid: ['t1', 't2'] } } } }
  })
  const path = '/addresses'
  await lets(t, { path, token: idp.mint({ tid: 't1' }) })
  await lets(t, { path, token: idp.mintClient({ tid: 't2', client_id: 'batch' }) })
  for (const client_id of ['portal', 'other', 'SAAS', undefined]) {
    await refuses(t, { path, token: idp.mint({ tid: 't1', client_id }) }, invalid('token-client-not-allowed'))
  }
  for (const tid of ['t3', undefined, 'T1', ['t3'], { t1: 't1' }]) await refuses(t, { path, token: idp.mint({ tid }) }, invalid('token-claims-mismatch'))
})

t.test('the order is signature, issuer, times, token kind, audience, and the rule last', async t => {
  const { idp, refuses, lets } = await startGatehouse(t, { routes })
  const stranger = await createSigningKey('ES256')
  const future = Math.floor(Date.now() / 1000) + 3600
  const path = '/scoped'
  const wrong = { aud: 'urn:other', scope: 'none' }
  await refuses(t, { path, token: idp.mintIdToken({ ...wrong, nbf: future }, { key: stranger }) }, invalid('token-invalid'))
  await refuses(t, { path, token: idp.mintIdToken({ ...wrong, nbf: future, iss: 'urn:other' }) }, invalid('token-invalid'))
  await refuses(t, { path, token: idp.mintIdToken({ ...wrong, nbf: future }) }, invalid('token-times'))
  await refuses(t, { path, token: idp.mintIdToken(wrong) }, invalid('id-token'))
  await refuses(t, { path, token: idp.mint(wrong) }, invalid('audience-mismatch'))
  await refuses(t, { path, token: idp.mint({ scope: 'none' }) }, { status: 403, code: 'scope-missing', challenge: { error: 'insufficient_scope', scope: 'write:address' } })
  await lets(t, { path, token: idp.mint({ scope: 'write:address' }) })
})

t.test('a challenge holds whatever stands in a claim', async t => {
  const { idp, refuses } = await startGatehouse(t, { routes })
  for (const scope of ['a"b', 'a\\b', '\u00e9', 'a\r\nX-Injected: 1', '\u0000']) {
    const { headers } = await refuses(t, { path: '/scoped', token: idp.mint({ scope: [scope] }) }, { status: 403, code: 'scope-missing', challenge: { error: 'insufficient_scope', scope: 'write:address' } })
    t.notOk('x-injected' in headers)
    t.ok(challengeOf(headers['www-authenticate']))
  }
})
