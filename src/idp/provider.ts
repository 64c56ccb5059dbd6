import { IdpError, type IdpClient } from './http.ts'

/** Where an OpenID provider is found. */
export interface ProviderLocation {
  /** its exact issuer */
  readonly issuer: string
  /** where its document is, when it is not under the issuer */
  readonly discovery?: string | undefined
}

/** What the gateway wants of a provider's document (OpenID Connect Discovery section 3, RFC 8414 section 2). */
export interface ProviderMetadata {
  readonly jwks_uri: string | undefined
  readonly token_endpoint: string | undefined
}

/** A provider's document, fetched when it is first wanted. */
export interface Provider {
  /** @throws {IdpError} */
  metadata (): Promise<ProviderMetadata>
  /** Forgets the document: its endpoints did not work. */
  forget (): void
}

/** Whether a URL may be spoken to: https, or http where configuration allowed it for this place. */
export type AcceptsUrl = (url: string) => boolean

export function createProvider (location: ProviderLocation, client: IdpClient, accepts: AcceptsUrl): Provider {
  let pending: Promise<ProviderMetadata> | undefined

  async function fetchMetadata (): Promise<ProviderMetadata> {
    const document = await client.json(location.discovery ?? discoveryUrl(location.issuer))
    if (typeof document !== 'object' || document === null) throw new IdpError('has a discovery document that is no object')
    const own = (name: string): unknown => Object.hasOwn(document, name) ? Reflect.get(document, name) : undefined
    // To the letter: OpenID Connect Discovery section 4.3. Another issuer's document must never lend its keys.
    if (own('issuer') !== location.issuer) throw new IdpError('has a discovery document of another issuer')
    return { jwks_uri: endpoint(own('jwks_uri')), token_endpoint: endpoint(own('token_endpoint')) }
  }

  function endpoint (value: unknown): string | undefined {
    if (typeof value !== 'string' || !URL.canParse(value)) return undefined
    if (!accepts(value)) throw new IdpError('names an endpoint that is not https, or that is never called')
    return value
  }

  return {
    metadata () {
      pending ??= fetchMetadata().catch((error: unknown) => {
        pending = undefined
        throw error
      })
      return pending
    },
    forget () {
      pending = undefined
    }
  }
}

/** The document's place: under the issuer, whose last slash does not count (OpenID Connect Discovery section 4). */
export function discoveryUrl (issuer: string): string {
  return issuer.replace(/\/$/, '') + '/.well-known/openid-configuration'
}
