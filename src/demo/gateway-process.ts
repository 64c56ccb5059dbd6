import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

export type LogLine = Readonly<Record<string, unknown>>

export interface GatewayProcess {
  /** URL of the data port. */
  readonly data: string
  /** URL of the admin port. */
  readonly admin: string
  /** Resolves when the process has ended by itself, to its last words. */
  readonly ended: Promise<string>
}

export interface GatewayOptions {
  /** What config/demo.yaml takes from the environment. */
  readonly env: Readonly<Record<string, string>>
  readonly onLog: (line: LogLine) => void
  /** Is given the function that ends the process, as soon as there is one. */
  readonly onStop: (stop: () => Promise<void>) => void
}

// The package's folder. The gateway runs in it, whatever folder the demo was started in, and so its log names
// routes.yaml without a long path.
const root = fileURLToPath(new URL('../../../', import.meta.url))

// A demo that is killed outright cannot end its gateway; the gateway notices that the channel is gone, and ends.
const endWithParent = "data:text/javascript,process.on('disconnect',()=>process.exit(1));process.channel.unref()"
const patience = { start: 30_000, stop: 3_000 }

/**
 * Starts `countersign start` with config/demo.yaml and the routes.yaml that ships, and waits until it is ready.
 *
 * It runs in a process group of its own: a Ctrl-C in the terminal reaches the demo alone, which then ends it.
 *
 * @throws Error with the gateway's own words, where it does not start
 */
export async function startGateway ({ env, onLog, onStop }: GatewayOptions): Promise<GatewayProcess> {
  const child = spawn(process.execPath, [
    '--import', endWithParent, 'dist/src/cli.js', 'start', '--config', 'config/demo.yaml', '--routes', 'routes.yaml'
  ], { cwd: root, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe', 'ipc'], detached: true })
  const { stdout, stderr } = child
  if (stdout === null || stderr === null) throw new Error('The gateway has no output to read.')
  onStop(() => stop(child))

  const words: string[] = []
  const keep = (text: string) => {
    words.push(text)
    if (words.length > 20) words.shift()
  }
  createInterface({ input: stderr }).on('line', keep)
  const ended = once(child, 'close').then(([status, signal]) => `${words.join('\n')}\nThe gateway ended (${signal ?? `exit status ${status}`}).`.trim())

  const { data, admin } = await new Promise<{ data: string, admin: string }>((resolve, reject) => {
    const limit = setTimeout(() => reject(new Error(`The gateway did not start listening.\n${words.join('\n')}`)), patience.start)
    void ended.then((last) => reject(new Error(last))).finally(() => clearTimeout(limit))
    createInterface({ input: stdout }).on('line', (text) => {
      const line = readLog(text)
      if (line === undefined) return keep(text)
      // Levels 50 and 60 are pino's error and fatal: should the gateway end, this is why.
      if (Number(line.level) >= 50) keep(text)
      if (line.msg === 'listening') {
        clearTimeout(limit)
        resolve({ data: String(line.data), admin: String(line.admin) })
      }
      onLog(line)
    })
  })
  await Promise.race([ready(admin), ended.then((last) => { throw new Error(last) })])
  return { data, admin, ended }
}

async function ready (admin: string): Promise<void> {
  const end = Date.now() + patience.start
  while (Date.now() < end) {
    const response = await fetch(`${admin}/readyz`, { signal: AbortSignal.timeout(2000) }).catch(() => undefined)
    if (response?.status === 200) return
    await wait(50)
  }
  throw new Error('The gateway did not become ready: it has no keys of the IdP, or no token for the ERP.')
}

async function stop (child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
  const end = once(child, 'exit')
  child.kill('SIGTERM')
  const tooLong = setTimeout(() => child.kill('SIGKILL'), patience.stop)
  await end
  clearTimeout(tooLong)
}

function readLog (text: string): LogLine | undefined {
  try {
    const value: unknown = JSON.parse(text)
    // Checked just here: an object that is no array has string keys.
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value as LogLine : undefined
  } catch {
    return undefined
  }
}
