import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { TlsOptions } from 'node:tls'
import { serve } from './server.ts'
import type { TestContext } from './teardown.ts'

/** One request as the ERP saw it. The fields after `rawHeaders` fill up while it goes on. */
export interface SeenRequest {
  readonly method: string
  /** The request target, byte for byte. */
  readonly url: string
  readonly httpVersion: string
  readonly headers: IncomingHttpHeaders
  /** Name, value, name, value: as sent. */
  readonly rawHeaders: readonly string[]
  body: Buffer
  /** Bytes of the body, counted also where bodies are not kept. */
  bodyLength: number
  rawTrailers: readonly string[]
  /** The other side went away before it was answered in full. */
  aborted: boolean
  /** The whole body is here; false where it broke off. */
  readonly received: Promise<boolean>
  /** The exchange is over, answered or aborted. */
  readonly closed: Promise<void>
  /** It is not over. */
  pending: boolean
}

/** Answers one request, from its headers on; the body is collected meanwhile (`req.pause()` holds it). */
export type ErpHandler = (req: IncomingMessage, res: ServerResponse, seen: SeenRequest) => unknown

export interface ErpOptions {
  readonly tls?: TlsOptions
  /** False for bodies too large for memory: they are counted only. */
  readonly keepBodies?: boolean
}

export interface Erp {
  readonly origin: string
  readonly port: number
  readonly requests: SeenRequest[]
  /** Requests that node:http could not parse; 0 unless something smuggles. */
  readonly malformed: number
  readonly openSockets: number
  /** Connections ever accepted. */
  readonly accepted: number
  /** From now on. */
  answerWith (handler: ErpHandler): void
  /** The next request that arrives after this call. */
  next (): Promise<SeenRequest>
  stop (): Promise<void>
  start (): Promise<void>
}

/** An ERP on a real socket that remembers all it saw, and answers 200 with JSON unless told otherwise. */
export async function startErp (t: TestContext, handler: ErpHandler = answering(), options: ErpOptions = {}): Promise<Erp> {
  const { tls, keepBodies = true } = options
  const requests: SeenRequest[] = []
  const waiting: Array<(seen: SeenRequest) => void> = []
  let malformed = 0

  const onRequest = (req: IncomingMessage, res: ServerResponse): void => {
    const seen = watch(req, res, keepBodies)
    requests.push(seen)
    for (const resolve of waiting.splice(0)) resolve(seen)
    // A handler that breaks is seen by the test as a broken connection, not as a hanging one.
    Promise.resolve(handler(req, res, seen)).catch(() => res.destroy())
  }
  const http = tls === undefined ? createServer(onRequest) : createTlsServer(tls, onRequest)
  http.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code?.startsWith('HPE_') === true && error.code !== 'HPE_INVALID_EOF_STATE') malformed += 1
    socket.destroy()
  })
  const server = await serve(t, http)
  return {
    origin: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${server.port}`,
    port: server.port,
    requests,
    get malformed () { return malformed },
    get openSockets () { return server.sockets.size },
    get accepted () { return server.accepted },
    answerWith (next) { handler = next },
    next: async () => await new Promise(resolve => { waiting.push(resolve) }),
    stop: server.stop,
    start: server.start
  }
}

/** Waits for the whole body, then answers; an object becomes JSON. Says what it got when no body is given. */
export function answering (status = 200, body?: string | Buffer | object, headers: Readonly<Record<string, string | string[]>> = {}): ErpHandler {
  return async (_req, res, seen) => {
    if (!await seen.received) return
    const content = body ?? { method: seen.method, url: seen.url, bytes: seen.bodyLength }
    const raw = typeof content === 'string' || Buffer.isBuffer(content)
    res.writeHead(status, raw ? headers : { 'content-type': 'application/json', ...headers })
    res.end(raw ? content : JSON.stringify(content))
  }
}

function watch (req: IncomingMessage, res: ServerResponse, keepBody: boolean): SeenRequest {
  const chunks: Buffer[] = []
  const seen: SeenRequest = {
    method: req.method ?? '',
    url: req.url ?? '',
    httpVersion: req.httpVersion,
    headers: req.headers,
    rawHeaders: [...req.rawHeaders],
    body: Buffer.alloc(0),
    bodyLength: 0,
    rawTrailers: [],
    aborted: false,
    pending: true,
    received: new Promise(resolve => {
      req.once('close', () => {
        seen.body = Buffer.concat(chunks)
        seen.rawTrailers = [...req.rawTrailers]
        resolve(req.complete)
      })
    }),
    closed: new Promise(resolve => {
      res.once('close', () => {
        seen.aborted = !res.writableFinished
        seen.pending = false
        resolve()
      })
    })
  }
  req.on('data', (chunk: Buffer) => {
    seen.bodyLength += chunk.length
    if (keepBody) chunks.push(chunk)
  })
  req.on('error', () => {})
  return seen
}
