import type { Configuration } from './config/configuration.ts'
import type { Upstream as UpstreamConfiguration } from './config/gateway-schema.ts'
import { credentialHeaders } from './config/merge.ts'
import { whyNotReachable } from './config/urls.ts'
import type { ClosableClient } from './outbound/idp-client.ts'
import { createIssuer } from './inbound/issuers.ts'
import { Patience } from './inbound/patience.ts'
import { createRequestGuard } from './inbound/request-guard.ts'
import { createVerifier, type TrustedIssuer } from './inbound/verify.ts'
import { fixedCredential } from './outbound/credential.ts'
import { isRemovedAlways } from './outbound/upstream-headers.ts'
import type { Upstream } from './outbound/upstreams.ts'
import { compileMatcher } from './policy/match.ts'
import { compileRoutes, headersOfAll, type WriteStores } from './routes.ts'
import type { ExplainWorld } from './explain/explain.ts'

export interface FileWorld extends ExplainWorld {
  close (): void
}

export interface FileWorldParts {
  /** ms since the epoch */
  readonly now: () => number
  /** asks IdPs for their keys; undefined where nobody is to be asked: then no token is verified */
  readonly createClient: ((tls: Configuration['gateway']['issuers'][string]['tls']) => ClosableClient) | undefined
}

/** Two files as a gateway would decide by them, without a port, a machine token or a connection to an ERP. */
export function openFiles (configuration: Configuration, { now, createClient }: FileWorldParts): FileWorld {
  const { gateway } = configuration
  const opened: Array<() => void> = []
  const issuers: TrustedIssuer[] = Object.entries(gateway.issuers).map(([name, issuer]) => {
    const { client, close } = createClient?.(issuer.tls) ?? NOBODY
    const { trusted } = createIssuer(name, issuer, {
      client,
      now,
      keyRefresh: 300_000,
      mayCall: (url, allowHttp) => whyNotReachable(url, allowHttp) === undefined,
      onKeyFetch () {}
    })
    opened.push(() => {
      trusted.keys.close()
      close()
    })
    return trusted
  })
  const { max_token_size: maxTokenSize } = gateway.listen
  const patience = new Patience()
  return {
    ...compilePolicy(configuration),
    issuers,
    verifier: createVerifier(issuers, maxTokenSize, now),
    maxTokenSize,
    now,
    wait: promise => patience.wait(promise),
    close () { for (const close of opened) close() }
  }
}

/** What of two files decides once it is known who calls. Nothing is opened, fetched or counted. */
export function compilePolicy (configuration: Configuration): Pick<ExplainWorld, 'guard' | 'matcher'> {
  const { gateway, routes } = configuration
  const upstreams = new Map(Object.entries(gateway.upstreams).map(([name, upstream]) => [name, standIn(name, upstream)]))
  const ours = new Set([...headersOfAll(routes, upstreams), ...routes.flatMap(({ headers }) => headers.remove)])
  return {
    guard: createRequestGuard(name => isRemovedAlways(name) || ours.has(name)),
    matcher: compileMatcher(compileRoutes(configuration, { upstreams, maintenance: new Map(), limits: NO_LIMITS, writes: NO_WRITES }))
  }
}

const NO_LIMITS = { any: false, byAddress: undefined, ofRoute: () => [] }
const NO_WRITES: WriteStores = {
  underWay: { count: 0 },
  storeOf: () => ({ begin: () => Promise.reject(new Error('nothing is carried out')) })
}

const NOBODY: ClosableClient = {
  client: {
    send: () => Promise.reject(new Error('nobody is asked')),
    json: () => Promise.reject(new Error('nobody is asked'))
  },
  close () {}
}

// What the plan of a request asks of an upstream, and nothing that would connect to it.
function standIn (name: string, configured: UpstreamConfiguration): Upstream {
  const urls = configured.url.map(url => new URL(url))
  const [url = new URL('http://upstream.invalid')] = urls
  return {
    name,
    url,
    origins: new Set(urls.map(one => one.origin)),
    credential: fixedCredential(Object.fromEntries(credentialHeaders(configured).map(header => [header, '']))),
    holdBody: 0,
    sessions: undefined,
    // All that is asked of it before a request goes out.
    protection: { isNeeded: false } as Upstream['protection'],
    get dispatcher (): never { throw new Error(`upstreams.${name} is only looked at`) }
  }
}
