import { createPrivateKey, type JsonWebKey } from 'node:crypto'
import { registerSecret } from '../support/secrets.ts'
import { createSigningKey, hmacKey, signature, signingKey, type SigningKey } from '../support/signing-keys.ts'
import { encodePss, openSignature, sealSignature, transferPadding, type PssFaults } from './rsa-padding.ts'
import type { Jwk, Vector, VectorGroup } from './wycheproof.ts'

type Token = readonly [head: string, payload: string, signature: string]

/** What a vector's fault is carried over with: the key, and a good token that differs from the wanted one in the fault. */
interface Scene {
  readonly vector: Vector
  /** counts the vectors of the same comment */
  readonly nth: number
  readonly group: VectorGroup
  readonly key: SigningKey
  readonly good: Token
  readonly claims: object
}

/** The key that signs for a group, in the way in which its vectors are signed; undefined where the runtime refuses to load it. */
export function signerOf ({ privateJwk, vectors }: VectorGroup): SigningKey | undefined {
  const algs = vectors.map(({ token }) => headerOf(token)['alg'])
  const alg = String(algs.find(one => typeof one === 'string' && one !== 'none'))
  if (privateJwk === undefined) return undefined
  try {
    if (privateJwk['kty'] === 'oct') return hmacKey(decode(String(privateJwk['k'])), alg, kidOf(privateJwk))
    // What is wrong with it is for the runtime to say.
    return signingKey(alg, createPrivateKey({ key: privateJwk as JsonWebKey, format: 'jwk' }), kidOf(privateJwk))
  } catch {
    return undefined
  }
}

/**
 * Good claims, signed by the group's key, with just the fault that the vector has: what it is refused for can then be
 * nothing but that.
 */
export async function underClaims (group: VectorGroup, key: SigningKey, claims: object, vector: Vector): Promise<string> {
  const alike = group.vectors.filter(({ comment }) => comment === vector.comment)
  const header = { alg: key.alg, kid: key.kid, typ: 'at+jwt' }
  const scene: Scene = { vector, nth: alike.indexOf(vector), group, key, claims, good: sign(header, claims, key) }
  const token = await faulty(scene)
  if (token.length >= 20) registerSecret(token, 'a token with a fault')
  return token
}

async function faulty (scene: Scene): Promise<string> {
  const { vector: { comment, token }, key, good } = scene
  const shape = SHAPES[comment]?.(good, scene)
  if (shape !== undefined) return shape
  if (comment === 'rejectsAttackerProvidedEmbeddedJwk') {
    const stranger = await createSigningKey(key.alg, key.kid)
    return join(sign({ alg: key.alg, kid: key.kid, typ: 'at+jwt', jwk: stranger.publicJwk }, scene.claims, stranger))
  }
  const [head, payload] = good
  const bytes = Buffer.from(token.split('.')[2] ?? '', 'base64url')
  if (/^rIs\w+_sIs\w+$/.test(comment)) return `${head}.${payload}.${encode(bytes)}`
  if (scene.group.comment === 'SpecialCaseEs256') return `${head}.${payload}.${encode(transferPair(scene, bytes))}`
  const pss = PSS[comment]
  if (pss !== undefined && key.privateKey !== undefined) {
    return `${head}.${payload}.${encode(sealSignature(key.privateKey, encodePss(`${head}.${payload}`, `sha${key.alg.slice(2)}`, 256, pss(scene.nth))))}`
  }
  if (scene.vector.flags.includes('ModifiedPadding')) return transferred(scene, bytes)
  // Nothing is wrong with the token: if it is refused, then for the group's key.
  return join(good)
}

