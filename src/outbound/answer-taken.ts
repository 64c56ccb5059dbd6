import type { IncomingMessage, ServerResponse } from 'node:http'
import { callerGone, type Refusal } from '../policy/problems.ts'
import { breakOff, unwatchCaller, watchCaller } from './caller-gone.ts'
import { startDeadline } from './deadline.ts'

/**
 * Until the caller has an answer that was written to its end.
 * @param longest ms that it may take to read it
 * @returns why it has not, where it has not
 */
export function answerTaken (incoming: IncomingMessage, response: ServerResponse, longest: number): Promise<Refusal | undefined> {
  return new Promise(resolve => {
    const { socket } = incoming
    const over = (refusal?: Refusal): void => {
      limit.stop()
      unwatchCaller(socket, watcher)
      resolve(refusal)
    }
    const watcher = { callerGone () { over(response.writableFinished ? undefined : callerGone()) } }
    const limit = startDeadline(longest, () => {
      over(callerGone('the caller read nothing within idle_timeout'))
      breakOff(response)
    })
    watchCaller(socket, watcher)
    response.once('finish', () => { over() })
    if (response.writableFinished) over()
    else if (socket.destroyed || response.destroyed || response.socket === null) watcher.callerGone()
  })
}
