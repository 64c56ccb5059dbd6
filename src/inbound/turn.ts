import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { refuse, type Refusal } from '../policy/problems.ts'

/** How many requests may wait on one connection before no more is read from it. */
const MOST_WAITING = 32

const queues = new WeakMap<Socket, Set<(refusal: Refusal) => void>>()

/**
 * Waits until the requests before it on its connection are answered (RFC 9112 section 9.3.2): what changes something
 * keeps its order, and behind an answer that ends the connection nothing is carried out whose answer nobody would get.
 * A caller that sends more than may wait is not read until some of them have had their turn.
 * @returns undefined where there is nothing to wait for
 * @throws {Refusal} client-gone where the connection ends first, or has ended
 */
export function itsTurn ({ socket }: IncomingMessage, response: ServerResponse): Promise<void> | undefined {
  if (!socket.writable) throw gone()
  if (response.socket !== null) return undefined
  const waiting = queues.get(socket) ?? queueOf(socket)
  return new Promise((resolve, reject) => {
    waiting.add(reject)
    if (waiting.size >= MOST_WAITING) socket.pause()
    // Node hands the socket over once the answer before it is written.
    response.once('socket', () => {
      waiting.delete(reject)
      if (waiting.size < MOST_WAITING) socket.resume()
      resolve()
    })
  })
}

function queueOf (socket: Socket): Set<(refusal: Refusal) => void> {
  const waiting = new Set<(refusal: Refusal) => void>()
  queues.set(socket, waiting)
  socket.once('close', () => {
    for (const reject of waiting) reject(gone())
  })
  return waiting
}

function gone (): Refusal {
  return refuse('client-gone', 'The caller went away.')
}
