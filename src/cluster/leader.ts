import cluster, { type Worker } from 'node:cluster'
import { once } from 'node:events'
import type { Logger } from 'pino'
import { createChannel, type Channel, type Handlers } from './channel.ts'
import { createRestarts } from './restarts.ts'

export interface LeaderParts {
  /** how many */
  readonly workers: number
  readonly log: Logger
  /** what they may ask for */
  readonly handlers: Handlers
  /** One ended that was not told to. */
  readonly onLost: () => void
}

/** Processes of the same gateway, which share its data port. */
export interface Workers {
  /** the port that they share */
  readonly dataPort: number
  /** how many serve now */
  readonly serving: () => number
  /** What each answers that answers in time. */
  ask (what: string, body?: unknown): Promise<unknown[]>
  tell (what: string): void
  /** Tells them to end, and ends those that have not after `longest` ms. */
  close (longest: number): Promise<void>
  /** Ends them at once. */
  kill (): void
}

/** A worker could not be started at all; it has said why on standard error. */
export class WorkerError extends Error {
  override readonly name = 'WorkerError'
  readonly exitCode: number

  constructor (exitCode: number) {
    super(`a worker ended at its start (${exitCode})`)
    this.exitCode = exitCode
  }
}

interface Member {
  readonly worker: Worker
  readonly channel: Channel
  readonly began: number
  dataPort: number | undefined
}

/** ms */
const ANSWER_WITHIN = 2000

/**
 * Starts this very command once more for each worker. The first is waited for: what keeps it from starting is told once.
 * Later on one that ends is replaced.
 * @throws {WorkerError}
 */
export async function leadWorkers ({ workers, log, handlers, onLost }: LeaderParts): Promise<Workers> {
  const members = new Set<Member>()
  const restarts = createRestarts(Math.random)
  const timers = new Set<NodeJS.Timeout>()
  let closing = false
  // Each takes its connections from the system. Node's other way, where this process deals them out in turn, is more even,
  // and leaves a connection without an end that was dealt to one that is killed in that moment.
  cluster.schedulingPolicy = cluster.SCHED_NONE
  cluster.setupPrimary({ exec: process.argv[1] ?? '', args: process.argv.slice(2) })

  function start (): Member {
    const worker = cluster.fork()
    const channel = createChannel(message => { worker.send(message) }, {
      ...handlers,
      serving (body) {
        member.dataPort = portOf(body)
        log.info({ pid: worker.process.pid }, 'a worker serves')
      }
    })
    const member: Member = { worker, channel, began: performance.now(), dataPort: undefined }
    members.add(member)
    worker.on('message', channel.receive)
    // A line that breaks while something is sent: the exit follows, and is what counts.
    worker.on('error', () => {})
    worker.once('exit', (code: number, signal: string | null) => { lose(member, code, signal) })
    return member
  }

  function lose (member: Member, code: number, signal: string | null): void {
    members.delete(member)
    if (closing) return
    const delay = Math.round(restarts.delayAfter(performance.now() - member.began))
    log.error({ pid: member.worker.process.pid, code, signal, next: delay }, 'a worker ended')
    onLost()
    const timer = setTimeout(() => {
      timers.delete(timer)
      start()
    }, delay)
    timers.add(timer)
  }

  function kill (): void {
    closing = true
    timers.forEach(clearTimeout)
    for (const { worker } of members) worker.process.kill('SIGKILL')
  }

  async function startFirst (): Promise<number> {
    const member = start()
    const { worker } = member
    worker.removeAllListeners('exit')
    const ended = once(worker, 'exit')
    for (;;) {
      const exit: unknown = await Promise.race([once(worker, 'message').then(() => undefined), ended])
      if (Array.isArray(exit)) {
        members.delete(member)
        throw new WorkerError(Number(exit[0] ?? 1))
      }
      if (member.dataPort !== undefined) break
    }
    worker.once('exit', (code: number, signal: string | null) => { lose(member, code, signal) })
    return member.dataPort
  }

  const dataPort = await startFirst()
  for (let at = 1; at < workers; at++) start()
  return {
    dataPort,
    serving: () => [...members].filter(member => member.dataPort !== undefined).length,
    async ask (what, body) {
      const answers = await Promise.all([...members].map(async ({ channel }) => await channel.ask(what, body, ANSWER_WITHIN)))
      return answers.filter(answer => answer !== undefined)
    },
    tell (what) { for (const { channel } of members) channel.tell(what) },
    async close (longest) {
      closing = true
      timers.forEach(clearTimeout)
      const exits = [...members].map(async ({ worker, channel }) => {
        const ended = worker.isDead() ? undefined : once(worker, 'exit')
        channel.tell('close')
        await ended
      })
      const limit = setTimeout(kill, longest)
      await Promise.all(exits)
      clearTimeout(limit)
    },
    kill
  }
}

function portOf (body: unknown): number | undefined {
  return typeof body === 'object' && body !== null && 'dataPort' in body && typeof body.dataPort === 'number' ? body.dataPort : undefined
}
