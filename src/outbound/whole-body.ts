import type { IncomingMessage } from 'node:http'
import { callerGone, refuse } from '../policy/problems.ts'
import { CallerBody } from './caller-body.ts'
import { unwatchCaller, watchCaller } from './caller-gone.ts'
import { Deadline } from './deadline.ts'
import { HeldBody } from './held-body.ts'

/**
 * Reads all of a caller's body before anything of it is sent. What it gives is sent by a relay that has it as `held`. The
 * caller is to be asked for it before (100 Continue).
 * @param limit bytes
 * @param idleTimeout ms without a byte of it
 * @throws {Refusal} by its promise: body-too-large, request-timeout, client-gone
 */
export function readWhole (incoming: IncomingMessage, limit: number, idleTimeout: number): Promise<HeldBody> {
  return new Promise((resolve, reject) => {
    const { socket } = incoming
    const held = new HeldBody(limit)
    const body = new CallerBody(incoming, limit, () => { deadline.move(idleTimeout) }, held)
    const deadline = new Deadline(() => { body.destroy(refuse('request-timeout', 'The body did not arrive in time.')) })
    const watcher = { callerGone () { body.destroy(callerGone()) } }
    function stop (): void {
      deadline.stop()
      unwatchCaller(socket, watcher)
    }
    body.once('end', () => {
      stop()
      resolve(held)
    })
    body.once('error', error => {
      stop()
      reject(error)
    })
    watchCaller(socket, watcher)
    deadline.move(idleTimeout)
    if (socket.destroyed) body.destroy(callerGone())
    else body.resume()
  })
}