const SHAPES: Readonly<Record<string, (token: Token, scene: Scene) => string>> = {
  rejectsModifiedSignature: ([h, p, s]) => `${h}.${p}.${s.startsWith('X') ? 'Y' : 'X'}${s.slice(1)}`,
  modifiedSignature: ([h, p, s]) => `${h}.${p}.${s.startsWith('X') ? 'Y' : 'X'}${s.slice(1)}`,
  rejectsMissingSignature: ([h, p]) => `${h}.${p}.`,
  rejectsMissingSignatureAndSeparator: ([h, p]) => `${h}.${p}`,
  rejectsModifiedPayload: ([h, , s], { claims }) => `${h}.${encode(JSON.stringify({ ...claims, sub: 'admin' }))}.${s}`,
  rejectsMissingPayload: ([h, , s]) => `${h}..${s}`,
  rejectsMissingPayloadAndSeparator: ([h, , s]) => `${h}.${s}`,
  rejectsModifiedHeader: ([, p, s], { key }) => `${encode(JSON.stringify({ alg: key.alg, kid: `X${key.kid.slice(1)}`, typ: 'at+jwt' }))}.${p}.${s}`,
  rejectsMissingHeader: ([, p, s]) => `.${p}.${s}`,
  rejectsMissingHeaderAndSeparator: ([, p, s]) => `${p}.${s}`,
  rejectsMissingHeaderAndSignature: ([, p]) => `.${p}.`,
  rejectsMissingHeaderSignatureAndSeparator: ([, p]) => p,
  rejectsMissingHeaderSignatureAndSeparators: ([, p]) => p,
  rejectsEmptyString: () => '',
  rejectsExtraEmptyComponent: token => `${join(token)}.`,
  rejectsExtraComponent: token => `${join(token)}.foo`,
  rejectsNoneAlgorithmAndMissingSignature: ([, p], { key }) => `${encode(JSON.stringify({ alg: 'none', kid: key.kid, typ: 'at+jwt' }))}.${p}.`,
  rejectsValidJsonSerialization: ([h, p, s]) => JSON.stringify({ payload: p, signatures: [{ protected: h, signature: s }] }),
  rejectsSymmetryConfusionAttacks_aesKeyFromEcVerificationKeyBytes: (_, { key, claims }) => join(sign({ alg: 'HS256', kid: key.kid, typ: 'at+jwt' }, claims, hmacKey(publicBytes(key)))),
  algIsNone: ([, p], { vector }) => `${encode(JSON.stringify({ ...headerOf(vector.token), typ: 'at+jwt' }))}.${p}.`,
  // The comment names how it is signed, the header what it says.
  ...Object.fromEntries(['RS256', 'RS384', 'RS512', 'PS256', 'PS384'].map(alg => [`Using${alg}`, (_: Token, { vector, key, claims }: Scene) => join(sign({ ...headerOf(vector.token), typ: 'at+jwt' }, claims, { ...key, alg }))])),

  rejectsSpacesInMac: ([h, p, s]) => `${h}.${p}.    ${s}`,
  rejectsInvalidCharacterInsertedInMac: ([h, p, s], { nth }) => nth === 0 ? `${h}.${p}.?${s}` : `${h}.${p}.${s}?`,
  rejects0ReplacedbyInvalidCharacter: ([h, p, s]) => `${h}.${p}.?${s.slice(1)}`,
  rejectsInvalidCharacters: ([h, p, s]) => `${h}.${p}.????${s.slice(4)}`,
  spacesInHeader: ([h, p], { key }) => signText(`${h}    .${p}`, key),
  invalidCharactersInHeader: ([h, p], { key }) => signText(`${h}####.${p}`, key),
  invalidBase64Padding: ([h, p], { key }) => signText(`${h}${'='.repeat(-h.length & 3) || '='}.${p}`, key),
  spacesInPayload: ([h, p], { key }) => signText(`${h}.    ${p}`, key),
  invalidCharactersInPayload: ([h, p], { key }) => signText(`${h}.####${p}`, key),
  invalidBase64PaddingInPayload: ([h, p], { key }) => signText(`${h}.${p}${'='.repeat(-p.length & 3) || '='}`, key),
  InvalidCharacterInPayload: ([h, p], { key }) => signText(`${h}.?${p}`, key),
  InvalidCharacterInsertedInHeader: ([h, p, s]) => `${h.slice(0, -1)}?${h.slice(-1)}.${p}.${s}`,
  InvalidCharacterInsertedInPayload: ([h, p, s]) => `${h}.${p}?.${s}`,
  ModifiedUnusedBitsInPayload: (_, scene) => {
    const [h, p, s] = withUnusedBits(scene)
    return `${h}.${otherSpelling(p)}.${s}`
  },
  MacOfIncorrectlyEncodedMessage: (_, scene) => {
    const [h, p] = withUnusedBits(scene)
    return signText(`${h}.${otherSpelling(p)}`, scene.key)
  },
  ValidSpacesInJsonHeader: (_, { key, claims }) => join(sign(`{ "kid" : "${key.kid}", "alg" : "${key.alg}", "typ" : "at+jwt" }`, claims, key)),
  ValidWhiteSpaceInJsonHeader: (_, { key, claims }) => join(sign(`{"kid":"${key.kid}",\n\t"alg":"${key.alg}","typ":"at+jwt"}`, claims, key)),

  SignatureIs0: ([h, p]) => `${h}.${p}.${encode(toBytes(0n, 256))}`,
  SignatureIs1: ([h, p]) => `${h}.${p}.${encode(toBytes(1n, 256))}`,
  SignatureIsNsub1: ([h, p], { key }) => `${h}.${p}.${encode(toBytes(modulusOf(key) - 1n, 256))}`,
  SignatureIsn: ([h, p], { key }) => `${h}.${p}.${encode(toBytes(modulusOf(key), 256))}`,
  SignatureIsnotReduced: ([h, p, s], { key }) => `${h}.${p}.${encode(toBytes(toNumber(decode(s)) + modulusOf(key), 257))}`,
  prependingZerosToSignature: ([h, p, s]) => `${h}.${p}.${encode(Buffer.concat([Buffer.alloc(2), decode(s)]))}`,
  appendingZerosToSignature: ([h, p, s]) => `${h}.${p}.${encode(Buffer.concat([decode(s), Buffer.alloc(2)]))}`,
  truncatedSignature: ([h, p, s]) => `${h}.${p}.${encode(decode(s).subarray(0, -2))}`
}

