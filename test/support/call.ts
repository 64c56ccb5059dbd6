import { request, type ClientRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { request as requestTls } from 'node:https'
import { Readable } from 'node:stream'
import type { ConnectionOptions } from 'node:tls'
import { registerSecret } from './secrets.ts'

export interface CallOptions {
  /** GET when left out. */
  readonly method?: string
  /** The request target as it is; `/` when left out. */
  readonly path?: string
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  /** Becomes `Authorization: Bearer …`. */
  readonly token?: string
  /** A stream goes out in chunks; an object as JSON. */
  readonly body?: string | Buffer | Readable | object
  /** By TLS, and how. */
  readonly tls?: ConnectionOptions
  readonly signal?: AbortSignal
  /** Until the whole answer is there; 30 s. */
  readonly timeout?: number
  /** Takes the body's bytes, where they are too many to keep. */
  readonly onData?: (chunk: Buffer) => void
}

/** An answer. One that breaks off is an answer too, with `complete: false`. */
export interface Called {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly rawHeaders: readonly string[]
  readonly body: Buffer
  readonly text: string
  readonly complete: boolean
  /** The parsed body of application/problem+json. */
  readonly problem: Problem | undefined
  /** The last word of the problem's type: `scope-missing`. */
  readonly code: string | undefined
  readonly informational: readonly number[]
  /** The parsed body; throws where it is no JSON. */
  json (): unknown
}

export interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly decision: string
  readonly [extension: string]: unknown
}

/** One request on a connection of its own. Throws only where no answer began. */
export async function call (port: number, options: CallOptions = {}): Promise<Called> {
  const { method = 'GET', path = '/', token, signal, timeout = 30_000 } = options
  const [body, type] = bodyOf(options.body)
  // Whoever made it, and however bad it is: a token that the gateway saw is not logged.
  if (token !== undefined && token.length >= 20) registerSecret(token, 'a token that was sent')
  const headers = {
    ...(type === undefined ? {} : { 'content-type': type }),
    // node:http would frame a GET's or a DELETE's body by chunks otherwise.
    ...(typeof body === 'string' || Buffer.isBuffer(body) ? { 'content-length': Buffer.byteLength(body) } : {}),
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...mutable(options.headers)
  }
  const limit = AbortSignal.timeout(timeout)
  const target = { host: '127.0.0.1', port, method, path, headers, agent: false, signal: signal === undefined ? limit : AbortSignal.any([signal, limit]) } as const
  const req = options.tls === undefined ? request(target) : requestTls({ ...target, ...options.tls })
  return await new Promise((resolve, reject) => {
    const informational: number[] = []
    req.on('information', ({ statusCode }) => informational.push(statusCode))
    req.on('error', reject)
    req.on('response', res => { collect(res, informational, options.onData).then(resolve, reject) })
    send(req, body)
  })
}

function bodyOf (body: CallOptions['body']): [string | Buffer | Readable | undefined, string?] {
  if (body === undefined || typeof body === 'string' || Buffer.isBuffer(body)) return [body]
  return body instanceof Readable ? [body] : [JSON.stringify(body), 'application/json']
}

function mutable (headers: CallOptions['headers'] = {}): Record<string, string | string[]> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, typeof value === 'string' ? value : [...value]]))
}

function send (req: ClientRequest, body: string | Buffer | Readable | undefined): void {
  if (body === undefined || typeof body === 'string' || Buffer.isBuffer(body)) {
    req.end(body)
    return
  }
  // The source breaking is the request breaking; an answer may still come before that.
  body.once('error', error => req.destroy(error))
  body.pipe(req)
}

async function collect (res: IncomingMessage, informational: readonly number[], onData?: (chunk: Buffer) => void): Promise<Called> {
  const chunks: Buffer[] = []
  res.on('data', onData ?? ((chunk: Buffer) => chunks.push(chunk)))
  res.on('error', () => {})
  await new Promise(resolve => { res.once('close', resolve) })
  const body = Buffer.concat(chunks)
  const isProblem = /^application\/problem\+json\b/.test(res.headers['content-type'] ?? '') && body.length > 0
  // The shape is what the tests assert.
  const problem = isProblem ? JSON.parse(body.toString()) as Problem : undefined
  return {
    status: res.statusCode ?? 0,
    headers: res.headers,
    rawHeaders: res.rawHeaders,
    body,
    text: body.toString(),
    complete: res.complete,
    problem,
    code: problem?.type.split(/[/:#]/).at(-1),
    informational,
    json: (): unknown => JSON.parse(body.toString())
  }
}
