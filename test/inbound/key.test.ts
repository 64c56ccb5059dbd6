import { generateKeyPairSync } from 'node:crypto'
import t from 'tap'
import { ALGORITHMS, type Algorithm } from '../../src/policy/algorithms.ts'
import { importKey, type VerificationKey } from '../../src/inbound/key.ts'
import { createSigningKey, signCompact, signingKey } from '../support/signing-keys.ts'

const rsa = await createSigningKey('RS256', 'rsa')
const without = (jwk: object, ...names: readonly string[]) => Object.fromEntries(Object.entries(jwk).filter(([name]) => !names.includes(name)))

async function imported (jwk: unknown, allowed: readonly Algorithm[] = ALGORITHMS): Promise<VerificationKey> {
  const key = await importKey(jwk, allowed, [])
  if ('unusable' in key) throw new Error(key.unusable)
  return key
}

/** Why it is not used; undefined where it is. */
async function whyNot (jwk: unknown): Promise<string | undefined> {
  const key = await importKey(jwk, ALGORITHMS, [])
  return 'unusable' in key ? key.unusable : undefined
}

t.test('the operator is told which member of a key is to blame', async t => {
  const { publicJwk } = rsa
  for (const [jwk, member] of [
    [{ ...publicJwk, kid: 7 }, /\bkid\b/],
    [{ ...publicJwk, alg: ['RS256'] }, /\balg\b/],
    [{ ...publicJwk, use: 'enc' }, /\buse\b/],
    [{ ...publicJwk, key_ops: ['sign'] }, /\bkey_ops\b/],
    [{ ...publicJwk, k: 'c2VjcmV0' }, /\bsecret\b/],
    [{ kty: 'oct' }, /\bsecret\b/],
    [{ ...publicJwk, d: 'AQAB' }, /\bprivate\b/],
    [without(publicJwk, 'n'), /\bmalformed\b/],
    ...['rsa', 7, null, undefined, [publicJwk]].map(jwk => [jwk, /\bobject\b/] as const)
  ] as const) t.match(await whyNot(jwk), member, JSON.stringify(jwk))
})

t.test('an RSA key has 2048 bits to 8192, and an odd exponent from 3', async t => {
  const rsaOf = (bits: number, e = 'AQAB') => ({ kty: 'RSA', n: Buffer.from(((1n << BigInt(bits)) - 1n).toString(16).padStart(2 * Math.ceil(bits / 8), '0'), 'hex').toString('base64url'), e })
  for (const [bits, isOne] of [[2047, false], [2048, true], [8192, true], [8193, false]] as const) t.equal(await whyNot(rsaOf(bits)) === undefined, isOne, String(bits))
  for (const [e, isOne] of [['AQ', false], ['Ag', false], ['Aw', true], ['BA', false], ['BQ', true], ['AQAA', false], ['AQAB', true]] as const) t.equal(await whyNot(rsaOf(2048, e)) === undefined, isOne, e)
})

t.test('both of the Edwards curves are for EdDSA', async t => {
  for (const { privateKey } of [generateKeyPairSync('ed25519'), generateKeyPairSync('ed448')]) {
    const key = signingKey('EdDSA', privateKey, 'ed')
    const found = await imported(key.publicJwk)
    t.same(found.algorithms, ['EdDSA'])
    const token = signCompact({ alg: 'EdDSA', kid: 'ed' }, { sub: 'a' }, key)
    t.equal(found.verifies(token), true)
    t.equal(found.verifies(`${token.slice(0, -8)}AAAAAAAA`), false)
  }
})

t.test('it verifies by its own algorithms, and by no other that its type could do', async t => {
  const any = without(rsa.publicJwk, 'alg')
  const signed = (alg: string) => signCompact({ alg, kid: 'rsa' }, { sub: 'a' }, { ...rsa, alg })
  for (const [key, algorithms] of [
    [await imported(any), ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512']],
    [await imported(rsa.publicJwk), ['RS256']],
    [await imported(any, ['PS384', 'ES256', 'RS512']), ['RS512', 'PS384']]
  ] as const) {
    t.same(key.algorithms, algorithms)
    t.same(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'].filter(alg => key.verifies(signed(alg))), algorithms)
  }
})

t.test('an equal key is known by its id, whatever its kid, and only then', async t => {
  const [first, renamed, narrower] = [await imported(without(rsa.publicJwk, 'alg')), await imported({ ...without(rsa.publicJwk, 'alg'), kid: 'other' }), await imported(rsa.publicJwk)]
  t.equal(renamed.id, first.id)
  t.not(narrower.id, first.id)
  const known = await importKey(rsa.publicJwk, ALGORITHMS, [first, narrower])
  t.equal('verifies' in known && known.verifies, narrower.verifies)
})
