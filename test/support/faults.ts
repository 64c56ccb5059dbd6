import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { createGzip } from 'node:zlib'

/** Takes over the answer to one request; 'go on' lets the healthy answer follow after all. */
export type Fault = (req: IncomingMessage, res: ServerResponse) => void | 'go on' | Promise<void | 'go on'>

const MiB = 1024 * 1024

/** Accepts, and never answers. */
export const hang = (): Fault => () => {}

/** The healthy answer, late. */
export const slow = (ms: number): Fault => async (): Promise<'go on'> => {
  await sleep(ms)
  return 'go on'
}

/** A status and a body of any type. */
export const answer = (status: number, body = '', type = 'text/plain'): Fault => (_req, res) => {
  res.writeHead(status, { 'content-type': type }).end(body)
}

/** A status and a JSON body: `json(400, { error: 'invalid_client' })`. */
export const json = (status: number, value: unknown): Fault => answer(status, JSON.stringify(value), 'application/json')

export const html = (): Fault => answer(200, '<!doctype html><title>Sign in</title><p>Sign in</p>', 'text/html')
export const empty = (): Fault => answer(200, '', 'application/json')
export const truncatedJson = (): Fault => answer(200, '{"keys":[{"kty":"RSA","access_token":"ab', 'application/json')

/** To a URL, which a test makes an observable one: its own server, or another endpoint. */
export const redirect = (url: string, status: 301 | 302 | 303 | 307 | 308 = 302): Fault => (_req, res) => {
  res.writeHead(status, { location: url }).end()
}

/** Headers at once, a first byte, then nothing. */
export const stall = (): Fault => (_req, res) => {
  res.writeHead(200, { 'content-type': 'application/json', 'content-length': 1000 }).write('{')
}

/** One byte at a time, so that no idle limit ever fires. */
export const trickle = (everyMs = 100): Fault => async (_req, res) => {
  res.writeHead(200, { 'content-type': 'application/json' }).write('{')
  for (; !res.destroyed; await sleep(everyMs)) res.write(' ')
}

/** The connection is reset before a byte of the answer. */
export const reset = (): Fault => req => { req.socket.resetAndDestroy() }

/** Valid JSON of this many bytes, announced by Content-Length. */
export const huge = (bytes = 200 * MiB): Fault => (_req, res) => {
  res.writeHead(200, { 'content-type': 'application/json', 'content-length': bytes })
  pour(spaces(bytes - 2, '{', '}'), res)
}

/** JSON that never ends, in chunks. */
export const endless = (): Fault => (_req, res) => {
  res.writeHead(200, { 'content-type': 'application/json' })
  pour(spaces(Infinity, '{', '}'), res)
}

/** Small on the wire, this many bytes once decoded. */
export const gzipBomb = (bytes = 200 * MiB): Fault => (_req, res) => {
  res.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' })
  const gzip = createGzip()
  pour(gzip, res)
  pour(spaces(bytes - 2, '{', '}'), gzip)
}

function * spaces (count: number, before: string, after: string): Generator<string | Buffer> {
  const chunk = Buffer.alloc(64 * 1024, ' ')
  yield before
  for (let left = count; left > 0; left -= chunk.length) yield chunk.subarray(0, Math.min(left, chunk.length))
  yield after
}

/** With backpressure; a reader that goes away is the point of the test. */
function pour (from: Iterable<string | Buffer> | NodeJS.ReadableStream, to: NodeJS.WritableStream): void {
  const source = Symbol.iterator in from ? Readable.from(from, { objectMode: false }) : from
  pipeline(source, to).catch(() => {})
}
