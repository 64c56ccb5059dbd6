import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { whyNotOnThisNode, whyNotToStart } from '../../src/commands/runtime.ts'
import { importKeySet } from '../../src/inbound/key-set.ts'
import { ALGORITHMS } from '../../src/policy/algorithms.ts'
import { startScene, until, type Scene } from '../gateway/idp-scene.ts'
import { answer } from '../support/faults.ts'
import { startGateway } from '../support/gateway.ts'
import type { Settings } from '../support/settings.ts'
import { createSigningKey, hmacKey, noKey, signingKey, type SigningKey } from '../support/signing-keys.ts'
import { startAttacked } from './gauntlet.ts'
import { base64url, goodPayload, noCredential, routes, without, type Attacks } from './token-attacks.ts'
import { exponentOne, rocaKey } from './weak-rsa.ts'

const rsa = await createSigningKey('RS256', 'rsa')

/** Rows A07, A24 and A31 to A35: what a key set may hold, and for how long. */
export const keySets: Attacks = {
  async A07 (t) {
    const { idp, erp } = await startAttacked(t, { routes, changes: noCredential })
    const empty: Record<string, Settings> = {
      'issuers.main.issuer': { issuer: '${EMPTY}' },
      'issuers.main.jwks_uri': { jwks_uri: '${EMPTY}' },
      'issuers.main.discovery': { discovery: '${EMPTY}' },
      'issuers.main.audience': { audience: '${EMPTY}' },
      'issuers.main.algorithms': { algorithms: [] },
      'issuers.main.algorithms[0]': { algorithms: ['${EMPTY}'] }
    }
    for (const [path, main] of Object.entries(empty)) {
      await t.rejects(startGateway(t, { idp, erp, routes, env: { EMPTY: '' }, changes: { issuers: { main } } }), { name: 'ConfigurationError', mistakes: [{ path }] }, path)
    }
    await t.rejects(startGateway(t, { idp, erp, routes, env: { EMPTY: '' }, changes: { upstreams: { erp: { credential: { client_credentials: { client_secret: { env: 'EMPTY' } } } } } } }), { name: 'ConfigurationError' })
    const nothing = ['', '""', 'null', '{}', '[]', '{"keys":[]}', '{"keys":""}', '{"keys":null}', '{"keys":[{}]}', '{"keys":[""]}', '{"keys":[null]}', '{"keys":[[]]}',
      '{"keys":[{"kty":"oct","k":""}]}', '{"keys":[{"kty":"RSA","n":"","e":""}]}', '{"keys":[{"kty":"EC","crv":"P-256","x":"","y":""}]}', '{"keys":[{"kty":"OKP","crv":"Ed25519","x":""}]}']
    await Promise.all(nothing.map(async text => {
      const scene = await startScene(t, { verifies: false, changes: noCredential, before: idp => { idp.fail('jwks', answer(200, text, 'application/json')) } })
      t.match(await scene.ask(), { status: 503, code: 'issuer-keys-unavailable' }, text)
      const { kid } = scene.idp.keys.current
      const payload = goodPayload(scene.idp)
      const tokens = ['', '\0', text].flatMap(secret => [scene.idp.mint({}, { key: hmacKey(secret, 'HS256', kid) }), scene.idp.mint({}, { key: hmacKey(secret, 'HS256'), header: { kid: undefined } })])
      for (const token of [...tokens, scene.idp.mint({}, { key: noKey }), `${base64url({ alg: 'ES256', kid, typ: 'at+jwt' })}.${base64url(payload)}.`, `${base64url({ alg: 'ES256', typ: 'at+jwt' })}.${base64url(payload)}.AA`]) {
        t.match(await scene.ask(token), { status: /^(?:401|503)$/ }, text)
      }
      t.equal(scene.erp.requests.length, 0)
      scene.idp.heal()
      t.equal((await until(200, scene.ask)).status, 200)
    }))
  },

  async A24 (t) {
    const scene = await startScene(t, { verifies: false, changes: noCredential, keyRefresh: 400 })
    const { idp, ask, erp } = scene
    const old = idp.keys.current
    const [known, other] = [idp.mint(), idp.mint({ sub: 'user-2' })]
    t.equal((await ask(known)).status, 200)
    await idp.keys.rotate()
    t.equal((await ask()).status, 200)
    idp.keys.remove(old)
    // Asked without a pause, by one that is remembered, new ones of the same key, and one that is kept for later.
    const removedAt = Date.now()
    let status = 200
    for (; status === 200 && Date.now() - removedAt < 10_000; await sleep(50)) {
      status = (await ask(known)).status
      await ask(idp.mint({ sub: 'user-3' }, { key: old }))
    }
    t.equal(status, 401, 'gone with a refresh, while somebody kept asking')
    const seen = erp.requests.length
    for (let round = 0; round < 12; round++, await sleep(60)) {
      for (const token of [known, other, idp.mint({}, { key: old }), idp.mint({}, { key: old, header: { kid: idp.keys.current.kid } })]) t.match(await ask(token), { status: 401, code: 'token-invalid' })
    }
    t.equal(erp.requests.length, seen)
    t.equal((await ask()).status, 200)
  },

  async A31 (t) {
    const { privateKey: short } = generateKeyPairSync('rsa', { modulusLength: 1024 })
    const { privateKey: shorter } = generateKeyPairSync('rsa', { modulusLength: 2040 })
    const weak = [signingKey('RS256', short, 'short'), signingKey('RS256', shorter, 'shorter'), signingKey('PS256', short, 'short-pss'), rocaKey('roca')]
    const one = exponentOne('one')
    const even = { ...rsa.publicJwk, kid: 'even', e: 'AQAA' }
    const scene = await besides(t, [...weak.map(({ publicJwk }) => publicJwk), one.publicJwk, even])
    const { idp } = scene
    const payload = goodPayload(idp)
    await refused(t, scene, [
      ...weak.map(key => idp.mint({}, { key })),
      one.sign(`${base64url({ alg: 'RS256', kid: 'one', typ: 'at+jwt' })}.${base64url(payload)}`),
      idp.mint({}, { key: { ...rsa, kid: 'even' } })
    ])
    // The same kind and size of key, made well, is used.
    t.equal((await scene.ask(idp.mint({}, { key: rsa }))).status, 200)
    await allUnusable(t, [...weak.map(({ publicJwk }) => publicJwk), one.publicJwk, even])
  },

  async A32 (t) {
    const wrong: Record<string, object> = {
      enc: { use: 'enc' },
      'use of no kind': { use: '' },
      'use in capitals': { use: 'SIG' },
      'use with more': { use: 'sig enc' },
      'use of a list': { use: ['sig'] },
      'use of null': { use: null },
      encrypt: { use: undefined, key_ops: ['encrypt'] },
      sign: { key_ops: ['sign'] },
      wrap: { use: 'sig', key_ops: ['wrapKey', 'unwrapKey', 'deriveKey'] },
      'no operation': { key_ops: [] },
      'operations as text': { key_ops: 'verify' },
      'operations as object': { key_ops: { verify: true } },
      'verify for encryption': { use: 'enc', key_ops: ['verify'] },
      'an algorithm for encryption': { use: undefined, alg: 'RSA-OAEP-256' }
    }
    const jwks = Object.entries(wrong).map(([kid, members]) => ({ ...rsa.publicJwk, kid, ...members }))
    const scene = await besides(t, jwks)
    await refused(t, scene, jwks.map(({ kid }) => scene.idp.mint({}, { key: { ...rsa, kid } })))
    t.equal((await scene.ask(scene.idp.mint({}, { key: rsa }))).status, 200)
    await allUnusable(t, jwks)
    const only = await startScene(t, { verifies: false, changes: noCredential, before: idp => { idp.keys.published = [{ ...idp.keys.current.publicJwk, use: 'enc' }] } })
    t.match(await only.ask(), { status: 503, code: 'issuer-keys-unavailable' })
    t.equal(only.erp.requests.length, 0)
  },

  async A33 (t) {
    const secret = 'a secret that the whole world can read, in the key set'
    const oct = { kty: 'oct', k: base64url(secret), kid: 'oct', use: 'sig' }
    const [one, two] = [await createSigningKey('RS256', 'twice'), await createSigningKey('RS256', 'twice')]
    const withSecrets = await besides(t, [oct, { ...oct, kid: 'named', alg: 'HS256' }, { ...oct, kid: 'as-rs', alg: 'RS256' }, { ...rsa.publicJwk, kid: 'both', k: oct.k }, one.publicJwk, two.publicJwk])
    const { idp } = withSecrets
    await refused(t, withSecrets, [
      ...['oct', 'named', 'as-rs', 'both'].flatMap(kid => ['HS256', 'HS384', 'HS512'].flatMap(alg => [secret, oct.k].map(text => idp.mint({}, { key: hmacKey(text, alg, kid) })))),
      ...[idp.mint({}, { key: hmacKey(secret), header: { kid: undefined } }), idp.mint({}, { key: { ...rsa, kid: 'both' } })],
      ...[one, two, { ...rsa, kid: 'twice' }].map(key => idp.mint({}, { key })),
      ...[one, two, rsa, idp.keys.current].map(key => idp.mint({}, { key, header: { kid: undefined } }))
    ])
    // A name of two keys is no name, and what is left beside them is not the only key of its set.
    const [good, ...rest] = [idp.keys.current, one, two]
    const half = await startScene(t, { verifies: false, changes: noCredential, before: idp => { idp.keys.published = [good, ...rest].map(({ publicJwk }) => publicJwk) } })
    await refused(t, half, [good, ...rest].map(key => half.idp.mint({}, { key, header: { kid: undefined } })))
    t.equal((await half.ask(half.idp.mint({}, { key: good }))).status, 200)

    const nameless = await startScene(t, { verifies: false, changes: noCredential, before: idp => { idp.keys.published = [one, two].map(({ publicJwk }) => without(publicJwk, 'kid')) } })
    await refused(t, nameless, [one, two].flatMap(key => [undefined, 'twice', '', 'undefined', 'null'].map(kid => nameless.idp.mint({}, { key, header: { kid } }))))
    const only = await startScene(t, { verifies: false, changes: noCredential, before: idp => { idp.keys.published = [without(one.publicJwk, 'kid')] } })
    t.equal((await only.ask(only.idp.mint({}, { key: one, header: { kid: undefined } }))).status, 200)
    await refused(t, only, ['twice', '', 'undefined'].map(kid => only.idp.mint({}, { key: one, header: { kid } })))
    await allUnusable(t, [oct])
  },

  async A34 (t) {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'secp256k1' })
    const koblitz = signingKey('ES256', privateKey, 'koblitz')
    const { publicJwk } = koblitz
    const { privateKey: brainpool } = generateKeyPairSync('ec', { namedCurve: 'brainpoolP256r1' })
    const point = createPublicKey(brainpool).export({ type: 'spki', format: 'der' }).subarray(-64)
    const jwks = [
      publicJwk, { ...publicJwk, kid: 'k1', crv: 'P-256K' }, { ...publicJwk, kid: 'k2', alg: 'ES256K' }, { ...publicJwk, kid: 'k3', crv: 'P-256' }, without({ ...publicJwk, kid: 'k4' }, 'crv'),
      { ...publicJwk, kid: 'k5', crv: 'K-256' }, { kty: 'EC', crv: 'P-256', kid: 'k6', x: base64url(point.subarray(0, 32)), y: base64url(point.subarray(32)) }
    ]
    const scene = await besides(t, jwks)
    const keys: SigningKey[] = [koblitz, ...['k1', 'k2', 'k3', 'k4', 'k5'].map(kid => ({ ...koblitz, kid })), { alg: 'ES256', kid: 'k6', privateKey: brainpool, publicJwk: {} }]
    await refused(t, scene, keys.flatMap(key => ['ES256', 'ES256K', 'EdDSA'].map(alg => scene.idp.mint({}, { key, header: { alg } }))))
    await allUnusable(t, jwks)
  },

  async A35 (t) {
    const says = (version: string) => whyNotToStart(version, {})
    for (const old of ['21.7.3', '22.22.1', '22.0.0', '23.11.1', '24.14.0', '24.0.0', '25.8.1', '25.0.0']) t.match(says(old), { warning: /known security holes/ }, old)
    for (const safe of ['20.20.2', '20.21.0', '22.22.2', '22.23.0', '24.14.1', '24.15.0', '25.8.2', '26.0.0']) t.same(says(safe), {}, safe)
    for (const older of ['18.20.8', '16.0.0', '19.9.0', '20.0.0', '20.20.1', '20.19.9']) t.match(whyNotOnThisNode(older, '20.20.2'), /too old/, older)
    const { idp, erp } = await startAttacked(t, { routes, changes: noCredential })
    for (const alg of ['HS256', 'HS384', 'HS512', 'hs256']) {
      await t.rejects(startGateway(t, { idp, erp, routes, changes: { issuers: { main: { algorithms: alg } } } }), { name: 'ConfigurationError' })
    }
  }
}

/** An issuer with a good key of its own, a good RSA key, and these. */
async function besides (t: Test, jwks: readonly object[]): Promise<Scene> {
  const scene = await startScene(t, { verifies: false, changes: noCredential, before: idp => { idp.keys.published = [...jwks, ...idp.keys.published, rsa.publicJwk] } })
  t.equal((await scene.ask()).status, 200)
  return scene
}

async function refused (t: Test, { ask, erp, idp }: Scene, tokens: readonly string[]): Promise<void> {
  const before = erp.requests.length
  t.ok(tokens.length > 0)
  for (const [at, token] of tokens.entries()) t.match(await ask(token), { status: 401, code: 'token-invalid' }, `token ${at}`)
  t.equal(erp.requests.length, before, 'the ERP saw nothing')
  t.ok(idp.requests.jwks <= 3, 'the first fetch and the budget')
}

/** None of them is a key that is used, alone in its set too. */
async function allUnusable (t: Test, jwks: readonly object[]): Promise<void> {
  for (const [at, jwk] of jwks.entries()) t.match(await importKeySet({ keys: [jwk] }, ALGORITHMS), { keys: { length: 0 }, unusable: { length: 1 } }, `key ${at}`)
}
