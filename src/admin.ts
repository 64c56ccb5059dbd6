import Fastify, { type FastifyInstance } from 'fastify'
import { NO_SCHEMAS } from './common/no-schemas.ts'
import type { TrustedIssuer } from './inbound/verify.ts'
import type { Metrics } from './observe/metrics.ts'
import type { Upstream } from './outbound/upstreams.ts'

export interface AdminParts {
  readonly issuers: readonly TrustedIssuer[]
  readonly upstreams: ReadonlyMap<string, Upstream>
  readonly metrics: Metrics
  readonly isDraining: () => boolean
  /** whether the store is there; undefined where none is configured */
  readonly storeIsUp?: () => boolean | undefined
}

/** The admin port: /livez, /readyz, /metrics, which need no token. Nothing of it is on the data port. */
export function buildAdmin ({ issuers, upstreams, metrics, isDraining, storeIsUp }: AdminParts): FastifyInstance {
  const app = Fastify({ logger: false, schemaController: NO_SCHEMAS, forceCloseConnections: true })
  let hasBeenReady = false

  app.get('/livez', (_request, reply) => reply.type('application/json').send({ status: 'live' }))

  app.get('/readyz', (_request, reply) => {
    const state = readiness(issuers, upstreams, storeIsUp?.() !== false)
    if (state.ready) hasBeenReady = true
    const ready = hasBeenReady && !isDraining()
    const status = isDraining() ? 'draining' : !ready ? 'starting' : state.degraded.length > 0 ? 'degraded' : 'ready'
    return reply.code(ready ? 200 : 503).send({ status, degraded: state.degraded })
  })

  app.get('/metrics', async (_request, reply) => reply.type(metrics.registry.contentType).send(await metrics.registry.metrics()))
  return app
}

/** Ready once all was tried, and one issuer's keys and one credential are in hand. An outage later removes no replica. */
function readiness (issuers: readonly TrustedIssuer[], upstreams: ReadonlyMap<string, Upstream>, storeIsThere: boolean) {
  const keys = issuers.map(({ name, keys }) => ({ name: `issuers.${name}.keys`, ...keys.status() }))
  const credentials = [...upstreams.values()].map(({ name, credential }) => ({ name: `upstreams.${name}.credential`, ...credential.status() }))
  const ready = keys.every(({ tried }) => tried) && credentials.every(({ tried }) => tried) &&
    (keys.length === 0 || keys.some(({ usable }) => usable)) && credentials.some(({ available }) => available)
  const degraded = [...keys.filter(({ usable }) => !usable), ...credentials.filter(({ available }) => !available)].map(({ name }) => name)
  return { ready, degraded: storeIsThere ? degraded : [...degraded, 'store'] }
}
