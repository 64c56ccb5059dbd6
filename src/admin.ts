import Fastify, { type FastifyInstance } from 'fastify'
import { NO_SCHEMAS } from './common/no-schemas.ts'
import type { Readiness } from './readiness.ts'

export interface AdminParts {
  readonly readiness: () => Readiness | Promise<Readiness>
  /** in Prometheus' text format */
  readonly metrics: () => Promise<{ readonly contentType: string, readonly text: string }>
  readonly isDraining: () => boolean
}

/** The admin port: /livez, /readyz, /metrics, which need no token. Nothing of it is on the data port. */
export function buildAdmin ({ readiness, metrics, isDraining }: AdminParts): FastifyInstance {
  const app = Fastify({ logger: false, schemaController: NO_SCHEMAS, forceCloseConnections: true })

  app.get('/livez', (_request, reply) => reply.type('application/json').send({ status: 'live' }))

  app.get('/readyz', async (_request, reply) => {
    const { ready, degraded, ...more } = await readiness()
    const serves = ready && !isDraining()
    const status = isDraining() ? 'draining' : !serves ? 'starting' : degraded.length > 0 ? 'degraded' : 'ready'
    return await reply.code(serves ? 200 : 503).send({ status, degraded, ...more })
  })

  app.get('/metrics', async (_request, reply) => {
    const { contentType, text } = await metrics()
    return await reply.type(contentType).send(text)
  })
  return app
}
