import { METHODS, request as http1Request, type ClientRequest, type IncomingMessage } from 'node:http'
import { constants, createServer, type IncomingHttpHeaders, type OutgoingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import type { Server, TLSSocket } from 'node:tls'
import { Wire, type Peer } from './wire.ts'

/** Why a session was ended by the gateway; labels of a metric. */
export type Http2End = 'resets' | 'error'

export interface Http2Options {
  /** bytes, as on HTTP/1.1; asked for with each session */
  readonly maxHeaderSize: () => number
  readonly onEnd: (reason: Http2End, code: string) => void
}

/** Streams at once on one connection. */
const STREAMS = 100
/** Streams that a caller may give up at once, and in a second: CVE-2023-44487 is to open and give up without end. */
const RESETS = { burst: 200, perSecond: 50 }
/** ms for which a connection without a stream is kept, as HTTP/1.1 keeps one without a request */
const IDLE = 72_000
/** An answer's headers are the gateway's own doing, and limited where they come from. */
const MAX_ANSWER_HEADERS = 1024 * 1024

const { NGHTTP2_ENHANCE_YOUR_CALM, NGHTTP2_FLAG_END_STREAM, NGHTTP2_NO_ERROR } = constants

/**
 * Has a TLS server, which offers h2 by ALPN, take HTTP/2. Each stream becomes one request of HTTP/1.1, on a connection
 * of its own within the process, to the same server: so whatever holds for those holds for these, and is written once.
 * @returns says goodbye (GOAWAY) to every session, now and to come: open streams end, none begins
 */
export function serveHttp2 (server: Server, options: Http2Options): () => void {
  const takeHttp1 = server.listeners('secureConnection').at(0)
  if (takeHttp1 === undefined) throw new Error('an HTTP server that takes no connections')
  const http2 = createServer({
    maxSessionInvalidFrames: 100,
    maxSessionRejectedStreams: 100,
    maxSendHeaderBlockLength: MAX_ANSWER_HEADERS,
    maxHeaderListPairs: 2048
  })
  const sessions = new Set<ServerHttp2Session>()
  let leaving = false

  server.off('secureConnection', takeHttp1 as () => void)
  server.on('secureConnection', (socket: TLSSocket) => {
    if (socket.alpnProtocol === 'h2') http2.emit('connection', socket)
    else takeHttp1.call(server, socket)
  })
  http2.on('sessionError', (error: NodeJS.ErrnoException) => { options.onEnd('error', error.code ?? '') })
  http2.on('session', session => {
    sessions.add(session)
    session.once('close', () => { sessions.delete(session) })
    session.settings({ maxConcurrentStreams: STREAMS, maxHeaderListSize: 2 * options.maxHeaderSize(), enablePush: false })
    if (leaving) session.close()
    else keepWhileUsed(session)
    limitResets(session, () => { options.onEnd('resets', 'NGHTTP2_ENHANCE_YOUR_CALM') })
    const peer: Peer = { remoteAddress: session.socket.remoteAddress, remotePort: session.socket.remotePort }
    // The fourth, which the types leave out: the headers as they came, flat.
    session.on('stream', (...args: readonly unknown[]) => {
      const [stream, , flags, rawHeaders] = args as [ServerHttp2Stream, IncomingHttpHeaders, number, string[]]
      const [near, far] = Wire.pair(peer)
      translate(stream, headOf(rawHeaders, (flags & NGHTTP2_FLAG_END_STREAM) === 0), near)
      takeHttp1.call(server, far)
    })
  })
  return () => {
    leaving = true
    for (const session of sessions) session.close()
  }
}

function keepWhileUsed (session: ServerHttp2Session): void {
  let open = 0
  let idle = setTimeout(leave, IDLE)
  function leave (): void {
    session.close()
  }
  session.on('stream', stream => {
    open++
    clearTimeout(idle)
    stream.once('close', () => {
      open--
      if (open === 0 && !session.closed) idle = setTimeout(leave, IDLE)
    })
  })
  session.once('close', () => { clearTimeout(idle) })
}

function limitResets (session: ServerHttp2Session, onFlood: () => void): void {
  let left = RESETS.burst
  let filledAt = performance.now()
  session.on('stream', stream => {
    stream.once('aborted', () => {
      const now = performance.now()
      left = Math.min(RESETS.burst, left + (now - filledAt) / 1000 * RESETS.perSecond) - 1
      filledAt = now
      if (left >= 0 || session.destroyed) return
      onFlood()
      session.goaway(NGHTTP2_ENHANCE_YOUR_CALM)
      session.destroy()
    })
  })
}

/** The first line and the headers of a request as HTTP/1.1 has them. */
interface Head {
  readonly method: string
  readonly path: string
  /** flat */
  readonly headers: string[]
}

// RFC 9113 section 8.2.2
const CONNECTION_SPECIFIC = new Set(['connection', 'proxy-connection', 'keep-alive', 'transfer-encoding', 'upgrade'])
// What has no reading in HTTP/1.1 goes to the guard as a target that it refuses, so that it is answered, logged and
// counted as any other.
const UNSERVABLE = '*'

/** @param hasBody whether the stream goes on behind the headers */
export function headOf (rawHeaders: readonly string[], hasBody: boolean): Head {
  const pseudo = new Map<string, string>()
  const headers: string[] = []
  let isServable = true
  let hasLength = false
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const [name = '', value = ''] = [rawHeaders[at], rawHeaders[at + 1]]
    if (name.startsWith(':')) {
      if (pseudo.has(name)) isServable = false
      pseudo.set(name, value)
    } else if (name === 'host' && value === pseudo.get(':authority')) {
      // Said twice in the same words. In other words it stays, and the guard sees two.
    } else {
      if (CONNECTION_SPECIFIC.has(name) || !isToken(name) || /[\0\r\n]/.test(value) || (name === 'te' && value !== 'trailers')) isServable = false
      else headers.push(name, value)
      if (name === 'content-length') hasLength = true
    }
  }
  const [method = '', path = '', authority] = [pseudo.get(':method'), pseudo.get(':path'), pseudo.get(':authority')]
  if (authority !== undefined) headers.unshift('host', authority)
  // As in HTTP/1.1, a body without a length is framed in chunks.
  if (hasBody && !hasLength) headers.push('transfer-encoding', 'chunked')
  if (pseudo.get(':scheme') !== 'https' || !METHODS.includes(method) || method === 'CONNECT' || !/^[\x21-\x7e\x80-\xff]+$/.test(path)) isServable = false
  return isServable ? { method, path, headers } : { method: 'OPTIONS', path: UNSERVABLE, headers: ['host', 'unservable.invalid', ...hasBody ? ['transfer-encoding', 'chunked'] : []] }
}

