import type { Issuer } from '../config/gateway-schema.ts'
import type { IdpClient } from '../idp/http.ts'
import { createProvider, type Provider } from '../idp/provider.ts'
import { PROFILES } from '../policy/profiles/index.ts'
import { ALGORITHMS } from '../policy/algorithms.ts'
import { createKeyStore, type KeyFetch } from './key-store.ts'
import type { TrustedIssuer } from './verify.ts'

export interface IssuerSurroundings {
  /** asks it, by its `tls`; outlives it */
  readonly client: IdpClient
  /** ms since the epoch */
  readonly now: () => number
  /** ms between refreshes of an issuer's keys */
  readonly keyRefresh: number
  /** whether a URL that an issuer's document names may be called */
  readonly mayCall: (url: string, allowHttp: boolean) => boolean
  readonly onKeyFetch: (issuer: string, outcome: KeyFetch) => void
}

/** An issuer of gateway.yaml at work. */
export interface LiveIssuer {
  readonly trusted: TrustedIssuer
  /** an upstream's credential may use its token endpoint */
  readonly provider: Provider
}

/** An issuer of gateway.yaml, with a key store that begins to fetch at once, until `trusted.keys` is closed. */
export function createIssuer (name: string, issuer: Issuer, { client, now, keyRefresh, mayCall, onKeyFetch }: IssuerSurroundings): LiveIssuer {
  const provider = createProvider(issuer, client, url => mayCall(url, issuer.allow_http))
  const algorithms = issuer.algorithms ?? ALGORITHMS
  const { access_token_when, user_when, client_when } = issuer
  const trusted: TrustedIssuer = {
    name,
    issuer: issuer.issuer,
    policy: { name, profile: PROFILES[issuer.idp], access_token_when, user_when, client_when },
    audience: issuer.audience ?? [],
    allowedClients: issuer.allowed_clients,
    claims: issuer.claims ?? [],
    algorithms,
    clockTolerance: issuer.clock_tolerance,
    keys: createKeyStore({
      provider,
      client,
      jwksUri: issuer.jwks_uri,
      algorithms,
      maxStale: issuer.keys_max_stale,
      refreshEvery: keyRefresh,
      now,
      onFetch: outcome => { onKeyFetch(name, outcome) }
    })
  }
  return { trusted, provider }
}
