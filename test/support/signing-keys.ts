import { constants, createHmac, createPublicKey, createSecretKey, generateKeyPair, sign, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import { registerSecret } from './secrets.ts'

/** A key that signs, and its public half as a JWK for the set. `alg` is how it signs, whatever a header says. */
export interface SigningKey {
  readonly alg: string
  readonly kid: string
  readonly privateKey: KeyObject | undefined
  readonly publicJwk: Readonly<Record<string, unknown>>
}

let count = 0

/** A fresh key for one of the JWS algorithms (RS, PS, ES 256 to 512, EdDSA, Ed25519). */
export async function createSigningKey (alg = 'ES256', kid = nextKid(alg)): Promise<SigningKey> {
  return signingKey(alg, (await keyPairFor(alg)).privateKey, kid)
}

const makePair = promisify(generateKeyPair)

function keyPairFor (alg: string): Promise<{ privateKey: KeyObject }> {
  switch (alg) {
    case 'ES256': return makePair('ec', { namedCurve: 'P-256' })
    case 'ES384': return makePair('ec', { namedCurve: 'P-384' })
    case 'ES512': return makePair('ec', { namedCurve: 'P-521' })
    case 'EdDSA':
    case 'Ed25519': return makePair('ed25519')
    default:
      if (!/^[RP]S/.test(alg)) throw new Error(`no key is made for ${alg}`)
      return makePair('rsa', { modulusLength: 2048 })
  }
}

/** A key made elsewhere: a short RSA key, or one key under a second name or algorithm. */
export function signingKey (alg: string, privateKey: KeyObject, kid = nextKid(alg)): SigningKey {
  return { alg, kid, privateKey, publicJwk: { ...createPublicKey(privateKey).export({ format: 'jwk' }), kid, alg, use: 'sig' } }
}

/** Signs by HMAC with these bytes: the public key's PEM, for the oldest JWT attack. */
export function hmacKey (secret: string | Buffer, alg = 'HS256', kid = nextKid(alg)): SigningKey {
  return { alg, kid, privateKey: createSecretKey(Buffer.from(secret)), publicJwk: {} }
}

/** Signs nothing: the signature is empty (RFC 7518 section 3.6). */
export const noKey: SigningKey = { alg: 'none', kid: 'none', privateKey: undefined, publicJwk: {} }

/**
 * A compact JWS (RFC 7515 section 7.1). Header and payload given as text or bytes go in as they
 * are: duplicate keys, broken JSON, anything. Signed with node:crypto, because jose rightly refuses
 * to make most of the tokens that an attacker would; jose is the second opinion in the self-tests.
 */
export function signCompact (header: object | string, payload: object | string | Uint8Array, key: SigningKey): string {
  const input = `${encode(header)}.${encode(payload)}`
  return registerSecret(`${input}.${signature(input, key).toString('base64url')}`, 'a signed token')
}

/** The signature over a JWS signing input, by that key in its own way. */
export function signature (input: string, { alg, privateKey: key }: SigningKey): Buffer {
  const bytes = Buffer.from(input)
  if (key === undefined) return Buffer.alloc(0)
  const hash = `sha${alg.slice(2)}`
  if (alg.startsWith('HS')) return createHmac(hash, key).update(bytes).digest()
  if (alg.startsWith('Ed')) return sign(null, bytes, key)
  if (alg.startsWith('ES')) return sign(hash, bytes, { key, dsaEncoding: 'ieee-p1363' })
  if (alg.startsWith('PS')) return sign(hash, bytes, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST })
  return sign(hash, bytes, key)
}

function encode (part: object | string | Uint8Array): string {
  const bytes = part instanceof Uint8Array || typeof part === 'string' ? part : JSON.stringify(part)
  return Buffer.from(bytes).toString('base64url')
}

function nextKid (alg: string): string {
  count += 1
  return `${alg.toLowerCase()}-${count}`
}
