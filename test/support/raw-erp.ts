import { createServer, type Socket } from 'node:net'
import { framedLength } from './http-messages.ts'
import { serve } from './server.ts'
import type { TestContext } from './teardown.ts'

/** Called once for each whole request on a connection, with its bytes: head and body. */
export type RawHandler = (socket: Socket, request: Buffer) => unknown

export interface RawErp {
  readonly origin: string
  readonly port: number
  /** The bytes of each request, in the order of arrival. */
  readonly requests: Buffer[]
  readonly openSockets: number
  readonly accepted: number
  answerWith (handler: RawHandler): void
  stop (): Promise<void>
  start (): Promise<void>
}

/** An ERP without an HTTP library, for answers that one would never send. */
export async function startRawErp (t: TestContext, handler: RawHandler): Promise<RawErp> {
  const requests: Buffer[] = []
  const server = await serve(t, createServer(socket => {
    let unread: Buffer = Buffer.alloc(0)
    socket.on('data', chunk => {
      unread = Buffer.concat([unread, chunk])
      for (let length = framedLength(unread); length !== undefined; length = framedLength(unread)) {
        const request = unread.subarray(0, length)
        unread = unread.subarray(length)
        requests.push(request)
        handler(socket, request)
      }
    })
  }))
  return {
    origin: `http://127.0.0.1:${server.port}`,
    port: server.port,
    requests,
    get openSockets () { return server.sockets.size },
    get accepted () { return server.accepted },
    answerWith (next) { handler = next },
    stop: server.stop,
    start: server.start
  }
}

/** These bytes, and the connection stays open. */
export const sends = (answer: string | Buffer): RawHandler => socket => { socket.write(answer) }

/** These bytes, then an orderly end of the connection (FIN). */
export const sendsThenCloses = (answer: string | Buffer): RawHandler => socket => { socket.end(answer) }

/** These bytes, then a reset (RST), once they had time to be read. */
export const sendsThenResets = (answer: string | Buffer): RawHandler => socket => {
  socket.write(answer, () => { setTimeout(() => socket.resetAndDestroy(), 50) })
}

const ok = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n'

/** Answers that stress a relay, each a text for one of the handlers above. */
export const rawAnswers = {
  whole: `${ok}Content-Length: 2\r\n\r\nok`,
  /** Announces 100 bytes, has 4. */
  short: `${ok}Content-Length: 100\r\n\r\nhalf`,
  /** One chunk, and never the last one. */
  unfinishedChunks: `${ok}Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n`,
  /** No length at all: whole only once the connection closes. */
  untilClose: `${ok}Connection: close\r\n\r\nuntil the end`,
  garbage: 'SSH-2.0-OpenSSH_9.2\r\n',
  badChunkSize: `${ok}Transfer-Encoding: chunked\r\n\r\nzz\r\nhalf\r\n0\r\n\r\n`,
  twoLengths: `${ok}Content-Length: 2\r\nContent-Length: 3\r\n\r\nok!`,
  headOnly: ok,
  hugeHeader: `${ok}X-Huge: ${'h'.repeat(256 * 1024)}\r\nContent-Length: 2\r\n\r\nok`,
  earlyHints: `HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n${ok}Content-Length: 2\r\n\r\nok`,
  continueFirst: `HTTP/1.1 100 Continue\r\n\r\n${ok}Content-Length: 2\r\n\r\nok`,
  switchingProtocols: 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
  notModifiedWithLength: 'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\nContent-Length: 1234\r\n\r\n',
  noContentWithLength: 'HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n',
  trailers: `${ok}Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n`
} as const
