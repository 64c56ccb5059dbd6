import { isUtf8 } from 'node:buffer'
import t, { type Test } from 'tap'
import { ALGORITHMS } from '../../src/policy/algorithms.ts'
import { importKey } from '../../src/inbound/key.ts'
import { createSigningKey } from '../support/signing-keys.ts'
import { keySetOf, verifiesBelowClaims } from './below-claims.ts'
import { tally } from './gauntlet.ts'
import { isRefused, startWithKeys, type KeyHouse } from './key-house.ts'
import { needsVectors, vectorsFolder } from './vectors.ts'
import { readAgreementKeys, readGroups, type Vector, type VectorGroup } from './wycheproof.ts'
import { signerOf, underClaims } from './wycheproof-claims.ts'

// Project Wycheproof's vectors are no access tokens: their payloads are `foo` and zeros. So they are tried at three
// levels: as they stand, at the gateway; below the claims, at our verification alone; and with their faults carried
// over to a token whose claims are good, at the gateway again, where nothing but the fault can refuse it.

const folder = vectorsFolder('wycheproof') ?? ''
const here = needsVectors('wycheproof')

const FILES = {
  JWS: 'json_web_signature_test.json',
  JWK: 'json_web_key_test.json',
  crypto: 'json_web_crypto_test.json'
}

const houses = new Map<string, Promise<KeyHouse>>()

for (const [name, file] of Object.entries(FILES)) {
  t.test(`${name}: as they stand, each is refused, and the ERP sees nothing`, here, async t => {
    await asTheyStand(t, name, readGroups(folder, file))
  })

  t.test(`${name}: below the claims, the good ones verify and no other does`, here, async t => {
    const count = counter(t, `${name}, below the claims`)
    const left: Record<string, number> = {}
    for (const group of readGroups(folder, file).filter(isSigned)) {
      const set = await keySetOf(group.published)
      for (const vector of group.vectors) {
        const reason = vector.valid ? whyNot(vector, group) ?? whyNoClaims(vector) : undefined
        if (reason !== undefined) left[reason] = (left[reason] ?? 0) + 1
        count(t.equal(verifiesBelowClaims(set, vector.token), vector.valid && reason === undefined, label(vector)))
      }
    }
    t.comment(`good elsewhere and refused here: ${Object.entries(left).map(([reason, times]) => `${times} (${reason})`).join(', ')}`)
    count.report()
  })

  t.test(`${name}: with good claims and the same fault, each is refused for the fault`, here, async t => {
    await withGoodClaims(t, name, readGroups(folder, file).filter(isSigned))
  })
}

t.test('JWE: an encrypted token is refused, whatever key the issuer publishes', here, async t => {
  const groups = readGroups(folder, 'json_web_encryption_test.json')
  for (const { published } of groups) {
    for (const key of published) t.match(await importKey(key, ALGORITHMS), { unusable: /\w/ }, `${String(key['kty'])} ${String(key['alg'])}`)
  }
  await asTheyStand(t, 'JWE', [{ comment: 'all', published: groups.flatMap(({ published }) => published), privateJwk: undefined, vectors: groups.flatMap(({ vectors }) => vectors) }])
})

for (const curve of ['x25519', 'x448']) {
  t.test(`${curve}: a key for agreement verifies nothing, and leaves the others in the set as they are`, here, async t => {
    const keys = readAgreementKeys(folder, `${curve}_jwk_test.json`)
    const good = (await createSigningKey('ES256')).publicJwk
    const count = counter(t, 'XDH JWK')
    const { keys: known } = await keySetOf([good])
    for (const { id, public: key, private: secret } of keys) {
      // A few vectors put an EC key where one for agreement belongs: that one is for ECDSA, and for nothing else.
      const usable = ['P-256', 'P-384', 'P-521'].includes(String(key['crv'])) ? [key['kid'], good['kid']] : [good['kid']]
      const set = await keySetOf([key, good, secret, { ...key, use: 'sig', alg: 'EdDSA' }], known)
      count(t.same([set.keys.map(({ kid }) => kid), set.unusable.length], [usable, 4 - usable.length], `${curve} ${id}`))
    }
    count.report()
  })
}

/** One gateway for all vectors of the same keys, as long as the file runs. */
async function houseOf ({ published }: VectorGroup): Promise<KeyHouse> {
  const keys = JSON.stringify(published)
  const house = houses.get(keys) ?? startWithKeys(t, published)
  houses.set(keys, house)
  return await house
}

