import { startDemo } from './demo.ts'
import type { Ports } from './demo.ts'
import { decisionLine } from './gateway-log.ts'
import { users } from './people.ts'
import { paint } from './terminal.ts'
import { welcome } from './walkthrough.ts'

export interface RunOptions { readonly ports: Ports, readonly json: boolean, readonly color: boolean }

/**
 * Runs the demo in this process until a signal or the end of its gateway.
 *
 * @returns the exit status: 0 after SIGINT, SIGTERM or SIGHUP, 1 where it did not start or the gateway ended
 */
export async function runDemo ({ ports, json, color }: RunOptions): Promise<0 | 1> {
  const ends: (() => Promise<void>)[] = []
  const stopped = untilStopped()
  const colours = paint(process.stdout, color)
  const print = (text: string) => { process.stdout.write(`${text}\n`) }
  try {
    const started = startDemo(ports, (line) => {
      const text = json ? undefined : decisionLine(line, colours)
      if (text !== undefined) print(text)
    }, (end) => { ends.push(end) })
    const demo = await Promise.race([started, stopped])
    if (demo === undefined) return 0
    const { urls, tokens, pastes, gatewayEnded } = demo
    print(json
      ? JSON.stringify({ urls, users: [...users].map(([username, { password }]) => ({ username, password })), tokens, calls: pastes }, null, 2)
      : welcome(urls, pastes, colours))
    const last = await Promise.race([gatewayEnded, stopped])
    if (last === undefined) return 0
    throw new Error(last)
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    return 1
  } finally {
    await Promise.all(ends.map((end) => end()))
  }
}

/**
 * Resolves on the first signal. Later ones change nothing: under `npm run`, one Ctrl-C arrives twice, from the
 * terminal and from npm; and the end is bounded in time anyway.
 */
async function untilStopped (): Promise<undefined> {
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve())
    // Signals that reach npm alone end the shell between npm and this process, and not this process.
    if (process.env.npm_lifecycle_event !== undefined) whenOrphaned(resolve)
    // A terminal that was closed, or a pipe whose reader has gone.
    for (const stream of [process.stdout, process.stderr]) stream.on('error', () => resolve())
  })
}

function whenOrphaned (then: () => void): void {
  const parent = process.ppid
  setInterval(() => { if (process.ppid !== parent) then() }, 500).unref()
}
