import { createRemoteJWKSet, jwtVerify } from 'jose'
import t from 'tap'
import { ALICE, API, ERP, MIDDLEWARE, SAAS } from './glewlwyd-admin.ts'
import { startGlewlwyd } from './glewlwyd.ts'

/** The shapes in the fixture's comment, checked by jose: when Debian's Glewlwyd changes, this file says so. */
t.test('the tokens that Glewlwyd issues', async t => {
  const idp = await startGlewlwyd(t)
  // Discovery's answer is only read here, and a missing key set fails the verification.
  const { issuer, jwks_uri: keys } = await (await fetch(`${idp.issuer}/.well-known/openid-configuration`)).json() as Record<string, string>
  const set = createRemoteJWKSet(new URL(String(keys)))
  const user = await idp.codeFlow({ ...ALICE, ...SAAS, scope: 'openid read:address', resource: API, nonce: 'once-only' })

  t.equal(issuer, idp.issuer, 'discovery names the issuer of the tokens')

  t.test('a client credentials token is RFC 9068, and its subject is the client', async t => {
    const { access_token: token } = await idp.clientCredentials({ ...SAAS, scope: 'write:address', resource: API })
    const { payload } = await jwtVerify(token, set, { issuer: idp.issuer, audience: API, typ: 'at+jwt', algorithms: ['RS256'] })
    t.match(payload, { sub: 'saas', client_id: 'saas', scope: 'write:address', type: 'access_token' })
    t.notOk('account' in payload)
  })

  t.test('a user\'s access token differs by its subject and the mapped claim alone', async t => {
    const { payload } = await jwtVerify(user.access_token, set, { issuer: idp.issuer, audience: API, typ: 'at+jwt', algorithms: ['RS256'] })
    t.match(payload, { client_id: 'saas', scope: 'openid read:address', type: 'access_token', account: 'person' })
    t.not(payload.sub, 'saas')
    for (const claim of ['auth_time', 'acr', 'amr']) t.notOk(claim in payload, claim)
  })

  t.test('an ID token is for the client', async t => {
    const { payload } = await jwtVerify(String(user.id_token), set, { issuer: idp.issuer, audience: 'saas', typ: 'JWT', algorithms: ['RS256'] })
    t.match(payload, { azp: 'saas', nonce: 'once-only', amr: ['password'], at_hash: String })
    t.notOk('scope' in payload)
  })

  t.test('without a resource the audience is the scopes', async t => {
    const { access_token: token } = await idp.clientCredentials({ ...SAAS, scope: 'read:address write:address' })
    const { payload } = await jwtVerify(token, set, { issuer: idp.issuer, audience: 'read:address write:address' })
    t.equal(payload.sub, 'saas')
  })

  t.test('a secret that is form-encoded in HTTP Basic is a wrong one', async t => {
    const encoded = MIDDLEWARE.secret.replaceAll('-', '%2D')
    await t.rejects(idp.clientCredentials({ ...MIDDLEWARE, secret: encoded, scope: 'erp', resource: ERP }), /403/)
    await t.resolves(idp.clientCredentials({ ...MIDDLEWARE, scope: 'erp', resource: ERP }))
  })
})
