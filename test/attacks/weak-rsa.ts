import { checkPrimeSync, createHash, createPrivateKey, generateKeyPairSync, randomInt } from 'node:crypto'
import { signingKey, type SigningKey } from '../support/signing-keys.ts'

/**
 * An RSA key of 2048 bits as the library of ROCA makes them (Nemec et al., ACM CCS 2017, section 2): each prime is a
 * power of 65537 modulo the product of the first 126 primes, and some times that product.
 */
export function rocaKey (kid: string): SigningKey {
  const product = smallPrimes(126).reduce((all, one) => all * one, 1n)
  const p = rocaPrime(product)
  const q = rocaPrime(product)
  const e = 65537n
  const d = inverse(e, (p - 1n) * (q - 1n))
  const jwk = { n: p * q, e, d, p, q, dp: d % (p - 1n), dq: d % (q - 1n), qi: inverse(q, p) }
  const members = Object.fromEntries(Object.entries(jwk).map(([name, value]) => [name, bytes(value).toString('base64url')]))
  return signingKey('RS256', createPrivateKey({ key: { kty: 'RSA', ...members }, format: 'jwk' }), kid)
}

/** An RSA key of exponent 1, and a token that anybody can sign for it: the signature is the padded hash itself. */
export function exponentOne (kid: string): { readonly publicJwk: Readonly<Record<string, unknown>>, readonly sign: (input: string) => string } {
  const { n } = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'jwk' })
  return {
    publicJwk: { kty: 'RSA', n, e: 'AQ', kid, alg: 'RS256', use: 'sig' },
    sign (input) {
      // RFC 8017 section 9.2
      const info = Buffer.concat([Buffer.from('3031300d060960864801650304020105000420', 'hex'), createHash('sha256').update(input).digest()])
      return `${input}.${Buffer.concat([Buffer.from([0, 1]), Buffer.alloc(256 - 3 - info.length, 0xff), Buffer.from([0]), info]).toString('base64url')}`
    }
  }
}

function rocaPrime (product: bigint): bigint {
  for (;;) {
    const power = modPow(65537n, BigInt(randomInt(2 ** 40)), product)
    // The upper half of 1024 bits, so that two of them make 2048.
    const least = (3n << 1022n) / product
    const candidate = (least + BigInt(randomInt(2 ** 40))) * product + power
    if (checkPrimeSync(candidate)) return candidate
  }
}

function smallPrimes (count: number): bigint[] {
  const primes: bigint[] = []
  for (let one = 2n; primes.length < count; one++) if (primes.every(prime => one % prime !== 0n)) primes.push(one)
  return primes
}

function modPow (base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n
  for (let square = base, left = exponent; left > 0n; left >>= 1n, square = square * square % modulus) if (left % 2n === 1n) result = result * square % modulus
  return result
}

// The extended Euclidean algorithm.
function inverse (value: bigint, modulus: bigint): bigint {
  let [before, now, factorBefore, factor] = [modulus, value, 0n, 1n]
  while (now !== 0n) {
    const times = before / now
    ;[before, now, factorBefore, factor] = [now, before - times * now, factor, factorBefore - times * factor]
  }
  return ((factorBefore % modulus) + modulus) % modulus
}

function bytes (value: bigint): Buffer {
  const hex = value.toString(16)
  return Buffer.from(hex.padStart(hex.length + hex.length % 2, '0'), 'hex')
}
