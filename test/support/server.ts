import { once } from 'node:events'
import type { AddressInfo, Server, Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { tearDown, type TestContext } from './teardown.ts'

/** A server on 127.0.0.1 that can have an outage and come back on the same port. */
export interface TestServer {
  readonly port: number
  /** Connections that are open now. */
  readonly sockets: ReadonlySet<Socket>
  /** Connections ever accepted. */
  readonly accepted: number
  /** The outage: closes the port and every open connection (with a reset). */
  stop (): Promise<void>
  /** Back on the same port. */
  start (): Promise<void>
}

export async function serve (t: TestContext, server: Server): Promise<TestServer> {
  const sockets = new Set<Socket>()
  let accepted = 0
  server.on('connection', (socket: Socket) => {
    accepted += 1
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    // A peer that resets is part of many tests, and no failure of this server.
    socket.on('error', () => {})
  })
  const port = await listen(server, 0)

  async function stop (): Promise<void> {
    if (!server.listening) return
    const closed = once(server, 'close')
    server.close()
    for (const socket of sockets) socket.resetAndDestroy()
    await closed
  }
  tearDown(t, stop)
  return {
    port,
    sockets,
    get accepted () { return accepted },
    stop,
    async start () { if (!server.listening) await listen(server, port) }
  }
}

async function listen (server: Server, port: number, attempts = 20): Promise<number> {
  try {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
  } catch (error) {
    // While the server was down, another test's outgoing connection may hold its port for a moment.
    if (attempts === 0) throw error
    await sleep(50)
    return await listen(server, port, attempts - 1)
  }
  // A TCP server's address is an AddressInfo; the string is for pipes.
  return (server.address() as AddressInfo).port
}
