import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'

/** A request as it is written to the wire: what a client library would tidy stays as it is. */
export interface RawRequest {
  readonly method: string
  readonly target: string
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>
  /** sent in one chunk, with these behind it; a plain body when left out */
  readonly trailers?: ReadonlyArray<readonly [name: string, value: string]>
}

export interface RawAnswer {
  /** 0 where none came */
  readonly status: number
  /** the last word of the problem's type */
  readonly code: string | undefined
}

const LONGEST = 20_000
const MOST = 1024 * 1024

/** Whether requests of a method have a body here. */
export function takesBody (method: string): boolean {
  return method === 'POST' || method === 'PUT' || method === 'PATCH'
}

/** Sends a request on a connection of its own. @throws what the connection throws */
export async function sendRaw (url: URL, request: RawRequest): Promise<RawAnswer> {
  const socket = open(url)
  socket.setTimeout(LONGEST, () => { socket.destroy(Object.assign(new Error('no answer in time'), { code: 'ETIMEDOUT' })) })
  let text = ''
  try {
    socket.write(bytesOf(url, request), 'latin1')
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      text += chunk.toString('latin1')
      if (text.length > MOST) break
    }
  } catch (error) {
    // An answer that was given before the connection broke is one.
    if (text === '') throw error
  } finally {
    socket.destroy()
  }
  return { status: Number(/^HTTP\/1\.[01] (\d{3})/.exec(text)?.[1] ?? 0), code: /"type":"[^"]*?([a-z0-9-]+)"/.exec(text)?.[1] }
}

function open ({ protocol, hostname, port }: URL): Socket {
  const host = hostname.replace(/^\[|\]$/g, '')
  return protocol === 'https:'
    ? connectTls({ host, port: Number(port || 443), servername: /^[\d.]+$|:/.test(host) ? '' : host, ALPNProtocols: ['http/1.1'] })
    : connectTcp({ host, port: Number(port || 80), noDelay: true })
}

function bytesOf ({ host }: URL, { method, target, headers, trailers }: RawRequest): string {
  const hasBody = takesBody(method) || trailers !== undefined
  const framing = !hasBody
    ? []
    : trailers === undefined ? [['Content-Type', 'application/json'], ['Content-Length', '2']] : [['Content-Type', 'application/json'], ['Transfer-Encoding', 'chunked']]
  const lines = [`${method} ${target} HTTP/1.1`, ...[['Host', host], ...headers, ...framing].map(([name = '', value = '']) => `${name}: ${value}`), '', '']
  const body = !hasBody ? '' : trailers === undefined ? '{}' : `2\r\n{}\r\n0\r\n${trailers.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`
  return lines.join('\r\n') + body
}
