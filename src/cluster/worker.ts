import type { Registry } from 'prom-client'
import type { Inspection, Latest } from '../admin/inspection.ts'
import type { Readiness } from '../admin/readiness.ts'
import type { Question } from '../explain/explain.ts'
import { createChannel, type Channel } from './channel.ts'

/** What a worker does for the process that leads it. */
export interface WorkerDuties {
  readonly readiness: () => Readiness
  readonly inspection: Inspection
  readonly registry: Registry
  readonly reload: () => Promise<void>
  readonly close: () => Promise<void>
}

/** The line of this process to the one that leads it. */
export interface Leader {
  readonly channel: Channel
  /** From now on it does as it is told, and says so. */
  serve (duties: WorkerDuties, dataPort: number): void
}

/** Signals that a terminal sends to every process of a group: the leader hears them, and says what is to be done. */
const LEADERS_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'] as const

export function joinLeader (): Leader {
  for (const signal of LEADERS_SIGNALS) process.on(signal, () => {})
  let duties: WorkerDuties | undefined
  const channel = createChannel(message => { process.send?.(message) }, {
    readiness: () => duties?.readiness(),
    metrics: () => duties?.registry.getMetricsAsJSON(),
    // Questions of the leader, which is of this very program.
    ask: question => duties?.inspection.ask(question as Question),
    past: decision => duties?.inspection.past(decision as string),
    latest: asked => duties?.inspection.latest(asked as Latest),
    shadow: () => duties?.inspection.shadow(),
    snapshot: () => duties?.inspection.snapshot(),
    totals: () => duties?.inspection.totals(),
    rules: () => duties?.inspection.rules(),
    reload: () => duties?.reload(),
    async close () {
      await duties?.close()
      process.exit(0)
    }
  })
  process.on('message', channel.receive)
  return {
    channel,
    serve (does, dataPort) {
      duties = does
      channel.tell('serving', { dataPort })
    }
  }
}
