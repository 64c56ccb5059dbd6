import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { answering } from '../support/erp.ts'
import { rewrite } from '../support/settings.ts'
import { selfSigned, signedBy } from '../support/self-signed.ts'
import { assertionScene, ownKey } from './assertion-scene.ts'
import { movableClock } from './idp-scene.ts'

const authority = selfSigned({ commonName: 'an authority' })
const rsa = ownKey('rsa')
const ec = ownKey('ec')

for (const [name, { key, publicKey, pem }, alg, written] of [
  ['an RSA key', rsa, 'RS256', {}], ['an RSA key by PSS', rsa, 'PS256', { algorithm: 'PS256' }], ['a key of P-256', ec, 'ES256', {}], ['a key of P-256 that says so', ec, 'ES256', { algorithm: 'ES256' }]
] as const) {
  t.test(`${name} signs an assertion that its IdP takes, and the ERP gets the token`, async t => {
    const { cert } = signedBy(authority, { ownKey: key })
    const { idp, erp, gateway, ask } = await assertionScene(t, {
      signers: { middleware: { publicKey, alg, kid: 'key 7', certificate: cert } },
      files: { 'key.pem': pem, 'cert.pem': cert },
      credential: () => ({ client_assertion: { issuer: 'main', client_id: 'middleware', key: { file: 'key.pem' }, kid: 'key 7', certificate: { file: 'cert.pem' }, scope: 'erp', ...written } })
    })
    t.match(await ask(), { status: 200 })
    const [request] = idp.tokenRequests
    t.match(request, { client: 'middleware', authorization: undefined, assertion: { header: { alg, typ: 'JWT', kid: 'key 7' }, claims: { iss: 'middleware', sub: 'middleware', aud: idp.tokenEndpoint } } })
    t.same([...request?.params.keys() ?? []].sort(), ['client_assertion', 'client_assertion_type', 'client_id', 'grant_type', 'scope'])
    t.equal(request?.params.get('grant_type'), 'client_credentials')
    t.equal(erp.requests[0]?.headers.authorization, `Bearer ${request?.token}`)
    t.notOk(gateway.log.includes('PRIVATE KEY'))
  })
}

t.test('what the vendor wants beside it goes in: NetSuite\'s scope as a claim, another audience, a shorter life', async t => {
  const { idp, ask } = await assertionScene(t, {
    signers: { app: { publicKey: rsa.publicKey, alg: 'PS256', kid: 'cert-id', audience: 'https://1234.example.com/token' } },
    credential: idp => ({
      client_assertion: {
        token_endpoint: idp.tokenEndpoint, client_id: 'app', key: rsa.pem, kid: 'cert-id', algorithm: 'PS256', assertion_audience: 'https://1234.example.com/token', lifetime: '30s',
        claims: { scope: ['restlets', 'rest_webservices'], tenant: 7, test: true }, audience: 'https://erp.example.com', resource: 'urn:a', params: { more: 'things' }
      }
    })
  })
  t.match(await ask(), { status: 200 })
  const { assertion, params } = idp.tokenRequests[0] ?? {}
  const claims: Readonly<Record<string, unknown>> = typeof assertion === 'object' ? assertion.claims : {}
  t.match(claims, { scope: ['restlets', 'rest_webservices'], tenant: 7, test: true })
  t.equal(Number(claims['exp']) - Number(claims['iat']), 30)
  t.match(Object.fromEntries(params ?? []), { audience: 'https://erp.example.com', resource: 'urn:a', more: 'things' })
  t.notOk(params?.has('scope'))
})

t.test('each request has an assertion of its own, and callers share one request', async t => {
  const clock = movableClock()
  const { idp, ask } = await assertionScene(t, {
    clock,
    signers: { middleware: { publicKey: ec.publicKey, alg: 'ES256' } },
    credential: () => ({ client_assertion: { issuer: 'main', client_id: 'middleware', key: ec.pem } })
  })
  const answers = await Promise.all(Array.from({ length: 50 }, ask))
  t.ok(answers.every(({ status }) => status === 200))
  t.equal(idp.requests.token, 1)
  for (let at = 2; at <= 4; at++) {
    clock.by += 301_000
    t.match(await ask(), { status: 200 })
    t.equal(idp.requests.token, at)
  }
  t.equal(new Set(idp.tokenRequests.map(({ params }) => params.get('client_assertion'))).size, 4)
  t.ok(idp.tokenRequests.every(({ assertion }) => typeof assertion === 'object'))
})