const bitAt = (place: number): Buffer => Buffer.concat([Buffer.alloc(place), Buffer.from([1])])

// Wycheproof names the fault; where, goes round with the number of its vectors.
const PSS: Readonly<Record<string, (nth: number) => PssFaults>> = {
  MhashModified: nth => ({ digest: bitAt(nth * 9) }),
  FirstByteOfMhashModified: () => ({ digest: bitAt(0) }),
  lastByteOfMhashModified: () => ({ digest: bitAt(31) }),
  LastByteOfMhashModified: () => ({ digest: bitAt(63) }),
  SaltLenChanged: nth => ({ salt: Buffer.alloc([0, 1, 20, 31, 33, 64][nth] ?? 0, 7) }),
  saltIsAll0: () => ({ salt: Buffer.alloc(32) }),
  saltIsAll1: () => ({ salt: Buffer.alloc(32, 0xff) }),
  ZeroPaddingModified: nth => ({ zeros: bitAt([0, 4, 7][nth] ?? 0) }),
  ModifiedHash: nth => ({ hash: bitAt(nth * 4) }),
  PSModified: nth => ({ padding: bitAt([1, 2, 50, 100, 150, 189][nth] ?? 1) }),
  SaltModified: nth => ({ storedSalt: bitAt([0, 31][nth] ?? 0) }),
  MaskedDbChanged: () => ({ masked: bitAt(100) }),
  EmModified: nth => ({ trailer: [0xbd, 0xcc, 0x00][nth] ?? 0 })
}

