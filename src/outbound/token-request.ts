import type { ClientCredentials, JwtBearer, TokenCredential } from '../config/credential-schema.ts'
import type { GatewayFile } from '../config/gateway-schema.ts'
import type { ClientTls } from '../config/tls-schema.ts'
import { IdpError, type IdpClient } from '../idp/http.ts'
import type { Provider } from '../idp/provider.ts'
import { signAssertion } from './assertion.ts'
import { tlsName } from './tls.ts'
import { byAssertion, byNothing, bySecret, requestToken, type Authentication, type IssuedToken, type TokenRequest } from './token-endpoint.ts'

type Issuers = Pick<GatewayFile, 'issuers'>

export interface TokenRequestSurroundings {
  /** by the name of their issuer */
  readonly providers: ReadonlyMap<string, Pick<Provider, 'metadata' | 'forget'>>
  /** ms since the epoch */
  readonly now: () => number
}

/**
 * Equal where the IdP would be asked the same, whoever asks. An issuer counts by its URL: the name that it has here may be
 * another one's in the file of another gateway. It holds secrets.
 */
export function requestKey (credential: TokenCredential, gateway: Issuers): string {
  const { kind, issuer, token_endpoint, scope, resource, params } = credential
  const { issuer: iss, discovery } = gateway.issuers[issuer ?? ''] ?? {}
  const place = [token_endpoint, iss, discovery, tlsName(tlsOf(credential, gateway))]
  if (kind === 'client_credentials') {
    const { client_id, auth_method, basic_encoding, audience } = credential
    return JSON.stringify([...place, client_id, secretsOf(credential), auth_method, basic_encoding, scope, audience, resource, params])
  }
  const { client_id, audience, key, kid, algorithm, certificate, lifetime, claims } = credential
  const signed = [key.reveal(), kid, algorithm, certificate?.pem, lifetime, claims]
  const own = kind === 'client_assertion'
    ? [credential.assertion_audience]
    : [credential.iss, credential.subject, secretsOf(credential), credential.auth_method, credential.basic_encoding]
  return JSON.stringify([kind, ...place, client_id, scope, audience, resource, params, signed, own])
}

/** How the connections to a credential's token endpoint are made. */
export function tlsOf ({ issuer, tls }: TokenCredential, { issuers }: Issuers): ClientTls | undefined {
  return issuer === undefined ? tls : issuers[issuer]?.tls
}

/** Asks for a token. @throws {IdpError} */
export async function fetchToken (credential: TokenCredential, { issuers }: Issuers, client: IdpClient, { providers, now }: TokenRequestSurroundings): Promise<IssuedToken> {
  const { issuer, token_endpoint: configured } = credential
  if (configured !== undefined) return await requestToken(requestOf(configured, new URL(configured).origin, credential, now), client)
  const provider = issuer === undefined ? undefined : providers.get(issuer)
  if (provider === undefined) throw new IdpError('is not configured')
  try {
    const { token_endpoint: named } = await provider.metadata()
    if (named === undefined) throw new IdpError('names no token_endpoint in its discovery document')
    return await requestToken(requestOf(named, issuers[issuer ?? '']?.issuer ?? new URL(named).origin, credential, now), client)
  } catch (error) {
    // The endpoint may have moved: the next attempt reads the document again.
    provider.forget()
    throw error
  }
}

function requestOf (tokenEndpoint: string, issuer: string, credential: TokenCredential, now: () => number): TokenRequest {
  const { scope, resource, params } = credential
  const parameters: Array<[string, string]> = Object.entries(params ?? {})
  if (scope !== undefined) parameters.push(['scope', scope])
  if (credential.kind !== 'jwt_bearer' && credential.audience !== undefined) parameters.push(['audience', credential.audience])
  for (const one of resource ?? []) parameters.push(['resource', one])
  const request = { issuer, tokenEndpoint, parameters }
  switch (credential.kind) {
    case 'client_credentials': return { ...request, clientId: credential.client_id, authentications: bySecrets(credential) }
    case 'client_assertion': {
      const { client_id: id, assertion_audience: aud = tokenEndpoint } = credential
      return { ...request, clientId: id, authentications: [byAssertion(() => signAssertion(credential, { iss: id, sub: id, aud }, now()))] }
    }
    case 'jwt_bearer': {
      const { client_id: id, iss, subject: sub, audience: aud = tokenEndpoint } = credential
      const authentications = id === undefined ? [byNothing] : bySecrets(credential)
      return { ...request, clientId: id ?? iss, authentications, assertion: () => signAssertion(credential, { iss, sub, aud }, now()) }
    }
  }
}

function bySecrets ({ auth_method: method, basic_encoding: encoding, ...credential }: ClientCredentials | JwtBearer): Authentication[] {
  return secretsOf(credential).map(secret => bySecret(secret, method, encoding))
}

function secretsOf ({ client_secret: secrets = [] }: Pick<ClientCredentials | JwtBearer, 'client_secret'>): string[] {
  return secrets.map(secret => secret.reveal())
}
