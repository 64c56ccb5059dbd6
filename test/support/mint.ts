import { createHash, randomUUID } from 'node:crypto'
import type { KeyRing } from './key-ring.ts'
import { signCompact, type SigningKey } from './signing-keys.ts'

/** Claims that replace or add to the usual ones; `undefined` deletes one. */
export type ClaimOverrides = Readonly<Record<string, unknown>>

export interface MintOptions {
  /** Replaces or adds header parameters; `undefined` deletes one. */
  readonly header?: Readonly<Record<string, unknown>>
  /** Signs instead of the ring's current key; its alg and kid go into the header. */
  readonly key?: SigningKey
  /** The payload to the byte, instead of any claims. */
  readonly payload?: string | Uint8Array
}

type Mint = (claims?: ClaimOverrides, options?: MintOptions) => string

/** Each gives a token that is good as it is (RFC 9068 section 2.2); say only what should differ. */
export interface Mints {
  /** A user's access token: the same as mintUser. */
  readonly mint: Mint
  /** `user-1`, who logged in a minute ago at the client `saas`. */
  readonly mintUser: Mint
  /** The client `saas` itself: `sub` is its client_id, no auth_time. */
  readonly mintClient: Mint
  /** What tells `saas` who logged in, and is no key to any API. */
  readonly mintIdToken: Mint
  /** Any header and payload, byte for byte, signed with the current key or the one given. */
  readonly sign: (header: object | string, payload: object | string | Uint8Array, key?: SigningKey) => string
}

export const apiAudience = 'https://api.example.com'

export function createMints (issuer: string, keys: KeyRing, clock: () => number): Mints {
  const seconds = () => Math.floor(clock() / 1000)

  function make (typ: string, usual: ClaimOverrides, claims: ClaimOverrides = {}, options: MintOptions = {}): string {
    const { header = {}, key = keys.current, payload } = options
    const times = { iat: seconds(), exp: seconds() + 300 }
    return signCompact({ alg: key.alg, kid: key.kid, typ, ...header }, payload ?? { iss: issuer, ...usual, ...times, ...claims }, key)
  }

  const mintUser: Mint = (claims, options) => make('at+jwt', {
    ...access('openid profile'), sub: 'user-1', auth_time: seconds() - 60
  }, claims, options)
  // A client of another name is its own subject unless the test says otherwise.
  const mintClient: Mint = (claims = {}, options) => make('at+jwt', {
    ...access('api'), sub: claims['client_id'] ?? 'saas'
  }, claims, options)
  const mintIdToken: Mint = (claims, options) => make('JWT', {
    aud: 'saas', sub: 'user-1', auth_time: seconds() - 60, nonce: randomUUID(), at_hash: hash(randomUUID()), email: 'user-1@example.com'
  }, claims, options)

  return {
    mint: mintUser,
    mintUser,
    mintClient,
    mintIdToken,
    sign: (header, payload, key = keys.current) => signCompact(header, payload, key)
  }
}

function access (scope: string): ClaimOverrides {
  return { aud: apiAudience, client_id: 'saas', scope, jti: randomUUID() }
}

/** OpenID Connect Core section 3.1.3.6: the left half of the hash. */
function hash (token: string): string {
  return createHash('sha256').update(token).digest().subarray(0, 16).toString('base64url')
}
