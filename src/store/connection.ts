import type { Redis as Client } from 'ioredis'
import type { Redis as Settings } from '../config/redis-schema.ts'
import { createCircuit, type Circuit, type CircuitOptions } from './circuit.ts'
import { createClient } from './client.ts'
import { COUNT } from './commands.ts'
import { BROKEN, faultOf, inTime, TimeIsUp } from './faults.ts'

/** What is asked of the store, for the metric. */
export type Operation = 'count' | 'token' | 'lock' | 'write' | 'probe'
/** `away`: it was not asked, for it was known not to answer. */
export type Outcome = 'ok' | 'timeout' | 'error' | 'away'

/** The store did not do what was asked of it, or was not asked. */
export class StoreAway extends Error {
  override readonly name = 'StoreAway'
}

/** One connection to a Redis. While it is away nobody waits for it. */
export interface Connection extends Pick<Circuit, 'isUp' | 'whetherUp' | 'close'> {
  /**
   * @param limit ms
   * @throws {StoreAway} at once where it is known to be away
   */
  run<T> (operation: Operation, command: (client: Client) => Promise<T>, limit: number): Promise<T>
  /** Notes that something was not asked, where `isUp` had said so. */
  skip (operation: Operation): void
}

export interface Watchers extends Pick<CircuitOptions, 'onChange'> {
  readonly onOperation: (operation: Operation, outcome: Outcome) => void
}

/** ms from a late answer on in which one more may still be waited for, by those who can wait. */
const GRACE = 500

/** Begins to connect, and never gives up. */
export function connect (settings: Settings, { onChange, onOperation }: Watchers): Connection {
  const client = createClient(settings)
  const circuit = createCircuit({ probe, onChange, grace: settings.connect_timeout + GRACE })
  /** why there is no connection, as far as it is known */
  let problem = BROKEN

  client.on('error', (error: Error) => { problem = faultOf(error) })
  client.on('ready', () => { circuit.probe() })
  client.on('close', () => { circuit.lost(problem, 0) })
  begin()

  function begin (): void {
    // How it went is told by events.
    client.connect().catch(() => {})
  }

  async function probe (): Promise<void> {
    // Only what can never be a connection ends it by itself: nothing of that kind is configured.
    if (client.status === 'end') begin()
    try {
      // What requests ask for: a Redis that is full, read-only, or of another mind about who may write is not there.
      await perform('probe', countOne, settings.command_timeout)
      problem = BROKEN
      circuit.found()
    } catch (error) {
      failed(error)
    }
  }

  async function countOne (): Promise<void> {
    // The client selects it too, but goes on where there is none of that number.
    if (settings.url.database !== 0) await client.select(settings.url.database)
    await client.eval(COUNT, 1, `${settings.key_prefix}:probe`, 1000)
  }

  async function perform<T> (operation: Operation, command: (client: Client) => Promise<T>, limit: number): Promise<T> {
    try {
      const answer = await inTime(command(client), limit)
      onOperation(operation, 'ok')
      return answer
    } catch (error) {
      onOperation(operation, error instanceof TimeIsUp ? 'timeout' : 'error')
      throw error
    }
  }

  function failed (error: unknown): void {
    // Without a connection every command fails in the same way, and why there is none is known already.
    const answers = client.status === 'ready'
    circuit.lost(answers ? faultOf(error) : problem, error instanceof TimeIsUp ? GRACE : 0)
  }

  return {
    get isUp () {
      return circuit.isUp
    },
    async run (operation, command, limit) {
      if (!circuit.isUp) {
        onOperation(operation, 'away')
        throw new StoreAway()
      }
      try {
        return await perform(operation, command, limit)
      } catch (error) {
        failed(error)
        throw new StoreAway()
      }
    },
    skip (operation) {
      onOperation(operation, 'away')
    },
    whetherUp: async () => await circuit.whetherUp(),
    close () {
      circuit.close()
      client.disconnect()
    }
  }
}
