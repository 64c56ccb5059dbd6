import { createSigningKey, type SigningKey } from './signing-keys.ts'

/** The issuer's keys: which one signs, and which ones the set shows. The two need not agree. */
export interface KeyRing {
  /** Signs what is minted; assign another to sign with it, published or not. */
  current: SigningKey
  /** The `keys` of the set as served: put anything in, an encryption key or nonsense too. */
  published: unknown[]
  /** One more key, in the set, not signing. */
  add (alg?: string, kid?: string): Promise<SigningKey>
  /** One more key, in the set, and signing from now on; the old one stays in the set. */
  rotate (alg?: string): Promise<SigningKey>
  /** Out of the set; a token that it signed is still a token that it signed. */
  remove (key: SigningKey): void
}

export async function createKeyRing (alg?: string): Promise<KeyRing> {
  const first = await createSigningKey(alg)
  const ring: KeyRing = {
    current: first,
    published: [first.publicJwk],
    async add (alg = ring.current.alg, kid) {
      const key = await createSigningKey(alg, kid)
      ring.published.push(key.publicJwk)
      return key
    },
    async rotate (alg) {
      ring.current = await ring.add(alg)
      return ring.current
    },
    remove (key) {
      ring.published = ring.published.filter(jwk => jwk !== key.publicJwk)
    }
  }
  return ring
}
