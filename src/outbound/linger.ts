import type { IncomingMessage, ServerResponse } from 'node:http'
import { atTurnsEnd } from '../common/turn-end.ts'

/** ms and bytes for which what a caller still sends is read and thrown away after its answer. */
const LONGEST = 1000
const MOST = 16 * 1024 * 1024

/** Whether a body was announced that has not come to its end. What announces none is complete, if not yet to the parser. */
export function bodyIsOpen ({ complete, headers }: IncomingMessage): boolean {
  return !complete && (headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0')
}

/**
 * Ends an answer whose bytes are all written, but for the last of them. Where the caller still sends its body, the connection is held a moment:
 * closed under unread bytes it would be reset, and the caller might never see the answer.
 */
export function endAfterBody (response: ServerResponse, last?: Buffer): void {
  const { req: request } = response
  if (request.destroyed || !bodyIsOpen(request)) {
    // What of it nobody has read would keep the next request on the connection from being read.
    request.resume()
    if (last === undefined) response.end()
    else endSoon({ response, text: last.toString('latin1') })
    return
  }
  if (last !== undefined) response.write(last)
  let read = 0
  const timer = setTimeout(end, LONGEST)
  request.on('data', count)
  request.once('end', end)
  response.once('close', end)
  request.resume()

  function count (chunk: Buffer): void {
    read += chunk.length
    if (read > MOST) end()
  }

  function end (): void {
    clearTimeout(timer)
    request.off('data', count)
    request.off('end', end)
    response.off('close', end)
    response.end()
  }
}

// Node writes the end as one more piece, empty, and two pieces cost a dearer system call than one. Corked by hand, head
// and body are one string, which is written before the end is said.
function endWith (response: ServerResponse, text: string): void {
  const { socket } = response
  if (socket === null || response.chunkedEncoding) {
    response.end(text, 'latin1')
    return
  }
  socket.cork()
  response.write(text, 'latin1')
  socket.uncork()
  response.end()
}

const endSoon = atTurnsEnd(({ response, text }: { readonly response: ServerResponse, readonly text: string }) => {
  if (!response.destroyed) endWith(response, text)
})
