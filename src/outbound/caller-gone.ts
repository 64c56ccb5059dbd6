import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

const waiting = new WeakMap<Socket, Set<() => void>>()

/**
 * Calls back once the caller's connection is closed. An answer's own 'close' is not enough: one that waits behind
 * another on its connection (pipelining) never has it.
 * @returns takes it back
 */
export function whenCallerLeaves (socket: Socket, listener: () => void): () => void {
  const listeners = waiting.get(socket) ?? listenTo(socket)
  listeners.add(listener)
  return () => { listeners.delete(listener) }
}

function listenTo (socket: Socket): Set<() => void> {
  const listeners = new Set<() => void>()
  waiting.set(socket, listeners)
  socket.once('close', () => {
    for (const listener of [...listeners]) listener()
  })
  return listeners
}

/** Ends an answer that is not whole in such a way that no caller takes it for whole. */
export function breakOff (response: ServerResponse): void {
  // To HTTP/1.0 a body without a length ends where the connection does: only a reset tells the two ends apart.
  if (response.req.httpVersion === '1.0') response.socket?.resetAndDestroy()
  response.destroy()
}
