import type { LookupFunction } from 'node:net'
import { Pool } from 'undici'
import type { HealthCheck as Settings } from '../config/protection-schema.ts'
import { createConnector } from './connector.ts'
import type { Limit, StartLimit } from './deadline.ts'
import type { TlsOptions } from './tls.ts'

export interface HealthCheckOptions {
  /** ms between two questions, more or less */
  readonly every: number
  /** so many good answers in a row make it well */
  readonly healthy: number
  /** so many bad ones in a row do the contrary */
  readonly unhealthy: number
  /** Whether the host says that it is well; never throws. */
  readonly ask: () => Promise<boolean>
  readonly startLimit: StartLimit
  /** from 0 to 1 */
  readonly random: () => number
  readonly onChange: (isHealthy: boolean) => void
}

/** Asks a host again and again whether it is well. It is taken for well until it says otherwise. */
export class HealthCheck {
  readonly #options: HealthCheckOptions
  #isHealthy = true
  /** answers in a row that say otherwise */
  #against = 0
  #limit: Limit | undefined
  #closed = false

  constructor (options: HealthCheckOptions) {
    this.#options = options
    void this.#ask()
  }

  close (): void {
    this.#closed = true
    this.#limit?.stop()
  }

  async #ask (): Promise<void> {
    const { ask, every, startLimit, random } = this.#options
    const isWell = await ask()
    if (this.#closed) return
    this.#heard(isWell)
    // Replicas that were started together are not to ask together.
    this.#limit = startLimit(every * (0.9 + random() / 5), () => { void this.#ask() })
  }

  #heard (isWell: boolean): void {
    const { healthy, unhealthy, onChange } = this.#options
    this.#against = isWell === this.#isHealthy ? 0 : this.#against + 1
    if (this.#against < (this.#isHealthy ? unhealthy : healthy)) return
    this.#against = 0
    this.#isHealthy = !this.#isHealthy
    onChange(this.#isHealthy)
  }
}

/** A GET of its own, on a connection of its own: nothing of a caller's, no credential. */
export interface Question {
  ask (): Promise<boolean>
  close (): Promise<void>
}

/** Of an answer, so many bytes are read. */
const MOST = 64 * 1024

export function createQuestion (origin: string, { path, timeout, expect }: Pick<Settings, 'path' | 'timeout' | 'expect'>, tls?: TlsOptions, lookup?: LookupFunction): Question {
  // Without keep-alive: each question finds out whether the host takes connections, at the address that its name has now.
  const pool = new Pool(origin, { connect: createConnector(timeout, tls, lookup), connections: 1, pipelining: 0, maxHeaderSize: MOST, headersTimeout: 0, bodyTimeout: 0 })
  return {
    async ask () {
      try {
        const { statusCode, body } = await pool.request({ method: 'GET', path, headers: { 'user-agent': 'countersign health check' }, signal: AbortSignal.timeout(timeout) })
        await body.dump({ limit: MOST })
        return expect.includes(statusCode)
      } catch {
        // Whatever it is: it did not say that it is well.
        return false
      }
    },
    close: async () => { await pool.destroy() }
  }
}
