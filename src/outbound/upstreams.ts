import type { LookupFunction } from 'node:net'
import type { Dispatcher } from 'undici'
import { within } from '../common/memo.ts'
import type { ClientCredentials } from '../config/credential-schema.ts'
import type { GatewayFile, Upstream as UpstreamConfiguration } from '../config/gateway-schema.ts'
import { IdpError, type IdpClient } from '../idp/http.ts'
import type { Provider } from '../idp/provider.ts'
import { tokenCredential } from './client-credentials.ts'
import { basicCredential, fixedCredential, type Credential } from './credential.ts'
import { createHostPool } from './host-pool.ts'
import { createMachineTokenCache, type MachineTokenCache, type MachineTokenOptions } from './machine-token.ts'
import { createProtection, type Protection, type ProtectionChange } from './protection.ts'
import { requestToken, type IssuedToken } from './token-endpoint.ts'

/** A system behind the gateway. */
export interface Upstream {
  readonly name: string
  /** of its first host: all have its path */
  readonly url: URL
  /** of all its hosts */
  readonly origins: ReadonlySet<string>
  /** To its first host. It changes: to be asked for at each request. */
  readonly dispatcher: Dispatcher
  readonly credential: Credential
  readonly protection: Protection
  close (): Promise<void>
}

export interface UpstreamSurroundings {
  readonly client: IdpClient
  readonly providers: ReadonlyMap<string, Provider>
  /** ms since the epoch */
  readonly now: () => number
  readonly onTokenFetch: (upstream: string, outcome: Parameters<MachineTokenOptions['onFetch']>[0]) => void
  readonly onProtectionChange: (upstream: string, change: ProtectionChange) => void
  /** how the names of hosts become addresses; the system's way when left out */
  readonly lookup?: LookupFunction
}

/** The upstreams of gateway.yaml by name. Machine tokens begin to be fetched at once. */
export function createUpstreams (gateway: Pick<GatewayFile, 'upstreams' | 'issuers'>, surroundings: UpstreamSurroundings): ReadonlyMap<string, Upstream> {
  const caches = new Map<string, MachineTokenCache>()
  return new Map(Object.entries(gateway.upstreams).map(([name, configured]) =>
    [name, createUpstream(name, configured, createCredential(name, configured, gateway, caches, surroundings), surroundings)]))
}

type Around = Pick<UpstreamSurroundings, 'onProtectionChange' | 'lookup'>

/** @param credential the upstream's own from here on: closed with it */
function createUpstream (name: string, configured: Omit<UpstreamConfiguration, 'credential'>, credential: Credential, { onProtectionChange, lookup }: Around): Upstream {
  const urls = (configured.hosts ?? [configured.url]).map(url => new URL(url ?? ''))
  const pools = new Map(urls.map(url => [url.origin, createHostPool(url, { connectTimeout: configured.connect_timeout, lookup })]))
  const protection = createProtection(configured, pools, { lookup, onChange: change => { onProtectionChange(name, change) } })
  const [first] = urls
  const [host] = protection.hosts.all
  if (first === undefined || host === undefined) throw new Error(`upstreams.${name}: no host`)
  return {
    name,
    url: first,
    origins: new Set(pools.keys()),
    get dispatcher () { return host.pool.dispatcher },
    credential,
    protection,
    async close () {
      credential.close()
      await protection.close()
    }
  }
}

function createCredential (upstream: string, { credential }: UpstreamConfiguration, gateway: Pick<GatewayFile, 'issuers'>, caches: Map<string, MachineTokenCache>, surroundings: UpstreamSurroundings): Credential {
  switch (credential.kind) {
    case 'none': return fixedCredential({})
    case 'basic': return basicCredential(credential.username, credential.password.reveal())
    case 'headers': return fixedCredential(Object.fromEntries(Object.entries(credential.headers).map(([name, secret]) => [name, secret.reveal()])))
    case 'client_credentials': {
      // IdPs bill machine tokens by the piece: upstreams that would ask for the same one share it.
      const key = requestKey(credential)
      const cache = within(caches, key, () => createMachineTokenCache({
        fetch: () => fetchToken(credential, gateway, surroundings),
        now: surroundings.now,
        onFetch: outcome => { surroundings.onTokenFetch(upstream, outcome) }
      }))
      return tokenCredential(credential.header, cache)
    }
  }
}

function requestKey ({ issuer, token_endpoint, client_id, client_secret, auth_method, basic_encoding, scope, audience, resource, params }: ClientCredentials): string {
  return JSON.stringify([issuer, token_endpoint, client_id, client_secret.reveal(), auth_method, basic_encoding, scope, audience, resource, params])
}

async function fetchToken (credential: ClientCredentials, { issuers }: Pick<GatewayFile, 'issuers'>, { client, providers }: UpstreamSurroundings): Promise<IssuedToken> {
  const { issuer, token_endpoint: configured } = credential
  if (configured !== undefined) return await askAt(configured, new URL(configured).origin, credential, client)
  const provider = providerOf(issuer, providers)
  try {
    const { token_endpoint: named } = await provider.metadata()
    if (named === undefined) throw new IdpError('names no token_endpoint in its discovery document')
    return await askAt(named, issuers[issuer ?? '']?.issuer ?? new URL(named).origin, credential, client)
  } catch (error) {
    // The endpoint may have moved: the next attempt reads the document again.
    provider.forget()
    throw error
  }
}

function askAt (tokenEndpoint: string, issuer: string, { client_id, client_secret, auth_method, basic_encoding, scope, audience, resource, params }: ClientCredentials, client: IdpClient): Promise<IssuedToken> {
  const parameters: Array<[string, string]> = Object.entries(params ?? {})
  if (scope !== undefined) parameters.push(['scope', scope])
  if (audience !== undefined) parameters.push(['audience', audience])
  for (const one of resource ?? []) parameters.push(['resource', one])
  return requestToken({
    issuer,
    tokenEndpoint,
    clientId: client_id,
    clientSecret: client_secret.reveal(),
    authMethod: auth_method,
    basicEncoding: basic_encoding,
    parameters
  }, client)
}

function providerOf (issuer: string | undefined, providers: ReadonlyMap<string, Provider>): Provider {
  const provider = issuer === undefined ? undefined : providers.get(issuer)
  if (provider === undefined) throw new IdpError('is not configured')
  return provider
}
