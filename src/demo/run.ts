import { startDemo } from './demo.ts'
import type { Ports } from './demo.ts'
import { decisionLine } from './gateway-log.ts'
import { startPart } from './part.ts'
import type { PartOptions } from './part.ts'
import { users } from './people.ts'
import { untilStopped } from './stopped.ts'
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
 * Runs one part of the demo in this process until a signal.
 *
 * @returns the exit status: 0 after SIGINT, SIGTERM or SIGHUP, 1 where it did not start
 */
export async function runPart (options: PartOptions): Promise<0 | 1> {
  const stopped = untilStopped()
  let end: (() => Promise<void>) | undefined
  try {
    const started = startPart(options, (line) => { process.stdout.write(`${line}\n`) })
    end = await Promise.race([started, stopped])
    await stopped
    return 0
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    return 1
  } finally {
    await end?.()
  }
}