t.test('an ERP\'s 401 is answered with one new token, by a new assertion', async t => {
  const { idp, erp, ask } = await assertionScene(t, {
    signers: { middleware: { publicKey: ec.publicKey, alg: 'ES256' } },
    credential: () => ({ client_assertion: { issuer: 'main', client_id: 'middleware', key: ec.pem, header: 'X-Erp-Token' } })
  })
  t.match(await ask(), { status: 200 })
  const refused = idp.tokenRequests[0]?.token
  t.equal(erp.requests[0]?.headers['x-erp-token'], refused, 'bare in a header of its own')
  erp.answerWith((req, res, seen) => answering(req.headers['x-erp-token'] === refused ? 401 : 200)(req, res, seen))
  t.match(await ask(), { status: 200 })
  t.match(await ask(), { status: 200 })
  t.equal(idp.requests.token, 2)
})

t.test('an IdP that does not take the assertion is a 503; the ERP sees nothing, and the log the IdP\'s code alone', async t => {
  const signer = { publicKey: ec.publicKey, alg: 'ES256', kid: 'known' }
  for (const [check, change] of Object.entries({
    signature: { key: ownKey('ec').pem }, kid: { kid: 'another' }, aud: { assertion_audience: 'https://elsewhere.example.com' }, 'x5t#S256': { certificate: signedBy(authority, { ownKey: ec.key }).cert }
  })) {
    const { idp, erp, gateway, ask } = await assertionScene(t, {
      signers: { middleware: signer },
      credential: () => ({ client_assertion: { issuer: 'main', client_id: 'middleware', key: ec.pem, kid: 'known', ...change } })
    })
    t.match(await ask(), { status: 503, code: 'machine-token-unavailable' }, check)
    t.equal(idp.tokenRequests[0]?.assertion, check)
    t.equal(erp.requests.length, 0)
    t.match(gateway.logLines().find(line => line['upstream'] === 'erp' && line['problem'] !== undefined), { problem: /invalid_client \(401\)/ })
    await gateway.close()
  }
})

t.test('a key file that changes: the next token is asked for by the new key, and no request fails', async t => {
  const [old, next] = [ownKey('ec'), ownKey('ec')]
  const { idp, gateway, ask } = await assertionScene(t, {
    signers: { middleware: { publicKey: old.publicKey, alg: 'ES256' } },
    files: { 'key.pem': old.pem },
    credential: () => ({ client_assertion: { issuer: 'main', client_id: 'middleware', key: { file: 'key.pem' } } })
  })
  t.match(await ask(), { status: 200 })
  Object.assign(idp.signers['middleware'] ?? {}, { publicKey: next.publicKey })
  await rewrite(gateway.dir, { files: { 'key.pem': next.pem } })
  await gateway.reload()
  t.match(gateway.logLines().findLast(({ msg }) => msg === 'configuration reloaded'), { settings: ['upstreams.erp.credential.key'] })
  t.match(await ask(), { status: 200 })
  t.equal(idp.requests.token, 2)
  t.ok(idp.tokenRequests.every(({ assertion }) => typeof assertion === 'object'))
})

t.test('what would be asked for otherwise is asked for, and what would not is not', async t => {
  const { cert } = signedBy(authority, { ownKey: ec.key })
  const { idp, ask, change } = await assertionScene(t, {
    signers: { middleware: { publicKey: ec.publicKey, alg: 'ES256' } },
    credential: () => ({ client_assertion: { issuer: 'main', client_id: 'middleware', key: ec.pem } })
  })
  t.match(await ask(), { status: 200 })
  const base = { issuer: 'main', client_id: 'middleware', key: ec.pem }
  await change({ client_assertion: { ...base, header: 'X-Erp-Token' } })
  await ask()
  t.equal(idp.requests.token, 1)
  const others = [{ kid: 'a' }, { kid: 'a', certificate: cert }, { scope: 'erp' }, { audience: 'urn:erp' }, { claims: { a: 1 } }, { claims: { a: 2 } }, { lifetime: '2m' }, { assertion_audience: 'urn:idp' }, { params: { a: 'b' } }, { resource: 'urn:r' }]
  for (const [at, other] of others.entries()) {
    await change({ client_assertion: { ...base, ...other } })
    for (let waited = 0; idp.requests.token < at + 2 && waited < 5000; waited += 10) await sleep(10)
    t.equal(idp.requests.token, at + 2, JSON.stringify(Object.keys(other)))
  }
})
