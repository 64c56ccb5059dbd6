import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { callerGone, type Refusal } from '../policy/problems.ts'
import { startDeadline } from './deadline.ts'

/** Who wants to know when a caller's connection is closed. */
export interface CallerWatcher {
  callerGone (): void
}

const watched = new WeakMap<Socket, CallerWatcher[]>()

/**
 * Tells the watcher once the caller's connection is closed. An answer's own 'close' is not enough: one that was taken
 * from its connection, because the parser's refusal went out in its place, never has it.
 */
export function watchCaller (socket: Socket, watcher: CallerWatcher): void {
  const watchers = watched.get(socket) ?? listenTo(socket)
  watchers.push(watcher)
}

export function unwatchCaller (socket: Socket, watcher: CallerWatcher): void {
  const watchers = watched.get(socket)
  if (watchers === undefined || watchers.length === 0) return
  // It is the only one, but for the moment in which the next request's turn begins.
  const at = watchers.indexOf(watcher)
  if (at === watchers.length - 1) watchers.pop()
  else if (at !== -1) watchers.splice(at, 1)
}

function listenTo (socket: Socket): CallerWatcher[] {
  const watchers: CallerWatcher[] = []
  watched.set(socket, watchers)
  socket.once('close', () => {
    for (const watcher of [...watchers]) watcher.callerGone()
  })
  return watchers
}

/**
 * What a promise comes to, as long as the caller is there.
 * @param longest ms
 * @throws {Refusal} client-gone, or the one for which it took too long
 */
export async function whileCallerWaits<T> (socket: Socket, promise: Promise<T>, longest: number, late: () => Refusal): Promise<T> {
  let giveUp = (_refusal: Refusal): void => {}
  const givenUp = new Promise<never>((_resolve, reject) => { giveUp = reject })
  const watcher = { callerGone () { giveUp(callerGone()) } }
  const limit = startDeadline(longest, () => { giveUp(late()) })
  watchCaller(socket, watcher)
  try {
    return await Promise.race([promise, givenUp])
  } finally {
    limit.stop()
    unwatchCaller(socket, watcher)
  }
}

/** Ends an answer that is not whole in such a way that no caller takes it for whole. */
export function breakOff (response: ServerResponse): void {
  // To HTTP/1.0 a body without a length ends where the connection does: only a reset tells the two ends apart.
  if (response.req.httpVersion === '1.0') response.socket?.resetAndDestroy()
  response.destroy()
}
