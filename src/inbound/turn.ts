import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { callerGone, type Refusal } from '../policy/problems.ts'

/** How many requests may wait on one connection before no more is read from it. */
const MOST_WAITING = 32

/** The requests that wait on one connection, each by what gives it up. */
interface Queue {
  readonly waiting: Set<(refusal: Refusal) => void>
  paused: boolean
}

const queues = new WeakMap<Socket, Queue>()

/**
 * Waits until the requests before it on its connection are answered (RFC 9112 section 9.3.2): what changes something
 * keeps its order, and behind an answer that ends the connection nothing is carried out whose answer nobody would get.
 * A caller that sends more than may wait is not read until some of them have had their turn.
 * @returns undefined where there is nothing to wait for
 * @throws {Refusal} client-gone where the connection ends first, or has ended
 */
export function itsTurn ({ socket }: IncomingMessage, response: ServerResponse): Promise<void> | undefined {
  // A caller that resets at once has no address any more, though its bytes are still read.
  if (!socket.writable || socket.remoteAddress === undefined) throw callerGone()
  if (response.socket !== null) return undefined
  const queue = queues.get(socket) ?? queueOf(socket)
  return new Promise((resolve, reject) => {
    queue.waiting.add(reject)
    balance(socket, queue)
    // Node hands the socket over once the answer before it is written.
    response.once('socket', () => {
      queue.waiting.delete(reject)
      balance(socket, queue)
      // What its parser refused has been answered, and the response taken from the connection.
      if (response.socket === null) reject(callerGone())
      else resolve()
    })
  })
}

// Node reads on at the end of each message by itself, within this turn of the event loop: what is decided here comes after.
function balance (socket: Socket, queue: Queue): void {
  const { waiting } = queue
  if (waiting.size < MOST_WAITING && !queue.paused) return
  setImmediate(() => {
    if (socket.destroyed) return
    if (waiting.size >= MOST_WAITING) {
      queue.paused = true
      socket.pause()
    } else if (queue.paused) {
      queue.paused = false
      socket.resume()
    }
  })
}

function queueOf (socket: Socket): Queue {
  const queue: Queue = { waiting: new Set(), paused: false }
  queues.set(socket, queue)
  socket.once('close', () => {
    for (const reject of queue.waiting) reject(callerGone())
  })
  return queue
}
