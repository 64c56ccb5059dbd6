import type { LookupFunction } from 'node:net'
import type { Dispatcher } from 'undici'
import type { Holder } from '../common/shelf.ts'
import type { ClientCredentials } from '../config/credential-schema.ts'
import type { GatewayFile, Upstream as UpstreamConfiguration } from '../config/gateway-schema.ts'
import type { ClientTls } from '../config/tls-schema.ts'
import { IdpError, type IdpClient } from '../idp/http.ts'
import type { Provider } from '../idp/provider.ts'
import { tokenCredential } from './client-credentials.ts'
import { basicCredential, fixedCredential, type Credential } from './credential.ts'
import { CsrfSessions, type CsrfChange } from './csrf-sessions.ts'
import { createHostPool } from './host-pool.ts'
import { createMachineTokenCache, type MachineTokenCache, type MachineTokenOptions } from './machine-token.ts'
import { tlsName, tlsOptions } from './tls.ts'
import { createProtection, type Protection, type ProtectionChange } from './protection.ts'
import { requestToken, type IssuedToken } from './token-endpoint.ts'
import type { TokenStore } from './token-store.ts'

/** The way to a system behind the gateway: connections to its hosts, and what stands before them. */
export interface Way {
  /** of its first host: all have its path */
  readonly url: URL
  /** of all its hosts */
  readonly origins: ReadonlySet<string>
  /** To its first host. It changes: to be asked for at each request. */
  readonly dispatcher: Dispatcher
  readonly protection: Protection
}

/** A system behind the gateway, and how the gateway makes itself known to it. */
export interface Upstream extends Way {
  readonly name: string
  readonly credential: Credential
  /** undefined where it wants no CSRF token */
  readonly sessions: CsrfSessions | undefined
  /** bytes of a request's body that are kept, so that it can be sent once more */
  readonly holdBody: number
}

export interface UpstreamSurroundings {
  /** asks IdPs, by their `tls` */
  readonly clientFor: (tls: ClientTls | undefined) => IdpClient
  /** by the name of their issuer */
  readonly providers: ReadonlyMap<string, Provider>
  /** ms since the epoch */
  readonly now: () => number
  /** where machine tokens are shared with other replicas, if they are */
  readonly tokenStore: TokenStore | undefined
  readonly onTokenFetch: (upstream: string, outcome: Parameters<MachineTokenOptions['onFetch']>[0]) => void
  readonly onTokenShared: (upstream: string, endsAt: number) => void
  /** how many processes share what an upstream's `concurrency` allows */
  readonly processes: number
  readonly onProtectionChange: (upstream: string, change: ProtectionChange) => void
  readonly onCsrfChange: (upstream: string, change: CsrfChange) => void
  /** how the names of hosts become addresses; the system's way when left out */
  readonly lookup?: LookupFunction
  /** ways, by the upstream's name and all that they are made with */
  readonly ways: Pick<Holder<Way>, 'take'>
  /** machine tokens, by the request that fetches them */
  readonly tokens: Pick<Holder<MachineTokenCache>, 'take'>
  /** sessions, by the upstream's name and whatever they hang on */
  readonly sessions: { take (name: string, parts: unknown, make: () => CsrfSessions): CsrfSessions }
}

/** The upstreams of gateway.yaml by name. Machine tokens that are not in hand begin to be fetched at once. */
export function createUpstreams (gateway: Pick<GatewayFile, 'upstreams' | 'issuers'>, surroundings: UpstreamSurroundings): ReadonlyMap<string, Upstream> {
  return new Map(Object.entries(gateway.upstreams).map(([name, configured]) => {
    const way = surroundings.ways.take(wayName(name, configured), () => createWay(name, configured, surroundings))
    const { url, origins, protection } = way
    const credential = createCredential(name, configured, gateway, surroundings)
    const sessions = createSessions(name, configured, gateway, surroundings)
    return [name, { name, url, origins, protection, credential, sessions, holdBody: configured.hold_body, get dispatcher () { return way.dispatcher } }]
  }))
}

// What is not named here is a rule's to know, or the credential's: to change it leaves the connections as they are.
function wayName (name: string, { url, balance, connect_timeout, total_timeout, concurrency, breaker, eject_after, eject_for, eject_max, health_check, tls }: UpstreamConfiguration): string {
  return JSON.stringify([name, url, balance, connect_timeout, total_timeout, concurrency, breaker, eject_after, eject_for, eject_max, health_check, tlsName(tls)])
}

