import cluster from 'node:cluster'
import closeWithGrace, { type Signals } from 'close-with-grace'
import { Command } from 'commander'
import { WorkerError } from '../cluster/leader.ts'
import { ConfigurationError, run } from '../run.ts'
import type { Running } from '../running.ts'
import { report } from './check.ts'
import { withFiles, type FileOptions } from './files.ts'
import { packageVersion } from './package.ts'
import { whyNotToStart } from './runtime.ts'

export function startCommand (): Command {
  return withFiles(new Command('start'))
    .description('Start the gateway. SIGTERM and SIGINT answer the open requests and end it; SIGHUP reads the files again.')
    .option('--shadow <file>', 'another routes.yaml, of which is counted what it would change; no request feels it')
    .addHelpText('after', '\nExamples:\n  countersign start --config config/gateway.yaml --routes routes.yaml\n  countersign start --shadow routes.next.yaml    # and then: countersign shadow')
    .action(start)
}

async function start ({ config, routes, shadow }: FileOptions & { readonly shadow?: string }): Promise<void> {
  const { refusal, warning } = whyNotToStart(process.versions.node, process.env)
  if (refusal !== undefined) {
    console.error(`countersign ${packageVersion()}: ${refusal}`)
    process.exitCode = 2
    return
  }
  if (warning !== undefined) console.error(`countersign ${packageVersion()}: ${warning}`)
  try {
    const starting = run({ config, routes, shadow, version: packageVersion(), env: process.env })
    // Without a listener it would end the process, also while it starts.
    process.on('SIGHUP', () => { starting.then(running => running.reload(), () => {}) })
    endWithGrace(await starting)
  } catch (error) {
    if (error instanceof ConfigurationError) report(error.mistakes, undefined)
    // A worker has said it.
    else if (!(error instanceof WorkerError)) console.error(`countersign: ${startError(error)}`)
    process.exitCode = error instanceof ConfigurationError ? 2 : error instanceof WorkerError ? error.exitCode : 1
    // The line to its leader would keep it.
    if (cluster.isWorker) process.exit()
  }
}

function endWithGrace (running: Running): void {
  // A worker ends when it is told to, not by a signal that its leader got too.
  const skip: Signals[] = cluster.isWorker ? ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM'] : ['SIGHUP']
  // The gateway has its own limit, drain_timeout; this one only has to be longer.
  closeWithGrace({ delay: false, logger: false, skip }, async ({ err: error, signal }) => {
    if (error !== undefined) running.log.fatal({ problem: error.stack }, 'the gateway failed')
    else running.log.info({ signal }, 'signal')
    await running.close()
  })
}

function startError (error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  const port = error instanceof Error && 'port' in error ? String(error.port) : ''
  if (code === 'EADDRINUSE') return `port ${port} is in use`
  if (code === 'EACCES') return `port ${port} may not be opened by this user`
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') return 'the address to listen on is not one of this machine\'s'
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
