import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { ALGORITHMS } from '../../src/policy/algorithms.ts'
import { importKey } from '../../src/inbound/key.ts'
import { keySetOf, verifiesBelowClaims } from './below-claims.ts'
import { tally } from './gauntlet.ts'
import { isRefused, startWithKeys, type KeyHouse } from './key-house.ts'
import { needsVectors, vectorsFolder } from './vectors.ts'
import type { Jwk } from './wycheproof.ts'

// The examples of RFC 7520, 7797 and 8037: sound tokens of every kind, none of which is an access token. Each is
// shown to a gateway whose issuer publishes the very keys of the examples.

const folder = vectorsFolder('jose-cookbook') ?? ''
const here = needsVectors('jose-cookbook')

interface Example {
  readonly input?: { readonly key?: Jwk | readonly Jwk[], readonly alg?: unknown }
  readonly output?: { readonly compact?: string, readonly json?: object, readonly json_flat?: object }
  readonly sign?: Example
  readonly encrypt?: Example
}

/** What the key loader makes of the keys that stand alone, by file. */
const LOADED: Readonly<Record<string, object>> = {
  'jwk/3_1.ec_public_key.json': { algorithms: ['ES512'] },
  'jwk/3_2.ec_private_key.json': { unusable: /private/ },
  'jwk/3_3.rsa_public_key.json': { algorithms: ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'] },
  'jwk/3_4.rsa_private_key.json': { unusable: /private/ },
  'jwk/3_5.symmetric_key_mac_computation.json': { unusable: /secret/ },
  'jwk/3_6.symmetric_key_encryption.json': { unusable: /\w/ }
}

/** The compact signatures with a public key behind them: the gateway agrees that they are right. */
const SIGNED = ['curve25519/jws.json', 'jws/4_1.rsa_v15_signature.json', 'jws/4_2.rsa-pss_signature.json', 'jws/4_3.ecdsa_signature.json']

t.test('every example is refused as a Bearer token, in each of its forms', here, async t => {
  const files = filesIn('.').filter(file => !file.startsWith('jwk/'))
  const keys = files.flatMap(file => partsOf(read(file)).flatMap(keysOf))
  const house = await startWithKeys(t, distinct(keys.flatMap(key => [key, publicHalf(key)])))
  const before = house.erp.requests.length
  for (const file of files) {
    const held = await Promise.all(partsOf(read(file)).flatMap(formsOf).map(async token => t.ok(await refused(house, token), `${file}: ${token.slice(0, 20)}`)))
    t.ok(held.length > 0, `${file} has something to show`)
    tally('JOSE cookbook', { of: 1, held: held.length > 0 && held.every(Boolean) ? 1 : 0 })
  }
  t.equal(house.erp.requests.length, before, 'the ERP saw nothing')
  t.comment(`${files.length} examples`)
})

t.test('the keys that stand alone: public ones for signatures load, and no others', here, async t => {
  const files = filesIn('jwk')
  t.same(files, Object.keys(LOADED))
  for (const file of files) {
    const right = t.match(await importKey(read(file), ALGORITHMS), LOADED[file] ?? {}, file)
    tally('JOSE cookbook', { of: 1, held: right ? 1 : 0 })
  }
})

t.test('the signatures of the examples verify below the claims, where the key is a public one, and not with a bit turned', here, async t => {
  const verified: string[] = []
  for (const file of filesIn('.').filter(file => !file.startsWith('jwk/'))) {
    const example = read(file)
    const { compact } = example.output ?? {}
    if (compact === undefined) continue
    // Where the example's key has no kid, it is the only one of the set.
    const set = await keySetOf(keysOf(example).map(publicHalf))
    if (verifiesBelowClaims(set, compact)) verified.push(file)
    const at = compact.lastIndexOf('.') + 5
    const turned = compact.slice(0, at) + (compact[at] === 'A' ? 'B' : 'A') + compact.slice(at + 1)
    t.notOk(verifiesBelowClaims(set, turned), `${file}, turned`)
  }
  t.same(verified.sort(), SIGNED)
})

async function refused ({ ask }: KeyHouse, token: string): Promise<boolean> {
  return isRefused(token, await ask(token))
}

function filesIn (below: string): string[] {
  return readdirSync(join(folder, below), { recursive: true }).map(String)
    .filter(file => file.endsWith('.json'))
    .map(file => join(below, file))
    .sort()
}

function read (file: string): Example {
  // The cookbook's own form, as far as it is read here.
  return JSON.parse(readFileSync(join(folder, file), 'utf8')) as Example
}

/** One example nests a signature in an encryption. */
function partsOf (example: Example): Example[] {
  return [example, example.sign, example.encrypt].flatMap(part => part?.output === undefined ? [] : [part])
}

function formsOf ({ output }: Example): string[] {
  const { compact, json, json_flat: flat } = output ?? {}
  return [compact, json, flat].filter(form => form !== undefined).map(form => typeof form === 'string' ? form : JSON.stringify(form))
}

/** A list of keys, one, or none at all: a password. */
function keysOf ({ input }: Example): readonly Jwk[] {
  const key = input?.key ?? []
  return isList(key) ? key : [key]
}

// Array.isArray alone does not narrow a readonly list.
function isList (key: Jwk | readonly Jwk[]): key is readonly Jwk[] {
  return Array.isArray(key)
}

/** What an issuer would publish of it; a secret key has no such half, and stays what it is. */
function publicHalf (key: Jwk): Jwk {
  const { d, p, q, dp, dq, qi, ...rest } = key
  return rest
}

function distinct (keys: readonly Jwk[]): Jwk[] {
  return [...new Map(keys.map(key => [JSON.stringify(key), key])).values()]
}
