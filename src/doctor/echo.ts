import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

/** What stands in for the ERP, and keeps every byte that reaches it. */
export interface Echo {
  readonly origin: string
  /** all that came since it was last asked, as latin1 */
  taken (): string
  close (): Promise<void>
}

export async function startEcho (host: string, port: number): Promise<Echo> {
  let chunks: Buffer[] = []
  const sockets = new Set<Socket>()
  const server = createServer(answer)
  server.maxHeadersCount = 0
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    socket.on('error', () => {})
    // As they come, before anybody reads them as HTTP: what HTTP makes nothing of has arrived all the same.
    socket.on('data', (chunk: Buffer) => { chunks.push(chunk) })
  })
  // What is no HTTP was kept, and has no answer.
  server.on('clientError', (_error, socket) => { socket.destroy() })
  server.listen(port, host)
  await once(server, 'listening')
  const { port: own } = server.address() as AddressInfo
  return {
    origin: `http://${host.includes(':') ? `[${host}]` : host}:${own}`,
    taken () {
      const all = Buffer.concat(chunks).toString('latin1')
      chunks = []
      return all
    },
    async close () {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    }
  }
}

function answer (request: IncomingMessage, response: ServerResponse): void {
  request.resume()
  request.once('end', () => {
    const asked = request.rawHeaders.findIndex((value, at) => at % 2 === 1 && value.toLowerCase() === 'fetch')
    // An ERP that wants CSRF tokens gives a session with one to whoever asks.
    const session = asked === -1 ? {} : { [request.rawHeaders[asked - 1] ?? '']: 'token-of-the-echo', 'set-cookie': 'session=echo' }
    response.writeHead(200, { 'content-type': 'application/json', ...session }).end('{}')
  })
}
