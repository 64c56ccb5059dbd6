import fastifyJwt from '@fastify/jwt'
import Fastify from 'fastify'
import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto'
import { NO_SCHEMAS } from '../common/no-schemas.ts'
import type { Algorithm } from '../policy/algorithms.ts'
import { hasRocaFingerprint } from './roca.ts'

/** A public key of an issuer that passed every check. */
export interface VerificationKey {
  readonly kid: string | undefined
  /** what it may verify: its own `alg`, or all that its type is for */
  readonly algorithms: readonly Algorithm[]
  /** equal for equal keys */
  readonly id: string
  /** Whether the compact JWS was signed with this key by one of its algorithms. Claims are not looked at. */
  verifies (token: string): boolean
}

/**
 * Makes a verification key of a JWK (RFC 7517), or says why not: too short, for encryption, secret, of an unknown type.
 * @param allowed the issuer's algorithms
 * @param known keys imported before: an equal one is taken over, since to make one costs a Fastify instance
 */
export async function importKey (jwk: unknown, allowed: readonly Algorithm[], known: readonly VerificationKey[] = []): Promise<VerificationKey | { readonly unusable: string }> {
  const checked = checkMembers(jwk)
  if ('unusable' in checked) return checked
  const key = toKeyObject(checked.jwk)
  if (key === undefined) return { unusable: 'is malformed' }
  const possible = algorithmsOf(key)
  if ('unusable' in possible) return possible
  const algorithms = possible.algorithms.filter(one => (checked.alg === undefined || checked.alg === one) && allowed.includes(one))
  if (algorithms.length === 0) return { unusable: "is for no algorithm of the issuer's list" }
  const pem = key.export({ type: 'spki', format: 'pem' }).toString()
  const id = `${algorithms.join()} ${pem}`
  const equal = known.find(key => key.id === id)
  return { kid: checked.kid, algorithms, id, verifies: equal?.verifies ?? await signatureCheck(pem, algorithms) }
}

function checkMembers (jwk: unknown): { jwk: JsonWebKey, kid: string | undefined, alg: string | undefined } | { unusable: string } {
  if (typeof jwk !== 'object' || jwk === null || Array.isArray(jwk)) return { unusable: 'is no object' }
  const own = (name: string): unknown => Object.hasOwn(jwk, name) ? Reflect.get(jwk, name) : undefined
  const [kid, alg, use] = ['kid', 'alg', 'use'].map(own)
  const operations: unknown = own('key_ops')
  if (kid !== undefined && typeof kid !== 'string') return { unusable: 'has a kid that is no string' }
  if (alg !== undefined && typeof alg !== 'string') return { unusable: 'has an alg that is no string' }
  if (use !== undefined && use !== 'sig') return { unusable: 'is not for signatures (use)' }
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify'))) return { unusable: 'is not for verifying (key_ops)' }
  if (own('kty') === 'oct' || own('k') !== undefined) return { unusable: 'is a secret key' }
  if (own('d') !== undefined) return { unusable: 'is a private key' }
  const members = ['kty', 'n', 'e', 'crv', 'x', 'y'].map((name): [string, unknown] => [name, own(name)])
  const jwkOfStrings: JsonWebKey = Object.fromEntries(members.filter((member): member is [string, string] => typeof member[1] === 'string'))
  return { jwk: jwkOfStrings, kid, alg }
}

function toKeyObject (jwk: JsonWebKey): KeyObject | undefined {
  try {
    return createPublicKey({ key: jwk, format: 'jwk' })
  } catch {
    return undefined
  }
}

function algorithmsOf (key: KeyObject): { algorithms: readonly Algorithm[] } | { unusable: string } {
  const { modulusLength = 0, publicExponent = 0n, namedCurve } = key.asymmetricKeyDetails ?? {}
  switch (key.asymmetricKeyType) {
    case 'rsa':
      // RFC 7518 section 3.3: 2048 bits or more. Beyond 8192 one verification costs milliseconds.
      if (modulusLength < 2048 || modulusLength > 8192) return { unusable: 'is an RSA key of an unusual size' }
      if (publicExponent < 3n || publicExponent % 2n === 0n) return { unusable: 'has an RSA exponent that is not odd and above 1' }
      if (hasRocaFingerprint(modulusOf(key))) return { unusable: 'is an RSA key that can be factored (CVE-2017-15361)' }
      return { algorithms: ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'] }
    case 'ec':
      if (namedCurve === 'prime256v1') return { algorithms: ['ES256'] }
      if (namedCurve === 'secp384r1') return { algorithms: ['ES384'] }
      if (namedCurve === 'secp521r1') return { algorithms: ['ES512'] }
      return { unusable: 'is on a curve that no algorithm here uses' }
    case 'ed25519': case 'ed448':
      return { algorithms: ['EdDSA'] }
    default:
      return { unusable: 'is of a type that no algorithm here uses' }
  }
}

function modulusOf (key: KeyObject): bigint {
  return BigInt(`0x${Buffer.from(key.export({ format: 'jwk' }).n ?? '', 'base64url').toString('hex')}`)
}

// @fastify/jwt keeps one fast-jwt verifier for a static key; handed a key per call it would build one per request.
async function signatureCheck (pem: string, algorithms: readonly Algorithm[]): Promise<(token: string) => boolean> {
  const holder = Fastify({ logger: false, schemaController: NO_SCHEMAS })
  await holder.register(fastifyJwt, {
    // Its types want a private key too; without one it verifies only.
    secret: { private: '', public: pem },
    // Times are the caller of this check's to judge, by the gateway's clock; a cached error would outlive an outage.
    verify: { algorithms: [...algorithms], ignoreExpiration: true, ignoreNotBefore: true, cache: false, errorCacheTTL: -1 }
  })
  await holder.ready()
  return token => {
    try {
      holder.jwt.verify(token)
      return true
    } catch {
      // Whatever it was (bad signature, crit, a payload that is no object), the token is not this key's.
      return false
    }
  }
}
