import { randomBytes } from 'node:crypto'
import type { Configuration, Route } from '../config/configuration.ts'
import { isTokenCredential, type Credential } from '../config/credential-schema.ts'
import type { Upstream } from '../config/gateway-schema.ts'
import { Secret } from '../config/secrets.ts'

/** A configuration that leads nowhere but to an echo, and what it shows there. */
export interface LeakScene {
  readonly configuration: Configuration
  /** by upstream: a part of the credential that stands in for its own; undefined where it shows none in a header */
  readonly shown: ReadonlyMap<string, string | undefined>
}

/**
 * The same gateway with an echo in the place of each ERP, and made-up credentials in the place of its own. What decides who
 * may call, how often and when is taken out: each rule has to be passed. What decides which headers go on is as it was.
 */
export function leakScene (configuration: Configuration, echo: string): LeakScene {
  const { gateway, routes } = configuration
  const upstreams = Object.entries(gateway.upstreams).map(([name, upstream]) => [name, atEcho(upstream, echo)] as const)
  return {
    shown: new Map(upstreams.map(([name, { shown }]) => [name, shown])),
    configuration: {
      ...configuration,
      gateway: {
        ...gateway,
        listen: { ...gateway.listen, host: '127.0.0.1', port: 0, tls: undefined, rate_limit: undefined, trusted_proxies: [], max_connections: undefined, overload: undefined },
        // Nobody connects to them.
        issuers: Object.fromEntries(Object.entries(gateway.issuers).map(([name, issuer]) => [name, { ...issuer, tls: undefined }])),
        upstreams: Object.fromEntries(upstreams.map(([name, { upstream }]) => [name, upstream])),
        redis: undefined,
        telemetry: undefined,
        workers: 1,
        log: { level: 'silent', requests: false }
      },
      routes: routes.map(openedTo)
    }
  }
}

function atEcho (upstream: Upstream, echo: string): { readonly upstream: Upstream, readonly shown: string | undefined } {
  const own = `own${randomBytes(15).toString('hex')}`
  const { pathname } = new URL(upstream.url[0] ?? echo)
  const credential = standIn(upstream.credential, own)
  return {
    shown: credential.kind === 'headers' ? own : undefined,
    upstream: { ...upstream, url: [`${echo}${pathname}`], credential, tls: undefined, allow_http: true, concurrency: undefined, breaker: undefined, health_check: undefined, maintenance: undefined }
  }
}

// In the same headers, so that the same of the caller's are dropped for it.
function standIn (credential: Credential, own: string): Credential {
  const inHeaders = (...names: string[]): Credential => ({ kind: 'headers', headers: Object.fromEntries(names.map(name => [name, new Secret(own)])) })
  if (isTokenCredential(credential)) return inHeaders(credential.header)
  switch (credential.kind) {
    case 'basic': return inHeaders('Authorization')
    case 'headers': return inHeaders(...Object.keys(credential.headers))
    case 'client_certificate':
    case 'none': return { kind: 'none' }
  }
}

function openedTo (route: Route): Route {
  return {
    ...route,
    require: route.require === 'public' ? 'public' : [{ kinds: ['user', 'client'], conditions: {} }],
    rate_limits: [],
    retry: undefined,
    // A batch is held to be looked into, and goes on as any other request does.
    batch: undefined,
    idempotency: route.idempotency && { ...route.idempotency, store: 'memory' }
  }
}
