import type { Redis as Client } from 'ioredis'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Redis as Settings } from '../config/store-schema.ts'
import { createClient, pauseBefore } from './client.ts'
import { COUNT } from './commands.ts'
import { BROKEN, faultOf, inTime, TimeIsUp } from './faults.ts'

/** What is asked of the store, for the metric. */
export type Operation = 'count' | 'token' | 'lock' | 'probe'
/** `away`: it was not asked, for it was known not to answer. */
export type Outcome = 'ok' | 'timeout' | 'error' | 'away'

/** The store did not do what was asked of it, or was not asked. */
export class StoreAway extends Error {
  override readonly name = 'StoreAway'
}

/** One connection to a Redis. While it is away nobody waits for it: a probe in the background finds out when it is back. */
export interface Connection {
  readonly isUp: boolean
  /**
   * @param limit ms
   * @throws {StoreAway} at once where it is known to be away
   */
  run<T> (operation: Operation, command: (client: Client) => Promise<T>, limit: number): Promise<T>
  /** Notes that something was not asked, where `isUp` had said so. */
  skip (operation: Operation): void
  /** Whether it is there. Where that is not certain yet (at the start, or after one late answer) it waits a moment. */
  whetherUp (): Promise<boolean>
  close (): void
}

export interface Watchers {
  /** @param problem in fixed words, where it is away */
  readonly onChange: (up: boolean, problem: string) => void
  readonly onOperation: (operation: Operation, outcome: Outcome) => void
}

/** ms from a late answer on in which one more may still be waited for, by those who can wait. */
const GRACE = 500
/** ms between probes of one that is up: what nobody asks may have gone, too */
const PULSE = 2000
/** ms between looks of those who wait */
const LOOK = 20

/** Begins to connect, and never gives up. */
export function connect (settings: Settings, { onChange, onOperation }: Watchers): Connection {
  const client = createClient(settings)
  const probeKey = `${settings.key_prefix}:probe`
  let state: 'unknown' | 'up' | 'away' = 'unknown'
  /** why there is no connection, as far as it is known */
  let problem = BROKEN
  /** performance.now() until when it may be up after all */
  let uncertainUntil = performance.now() + settings.connect_timeout + GRACE
  let probes = 0
  let timer: NodeJS.Timeout | undefined
  let closed = false

  client.on('error', (error: Error) => { problem = faultOf(error) })
  client.on('ready', () => { void probe() })
  client.on('close', () => { lost(problem, 0) })
  // Only what can never be a connection ends it by itself: nothing of that kind is configured, and the probe tries anew.
  client.connect().catch(() => {})

  async function probe (): Promise<void> {
    clearTimeout(timer)
    timer = undefined
    if (closed) return
    if (client.status === 'end') client.connect().catch(() => {})
    try {
      // What requests ask for: a Redis that is full, read-only, or of another mind about who may write is not there.
      await perform('probe', countOne, settings.command_timeout)
      found()
    } catch (error) {
      probes++
      failed(error)
    }
  }

  async function countOne (): Promise<void> {
    // The client selects it too, but goes on where there is none of that number.
    if (settings.url.database !== 0) await client.select(settings.url.database)
    await client.eval(COUNT, 1, probeKey, 1000)
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

  function found (): void {
    if (closed) return
    probes = 0
    problem = BROKEN
    probeIn(PULSE)
    if (state === 'up') return
    state = 'up'
    onChange(true, '')
  }

  function failed (error: unknown): void {
    // Without a connection every command fails in the same way, and why there is none is known already.
    const answers = client.status === 'ready'
    lost(answers ? faultOf(error) : problem, error instanceof TimeIsUp ? GRACE : 0)
  }

  function lost (why: string, grace: number): void {
    if (closed) return
    if (state !== 'away') {
      state = 'away'
      uncertainUntil = performance.now() + grace
      onChange(false, why)
      probeIn(pauseBefore(probes))
    } else if (timer === undefined) probeIn(pauseBefore(probes))
  }

  function probeIn (ms: number): void {
    clearTimeout(timer)
    timer = setTimeout(() => { void probe() }, ms).unref()
  }

  function isUncertain (): boolean {
    return state !== 'up' && !closed && performance.now() < uncertainUntil
  }

  return {
    get isUp () {
      return state === 'up'
    },
    async run (operation, command, limit) {
      if (state !== 'up' || closed) {
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
    async whetherUp () {
      while (isUncertain()) await sleep(LOOK, undefined, { ref: false })
      return state === 'up' && !closed
    },
    close () {
      closed = true
      clearTimeout(timer)
      client.disconnect()
    }
  }
}
