import Fastify, { type FastifyInstance } from 'fastify'
import { NO_SCHEMAS } from '../common/no-schemas.ts'
import type { Admin } from '../config/gateway-schema.ts'
import { readQuestion } from '../explain/question.ts'
import { serveSnapshots } from './console-data.ts'
import { createAdminGate, hasConsole } from './gate.ts'
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

/** What /readyz says, and whether it is good. */
interface Standing {
  readonly serves: boolean
  readonly told: Omit<Readiness, 'ready'> & { readonly status: 'draining' | 'starting' | 'degraded' | 'ready' }
}

/** The most refusals that are told at once. */
const MOST_TOLD = 1000

/**
 * The admin port: /livez, /readyz, /metrics, which need no token; what looks into decisions, which does, off loopback; and
 * the console, a page that shows both. Nothing of it is on the data port.
 */
export function buildAdmin ({ readiness, metrics, isDraining, inspection, listen }: AdminParts): FastifyInstance {
  const app = Fastify({ logger: false, schemaController: NO_SCHEMAS, forceCloseConnections: true })

  app.get('/livez', (_request, reply) => reply.type('application/json').send({ status: 'live' }))

  async function standing (): Promise<Standing> {
    const { ready, degraded, ...more } = await readiness()
    const serves = ready && !isDraining()
    const status = isDraining() ? 'draining' : !serves ? 'starting' : degraded.length > 0 ? 'degraded' : 'ready'
    return { serves, told: { status, degraded, ...more } }
  }

  app.get('/readyz', async (_request, reply) => {
    const { serves, told } = await standing()
    return await reply.code(serves ? 200 : 503).send(told)
  })

  app.get('/metrics', async (_request, reply) => {
    const { contentType, text } = await metrics()
    return await reply.type(contentType).send(text)
  })

  void app.register((inner, _options, done) => {
    inner.addHook('onRequest', createAdminGate(listen))
    inner.addHook('onSend', async (_request, reply) => { reply.headers({ 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff', 'Cross-Origin-Resource-Policy': 'same-origin' }) })

    inner.get('/decisions', async (request, reply) => {
      const { most, code, rule, client } = asked(request.query)
      return await reply.send(await inspection.latest({ most: Math.min(Number.parseInt(most ?? '', 10) || 100, MOST_TOLD), code, rule, client }))
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

    if (hasConsole(listen)) serveSnapshots(inner, inspection, async () => (await standing()).told)
    done()
  })
  // Loaded where it is served.
  if (hasConsole(listen)) void app.register(async page => { await (await import('./console-page.ts')).servePage(page) })
  return app
}

// A name that stands twice is a list: of no use to anybody, and not asked for.
function asked (query: unknown): Readonly<Record<string, string | undefined>> {
  return Object.fromEntries(Object.entries(query as Readonly<Record<string, unknown>>).flatMap(([name, value]) => typeof value === 'string' ? [[name, value]] : []))
}
