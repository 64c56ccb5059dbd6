import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { tempDir } from './files.ts'
import { registerSecret } from './secrets.ts'
import type { Certificate } from './self-signed.ts'
import { tearDown, type TestContext } from './teardown.ts'

export interface RedisOptions {
  /** Of the default user. */
  readonly password?: string
  /** More lines of its configuration. */
  readonly lines?: readonly string[]
  /** Speaks TLS alone. */
  readonly certificate?: Certificate
}

/** Debian's redis-server on 127.0.0.1, in memory alone, with every way to go away and come back. */
export interface TestRedis {
  readonly port: number
  readonly url: string
  /** SIGKILL: all that it held is lost. */
  kill (): Promise<void>
  /** A new one, empty, on the same port. */
  start (): Promise<void>
  /** SIGSTOP: connections stay, and new ones come into being; nothing is answered. */
  freeze (): void
  /** SIGCONT. */
  thaw (): void
  /** What redis-cli prints for a command. */
  cli (...command: readonly string[]): Promise<string>
  /** All of its keys. */
  keys (): Promise<string[]>
  /** All that it holds, as it would be written to a disk. */
  dump (): Promise<Buffer>
}

const run = promisify(execFile)

export async function startRedis (t: TestContext, { password, lines = [], certificate }: RedisOptions = {}): Promise<TestRedis> {
  const port = await freePort()
  const tls = certificate !== undefined
  const dir = await tempDir(t, {
    'redis.conf': [
      'bind 127.0.0.1', 'save ""', 'appendonly no', 'rdbcompression no', 'loglevel warning',
      ...password === undefined ? [] : [`requirepass ${password}`],
      ...tls ? ['port 0', `tls-port ${port}`, 'tls-cert-file cert.pem', 'tls-key-file key.pem', 'tls-ca-cert-file cert.pem', 'tls-auth-clients no'] : [`port ${port}`],
      ...lines, ''
    ].join('\n'),
    ...tls && { 'cert.pem': certificate.cert, 'key.pem': certificate.key }
  })
  const tlsOptions = tls ? ['--tls', '--cacert', join(dir, 'cert.pem')] : []
  let server: ChildProcess | undefined
  tearDown(t, kill)

  async function start (): Promise<void> {
    const started = spawn('redis-server', ['redis.conf'], { cwd: dir, stdio: 'ignore' })
    server = started
    const failed = new Promise<never>((_resolve, reject) => { started.once('error', reject) })
    await Promise.race([untilItAnswers(started), failed])
  }

  async function untilItAnswers (started: ChildProcess): Promise<void> {
    for (const deadline = Date.now() + 20_000; Date.now() < deadline; await sleep(20)) {
      if (started.exitCode !== null) throw new Error(`redis-server ended with ${started.exitCode}`)
      const answer = await cli('PING').catch(() => '')
      // One that wants a password answers, too.
      if (/PONG|NOAUTH|NOPERM/.test(answer)) return
    }
    throw new Error('redis-server does not answer')
  }

  async function kill (): Promise<void> {
    const ended = server
    if (ended?.exitCode !== null || ended.signalCode !== null) return
    const exited = once(ended, 'exit')
    ended.kill('SIGKILL')
    await exited
  }

  async function cli (...command: readonly string[]): Promise<string> {
    const env = { ...process.env, ...password !== undefined && { REDISCLI_AUTH: password } }
    const { stdout } = await run('redis-cli', ['-p', String(port), ...tlsOptions, ...command], { env, maxBuffer: 64 * 1024 * 1024 })
    return stdout.trimEnd()
  }

  await start()
  return {
    port,
    url: `${tls ? 'rediss' : 'redis'}://127.0.0.1:${port}`,
    kill,
    start,
    freeze: () => { server?.kill('SIGSTOP') },
    thaw: () => { server?.kill('SIGCONT') },
    cli,
    keys: async () => (await cli('--raw', 'KEYS', '*')).split('\n').filter(key => key !== ''),
    async dump () {
      const { stdout } = await run('redis-cli', ['-p', String(port), ...tlsOptions, '--rdb', '-'], { encoding: 'buffer', maxBuffer: 64 * 1024 * 1024 })
      return stdout
    }
  }
}

/** A key for what is kept there, as a file or the environment holds it. */
export function newKey (): string {
  return registerSecret(randomBytes(32).toString('base64'), 'an encryption key')
}

async function freePort (): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  // A TCP server's address is an AddressInfo; the string is for pipes.
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
