import t from 'tap'
import { answering } from '../support/erp.ts'
import { registerSecret } from '../support/secrets.ts'
import { selfSigned, signedBy } from '../support/self-signed.ts'
import { assertionScene, ownKey } from './assertion-scene.ts'
import { movableClock } from './idp-scene.ts'

const GRANT = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
const rsa = ownKey('rsa')
const SECRET = registerSecret('the secret of the SAP client')
const OLD = registerSecret('the old secret of the SAP client')

// As Salesforce has it.
const signers = () => ({ consumer: { publicKey: rsa.publicKey, alg: 'RS256', audience: 'https://login.example.com', subject: 'robot@example.com' } })
const bearer = { iss: 'consumer', subject: 'robot@example.com', audience: 'https://login.example.com', key: rsa.pem }

t.test('a signed grant for the technical user, and nothing beside it, gets the token', async t => {
  const { idp, erp, ask } = await assertionScene(t, { signers: signers(), credential: idp => ({ jwt_bearer: { token_endpoint: idp.tokenEndpoint, ...bearer } }) })
  t.match(await ask(), { status: 200 })
  const [request] = idp.tokenRequests
  t.same([...request?.params.keys() ?? []].sort(), ['assertion', 'grant_type'])
  t.equal(request?.params.get('grant_type'), GRANT)
  t.equal(request?.authorization, undefined)
  t.match(request?.assertion, { header: { alg: 'RS256', typ: 'JWT' }, claims: { iss: 'consumer', sub: 'robot@example.com', aud: 'https://login.example.com' } })
  t.equal(erp.requests[0]?.headers.authorization, `Bearer ${request?.token}`)
})

t.test('an answer that does not say how long the token lives: five minutes, then another grant', async t => {
  const clock = movableClock()
  const { idp, ask } = await assertionScene(t, { clock, signers: signers(), credential: idp => ({ jwt_bearer: { token_endpoint: idp.tokenEndpoint, ...bearer, lifetime: '3m' } }) })
  Object.assign(idp.machine, { format: 'opaque', expiresIn: undefined })
  t.match(await ask(), { status: 200 })
  // The first may have been had before the endpoint changed its ways.
  clock.by += 600_000
  t.match(await ask(), { status: 200 })
  const asked = idp.requests.token
  clock.by += 150_000
  t.match(await ask(), { status: 200 })
  t.equal(idp.requests.token, asked)
  clock.by += 151_000
  t.match(await ask(), { status: 200 })
  t.ok(idp.requests.token > asked)
  t.equal(new Set(idp.tokenRequests.map(({ params }) => params.get('assertion'))).size, idp.requests.token)
})

for (const authMethod of ['client_secret_basic', 'client_secret_post'] as const) {
  t.test(`a token endpoint that wants the client to prove itself, too: ${authMethod}`, async t => {
    const { idp, ask } = await assertionScene(t, {
      clients: { sap: { secret: OLD, authMethod } },
      signers: { consumer: { ...signers().consumer, client: 'sap' } },
      credential: () => ({ jwt_bearer: { issuer: 'main', ...bearer, scope: ['a', 'b'], params: { tenant: '1' }, client_id: 'sap', client_secret: [SECRET, OLD], auth_method: authMethod } })
    })
    t.match(await ask(), { status: 200 })
    t.equal(idp.requests.token, 2, 'the new secret, then the old one')
    const [first, second] = idp.tokenRequests
    t.not(first?.params.get('assertion'), second?.params.get('assertion'), 'no assertion twice')
    t.match(Object.fromEntries(second?.params ?? []), { grant_type: GRANT, scope: 'a b', tenant: '1' })
    t.equal(second?.authorization !== undefined, authMethod === 'client_secret_basic')
  })
}

t.test('a grant that is not taken is a 503, the ERP sees nothing, and the log has the registered word alone', async t => {
  const authority = selfSigned({ commonName: 'an authority' })
  for (const [check, change] of Object.entries({
    sub: { subject: 'admin@example.com' }, aud: { audience: 'https://test.example.com' }, signature: { key: ownKey('rsa').pem }, alg: { algorithm: 'PS256' }, kid: { kid: 'unknown' },
    'x5t#S256': { certificate: signedBy(authority, { ownKey: rsa.key }).cert }
  })) {
    const { idp, erp, gateway, ask } = await assertionScene(t, { signers: signers(), credential: idp => ({ jwt_bearer: { token_endpoint: idp.tokenEndpoint, ...bearer, ...change } }) })
    t.match(await ask(), { status: 503, code: 'machine-token-unavailable' }, check)
    t.equal(idp.tokenRequests[0]?.assertion, check)
    t.equal(erp.requests.length, 0)
    t.match(gateway.logLines().find(line => line['upstream'] === 'erp' && line['problem'] !== undefined), { problem: /invalid_grant \(400\)/ })
    await gateway.close()
  }
})

t.test('what a token endpoint says beside its code is in no log, and reaches no caller', async t => {
  const { idp, gateway, ask, change } = await assertionScene(t, { signers: signers(), credential: idp => ({ jwt_bearer: { token_endpoint: idp.tokenEndpoint, ...bearer } }) })
  idp.fail('token', (_req, res) => { res.writeHead(400, { 'content-type': 'application/json' }).end('{"error":"invalid_grant","error_description":"robot-is-locked-out"}') })
  await change({ jwt_bearer: { token_endpoint: idp.tokenEndpoint, ...bearer, scope: 'other' } })
  const answer = await ask()
  t.match(answer, { status: 503, code: 'machine-token-unavailable' })
  t.notMatch(answer.text, 'locked-out')
  t.notMatch(gateway.log, 'locked-out')
})

t.test('an ERP\'s 401 costs one more grant', async t => {
  const { idp, erp, ask } = await assertionScene(t, { signers: signers(), credential: idp => ({ jwt_bearer: { token_endpoint: idp.tokenEndpoint, ...bearer } }) })
  erp.answerWith((req, res, seen) => answering(erp.requests.length === 1 ? 401 : 200)(req, res, seen))
  t.match(await ask(), { status: 200 })
  t.equal(idp.requests.token, 2)
})
