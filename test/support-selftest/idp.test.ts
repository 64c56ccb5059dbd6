import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, errors, jwtVerify } from 'jose'
import t from 'tap'
import { startIdp, type Idp } from '../support/idp.ts'
import { createSigningKey, hmacKey, noKey, signingKey } from '../support/signing-keys.ts'

const verify = async (idp: Idp, token: string) => await jwtVerify(token, createRemoteJWKSet(new URL(idp.jwksUri)), {
  issuer: idp.issuer, audience: 'https://api.example.com', typ: 'at+jwt', requiredClaims: ['exp', 'sub', 'client_id', 'jti']
})

for (const alg of ['RS256', 'RS512', 'PS256', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519']) {
  t.test(`jose takes what is minted with ${alg}`, async t => {
    const idp = await startIdp(t, { alg })
    const { protectedHeader } = await verify(idp, idp.mint())
    t.match(protectedHeader, { alg, kid: idp.keys.current.kid })
  })
}

t.test('a user, a client and an ID token have the shapes of RFC 9068 and OpenID Connect', async t => {
  const idp = await startIdp(t)
  const user = (await verify(idp, idp.mintUser({ scope: 'read:address' }))).payload
  t.match(user, { sub: 'user-1', client_id: 'saas', scope: 'read:address', auth_time: Number })
  const client = (await verify(idp, idp.mintClient({ client_id: 'batch' }))).payload
  t.match(client, { sub: 'batch', client_id: 'batch' })
  t.notOk('auth_time' in client)
  t.match(decodeJwt(idp.mintIdToken()), { iss: idp.issuer, aud: 'saas', nonce: String })
  t.equal(decodeProtectedHeader(idp.mintIdToken()).typ, 'JWT')
})

t.test('claims and header parameters can be replaced, added and deleted', async t => {
  const idp = await startIdp(t)
  const token = idp.mint({ exp: undefined, aud: 'other', extra: [1] }, { header: { typ: undefined, crit: ['x'] } })
  const claims = decodeJwt(token)
  t.match(claims, { aud: 'other', extra: [1] })
  t.notOk('exp' in claims)
  t.same(decodeProtectedHeader(token), { alg: 'ES256', kid: idp.keys.current.kid, crit: ['x'] })
})

t.test('header and payload can be any bytes, signed by any key', async t => {
  const idp = await startIdp(t)
  const [header, payload] = idp.sign('{"alg":"none","alg":"RS256"}', Buffer.from([0xff]), noKey).split('.')
  t.equal(Buffer.from(header ?? '', 'base64url').toString(), '{"alg":"none","alg":"RS256"}')
  t.same(Buffer.from(payload ?? '', 'base64url'), Buffer.from([0xff]))
  t.equal(Buffer.from(idp.mint({}, { payload: '{' }).split('.')[1] ?? '', 'base64url').toString(), '{')

  const pem = createPublicKey(idp.keys.current.privateKey ?? '').export({ type: 'spki', format: 'pem' }).toString()
  const confused = idp.mint({}, { key: hmacKey(pem) })
  t.equal(decodeProtectedHeader(confused).alg, 'HS256')
  t.ok(await jwtVerify(confused, Buffer.from(pem)))

  const short = signingKey('RS256', generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey)
  t.equal(idp.mint({}, { key: short }).split('.')[2]?.length, 171)
})

t.test('a rotated key is in the set beside the old one, until that is removed', async t => {
  const idp = await startIdp(t)
  const [old, before] = [idp.keys.current, idp.mint()]
  await idp.keys.rotate('ES256')
  t.ok(await verify(idp, before))
  t.ok(await verify(idp, idp.mint()))
  idp.keys.remove(old)
  await t.rejects(verify(idp, before), errors.JWKSNoMatchingKey)
  await t.rejects(verify(idp, idp.mint({}, { key: await createSigningKey() })), errors.JWKSNoMatchingKey)
})

t.test('an issuer may end in a slash, have a path, or a name of its own', async t => {
  for (const issuer of [(origin: string) => `${origin}/`, (origin: string) => `${origin}/realms/x`, () => 'https://idp.example.com/']) {
    const idp = await startIdp(t, { issuer })
    const document = await (await fetch(idp.discoveryUrl)).json()
    t.match(document, { issuer: idp.issuer, jwks_uri: idp.jwksUri })
    t.ok(await verify(idp, idp.mint()))
    t.match(idp.requests, { discovery: 1, jwks: 1, token: 0 })
  }
})
