import type { Logger } from 'pino'
import type { GatewayFile } from './config/gateway-schema.ts'
import type { Metrics } from './observe/metrics.ts'
import type { Store } from './store/store.ts'

/** What replicas share. Its code, and that of its client, is loaded only where there is something to share it by. */
export async function openStore ({ store: configured, on_store_failure: onFailure }: GatewayFile, { log, metrics, now }: { readonly log: Logger, readonly metrics: Metrics, readonly now: () => number }): Promise<Store | undefined> {
  if (configured === undefined) return undefined
  const { createStore } = await import('./store/store.ts')
  const store = createStore(configured, {
    now,
    onOperation: metrics.storeOperation,
    onChange (up, problem) {
      if (up) log.info({ store: 'redis' }, 'the store is there')
      else log.warn({ store: 'redis', problem }, 'the store is away')
    },
    onUnreadable () {
      log.warn({ store: 'redis' }, 'a machine token in the store is none that this gateway has sealed: it is not used')
    }
  })
  // Where nothing passes uncounted, a start would begin with refusals.
  if (onFailure === 'deny') await store.whetherUp()
  return store
}
