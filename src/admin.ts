import Fastify, { type FastifyInstance } from 'fastify'
import { NO_SCHEMAS } from './common/no-schemas.ts'
import type { Generation } from './generation.ts'
import type { Metrics } from './observe/metrics.ts'
import type { RejectedConfiguration } from './reload.ts'

export interface AdminParts {
  readonly current: () => Pick<Generation, 'issuers' | 'upstreams'>
  /** of the files as they are now, where they make no gateway: the one before goes on */
  readonly rejected: () => RejectedConfiguration | undefined
  /** whether a share of the requests is turned away */
  readonly sheds: () => boolean
  readonly metrics: Metrics
  readonly isDraining: () => boolean
}

/** The admin port: /livez, /readyz, /metrics, which need no token. Nothing of it is on the data port. */
export function buildAdmin ({ current, rejected, sheds, metrics, isDraining }: AdminParts): FastifyInstance {
  const app = Fastify({ logger: false, schemaController: NO_SCHEMAS, forceCloseConnections: true })
  let hasBeenReady = false

  app.get('/livez', (_request, reply) => reply.type('application/json').send({ status: 'live' }))

  app.get('/readyz', (_request, reply) => {
    const state = readiness(current())
    const configuration = rejected()
    if (configuration !== undefined) state.degraded.push('configuration')
    if (sheds()) state.degraded.push('overload')
    if (state.ready) hasBeenReady = true
    const ready = hasBeenReady && !isDraining()
    const status = isDraining() ? 'draining' : !ready ? 'starting' : state.degraded.length > 0 ? 'degraded' : 'ready'
    return reply.code(ready ? 200 : 503).send({ status, degraded: state.degraded, ...configuration !== undefined && { configuration } })
  })

  app.get('/metrics', async (_request, reply) => reply.type(metrics.registry.contentType).send(await metrics.registry.metrics()))
  return app
}

/** Ready once all was tried, and one issuer's keys and one credential are in hand. An outage later removes no replica. */
function readiness ({ issuers, upstreams }: Pick<Generation, 'issuers' | 'upstreams'>) {
  const keys = issuers.map(({ name, keys }) => ({ name: `issuers.${name}.keys`, ...keys.status() }))
  const credentials = [...upstreams.values()].map(({ name, credential }) => ({ name: `upstreams.${name}.credential`, ...credential.status() }))
  const ready = keys.every(({ tried }) => tried) && credentials.every(({ tried }) => tried) &&
    (keys.length === 0 || keys.some(({ usable }) => usable)) && credentials.some(({ available }) => available)
  const degraded = [...keys.filter(({ usable }) => !usable), ...credentials.filter(({ available }) => !available)].map(({ name }) => name)
  return { ready, degraded }
}
