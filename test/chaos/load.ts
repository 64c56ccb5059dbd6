import { Agent, request } from 'node:http'

/** A replica, as whoever balances between them sees it. */
export interface Target {
  readonly port: number
}

export interface LoadOptions {
  /** asked in turn; an array that the test may change while it runs */
  readonly targets: readonly Target[]
  /** requests per second */
  readonly rate: number
  readonly token: () => string
  readonly path?: string
  /** connections of one client at one replica; 16 */
  readonly sockets?: number
  readonly method?: string
  /** so many at once at most: what is due beyond that waits unsent */
  readonly most?: number
}

/** What became of the requests of a load. */
export interface Outcome {
  readonly sent: number
  /** answered 200 */
  readonly ok: number
  /** by status, or by the code of the connection's error */
  readonly others: Readonly<Record<string, number>>
  /** sent again on another connection, for theirs had been closed before a byte of an answer came (RFC 9110 section 9.2.2) */
  readonly reconnected: number
  /** ms, of those that were answered */
  readonly p99: number
}

export interface Load {
  /** so far */
  readonly outcome: () => Outcome
  /** Sends no more, and waits for those under way. */
  stop (): Promise<Outcome>
}

const REFUSED = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE'])

/**
 * Sends requests at a steady rate, whatever becomes of them, as many callers do together. A client reconnects: a request
 * whose connection is refused, or closed without a word, is sent again, to the next replica, at most twice.
 */
export function startLoad ({ targets, rate, token, path = '/orders', method = 'GET', sockets = 16, most = Infinity }: LoadOptions): Load {
  const agents = new Map<number, Agent>()
  const others: Record<string, number> = {}
  const times: number[] = []
  const counts = { sent: 0, ok: 0, reconnected: 0 }
  const open = new Set<Promise<void>>()
  const started = performance.now()
  let turn = 0

  function targetAt (place: number): Target {
    const target = targets[place % targets.length]
    if (target === undefined) throw new Error('no replica to ask')
    return target
  }

  async function one (): Promise<void> {
    counts.sent++
    const began = performance.now()
    const authorization = `Bearer ${token()}`
    const first = turn++
    for (let attempt = 0; ; attempt++) {
      const result = await ask(targetAt(first + attempt), authorization)
      if (typeof result === 'string' && REFUSED.has(result) && attempt < 2) {
        counts.reconnected++
        continue
      }
      if (result === 200) counts.ok++
      else others[result] = (others[result] ?? 0) + 1
      if (typeof result === 'number') times.push(performance.now() - began)
      return
    }
  }

  async function ask ({ port }: Target, authorization: string): Promise<number | string> {
    const agent = agents.get(port) ?? new Agent({ keepAlive: true, maxSockets: sockets })
    agents.set(port, agent)
    return await new Promise(resolve => {
      const failed = (error: NodeJS.ErrnoException): void => { resolve(error.code ?? error.message) }
      const sent = request({ host: '127.0.0.1', port, path, method, agent, headers: { authorization }, timeout: 30_000 }, response => {
        response.resume()
        response.on('error', () => { resolve('broken off') })
        response.on('end', () => { resolve(response.complete ? response.statusCode ?? 0 : 'broken off') })
      })
      sent.on('timeout', () => { sent.destroy(Object.assign(new Error('timeout'), { code: 'timeout' })) })
      sent.on('error', failed)
      sent.end()
    })
  }

  // As many as are due: a timer that is late must not make it a lighter load.
  const timer = setInterval(() => {
    for (const due = (performance.now() - started) * rate / 1000; counts.sent < due && open.size < most;) {
      const sending = one().finally(() => open.delete(sending))
      open.add(sending)
    }
  }, 5)

  function outcome (): Outcome {
    const sorted = times.toSorted((a, b) => a - b)
    return { ...counts, others: { ...others }, p99: sorted[Math.floor(sorted.length * 0.99)] ?? NaN }
  }

  return {
    outcome,
    async stop () {
      clearInterval(timer)
      await Promise.all(open)
      for (const agent of agents.values()) agent.destroy()
      return outcome()
    }
  }
}

/** Of an outcome, what was not answered with 200. */
export function failedOf ({ others }: Outcome): number {
  return Object.values(others).reduce((sum, count) => sum + count, 0)
}
