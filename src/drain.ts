import type { FastifyInstance } from 'fastify'
import type { Socket } from 'node:net'

/** ms between looks at what has fallen idle */
const SWEEP = 100

/**
 * Prepares an app for its end, before it listens. What it gives stops taking requests, answers the open ones for at
 * most `longest` ms, and closes every connection that has none.
 */
export function prepareDrain (app: FastifyInstance): (longest: number) => Promise<void> {
  const { server } = app
  const sockets = new Set<Socket>()
  const add = (socket: Socket): void => {
    sockets.add(socket)
    socket.once('close', () => { sockets.delete(socket) })
  }
  server.on('connection', add)
  // By TLS it is two: one that reads a handshake, and one that has read nothing until a request begins.
  server.on('secureConnection', add)

  // An answer that was begun before could not say `Connection: close`. And a connection on which nothing ever came, as
  // load balancers open them in advance, counts as busy with Node, whose own time limits end with the listening.
  function sweep (): void {
    server.closeIdleConnections()
    for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy()
  }

  return async longest => {
    const limit = setTimeout(() => {
      server.closeAllConnections()
      // Those in the middle of a handshake too, of which the server knows nothing yet.
      for (const socket of sockets) socket.destroy()
    }, longest)
    const sweeping = setInterval(sweep, SWEEP)
    await app.close()
    clearTimeout(limit)
    clearInterval(sweeping)
  }
}
