import type { Redis as Settings } from '../config/redis-schema.ts'
import type { CounterStore } from '../inbound/shared-counting.ts'
import type { TokenStore } from '../outbound/token-store.ts'
import type { WriteStore } from '../outbound/write-store.ts'
import { connect, type Operation, type Outcome } from './connection.ts'
import { createSealing } from './sealed.ts'
import { createSharedCounters } from './shared-counters.ts'
import { createSharedTokens } from './shared-tokens.ts'
import { createSharedWrites } from './shared-writes.ts'

export interface StoreSurroundings {
  /** ms since the epoch */
  readonly now: () => number
  /** It came or went. @param problem in fixed words, where it went */
  readonly onChange: (up: boolean, problem: string) => void
  readonly onOperation: (operation: Operation, outcome: Outcome | 'unreadable') => void
  /** Told once: something stands in the place of a machine token that none of the keys has sealed. */
  readonly onUnreadable: () => void
}

/** What the replicas of a gateway share. */
export interface Store {
  readonly counters: CounterStore
  /** undefined where there is no key to seal them with */
  readonly tokens: TokenStore | undefined
  /** undefined where there is no key to seal them with */
  readonly writes: WriteStore | undefined
  readonly isUp: () => boolean
  /** Waits, for a moment at most, until it is certain. */
  whetherUp (): Promise<boolean>
  close (): void
}

/** Connects in the background: nothing waits for it, and whatever becomes of it is told, never thrown. */
export function createStore (redis: Settings, { now, onChange, onOperation, onUnreadable }: StoreSurroundings): Store {
  const connection = connect(redis, { onChange, onOperation })
  const prefix = redis.key_prefix
  const [first, ...others] = (redis.keys ?? []).map(key => Buffer.from(key.reveal(), 'base64'))
  const sealing = first && createSealing([first, ...others])
  let toldUnreadable = false
  return {
    counters: createSharedCounters(connection, prefix, redis.command_timeout),
    writes: sealing && createSharedWrites({ connection, sealing, prefix, onUnreadable () { onOperation('write', 'unreadable') } }),
    tokens: sealing && createSharedTokens({
      connection,
      sealing,
      prefix,
      now,
      onUnreadable () {
        onOperation('token', 'unreadable')
        if (!toldUnreadable) onUnreadable()
        toldUnreadable = true
      }
    }),
    isUp: () => connection.isUp,
    whetherUp: async () => await connection.whetherUp(),
    close: () => { connection.close() }
  }
}
