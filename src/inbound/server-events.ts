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

/** Tells a caller that holds its body back to go on, once; nothing where it does not. */
export function askForBody (request: IncomingMessage, response: ServerResponse): void {
  if (waiting.delete(request)) response.writeContinue()
}

/** What Node's parser throws: a code, and the bytes it was at. */
export interface ParserError {
  readonly code: string
  readonly rawPacket?: unknown
  /** how far it came in them */
  readonly bytesParsed?: number
}

type OnRefused = (refusal: Refusal, decisionId: string, requestId: string) => void

/** Answers what Node's parser refused, for which there is no request. */
export function answerParserError (error: ParserError, socket: Socket, problemsBase: string, onRefused: OnRefused): void {
  if (LEAVES_THE_REQUEST.has(error.code) && isBusy(socket)) return
  if (error.code === 'ECONNRESET') socket.destroy()
  else answerBytes(parserRefusal(error), socket, problemsBase, onRefused)
}

/** Answers CONNECT (RFC 9110 section 9.3.6), for which Node has no response: this is no tunnel. */
export function refuseConnect (server: Server, problemsBase: string, onRefused: OnRefused): void {
  server.on('connect', (_request: IncomingMessage, socket: Socket) => {
    socket.on('error', () => { socket.destroy() })
    answerBytes(refuse('target-ambiguous', 'This target is not served: only targets that begin with / are served.', { saw: 'CONNECT' }), socket, problemsBase, onRefused)
  })
}

function answerBytes (refusal: Refusal, socket: Socket, problemsBase: string, onRefused: OnRefused): void {
  if (!socket.writable || isBusy(socket)) {
    socket.destroy()
    return
  }
  const [decisionId, requestId] = [randomUUID(), randomUUID()]
  onRefused(refusal, decisionId, requestId)
  socket.end(rawProblem(problemAnswer(refusal, { decisionId, requestId, problemsBase })))
  // The peer may go on sending: without this the socket would be kept until it stops.
  setTimeout(() => { socket.destroy() }, 1000).unref()
}

const LEAVES_THE_REQUEST = new Set([
  // RFC 9112 section 9.6: what follows a request with `Connection: close` is not read; that one is still answered.
  'HPE_CLOSED_CONNECTION',
  // Said after the headers are handed over: the guard refuses them.
  'HPE_INVALID_TRANSFER_ENCODING'
])

// Where an answer is under way on the connection, another one would be taken for the rest of it.
function isBusy (socket: Socket): boolean {
  return '_httpMessage' in socket && socket._httpMessage !== null
}

function parserRefusal ({ code, rawPacket, bytesParsed }: ParserError): Refusal {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return refuse('request-timeout', 'The headers did not arrive in time.', { saw: code })
  if (code !== 'HPE_HEADER_OVERFLOW') return refuse('request-malformed', 'This is not a well-formed HTTP request.', { saw: code })
  return Buffer.isBuffer(rawPacket) && isInTarget(rawPacket, bytesParsed ?? rawPacket.length)
    ? refuse('target-too-long', 'The request target is too long.', { saw: code })
    : refuse('headers-too-large', 'The headers are larger than this gateway takes.', { saw: code })
}

// The packet need not hold the whole head. Where it shows neither the start nor the end of the target, what grew too
// large is taken for a header: cookies do that, targets hardly.
function isInTarget (packet: Buffer, at: number): boolean {
  const parsed = packet.toString('latin1', 0, at)
  return !parsed.includes('\n') && (/^[A-Z]+ /.test(parsed) || packet.toString('latin1', at, at + 6) === ' HTTP/')
}
