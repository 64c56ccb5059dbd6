import type { Dispatcher } from 'undici'
import type { Refusal } from '../policy/problems.ts'
import { startDeadline } from './deadline.ts'
import type { AttemptEnd } from './relay.ts'
import { upstreamRefusal, upstreamTimeout } from './upstream-errors.ts'

/** The request for a session: a GET of the gateway's own. */
export interface SessionRequest {
  readonly dispatcher: Dispatcher
  readonly path: string
  /** flat */
  readonly headers: string[]
  /** ms for all of it */
  readonly timeout: number
}

/** What came of it: the head of an answer, or why there is none. */
export interface SessionAnswer {
  readonly end: AttemptEnd
  /** of the answer, where its head came; names and values in turn, as bytes */
  readonly raw: readonly Buffer[]
}

/** Of the answer's body, so many bytes are read; with more of it the connection is closed. */
const MOST = 64 * 1024

/**
 * Asks for a session. What counts is the head of the answer: SAP's own documents say that a token is fetched with "a
 * non-modifying request (such as GET)"; by HEAD there would be no body, but not every service answers that.
 */
export function askForSession (request: SessionRequest): Promise<SessionAnswer> {
  return new Promise(resolve => {
    const { dispatcher, path, headers, timeout } = request
    let abort: ((reason: Error) => void) | undefined
    let status: number | undefined
    let raw: readonly Buffer[] = []
    let bytes = 0
    let isOver = false
    const limit = startDeadline(timeout, () => {
      const refusal = upstreamTimeout(abort === undefined ? 'no connection for a session in time' : 'no session in time')
      abort?.(refusal)
      over(refusal)
    })

    function over (refusal: Refusal | undefined): void {
      if (isOver) return
      isOver = true
      limit.stop()
      // A head that is whole has all that is wanted.
      resolve({ raw, end: { connected: abort !== undefined, status, refusal: status === undefined ? refusal : undefined, bodyIsOpen: false, replayable: true } })
    }

    const handler: Dispatcher.DispatchHandler = {
      onConnect (abortRequest) {
        if (isOver) abortRequest()
        else abort = abortRequest
      },
      onHeaders (code, head) {
        if (code < 200 && code !== 101) return true
        status = code
        raw = head
        return true
      },
      onData (chunk) {
        bytes += chunk.length
        if (bytes > MOST) abort?.(upstreamTimeout('more than is read of it'))
        return true
      },
      onComplete () { over(undefined) },
      onError (error) { over(upstreamRefusal(error)) }
    }
    try {
      dispatcher.dispatch({ method: 'GET', path, headers }, handler)
    } catch (error) {
      over(upstreamRefusal(error))
    }
  })
}