function isToken (name: string): boolean {
  return /^[!#$%&'*+\-.^_`|~0-9a-z]+$/.test(name)
}

function translate (stream: ServerHttp2Stream, { method, path, headers }: Head, wire: Wire): void {
  const request = http1Request({ createConnection: () => wire, method, path, headers, maxHeaderSize: MAX_ANSWER_HEADERS })
  // Headers beyond the usual 2000 would be dropped silently.
  request.maxHeadersCount = 0
  stream.on('error', () => {})
  // Given up by the caller, or lost with its connection: never is what came of a body taken for all of it.
  stream.once('aborted', () => { request.destroy() })
  stream.once('close', () => { request.destroy() })
  request.once('error', () => { breakOff(stream) })
  request.on('information', ({ statusCode, rawHeaders }) => { inform(stream, statusCode, rawHeaders) })
  request.once('response', response => { answer(stream, response, method) })
  sendBody(stream, request)
}

function sendBody (stream: ServerHttp2Stream, request: ClientRequest): void {
  request.flushHeaders()
  stream.on('data', (chunk: Buffer) => {
    if (request.write(chunk)) return
    stream.pause()
    request.once('drain', () => { stream.resume() })
  })
  stream.once('end', () => {
    if (!stream.aborted) request.end()
  })
}

function inform (stream: ServerHttp2Stream, status: number, rawHeaders: readonly string[]): void {
  if (!stream.headersSent && !stream.destroyed && !stream.closed) stream.additionalHeaders({ ...translated(rawHeaders), ':status': status })
}

function answer (stream: ServerHttp2Stream, response: IncomingMessage, method: string): void {
  if (stream.destroyed || stream.closed) return
  const { statusCode: status = 500, rawHeaders } = response
  const isWhole = method === 'HEAD' || status === 204 || status === 304
  try {
    stream.respond({ ...translated(rawHeaders), ':status': status }, { endStream: isWhole })
  } catch {
    breakOff(stream)
    return
  }
  response.on('data', (chunk: Buffer) => {
    if (isWhole || stream.write(chunk)) return
    response.pause()
    stream.once('drain', () => { response.resume() })
  })
  response.once('error', () => { breakOff(stream) })
  response.once('end', () => {
    if (!response.complete) return
    // RFC 9113 section 8.1: what the caller still sends of its body is not wanted.
    stream.end(() => { if (!stream.readableEnded && !stream.closed) stream.close(NGHTTP2_NO_ERROR) })
  })
}

// With INTERNAL_ERROR. `close` would say END_STREAM before it, and half an answer be taken for a whole one.
function breakOff (stream: ServerHttp2Stream): void {
  if (!stream.destroyed) stream.destroy(new Error('the answer broke off'))
}

// RFC 9110 section 5.3: lines of one name are one list.
function translated (rawHeaders: readonly string[]): OutgoingHttpHeaders {
  const headers = new Map<string, string>()
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const [name = '', value = ''] = [rawHeaders[at]?.toLowerCase(), rawHeaders[at + 1]]
    if (CONNECTION_SPECIFIC.has(name) || name === 'trailer') continue
    const before = headers.get(name)
    headers.set(name, before === undefined ? value : `${before}, ${value}`)
  }
  return Object.fromEntries(headers)
}
