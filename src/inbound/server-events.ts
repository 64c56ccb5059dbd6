import { ServerResponse, type IncomingMessage, type Server } from 'node:http'
import { randomUUID } from 'node:crypto'
import type { Socket } from 'node:net'
import { refuse, type Refusal } from '../policy/problems.ts'
import { problemAnswer, rawProblem } from './problem-answer.ts'

const waiting = new WeakSet<IncomingMessage>()

/**
 * Keeps Node from answering `Expect` by itself: `100 Continue` is said once the request is allowed, and a body that
 * nobody wants is never asked for. And ends the connection after a request that asks for an upgrade: Node ignores the
 * wish, and with it drops the requests that came in the same packet, whose answers the caller would wait for.
 */
export function listenForExpectations (server: Server, handle: (request: IncomingMessage, response: ServerResponse) => void): void {
  server.prependListener('request', endAfterUpgrade)
  server.prependListener('checkContinue', endAfterUpgrade)
  server.prependListener('checkExpectation', endAfterUpgrade)
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    waiting.add(request)
    handle(request, response)
  })
  // RFC 9110 section 10.1.1: an expectation that is not known may be ignored; `Expect` never goes to the upstream.
  server.on('checkExpectation', handle)
}

function endAfterUpgrade ({ headers }: IncomingMessage, response: ServerResponse): void {
  if (headers.upgrade !== undefined) response.shouldKeepAlive = false
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

/** Answers what Node's parser refused, for which there is no request, or one whose body is broken. */
export function answerParserError (error: ParserError, socket: Socket, problemsBase: string, onRefused: OnRefused): void {
  const answer = (): void => { answerInTurn(parserRefusal(error), socket, problemsBase, onRefused) }
  switch (error.code) {
    case 'ECONNRESET': socket.destroy(); break
    case 'HPE_CLOSED_CONNECTION':
      // RFC 9112 section 9.6: what follows a request with `Connection: close` is not read; that one is still answered.
      if (answerUnderWay(socket) === undefined) answer()
      break
    case 'HPE_INVALID_TRANSFER_ENCODING':
      // Said right after the headers are handed over, which the guard refuses in a moment; or of a trailer.
      setImmediate(answer)
      break
    default: answer()
  }
}

/** Answers CONNECT (RFC 9110 section 9.3.6), for which Node has no response: this is no tunnel. */
export function refuseConnect (server: Server, problemsBase: () => string, onRefused: OnRefused): void {
  server.on('connect', (_request: IncomingMessage, socket: Socket) => {
    socket.on('error', () => { socket.destroy() })
    answerInTurn(refuse('target-ambiguous', 'This target is not served: only targets that begin with / are served.', { saw: 'CONNECT' }), socket, problemsBase(), onRefused)
  })
}

const refused = new WeakSet<Socket>()

/**
 * Answers with bytes once the requests before the broken one are answered (RFC 9112 section 9.3.2), and ends the
 * connection. Sooner, it would be taken for the answer to one of them, which the upstream may have carried out.
 */
function answerInTurn (refusal: Refusal, socket: Socket, problemsBase: string, onRefused: OnRefused): void {
  // The parser says it again for whatever else arrives.
  if (refused.has(socket)) return
  refused.add(socket)
  whenAnswered(socket, () => { answerBytes(refusal, socket, problemsBase, onRefused) })
}

function whenAnswered (socket: Socket, next: () => void): void {
  const response = answerUnderWay(socket)
  if (response === undefined) {
    next()
  } else if (response.req.complete) {
    // By then Node has given the socket to the one that waited behind it.
    response.once('close', () => { whenAnswered(socket, next) })
  } else if (response.headersSent) {
    // It is the broken one's own, and has said what there is to say; an answer to HEAD may not have gone out yet.
    response.flushHeaders()
    socket.destroySoon()
  } else {
    // What the journey may still write to it must not follow ours; it ends as the connection does.
    response.detachSocket(socket)
    next()
  }
}

function answerBytes (refusal: Refusal, socket: Socket, problemsBase: string, onRefused: OnRefused): void {
  if (!socket.writable) {
    socket.destroy()
    return
  }
  const [decisionId, requestId] = [randomUUID(), randomUUID()]
  onRefused(refusal, decisionId, requestId)
  socket.end(rawProblem(problemAnswer(refusal, { decisionId, requestId, problemsBase })))
  // The peer may go on sending: without this the socket would be kept until it stops.
  setTimeout(() => { socket.destroy() }, 1000).unref()
}

function answerUnderWay (socket: Socket): ServerResponse | undefined {
  return '_httpMessage' in socket && socket._httpMessage instanceof ServerResponse ? socket._httpMessage : undefined
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
