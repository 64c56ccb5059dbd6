import { Ring } from '../common/ring.ts'
import type { FastifyInstance } from 'fastify'
import type { Inspection } from './inspection.ts'
import type { Sample, Told } from '../observe/snapshot.ts'

/** ms between two samples, and how many are kept: ten minutes, of twenty numbers each */
const EVERY = 5000
const KEPT = 120

/** GET /snapshot and GET /rules, for the console. While nobody asks, a few sums are made every five seconds, and no more. */
export function serveSnapshots (app: FastifyInstance, inspection: Inspection, standing: () => Promise<Pick<Told, 'status' | 'degraded'> & { readonly configuration?: Told['configuration']['rejected'] }>): void {
  const history = new Ring<Sample>(KEPT)
  const sample = (): void => {
    // Nobody waits for it: one that is missing is a wider step in a chart.
    inspection.totals().then(totals => { history.keep({ time: Date.now(), ...totals }) }, () => {})
  }
  const timer = setInterval(sample, EVERY).unref()
  sample()
  app.addHook('onClose', async () => { clearInterval(timer) })

  app.get('/snapshot', async (request, reply) => {
    const [{ status, degraded, configuration: rejected }, snapshot] = await Promise.all([standing(), inspection.snapshot()])
    const told: Told = { ...snapshot, status, degraded, configuration: { ...snapshot.configuration, rejected } }
    return await reply.send('history' in (request.query as object) ? { ...told, history: history.inOrder() } : told)
  })

  app.get('/rules', async (_request, reply) => await reply.send(await inspection.rules()))
}
