import { importKeySet } from '../../src/inbound/key-set.ts'
import type { KeyStore } from '../../src/inbound/key-store.ts'
import type { TrustedIssuer } from '../../src/inbound/verify.ts'
import { ALGORITHMS } from '../../src/policy/algorithms.ts'
import { PROFILES } from '../../src/policy/profiles/index.ts'
import { createKeyRing, type KeyRing } from '../support/key-ring.ts'
import { apiAudience, createMints, type Mints } from '../support/mint.ts'

export interface OwnIssuer {
  readonly trusted: TrustedIssuer
  readonly ring: KeyRing
  readonly mints: Mints
  /** ms since the epoch, one instant for all */
  readonly now: () => number
}

/** An issuer and its keys as the verifier of the gateway knows them, without a socket: the keys are in hand. */
export async function trustedIssuer (): Promise<OwnIssuer> {
  const [issuer, instant] = ['https://idp.example.com/', Math.floor(Date.now() / 1000) * 1000]
  const ring = await createKeyRing('ES256')
  const set = await importKeySet({ keys: ring.published }, ALGORITHMS)
  const keys: KeyStore = {
    find: (kid, alg) => set.find(kid, alg) ?? 'unknown',
    holds: key => set.keys.includes(key),
    status: () => ({ tried: true, usable: true, keys: set.keys.length, fetchedAt: instant, pause: 0 }),
    close () {}
  }
  const trusted: TrustedIssuer = {
    name: 'main',
    issuer,
    policy: { name: 'main', profile: PROFILES.rfc9068 },
    audience: [apiAudience],
    allowedClients: undefined,
    claims: [],
    algorithms: ALGORITHMS,
    clockTolerance: 5000,
    keys
  }
  const now = () => instant
  return { trusted, ring, mints: createMints(issuer, ring, now), now }
}
