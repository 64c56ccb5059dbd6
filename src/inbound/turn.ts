import type { IncomingMessage, ServerResponse } from 'node:http'
import { refuse, type Refusal } from '../policy/problems.ts'

/**
 * Waits until the requests before it on its connection are answered (RFC 9112 section 9.3.2): what changes something
 * keeps its order, and behind an answer that ends the connection nothing is carried out whose answer nobody would get.
 * @returns undefined where there is nothing to wait for
 * @throws {Refusal} client-gone where the connection ends first, or has ended
 */
export function itsTurn ({ socket }: IncomingMessage, response: ServerResponse): Promise<void> | undefined {
  if (!socket.writable) throw gone()
  if (response.socket !== null) return undefined
  return new Promise((resolve, reject) => {
    const onClose = (): void => { reject(gone()) }
    // One for each request that is pipelined, of which there are as many as the caller has sent.
    socket.setMaxListeners(0)
    socket.once('close', onClose)
    // Node hands the socket over once the answer before it is written.
    response.once('socket', () => {
      socket.off('close', onClose)
      resolve()
    })
  })
}

function gone (): Refusal {
  return refuse('client-gone', 'The caller went away.')
}
