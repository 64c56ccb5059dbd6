import type { Logger } from 'pino'
import { AggregatorRegistry } from 'prom-client'
import { buildAdmin } from './admin/admin.ts'
import type { Inspection } from './admin/inspection.ts'
import type { Readiness } from './admin/readiness.ts'
import { leadWorkers } from './cluster/leader.ts'
import { createSharedState } from './cluster/shared-state.ts'
import type { Configuration } from './config/configuration.ts'
import type { Explanation, PastLine, RuleRow } from './explain/explanation.ts'
import { combineSnapshots, combineTotals } from './observe/combined.ts'
import { createLeaderMetrics, metricsOf } from './observe/metrics.ts'
import { mergeShadowReports, type ShadowReport } from './observe/shadow-tally.ts'
import type { Snapshot, Totals } from './observe/snapshot.ts'
import { logListening, placeOf, portOf } from './ports.ts'
import type { Running } from './running.ts'

/** ms beyond what draining may take, after which a worker is ended */
const GRACE = 5000

/**
 * Has workers serve, which share the data port, and opens the admin port, which speaks for all of them. No request comes
 * by this process.
 * @throws {WorkerError}
 */
export async function lead ({ configuration, log }: { readonly configuration: Configuration, readonly log: Logger }): Promise<Running> {
  const { workers: wanted, admin: adminListen, drain_delay: delay, drain_timeout: timeout } = configuration.gateway
  let draining = false
  const { registry, workerLost } = createLeaderMetrics(() => workers.serving())
  const workers = await leadWorkers({ workers: wanted, log, handlers: createSharedState(Date.now), onLost: workerLost })

  async function readiness (): Promise<Readiness> {
    // Answers of processes of this very program.
    const answers = await workers.ask('readiness') as Readiness[]
    const degraded = new Set(answers.flatMap(one => one.degraded))
    if (workers.serving() < wanted) degraded.add('workers')
    const configuration = answers.find(one => one.configuration !== undefined)?.configuration
    const config = [...new Set(answers.map(one => one.config))].sort().join()
    return { ready: answers.some(({ ready }) => ready), degraded: [...degraded], config, ...configuration !== undefined && { configuration } }
  }

  async function metrics (): Promise<{ contentType: string, text: string }> {
    const own = await metricsOf(registry)()
    const all = await workers.ask('metrics') as Array<Parameters<typeof AggregatorRegistry.aggregate>[0][number]>
    return { ...own, text: [await AggregatorRegistry.aggregate(all).metrics(), own.text].join('\n') }
  }

  // Each worker remembers what it refused; any of them can say what would become of a request.
  const inspection: Inspection = {
    async ask (question) {
      const [explanation] = await workers.ask('ask', question) as Explanation[]
      if (explanation === undefined) throw new Error('no worker answers')
      return explanation
    },
    async past (decision) { return (await workers.ask('past', decision) as Explanation[])[0] },
    async latest (asked) {
      const all = (await workers.ask('latest', asked) as Array<readonly PastLine[]>).flat()
      return all.sort((one, other) => other.time.localeCompare(one.time)).slice(0, asked.most)
    },
    async shadow () { return mergeShadowReports(await workers.ask('shadow') as ShadowReport[]) },
    async snapshot () {
      const [first, ...others] = await workers.ask('snapshot') as Snapshot[]
      if (first === undefined) throw new Error('no worker answers')
      return combineSnapshots([first, ...others])
    },
    async totals () { return combineTotals(await workers.ask('totals') as Totals[]) },
    async rules () { return (await workers.ask('rules') as Array<readonly RuleRow[]>)[0] ?? [] }
  }

  const admin = buildAdmin({ readiness, metrics, isDraining: () => draining, inspection, listen: adminListen })
  try {
    await admin.listen(placeOf(adminListen))
  } catch (error) {
    workers.kill()
    throw error
  }
  const ports = { dataPort: workers.dataPort, adminPort: portOf(admin) }
  logListening(log, configuration, { ...ports, workers: wanted })
  return {
    ...ports,
    log,
    async reload () { workers.tell('reload') },
    async close () {
      draining = true
      log.info('draining')
      await workers.close(delay + timeout + GRACE)
      await admin.close()
      log.info('stopped')
    }
  }
}
