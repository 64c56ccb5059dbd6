import Fastify, { type FastifyInstance } from 'fastify'
import { NO_SCHEMAS } from './common/no-schemas.ts'
import { createAdminGate } from './admin-gate.ts'
import type { Admin } from './config/gateway-schema.ts'
import { readQuestion } from './explain/question.ts'
import type { Inspection } from './inspection.ts'
import type { Readiness } from './readiness.ts'

export interface AdminParts {
  readonly readiness: () => Readiness | Promise<Readiness>
  /** in Prometheus' text format */
  readonly metrics: () => Promise<{ readonly contentType: string, readonly text: string }>
  readonly isDraining: () => boolean
  readonly inspection: Inspection
  /** who may use it */
  readonly listen: Admin
}

/** The most refusals that are told at once. */
const MOST_TOLD = 1000

/**
 * The admin port: /livez, /readyz, /metrics, which need no token; and what looks into decisions, which does, off loopback.
 * Nothing of it is on the data port.
 */
export function buildAdmin ({ readiness, metrics, isDraining, inspection, listen }: AdminParts): FastifyInstance {
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

  void app.register((inner, _options, done) => {
    inner.addHook('onRequest', createAdminGate(listen))
    inner.addHook('onSend', async (_request, reply) => { reply.header('Cache-Control', 'no-store') })

    inner.get('/decisions', async (request, reply) => {
      const { most = '100' } = request.query as Readonly<Record<string, string | undefined>>
      return await reply.send(await inspection.latest(Math.min(Number.parseInt(most, 10) || 100, MOST_TOLD)))
    })

    inner.get('/decisions/:id', async (request, reply) => {
      const { id } = request.params as { readonly id: string }
      const explanation = await inspection.past(id)
      return explanation === undefined ? await reply.code(404).send({ error: 'No such refusal is remembered: only the last ones are, since the start.' }) : await reply.send(explanation)
    })

    inner.get('/shadow', async (_request, reply) => {
      const report = await inspection.shadow()
      return report === undefined ? await reply.code(404).send({ error: 'No routes are tried out: start --shadow routes.next.yaml does.' }) : await reply.send(report)
    })

    inner.post('/explain', { bodyLimit: 1024 * 1024 }, async (request, reply) => {
      const question = readQuestion(request.body)
      return typeof question === 'string' ? await reply.code(400).send({ error: question }) : await reply.send(await inspection.ask(question))
    })
    done()
  })
  return app
}
