import { pino } from 'pino'
import type { Configuration } from './config/configuration.ts'
import { buildGateway } from './gateway.ts'
import { createGeneration, createLasting, type Generation } from './generation.ts'
import { PastRefusals } from './observe/decisions.ts'
import { createMetrics } from './observe/metrics.ts'
import type { ClosableClient } from './outbound/idp-client.ts'
import { portOf } from './ports.ts'

/** A gateway on a loopback port of its own. */
export interface LoopbackGateway {
  readonly port: number
  close (): Promise<void>
}

/** ms for the first keys and credentials */
const SETTLING = 5000

/**
 * The data plane of a configuration, to be tried out: it logs nothing, has no admin port, and never reads the files again.
 * @param createClient asks the issuers
 */
export async function startLoopbackGateway (configuration: Configuration, createClient: () => ClosableClient): Promise<LoopbackGateway> {
  const log = pino({ level: 'silent' })
  const metrics = createMetrics({ shed: () => 0, knownTokens: () => 0, rememberedWrites: () => 0, issuers: () => [], credentials: () => [], certificates: () => [], upstreams: () => [], storeIsUp: () => undefined })
  const { gateway: { listen } } = configuration
  const app = await buildGateway({ listen, current: () => generation, metrics, log, audit () {}, isDraining: () => false, sheds: () => false, refusals: new PastRefusals(1), shadow: undefined })
  const generation: Generation = await createGeneration(configuration, {
    app,
    lasting: createLasting(),
    siblings: undefined,
    createClient,
    now: Date.now,
    keyRefresh: 300_000,
    mayCall: () => true,
    processes: 1,
    onKeyFetch () {},
    onTokenFetch () {},
    onTokenShared () {},
    onProtectionChange () {},
    onCsrfChange () {},
    // Asked by nobody: the leak test's gateway sends no telemetry.
    telemetry: { registry: metrics.registry, version: '', onExport () {}, onSpans () {}, onChange () {} },
    onStore: { onOperation () {}, onChange () {}, onUnreadable () {} }
  })
  await generation.settled(SETTLING)
  await app.listen({ host: '127.0.0.1', port: 0 })
  return {
    port: portOf(app),
    async close () {
      await app.close()
      generation.end()
    }
  }
}
