import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { randomUUID } from 'node:crypto'
import type { Socket } from 'node:net'
import { refuse, type Refusal } from '../policy/problems.ts'
import { problemAnswer, rawProblem } from './problem-answer.ts'

const waiting = new WeakSet<IncomingMessage>()

/**
 * Keeps Node from answering `Expect` by itself: `100 Continue` is said once the request is allowed, and a body that
 * nobody wants is never asked for.
 */
export function listenForExpectations (server: Server, handle: (request: IncomingMessage, response: ServerResponse) => void): void {
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    waiting.add(request)
    handle(request, response)
  })
  // RFC 9110 section 10.1.1: an expectation that is not known may be ignored; `Expect` never goes to the upstream.
  server.on('checkExpectation', handle)
}

/** Whether the caller holds its body back until it is told to go on. */
export function expectsContinue (request: IncomingMessage): boolean {
  return waiting.has(request)
}

/** What Node's parser throws: a code, and the bytes it was at. */
export interface ParserError {
  readonly code: string
  readonly rawPacket?: unknown
}

/** Answers what Node's parser refused, for which there is no request. */
export function answerParserError (error: ParserError, socket: Socket, problemsBase: string, onRefused: (refusal: Refusal, decisionId: string, requestId: string) => void): void {
  // Where an answer is under way on the connection, another one would be taken for the rest of it.
  const busy = '_httpMessage' in socket && socket._httpMessage !== null
  if (!socket.writable || busy || error.code === 'ECONNRESET') {
    socket.destroy()
    return
  }
  const refusal = parserRefusal(error)
  const [decisionId, requestId] = [randomUUID(), randomUUID()]
  onRefused(refusal, decisionId, requestId)
  socket.end(rawProblem(problemAnswer(refusal, { decisionId, requestId, problemsBase })))
  // The peer may go on sending: without this the socket would be kept until it stops.
  setTimeout(() => { socket.destroy() }, 1000).unref()
}

function parserRefusal ({ code, rawPacket }: ParserError): Refusal {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return refuse('request-timeout', 'The headers did not arrive in time.', { saw: code })
  if (code !== 'HPE_HEADER_OVERFLOW') return refuse('request-malformed', 'This is not a well-formed HTTP request.', { saw: code })
  const inFirstLine = Buffer.isBuffer(rawPacket) && !rawPacket.includes('\n')
  return inFirstLine
    ? refuse('target-too-long', 'The request target is too long.', { saw: code })
    : refuse('headers-too-large', 'The headers are larger than this gateway takes.', { saw: code })
}
