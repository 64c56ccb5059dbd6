import { generateKeyPairSync } from 'node:crypto'
import { generateKeyPair, exportJWK, SignJWT } from 'jose'
import t from 'tap'
import { ALGORITHMS, type Algorithm } from '../../src/policy/algorithms.ts'
import { importKeySet } from '../../src/inbound/key-set.ts'
import { createSigningKey, signCompact, signingKey } from '../support/signing-keys.ts'

const rsa = await createSigningKey('RS256', 'rsa')
const ec = await createSigningKey('ES256', 'ec')
const edwards = await createSigningKey('EdDSA', 'ed')
const { privateKey: shortRsa } = generateKeyPairSync('rsa', { modulusLength: 1024 })
const { privateKey: longRsa } = generateKeyPairSync('rsa', { modulusLength: 2048, publicExponent: 65537 })

const importOne = async (jwk: unknown, allowed: readonly Algorithm[] = ALGORITHMS) => await importKeySet({ keys: [jwk] }, allowed)
const without = (jwk: object, ...names: readonly string[]) => Object.fromEntries(Object.entries(jwk).filter(([name]) => !names.includes(name)))

for (const alg of ALGORITHMS) {
  t.test(`a token that jose signed with ${alg} is verified by the key of its set, and by no other algorithm`, async t => {
    const { privateKey, publicKey } = await generateKeyPair(alg)
    const token = await new SignJWT({ sub: 'user-1' }).setProtectedHeader({ alg, kid: 'k' }).sign(privateKey)
    for (const named of [{ alg }, {}]) {
      const set = await importOne({ ...await exportJWK(publicKey), kid: 'k', use: 'sig', ...named })
      t.equal(set.find('k', alg)?.verifies(token), true)
      t.equal(set.find('k', alg)?.verifies(`${token.slice(0, -8)}AAAAAAAA`), false)
    }
    const others = ALGORITHMS.filter(other => other !== alg)
    const bound = await importOne({ ...await exportJWK(publicKey), kid: 'k', alg })
    t.same(others.filter(other => bound.find('k', other) !== undefined), [])
    t.equal((await importOne({ ...await exportJWK(publicKey), kid: 'k' }, others)).find('k', alg), undefined)
  })
}

t.test('a key that an issuer should not have is not used', async t => {
  const { publicJwk } = rsa
  const unusable: Record<string, unknown> = {
    'for encryption': { ...publicJwk, use: 'enc' },
    'of a use that is no text': { ...publicJwk, use: ['sig'] },
    'for signing only': { ...publicJwk, key_ops: ['sign'] },
    'of key_ops that are no list': { ...publicJwk, key_ops: 'verify' },
    symmetric: { kty: 'oct', k: 'c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0', kid: 'rsa', alg: 'HS256' },
    'symmetric under another name': { ...publicJwk, k: 'c2VjcmV0' },
    private: { ...publicJwk, ...rsa.privateKey?.export({ format: 'jwk' }) },
    'of 1024 bits': signingKey('RS256', shortRsa, 'rsa').publicJwk,
    'of exponent 1': { ...publicJwk, e: 'AQ' },
    'of an even exponent': { ...publicJwk, e: 'Ag' },
    'of a modulus that can be factored (CVE-2017-15361)': { ...publicJwk, n: rocaModulus() },
    'without a modulus': without(publicJwk, 'n'),
    'of an empty modulus': { ...publicJwk, n: '' },
    'on secp256k1': { ...generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey.export({ format: 'jwk' }), kid: 'rsa' },
    'on a curve that does not fit its point': { ...ec.publicJwk, crv: 'P-384' },
    'with a point off its curve': { ...ec.publicJwk, y: ec.publicJwk['x'] },
    'for key agreement': { ...generateKeyPairSync('x25519').publicKey.export({ format: 'jwk' }), kid: 'rsa' },
    'of another algorithm than its type': { ...publicJwk, alg: 'ES256' },
    'for HMAC by its own word': { ...publicJwk, alg: 'HS256' },
    'for no algorithm': { ...publicJwk, alg: 'none' },
    'for encryption by its algorithm': { ...publicJwk, alg: 'RSA-OAEP' },
    'of a kid that is no text': { ...publicJwk, kid: 7 },
    'of an alg that is no text': { ...publicJwk, alg: ['RS256'] },
    'of a type that it inherits': Object.assign(Object.create({ kty: 'RSA' }) as object, without(publicJwk, 'kty')),
    'no object': 'rsa',
    nothing: null,
    'a list': [publicJwk]
  }
  for (const [name, jwk] of Object.entries(unusable)) {
    const set = await importOne(jwk)
    t.match(set, { keys: { length: 0 }, unusable: { length: 1 } }, name)
    // Why is told to the operator, and nothing of the key with it.
    t.match(set.unusable[0], /^key 0 \w/, name)
    t.notOk(set.unusable.join().includes('AQAB'), name)
  }
})

/** 2048 bits that are a power of 65537 in every prime up to 167: the mark of the chips whose keys can be factored. */
function rocaModulus (): string {
  const numbers = Array.from({ length: 166 }, (_, n) => n + 2)
  const primes = numbers.filter(n => numbers.every(m => m >= n || n % m !== 0))
  const product = primes.map(BigInt).reduce((all, prime) => all * prime)
  const power = 65537n ** 1000n % product
  const top = (3n << 2046n) / product * product
  return Buffer.from((top + power).toString(16), 'hex').toString('base64url')
}

