import { createPublicKey, constants, generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import type { Algorithm } from '../policy/algorithms.ts'
import type { Unsigned } from './shape.ts'

/** A key pair that lives as long as this process. */
export interface BuiltInKey {
  readonly alg: Algorithm
  readonly kid: string
  readonly privateKey: KeyObject
  readonly publicJwk: Readonly<Record<string, unknown>>
}

/** The first of these that an issuer takes: a curve's key is made, and signs, in a fraction of the time of an RSA key. */
const CHEAPEST_FIRST: readonly Algorithm[] = ['ES256', 'EdDSA', 'ES384', 'ES512']

export function createKey (taken: readonly Algorithm[], kid: string): BuiltInKey {
  const alg = CHEAPEST_FIRST.find(one => taken.includes(one)) ?? taken[0] ?? 'ES256'
  const { privateKey } = pairFor(alg)
  return { alg, kid, privateKey, publicJwk: { ...createPublicKey(privateKey).export({ format: 'jwk' }), kid, alg, use: 'sig' } }
}

/** A compact JWS (RFC 7515 section 7.1). */
export function signedBy ({ alg, kid, privateKey }: BuiltInKey, { header, claims }: Unsigned): string {
  const input = `${encoded({ alg, kid, ...header })}.${encoded(claims)}`
  return `${input}.${signature(alg, privateKey, Buffer.from(input)).toString('base64url')}`
}

/** The oldest forgery: it says that nobody signed it (RFC 7519 section 6). */
export function unsecured ({ header, claims }: Unsigned): string {
  return `${encoded({ ...header, alg: 'none' })}.${encoded(claims)}.`
}

function pairFor (alg: Algorithm): { privateKey: KeyObject } {
  switch (alg) {
    case 'ES256': return generateKeyPairSync('ec', { namedCurve: 'P-256' })
    case 'ES384': return generateKeyPairSync('ec', { namedCurve: 'P-384' })
    case 'ES512': return generateKeyPairSync('ec', { namedCurve: 'P-521' })
    case 'EdDSA': return generateKeyPairSync('ed25519')
    default: return generateKeyPairSync('rsa', { modulusLength: 2048 })
  }
}

function signature (alg: Algorithm, key: KeyObject, input: Buffer): Buffer {
  if (alg === 'EdDSA') return sign(null, input, key)
  const hash = `sha${alg.slice(2)}`
  if (alg.startsWith('ES')) return sign(hash, input, { key, dsaEncoding: 'ieee-p1363' })
  if (alg.startsWith('PS')) return sign(hash, input, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST })
  return sign(hash, input, key)
}

// What is undefined is left out.
function encoded (part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url')
}
