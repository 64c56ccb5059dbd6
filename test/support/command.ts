import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { projectRoot } from './files.ts'
import { collectLog, type GatewayLog } from './gateway-log.ts'
import { tearDown, type TestContext } from './teardown.ts'

export interface CommandOptions {
  /** On top of this process's, less what tap adds. */
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** Of Node: `--max-old-space-size=64`. */
  readonly nodeArgs?: readonly string[]
  /** The output is for a reader and shows live tokens (`demo`): not searched for secrets. */
  readonly printsTokens?: boolean
}

/** How a process ended: one of the two is null. */
export interface Exit { readonly code: number | null, readonly signal: NodeJS.Signals | null }

/** The real command in a process of its own. */
export interface RunningCommand {
  readonly pid: number
  readonly stdout: string
  readonly stderr: string
  /** Both, in the order of arrival; searched for secrets when the test is over. */
  readonly output: GatewayLog
  readonly exited: Promise<Exit>
  /** SIGTERM when left out. */
  kill (signal?: NodeJS.Signals): void
  /** Resident memory in bytes, as the kernel counts it (Linux). */
  memory (): Promise<number>
}

/** Starts `countersign <args>` as compiled; killed when the test is over, if it still runs. */
export function startCommand (t: TestContext, args: readonly string[], options: CommandOptions = {}): RunningCommand {
  return startNode(t, [join(projectRoot, 'dist/src/cli.js'), ...args], options)
}

/** Runs `countersign <args>` to its end: what it printed, and its exit status. */
export async function runCommand (t: TestContext, args: readonly string[], options: CommandOptions = {}): Promise<Exit & { readonly stdout: string, readonly stderr: string }> {
  const command = startCommand(t, args, options)
  const exit = await command.exited
  return { ...exit, stdout: command.stdout, stderr: command.stderr }
}

/** Starts Node on a script; the child of startCommand, and of the self-tests. */
export function startNode (t: TestContext, script: readonly string[], { env, cwd, nodeArgs = [], printsTokens = false }: CommandOptions = {}): RunningCommand {
  const output = collectLog(t, !printsTokens)
  const child = spawn(process.execPath, [...nodeArgs, ...script], { cwd, env: { ...plainEnvironment(), ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  const texts = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      texts[name] += text
      output.stream.write(text)
    })
  }
  const exited = new Promise<Exit>((resolve, reject) => {
    child.once('error', reject)
    // 'close' comes after the last byte of output, 'exit' may come before it.
    child.once('close', (code, signal) => { resolve({ code, signal }) })
  })
  tearDown(t, async () => {
    child.kill('SIGKILL')
    await exited
  })
  return {
    pid: child.pid ?? 0,
    get stdout () { return texts.stdout },
    get stderr () { return texts.stderr },
    output,
    exited,
    kill: (signal = 'SIGTERM') => { child.kill(signal) },
    memory: async () => await residentBytes(child.pid ?? 0)
  }
}

/** Polls until the output has it; throws when the process ends first, with its output. */
export async function untilOutput<T> (command: RunningCommand, find: () => T | undefined, timeoutMs = 60_000): Promise<T> {
  let exit: Exit | undefined
  void command.exited.then(how => { exit = how })
  for (const deadline = Date.now() + timeoutMs; Date.now() < deadline; await sleep(10)) {
    const found = find()
    if (found !== undefined) return found
    if (exit !== undefined) throw new Error(`ended with ${exit.code ?? exit.signal} before that:\n${command.output.text}`)
  }
  throw new Error(`did not come in ${timeoutMs} ms:\n${command.output.text}`)
}

/** tap's loaders would cost a child time and memory that its tests measure. */
function plainEnvironment (): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(NODE_OPTIONS|NODE_V8_COVERAGE|_?TAP.*)$/.test(name)))
}

async function residentBytes (pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) * 1024
}
