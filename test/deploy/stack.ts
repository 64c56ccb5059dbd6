import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { root } from '../house/repository.ts'
import { runCommandLine } from './command-line.ts'
import { startNode, type RunningCommand } from '../support/command.ts'
import { tempDir } from '../support/files.ts'
import { tearDown, type TestContext } from '../support/teardown.ts'
import { namesOf, readCompose, stageOf, type Compose, type Service } from './compose.ts'
import type { Place } from './place.ts'

/** The services of compose.yaml as processes of this machine. */
export interface Stack {
  readonly place: Place
  readonly parts: Readonly<Record<string, RunningCommand>>
  /** What redis-cli prints for a command, as the gateway's user. */
  redis (...command: readonly string[]): Promise<string>
}

const preload = new URL('container.js', import.meta.url).href

/**
 * Starts each service with its very command, environment and image's entrypoint, in the order of depends_on, and waits
 * for its very healthcheck. What differs from containers: all stand at one address (place.ts), and the secrets are in a
 * folder that is not /run/secrets.
 */
export async function startStack (t: TestContext): Promise<Stack> {
  const compose = readCompose()
  const names = Object.entries(compose.services).flatMap(([name, service]) => namesOf(name, service))
  const place = { address: someAddress(), names }
  const folder = await layOut(t, compose)
  const parts: Record<string, RunningCommand> = {}
  for (const name of inOrder(compose)) {
    const service = compose.services[name]
    if (service === undefined) throw new Error(`depends_on names ${name}, which is no service`)
    if (service.build === undefined) await startRedis(t, service, place, folder)
    else parts[name] = await startPart(t, service, place, folder)
    await untilHealthy(name, service, place, folder)
  }
  const password = (await readFile(join(folder, 'secrets/redis_password'), 'utf8')).trim()
  return {
    place,
    parts,
    redis: async (...command) => (await runCommandLine(['redis-cli', '-h', place.address, '--user', 'countersign', ...command], { REDISCLI_AUTH: password })).stdout.trim()
  }
}

async function startPart (t: TestContext, { build, command, environment }: Service, place: Place, folder: string): Promise<RunningCommand> {
  if (environment !== undefined) throw new Error('compose.yaml has an environment: hand it to the process')
  const { entrypoint: [, ...entrypoint], env } = await stageOf(build?.target)
  return startNode(t, [...entrypoint, ...command], { cwd: join(folder, 'app'), nodeArgs: ['--import', preload], env: { ...env, ...environmentOf(place) } })
}

async function startRedis (t: TestContext, { command: [program = '', ...args] }: Service, { address }: Place, folder: string): Promise<void> {
  const own = args.map(arg => arg.replace('/run/secrets', join(folder, 'secrets')))
  const server: ChildProcess = spawn(program, [...own, '--bind', address, '--dir', folder], { stdio: 'ignore' })
  tearDown(t, async () => {
    if (server.exitCode !== null || server.signalCode !== null) return
    const exited = once(server, 'exit')
    server.kill('SIGKILL')
    await exited
  })
  await once(server, 'spawn')
}

async function untilHealthy (name: string, { healthcheck: { test: [kind, program = '', ...args] } }: Service, place: Place, folder: string): Promise<void> {
  if (kind !== 'CMD') throw new Error(`the healthcheck of ${name} is not a CMD`)
  const line = program === 'node'
    ? [process.execPath, '--import', preload, ...args]
    : [program, '-h', place.address, ...args]
  for (const deadline = Date.now() + 60_000; Date.now() < deadline; await sleep(500)) {
    if ((await runCommandLine(line, environmentOf(place), join(folder, 'app'))).status === 0) return
  }
  throw new Error(`${name} does not become healthy`)
}

/** What the containers find: the program, the configuration's folder, the secrets. */
async function layOut (t: TestContext, { services, secrets }: Compose): Promise<string> {
  const folder = await tempDir(t)
  await mkdir(join(folder, 'app'))
  await mkdir(join(folder, 'secrets'))
  await symlink(join(root, 'dist'), join(folder, 'app/dist'))
  for (const { source, target } of services['gateway']?.volumes ?? []) await cp(join(root, 'deploy', source), join(folder, target), { recursive: true })
  for (const [name, { file }] of Object.entries(secrets)) await cp(join(root, 'deploy', file), join(folder, 'secrets', name))
  const config = join(folder, 'app/config/gateway.yaml')
  await writeFile(config, (await readFile(config, 'utf8')).replaceAll('/run/secrets', join(folder, 'secrets')))
  return folder
}

/** The services, each after those that it waits for. */
function inOrder ({ services }: Compose): readonly string[] {
  const order: string[] = []
  const add = (name: string): void => {
    for (const before of Object.keys(services[name]?.depends_on ?? {})) add(before)
    if (!order.includes(name)) order.push(name)
  }
  for (const name of Object.keys(services)) add(name)
  return order
}

function environmentOf (place: Place): Record<string, string> {
  return { COUNTERSIGN_TEST_PLACE: JSON.stringify(place) }
}

// All of 127.0.0.0/8 is loopback (Linux).
function someAddress (): string {
  const part = () => 1 + Math.floor(Math.random() * 254)
  return `127.${part()}.${part()}.${part()}`
}