function createWay (name: string, configured: UpstreamConfiguration, { processes, onProtectionChange, lookup }: UpstreamSurroundings): Way {
  const urls = configured.url.map(url => new URL(url))
  const pools = new Map(urls.map(url => [url.origin, createHostPool(url, { connectTimeout: configured.connect_timeout, tls: tlsOptions(configured.tls), lookup })]))
  const protection = createProtection(shareOf(configured, processes), pools, { lookup, onChange: change => { onProtectionChange(name, change) } })
  const [first] = urls
  const [host] = protection.hosts.all
  if (first === undefined || host === undefined) throw new Error(`upstreams.${name}: no host`)
  return {
    url: first,
    origins: new Set(pools.keys()),
    get dispatcher () { return host.pool.dispatcher },
    protection
  }
}

// Each counts for itself: together they keep within what is configured, as long as there is one for each.
function shareOf (configured: UpstreamConfiguration, processes: number): UpstreamConfiguration {
  const { concurrency } = configured
  if (concurrency === undefined || processes === 1) return configured
  return { ...configured, concurrency: { ...concurrency, max: Math.max(1, Math.floor(concurrency.max / processes)) } }
}

function createCredential (upstream: string, { credential }: UpstreamConfiguration, gateway: Pick<GatewayFile, 'issuers'>, surroundings: UpstreamSurroundings): Credential {
  switch (credential.kind) {
    case 'none': return fixedCredential({})
    case 'basic': return basicCredential(credential.username, credential.password.reveal())
    case 'headers': return fixedCredential(Object.fromEntries(Object.entries(credential.headers).map(([name, secret]) => [name, secret.reveal()])))
    case 'client_credentials': {
      // IdPs bill machine tokens by the piece: upstreams that would ask for the same one share it.
      const key = requestKey(credential, gateway)
      const client = surroundings.clientFor(tlsOf(credential, gateway))
      const cache = surroundings.tokens.take(key, () => createMachineTokenCache({
        fetch: () => fetchToken(credential, gateway, client, surroundings),
        shared: surroundings.tokenStore?.of(key),
        now: surroundings.now,
        onFetch: outcome => { surroundings.onTokenFetch(upstream, outcome) },
        onShared: endsAt => { surroundings.onTokenShared(upstream, endsAt) }
      }))
      return tokenCredential(credential.header, cache)
    }
  }
}

// Another login has another session, and so has another host.
function createSessions (name: string, { csrf, url, tls, credential, headers }: UpstreamConfiguration, { issuers }: Pick<GatewayFile, 'issuers'>, { sessions, onCsrfChange }: UpstreamSurroundings): CsrfSessions | undefined {
  if (csrf === undefined) return undefined
  const issuer = credential.kind === 'client_credentials' ? issuers[credential.issuer ?? ''] : undefined
  const set = headers?.set ?? {}
  return sessions.take(name, [csrf, url, tls, credential, issuer?.issuer, issuer?.discovery, set], () => new CsrfSessions({
    path: csrf.path,
    header: csrf.header,
    methods: new Set(csrf.methods),
    sessions: csrf.sessions,
    maxAge: csrf.max_age,
    timeout: csrf.timeout,
    headers: Object.entries(set).flat()
  }, { now: () => performance.now(), random: Math.random, onChange: change => { onCsrfChange(name, change) } }))
}

/**
 * Equal where the IdP would be asked the same, whoever asks. An issuer counts by its URL: the name that it has here may be
 * another one's in the file of another gateway.
 */
function requestKey (credential: ClientCredentials, gateway: Pick<GatewayFile, 'issuers'>): string {
  const { issuer, token_endpoint, client_id, client_secret, auth_method, basic_encoding, scope, audience, resource, params } = credential
  const { issuer: iss, discovery } = gateway.issuers[issuer ?? ''] ?? {}
  const secrets = client_secret.map(secret => secret.reveal())
  return JSON.stringify([token_endpoint, iss, discovery, tlsName(tlsOf(credential, gateway)), client_id, secrets, auth_method, basic_encoding, scope, audience, resource, params])
}

function tlsOf ({ issuer, tls }: ClientCredentials, { issuers }: Pick<GatewayFile, 'issuers'>): ClientTls | undefined {
  return issuer === undefined ? tls : issuers[issuer]?.tls
}

async function fetchToken (credential: ClientCredentials, { issuers }: Pick<GatewayFile, 'issuers'>, client: IdpClient, { providers }: UpstreamSurroundings): Promise<IssuedToken> {
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
    clientSecrets: client_secret.map(secret => secret.reveal()),
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
