import { createHash } from 'node:crypto'
import type { Counted } from '../inbound/counters.ts'
import type { CounterStore } from '../inbound/shared-counting.ts'
import { COUNT } from './commands.ts'
import type { Connection } from './connection.ts'

/**
 * Counters in Redis, one key for each limit and caller, which ends with its window.
 * @param limit ms that a request waits for one
 */
export function createSharedCounters (connection: Connection, prefix: string, limit: number): CounterStore {
  return {
    of: name => (key, window) => {
      // No promise, and no turn of the event loop, where it is known to be away.
      if (!connection.isUp) {
        connection.skip('count')
        return undefined
      }
      return connection.run('count', client => client.eval(COUNT, 1, `${prefix}:limit:${digest(name, key)}`, window), limit).then(countedOf, () => undefined)
    }
  }
}

// Of one length whatever a caller is called, and not in clear. It hides no address from whoever tries them all.
function digest (name: string, key: string): string {
  return createHash('sha256').update(`${name}\0${key}`).digest('base64url').slice(0, 22)
}

function countedOf (answer: unknown): Counted | undefined {
  const [current, ttl] = Array.isArray(answer) ? answer as readonly unknown[] : []
  return typeof current === 'number' && typeof ttl === 'number' ? { current, ttl } : undefined
}
