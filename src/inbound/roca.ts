/** The odd primes up to 167: among them are those in which 65537 has few powers. */
const PRIMES = [
  3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109, 113,
  127, 131, 137, 139, 149, 151, 157, 163, 167
]

const POWERS: ReadonlyArray<readonly [prime: bigint, powers: ReadonlySet<bigint>]> = PRIMES.map(prime => [BigInt(prime), powersOf(65537n, BigInt(prime))])

/**
 * Whether an RSA modulus was made by the chip library of CVE-2017-15361 (ROCA), whose keys can be factored: such a
 * modulus is a power of 65537 in every small prime. Of all others, one in two hundred million is, too.
 * Source: Nemec et al., "The Return of Coppersmith's Attack", 2017, section 2.
 */
export function hasRocaFingerprint (modulus: bigint): boolean {
  return POWERS.every(([prime, powers]) => powers.has(modulus % prime))
}

function powersOf (base: bigint, prime: bigint): ReadonlySet<bigint> {
  const found = new Set<bigint>()
  for (let power = 1n; !found.has(power); power = power * base % prime) found.add(power)
  return found
}