function transferred ({ vector, key, good: [head, payload, signed] }: Scene, bytes: Buffer): string {
  if (key.privateKey === undefined) throw new Error('a padding wants a private key')
  const vectorText = vector.token.slice(0, vector.token.lastIndexOf('.'))
  const made = sealSignature(key.privateKey, transferPadding(openSignature(key.privateKey, bytes), vectorText, `${head}.${payload}`))
  if (encode(made) === signed) throw new Error(`the fault of vector ${vector.id} was lost`)
  return `${head}.${payload}.${encode(made)}`
}

// What was added to the two numbers of the vector's signature, is added to the two of ours.
function transferPair ({ vector, group, good }: Scene, bytes: Buffer): Buffer {
  const [r, s] = halves(decode(good[2]))
  if (vector.valid) return Buffer.concat([toBytes(r, 32), toBytes(P256_ORDER - s, 32)])
  if (vector.comment === 'TrailingZeros') return Buffer.concat([toBytes(r, 32), Buffer.alloc(1), toBytes(s, 32), Buffer.alloc(1)])
  const sound = group.vectors.find(({ comment }) => comment === 'SignatureTooLong')
  const [oldR, oldS] = halves(Buffer.from(sound?.token.split('.')[2] ?? '', 'base64url'))
  const [newR, newS] = halves(bytes)
  const size = bytes.length / 2
  return Buffer.concat([toBytes(r + newR - oldR, size), toBytes(s + newS - oldS, size)])
}

const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n

function halves (bytes: Buffer): readonly [bigint, bigint] {
  return [toNumber(bytes.subarray(0, bytes.length / 2)), toNumber(bytes.subarray(bytes.length / 2))]
}

function toNumber (bytes: Buffer): bigint {
  return BigInt(`0x${bytes.toString('hex')}`)
}

function toBytes (value: bigint, size: number): Buffer {
  return Buffer.from(BigInt.asUintN(size * 8, value).toString(16).padStart(size * 2, '0'), 'hex')
}

function modulusOf ({ publicJwk }: SigningKey): bigint {
  return toNumber(decode(String(publicJwk['n'])))
}

/** x and y as they are in the JWK: what a library might take for a secret. */
function publicBytes ({ publicJwk }: SigningKey): Buffer {
  return Buffer.concat([decode(String(publicJwk['x'])), decode(String(publicJwk['y']))])
}

/** A good token whose payload's last character has bits that do not count. */
function withUnusedBits ({ key, claims }: Scene): Token {
  const header = { alg: key.alg, kid: key.kid, typ: 'at+jwt' }
  const text = JSON.stringify(claims)
  return sign(header, text.length % 3 === 0 ? `${text} ` : text, key)
}

function otherSpelling (part: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  return part.slice(0, -1) + (alphabet[alphabet.indexOf(part.at(-1) ?? '') ^ 1] ?? '')
}

function sign (header: object | string, payload: object | string, key: SigningKey): Token {
  const parts = [header, payload].map(part => encode(typeof part === 'string' ? part : JSON.stringify(part)))
  const [head = '', body = ''] = parts
  return [head, body, encode(signature(`${head}.${body}`, key))]
}

function signText (text: string, key: SigningKey): string {
  return `${text}.${encode(signature(text, key))}`
}

function headerOf (token: string): Readonly<Record<string, unknown>> {
  try {
    // Spread or read by name, whatever it is.
    return JSON.parse(decode(token.split('.')[0] ?? '').toString()) as Readonly<Record<string, unknown>>
  } catch {
    return {}
  }
}

function kidOf (jwk: Jwk): string {
  return String(jwk['kid'])
}

function join (token: Token): string {
  return token.join('.')
}

function encode (part: string | Buffer): string {
  return Buffer.from(part).toString('base64url')
}

function decode (part: string): Buffer {
  return Buffer.from(part, 'base64url')
}
