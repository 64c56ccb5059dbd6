import type { LookupFunction } from 'node:net'
import type { Dispatcher } from 'undici'
import type { Holder } from '../common/shelf.ts'
import type { GatewayFile, Upstream as UpstreamConfiguration } from '../config/gateway-schema.ts'
import type { ClientTls } from '../config/tls-schema.ts'
import type { IdpClient } from '../idp/http.ts'
import type { Provider } from '../idp/provider.ts'
import { tokenCredential } from './client-credentials.ts'
import { basicCredential, fixedCredential, type Credential } from './credential.ts'
import { CsrfSessions, type CsrfChange } from './csrf-sessions.ts'
import { createHostPool } from './host-pool.ts'
import { createMachineTokenCache, type MachineTokenCache, type MachineTokenOptions } from './machine-token.ts'
import { tlsName, tlsOptions } from './tls.ts'
import { createProtection, type Protection, type ProtectionChange } from './protection.ts'
import { fetchToken, requestKey, tlsOf } from './token-request.ts'
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
function wayName (name: string, { url, balance, connect_timeout, total_timeout, concurrency, breaker, eject_after, eject_for, eject_max, health_check, tls, credential }: UpstreamConfiguration): string {
  return JSON.stringify([name, url, balance, connect_timeout, total_timeout, concurrency, breaker, eject_after, eject_for, eject_max, health_check, tlsName(wayTls({ tls, credential }))])
}

function createWay (name: string, configured: UpstreamConfiguration, { processes, onProtectionChange, lookup }: UpstreamSurroundings): Way {
  const urls = configured.url.map(url => new URL(url))
  const pools = new Map(urls.map(url => [url.origin, createHostPool(url, { connectTimeout: configured.connect_timeout, tls: tlsOptions(wayTls(configured)), lookup })]))
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
    case 'client_certificate': return fixedCredential({})
    case 'client_credentials':
    case 'client_assertion':
    case 'jwt_bearer': {
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

/** How connections to an upstream are made: a certificate that is the credential is shown where one of `tls` would be. */
export function wayTls ({ tls, credential }: Pick<UpstreamConfiguration, 'tls' | 'credential'>): ClientTls | undefined {
  return credential.kind === 'client_certificate' ? { ...tls, cert: credential.cert, key: credential.key } : tls
}

// Another login has another session, and so has another host.
function createSessions (name: string, { csrf, url, tls, credential, headers }: UpstreamConfiguration, { issuers }: Pick<GatewayFile, 'issuers'>, { sessions, onCsrfChange }: UpstreamSurroundings): CsrfSessions | undefined {
  if (csrf === undefined || csrf === 'none') return undefined
  const issuer = 'issuer' in credential ? issuers[credential.issuer ?? ''] : undefined
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