t.test('keys beside it are used all the same', async t => {
  const set = await importKeySet({ keys: [null, { ...rsa.publicJwk, use: 'enc' }, ec.publicJwk, 'x', edwards.publicJwk] }, ALGORITHMS)
  t.match(set, { keys: [{ kid: 'ec' }, { kid: 'ed' }], unusable: [/^key 0 \w/, /^key 1 \w/, /^key 3 \w/] })
})

t.test('members that say nothing against it do no harm', async t => {
  for (const more of [{ key_ops: ['verify'] }, { x5c: ['AA=='], x5t: 'x', jku: 'https://evil.example.com' }]) {
    t.equal((await importOne({ ...rsa.publicJwk, ...more })).keys.length, 1)
  }
  t.equal((await importOne(without(rsa.publicJwk, 'use', 'alg', 'kid'))).keys.length, 1)
})

t.test('an algorithm has to be that of the key, of the token, and of the configuration', async t => {
  const any = without(rsa.publicJwk, 'alg')
  t.ok((await importOne(any)).find('rsa', 'PS512'))
  t.notOk((await importOne(any, ['RS256'])).find('rsa', 'RS512'))
  t.notOk((await importOne(rsa.publicJwk)).find('rsa', 'RS512'))
  t.equal((await importOne(rsa.publicJwk, ['PS256', 'ES256'])).keys.length, 0)
  // RS256 and PS256 of one key are told apart in the signature, too.
  const token = signCompact({ alg: 'RS256', kid: 'rsa' }, {}, { ...rsa, alg: 'PS256' })
  t.equal((await importOne(any)).find('rsa', 'RS256')?.verifies(token), false)
})

t.test('a kid names one key or none', async t => {
  const other = signingKey('RS256', longRsa, 'rsa').publicJwk
  const twice = await importKeySet({ keys: [rsa.publicJwk, other, ec.publicJwk] }, ALGORITHMS)
  t.equal(twice.find('rsa', 'RS256'), undefined)
  t.ok(twice.find('ec', 'ES256'))
  // What is left is not the only key of its set.
  t.equal(twice.find(undefined, 'ES256'), undefined)
  const same = await importKeySet({ keys: [rsa.publicJwk, { ...rsa.publicJwk }] }, ALGORITHMS)
  t.ok(same.find('rsa', 'RS256'))
  t.ok(same.find(undefined, 'RS256'))
  const renamed = await importKeySet({ keys: [rsa.publicJwk, { ...rsa.publicJwk, kid: 'renamed' }] }, ALGORITHMS)
  t.match(['rsa', 'renamed'].map(kid => renamed.find(kid, 'RS256')), [{ kid: 'rsa' }, { kid: 'renamed' }], 'one key under two names')
})

t.test('without a kid it is the only key of the set or none', async t => {
  const nameless = without(rsa.publicJwk, 'kid')
  t.ok((await importOne(rsa.publicJwk)).find(undefined, 'RS256'))
  t.ok((await importOne(nameless)).find(undefined, 'RS256'))
  t.notOk((await importOne(nameless)).find('rsa', 'RS256'))
  t.notOk((await importOne(nameless)).find('undefined', 'RS256'))
  t.notOk((await importKeySet({ keys: [rsa.publicJwk, ec.publicJwk] }, ALGORITHMS)).find(undefined, 'RS256'))
  const namelessTwo = await importKeySet({ keys: [nameless, without(ec.publicJwk, 'kid')] }, ALGORITHMS)
  t.notOk(namelessTwo.find(undefined, 'ES256'))
  t.equal(namelessTwo.keys.length, 2, 'keys all the same')
  // The one that cannot be used does not count: it could not have signed an access token.
  t.ok((await importKeySet({ keys: [rsa.publicJwk, { ...ec.publicJwk, use: 'enc' }] }, ALGORITHMS)).find(undefined, 'RS256'))
})

t.test('what is no set of keys is none', async t => {
  for (const document of [null, undefined, 7, 'keys', [], {}, { keys: {} }, { keys: null }, { keys: 'rsa' }, Object.create({ keys: [rsa.publicJwk] })]) {
    await t.rejects(importKeySet(document, ALGORITHMS), { name: 'RangeError' })
  }
  await t.rejects(importKeySet({ keys: Array.from({ length: 101 }, () => rsa.publicJwk) }, ALGORITHMS), { name: 'RangeError' })
  t.same((await importKeySet({ keys: [] }, ALGORITHMS)).keys, [])
})

t.test('a hundred keys do not hold requests up, and the next set takes over what it knows', async t => {
  const keys = Array.from({ length: 100 }, (_, at) => ({ ...generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' }), kid: `k${at}` }))
  let turns = 0
  let over = false
  const count = (): void => {
    turns += 1
    if (!over) setImmediate(count)
  }
  setImmediate(count)
  const first = await importKeySet({ keys }, ALGORITHMS)
  over = true
  t.ok(turns >= 100)
  const next = await importKeySet({ keys: keys.slice(1).map(jwk => ({ ...jwk, kid: `new-${jwk.kid}` })) }, ALGORITHMS, first.keys)
  t.equal(next.keys.length, 99)
  t.equal(next.find('new-k1', 'ES256')?.verifies, first.find('k1', 'ES256')?.verifies)
  t.equal(next.find('k1', 'ES256'), undefined)
  const narrower = await importKeySet({ keys: [{ ...keys[1], alg: 'ES256' }] }, ALGORITHMS, first.keys)
  t.ok(narrower.find('k1', 'ES256'))
})