async function asTheyStand (t: Test, name: string, groups: readonly VectorGroup[]): Promise<void> {
  const count = counter(t, `${name}, as they stand`)
  for (const group of groups) {
    const { ask, erp } = await houseOf(group)
    const before = erp.requests.length
    for (const vector of group.vectors) {
      const answer = await ask(vector.token)
      count(t.ok(isRefused(vector.token, answer), label(vector), { got: [answer.status, answer.code] }))
    }
    t.equal(erp.requests.length, before, 'the ERP saw nothing')
  }
  count.report()
}

async function withGoodClaims (t: Test, name: string, groups: readonly VectorGroup[]): Promise<void> {
  const count = counter(t, `${name}, with good claims`)
  const es256 = readGroups(folder, FILES.JWS).find(({ comment }) => comment === 'es256')
  for (const written of groups) {
    // What is wrong with the spelling is tried where a good spelling passes: no HMAC does.
    const group = written.comment === 'base64' && es256 !== undefined ? { ...written, published: es256.published, privateJwk: es256.privateJwk } : written
    const key = signerOf({ ...group, vectors: written.comment === 'base64' ? es256?.vectors ?? [] : group.vectors })
    if (key === undefined) {
      for (const vector of group.vectors) count.notApplicable(`${label(vector)}: its private key is not one that can sign`)
      continue
    }
    const { ask, idp, erp } = await houseOf(group)
    for (const vector of group.vectors) {
      const seconds = Math.floor(Date.now() / 1000)
      const claims = { iss: idp.issuer, aud: 'https://api.example.com', sub: 'user-1', client_id: 'saas', auth_time: seconds, iat: seconds, exp: seconds + 300, scope: 'openid', jti: String(vector.id) }
      const passes = vector.valid && (written.comment === 'base64' ? whyNotSpelled(vector) : whyNot(vector, group)) === undefined
      const token = await underClaims(group, key, claims, vector)
      const before = erp.requests.length
      const answer = await ask(token)
      const right = passes ? answer.status === 200 : isRefused(token, answer)
      count(t.ok(right && erp.requests.length === before + (passes ? 1 : 0), label(vector), { token, passes, got: [answer.status, answer.code] }))
    }
  }
  count.report()
}

/** Why a vector that is good elsewhere does not pass here, whatever it says. */
function whyNot ({ token }: Vector, { published }: VectorGroup): string | undefined {
  const alg = /"alg"\s*:\s*"(\w+)"/.exec(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString())?.[1]
  if (published.some(key => key['kty'] === 'oct')) return 'a secret key is no issuer\'s'
  if (published.every(key => key['alg'] !== alg)) return 'its key is for another algorithm than it names'
  return undefined
}

function whyNoClaims ({ token }: Vector): string | undefined {
  const payload = Buffer.from(token.split('.')[1] ?? '', 'base64url')
  return payload.length === 0 ? 'nothing for a payload' : isUtf8(payload) ? undefined : 'a payload that is no text'
}

// RFC 7515 section 2: no other characters. Wycheproof lets a decoder drop them.
function whyNotSpelled ({ comment }: Vector): string | undefined {
  return comment.startsWith('InvalidCharacterInserted') ? 'characters that are not of base64url' : undefined
}

function isSigned ({ vectors }: VectorGroup): boolean {
  return vectors.every(({ token }) => !isEncrypted(token))
}

function isEncrypted (token: string): boolean {
  return token.split('.').length === 5 || token.includes('"ciphertext"')
}

function label ({ id, comment }: Vector): string {
  return `${id} ${comment}`
}

interface Counter {
  (held: boolean): void
  notApplicable (why: string): void
  report (): void
}

/** Counts what held, for the report of the whole run. */
function counter (t: Test, part: string): Counter {
  const sum = { of: 0, held: 0, notApplicable: 0 }
  return Object.assign((held: boolean) => {
    sum.of++
    if (held) sum.held++
  }, {
    notApplicable (why: string) {
      sum.of++
      sum.notApplicable++
      t.comment(why)
    },
    report () {
      t.ok(sum.of > sum.notApplicable, 'there was something to try')
      t.comment(`${part}: ${sum.held} of ${sum.of - sum.notApplicable}`)
      tally(`wycheproof ${part}`, sum)
    }
  })
}
