import { createHash, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import type { Test } from 'tap'
import { ALGORITHMS } from '../../src/policy/algorithms.ts'
import { startScene, type Scene } from '../gateway/idp-scene.ts'
import { answer } from '../support/faults.ts'
import { startGateway } from '../support/gateway.ts'
import { createSigningKey, hmacKey, signCompact, type SigningKey } from '../support/signing-keys.ts'
import { startAttacked } from './gauntlet.ts'
import { allRefused, base64url, goodPayload, noCredential, routes, without, type Attacks } from './token-attacks.ts'

const HMACS = ['HS256', 'HS384', 'HS512']
const rsa = await createSigningKey('RS256', 'rsa')

/** Rows A01 to A10: the algorithm, and what is taken for a key. */
export const confusedSignatures: Attacks = {
  async A01 (t) {
    const house = await startAttacked(t, { routes, changes: noCredential })
    const { idp } = house
    const { kid } = idp.keys.current
    const payload = goodPayload(idp)
    const tokens: Record<string, string> = {}
    for (const alg of ['none', 'None', 'NONE', 'nOnE', ' none', 'none ', 'n\u043ene', 'none\u0000', '', 'null', '__proto__', 'constructor']) {
      for (const named of [{ kid }, {}, { kid: 'elsewhere' }]) {
        const unsigned = `${base64url({ alg, typ: 'at+jwt', ...named })}.${base64url(payload)}.`
        const name = JSON.stringify({ alg, ...named })
        tokens[`${name}, no signature`] = unsigned
        tokens[`${name}, four bytes`] = `${unsigned}AAAAAA`
        tokens[`${name}, the signature of the issuer`] = idp.sign({ alg, typ: 'at+jwt', ...named }, payload)
      }
    }
    await allRefused(t, house, tokens)
    await house.refuses(t, { path: '/orders', token: `${base64url({ alg: 'none', typ: 'at+jwt' })}.${base64url(payload)}` }, { status: 401, code: 'token-not-jwt', challenge: { error: 'invalid_token' } })
  },

  async A02 (t) {
    const house = await startAttacked(t, { routes, changes: noCredential })
    const { idp } = house
    const ec = idp.keys.current
    const key = await idp.keys.rotate('RS256')
    await house.lets(t, { path: '/orders', token: idp.mint() })
    await allRefused(t, house, { ...byHmac(house.idp, key), ...byHmac(house.idp, ec) })
    await t.rejects(startGateway(t, { idp, erp: house.erp, routes, changes: { issuers: { main: { algorithms: ['RS256', 'HS256'] } } } }),
      { name: 'ConfigurationError', mistakes: [{ path: 'issuers.main.algorithms[1]' }] })
  },

  async A03 (t) {
    await Promise.all(['\n', ' ', '\t', '\r\n', '\n\n \t'].map(async prefix => {
      const scene = await serving(t, prefix, set => set)
      t.equal((await scene.ask()).status, 200, 'white space in front of JSON is none of its business')
      await refused(t, scene, byText(scene, prefix))
      const other = await serving(t, prefix, (_set, pem) => pem)
      t.match(await other.ask(), { status: 503, code: 'issuer-keys-unavailable' })
      await refused(t, other, byText(other, prefix))
    }))
  },

  async A04 (t) {
    await Promise.all(['#', '\ufeff', '\u200b', 'Subject: x\n', '\u0000', '//\n'].map(async prefix => {
      const scene = await serving(t, prefix, set => set)
      t.match(await scene.ask(), prefix === '\ufeff' ? { status: 200 } : { status: 503, code: 'issuer-keys-unavailable' }, JSON.stringify(prefix))
      await refused(t, scene, byText(scene, prefix))
      const other = await serving(t, prefix, (_set, pem) => pem)
      t.match(await other.ask(), { status: 503, code: 'issuer-keys-unavailable' })
      await refused(t, other, byText(other, prefix))
    }))
    const { idp, erp } = await startAttacked(t, { routes, changes: noCredential })
    const [pem = ''] = publicTexts(rsa)
    for (const name of ['key', 'keys', 'public_key', 'pem', 'secret', 'jwks', 'jwk', 'certificate']) {
      for (const value of [pem, `#${pem}`, `\ufeff${pem}`, `Subject: x\n${pem}`]) {
        await t.rejects(startGateway(t, { idp, erp, routes, changes: { issuers: { main: { [name]: value } } } }),
          { name: 'ConfigurationError', mistakes: [{ path: `issuers.main.${name}` }] })
      }
    }
  },

  async A05 (t) {
    const house = await startAttacked(t, { routes, changes: noCredential })
    const { idp } = house
    const texts = [{ keys: idp.keys.published }, ...idp.keys.published].flatMap(value => [JSON.stringify(value), JSON.stringify(value, undefined, 2), `${JSON.stringify(value)}\n`])
    const { crv, kty, x, y } = idp.keys.current.publicJwk
    const canonical = JSON.stringify({ crv, kty, x, y })
    const thumbprint = createHash('sha256').update(canonical).digest()
    await allRefused(t, house, hmacs(idp, [...texts, canonical, thumbprint, thumbprint.toString('base64url')], [idp.keys.current.kid, thumbprint.toString('base64url')]))
  },

  async A06 (t) {
    const house = await startAttacked(t, { routes, changes: noCredential })
    await allRefused(t, house, hmacs(house.idp, ['', '\0', ' ', 'null', 'undefined', '[object Object]', '{}'], ['unknown', '', house.idp.keys.current.kid]))
  },

  async A08 (t) {
    const scene = await startScene(t, { idp: { alg: 'RS256' }, verifies: false, before: unnamed, changes: { ...noCredential, issuers: { main: { algorithms: ['RS256'] } } } })
    t.equal((await scene.ask()).status, 200)
    const { current } = scene.idp.keys
    await refused(t, scene, ['RS384', 'RS512', 'PS256', 'PS384', 'PS512'].map(alg => scene.idp.mint({}, { key: { ...current, alg } })))
    // What the header says and how it is signed need not be the same.
    await refused(t, scene, ['RS512', 'PS256'].flatMap(alg => [scene.idp.mint({}, { header: { alg } }), scene.idp.mint({}, { key: { ...current, alg }, header: { alg: 'RS256' } })]))
    t.equal((await scene.ask()).status, 200)
  },

  async A09 (t) {
    const scene = await startScene(t, { idp: { alg: 'RS256' }, verifies: false, changes: { ...noCredential, issuers: { main: { algorithms: ['RS256'] } } } })
    t.equal((await scene.ask()).status, 200)
    const good = scene.idp.keys.current
    const tokens: string[] = []
    for (const alg of ['RS512', 'PS256', 'ES256', 'HS256', 'none']) {
      const key = { ...rsa, kid: `says-${alg}` }
      scene.idp.keys.published.push({ ...rsa.publicJwk, kid: key.kid, alg })
      if (alg.startsWith('RS') || alg.startsWith('PS')) tokens.push(scene.idp.mint({}, { key: { ...key, alg } }))
      tokens.push(scene.idp.mint({}, { key, header: { alg } }), scene.idp.mint({}, { key }))
      tokens.push(...Object.values(hmacs(scene.idp, publicTexts(rsa), [key.kid])))
    }
    // By this one the gateway has seen the set with all of them.
    scene.idp.keys.published.push({ ...rsa.publicJwk, kid: 'last' })
    t.equal((await scene.ask(scene.idp.mint({}, { key: { ...rsa, kid: 'last' } }))).status, 200)
    await refused(t, scene, tokens)
    t.equal((await scene.ask(scene.idp.mint({}, { key: good }))).status, 200)

    const only = await startScene(t, { verifies: false, before: idp => { idp.keys.published = [{ ...rsa.publicJwk, alg: 'RS512' }] }, changes: { ...noCredential, issuers: { main: { algorithms: ['RS256'] } } } })
    t.match(await only.ask(only.idp.mint({}, { key: { ...rsa, alg: 'RS512' }, header: { alg: 'RS256' } })), { status: 503, code: 'issuer-keys-unavailable' })
    t.match(await only.ask(only.idp.mint({}, { key: { ...rsa, alg: 'RS512' } })), { status: 401, code: 'token-invalid' })
    t.equal(only.erp.requests.length, 0)
  },

  async A10 (t) {
    const keys = [rsa, ...await Promise.all(['ES256', 'ES384', 'ES512', 'EdDSA'].map(async alg => await createSigningKey(alg, alg)))]
    const scene = await startScene(t, { verifies: false, before: idp => { idp.keys.published = keys.map(({ publicJwk }) => without(publicJwk, 'alg')) }, changes: noCredential })
    const { idp } = scene
    for (const key of keys) t.equal((await scene.ask(idp.mint({}, { key }))).status, 200, key.alg)
    for (const key of keys) {
      const others = ALGORITHMS.filter(alg => alg !== key.alg)
      await refused(t, scene, others.map(alg => idp.mint({}, { key, header: { alg } })))
    }
    // Signed as the header says, by a curve that is not the algorithm's.
    const [, p256, p384, p521] = keys
    for (const key of [p256, p384, p521]) {
      if (key === undefined) continue
      await refused(t, scene, ['ES256', 'ES384', 'ES512'].filter(alg => alg !== key.alg).map(alg => idp.mint({}, { key: { ...key, alg } })))
    }
    const { privateKey: dsa } = generateKeyPairSync('dsa', { modulusLength: 2048, divisorLength: 256 })
    await refused(t, scene, [rsa.kid, 'dsa', undefined].map(kid => idp.mint({}, { key: { alg: 'RS256', kid: 'dsa', privateKey: dsa, publicJwk: {} }, header: { kid } })))
    for (const key of keys) t.equal((await scene.ask(idp.mint({}, { key }))).status, 200, key.alg)
  }
}

/** The first key without its `alg`: it says nothing of what it is for. */
function unnamed (idp: Scene['idp']): void {
  idp.keys.published = [without(idp.keys.current.publicJwk, 'alg')]
}

/** An IdP that answers with this prefix in front of what stands for its key set. */
async function serving (t: Test, prefix: string, content: (set: string, pem: string) => string): Promise<Scene> {
  return await startScene(t, {
    verifies: false,
    changes: noCredential,
    before (idp) {
      const pem = String(publicTexts(idp.keys.current)[0])
      idp.fail('jwks', answer(200, prefix + content(JSON.stringify({ keys: idp.keys.published }), pem), 'application/json'))
    }
  })
}

/** HMACs with the public texts of the issuer's key as an IdP serves them, with the prefix and without. */
function byText ({ idp }: Scene, prefix: string): string[] {
  const texts = [JSON.stringify({ keys: idp.keys.published }), ...publicTexts(idp.keys.current).slice(0, 2).map(String)]
  return Object.values(hmacs(idp, texts.flatMap(text => [prefix + text, text]), [idp.keys.current.kid]))
}

async function refused (t: Test, { ask, erp }: Scene, tokens: readonly string[]): Promise<void> {
  const before = erp.requests.length
  t.ok(tokens.length > 0)
  for (const token of tokens) t.match(await ask(token), { status: 401, code: 'token-invalid' })
  t.equal(erp.requests.length, before, 'the ERP saw nothing')
}

function byHmac (idp: Scene['idp'], key: SigningKey): Record<string, string> {
  return hmacs(idp, publicTexts(key), [key.kid])
}

/** A token for each secret, each HMAC and each kid. */
function hmacs (idp: Scene['idp'], secrets: ReadonlyArray<string | Buffer>, kids: readonly string[]): Record<string, string> {
  const payload = goodPayload(idp)
  return Object.fromEntries(secrets.flatMap((secret, at) => HMACS.flatMap(alg => kids.map(kid =>
    [`${alg} with secret ${at} as ${kid}`, signCompact({ alg, kid, typ: 'at+jwt' }, payload, hmacKey(secret, alg, kid))]))))
}

/** Every way in which a public key is text: SPKI first, then PKCS1. */
function publicTexts ({ privateKey, publicJwk }: SigningKey): Array<string | Buffer> {
  const key: KeyObject = createPublicKey(privateKey ?? '')
  const pems = (['spki', 'pkcs1'] as const).filter(type => type === 'spki' || key.asymmetricKeyType === 'rsa').map(type => key.export({ type, format: 'pem' }).toString())
  const der = key.export({ type: 'spki', format: 'der' })
  return [
    ...pems,
    ...pems.flatMap(pem => [pem.trim(), `${pem}\n`, pem.replaceAll('\n', '\r\n'), pem.replace(/-----[A-Z ]+-----\n?/g, ''), pem.replace(/-----[A-Z ]+-----|\n/g, '')]),
    der,
    JSON.stringify(publicJwk),
    ...['n', 'x'].map(name => publicJwk[name]).filter(text => typeof text === 'string').flatMap(text => [text, Buffer.from(text, 'base64url')])
  ]
}
