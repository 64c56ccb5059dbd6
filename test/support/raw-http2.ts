import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect, type TLSSocket } from 'node:tls'
import { tearDown, type TestContext } from './teardown.ts'

/** Types of frames (RFC 9113 section 6). */
export const FRAME = { data: 0, headers: 1, priority: 2, rst: 3, settings: 4, pushPromise: 5, ping: 6, goaway: 7, windowUpdate: 8, continuation: 9 } as const
export const END_STREAM = 1
export const ACK = 1
export const END_HEADERS = 4

export interface Frame { readonly type: number, readonly flags: number, readonly stream: number, readonly payload: Buffer }

/** An HTTP/2 connection without an HTTP/2 library, for frames that one would never send. */
export interface RawHttp2 {
  readonly socket: TLSSocket
  /** All that came. */
  readonly frames: Frame[]
  readonly closed: boolean
  send (...frames: Buffer[]): void
  /** The first frame that is so; undefined where none comes, or the connection ends before. */
  until (is: (frame: Frame) => boolean, timeoutMs?: number): Promise<Frame | undefined>
}

/** Says the preface and empty settings, and acknowledges the server's. */
export async function openRawHttp2 (t: TestContext, port: number, { settles = true }: { readonly settles?: boolean } = {}): Promise<RawHttp2> {
  const socket = connect({ host: '127.0.0.1', port, ALPNProtocols: ['h2'], rejectUnauthorized: false })
  tearDown(t, () => socket.destroy())
  const frames: Frame[] = []
  let unread: Buffer = Buffer.alloc(0)
  let closed = false
  socket.on('error', () => { closed = true })
  socket.on('close', () => { closed = true })
  await once(socket, 'secureConnect')
  socket.on('data', (chunk: Buffer) => {
    unread = Buffer.concat([unread, chunk])
    while (unread.length >= 9 && unread.length >= 9 + unread.readUIntBE(0, 3)) {
      const end = 9 + unread.readUIntBE(0, 3)
      const frame = { type: unread.readUInt8(3), flags: unread.readUInt8(4), stream: unread.readUInt32BE(5), payload: unread.subarray(9, end) }
      frames.push(frame)
      unread = unread.subarray(end)
      if (settles && frame.type === FRAME.settings && frame.flags === 0) socket.write(frameOf(FRAME.settings, ACK, 0))
    }
  })
  socket.write(Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frameOf(FRAME.settings, 0, 0)]))
  return {
    socket,
    frames,
    get closed () { return closed },
    send (...those) { socket.write(Buffer.concat(those)) },
    async until (is, timeoutMs = 10_000) {
      for (const deadline = Date.now() + timeoutMs; Date.now() < deadline; await sleep(5)) {
        const found = frames.find(is)
        if (found !== undefined || closed) return found
      }
      return undefined
    }
  }
}

export function frameOf (type: number, flags: number, stream: number, payload: Buffer | string = ''): Buffer {
  const body = Buffer.from(payload)
  const head = Buffer.alloc(9)
  head.writeUIntBE(body.length, 0, 3)
  head.writeUInt8(type, 3)
  head.writeUInt8(flags, 4)
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, body])
}

/** A header block (RFC 7541 section 6.2.2): literals as they are, none remembered, none compressed. */
export function blockOf (fields: ReadonlyArray<readonly [name: string, value: string]>): Buffer {
  return Buffer.concat(fields.flatMap(([name, value]) => [Buffer.from([0]), literal(name), literal(value)]))
}

/** The fields of a request, to which `more` are added. */
export function requestFields (more: ReadonlyArray<readonly [string, string]> = [], pseudo: Readonly<Record<string, string | undefined>> = {}): Array<readonly [string, string]> {
  const all: Record<string, string | undefined> = { ':method': 'GET', ':scheme': 'https', ':authority': 'api.example.com', ':path': '/open', ...pseudo }
  return [...Object.entries(all).flatMap(([name, value]) => value === undefined ? [] : [[name, value] as const]), ...more]
}

export function headersOf (stream: number, fields: ReadonlyArray<readonly [string, string]>, flags = END_HEADERS | END_STREAM): Buffer {
  return frameOf(FRAME.headers, flags, stream, blockOf(fields))
}

export function numberOf (value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

function literal (text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1')
  return Buffer.concat([integer(bytes.length), bytes])
}

// RFC 7541 section 5.1, with a prefix of seven bits.
function integer (value: number): Buffer {
  if (value < 127) return Buffer.from([value])
  const bytes = [127]
  let rest = value - 127
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push(rest % 128 + 128)
  return Buffer.from([...bytes, rest])
}
