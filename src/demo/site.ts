import { createServer } from 'node:http'
import type { RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'

/** One of the demo's web servers: its address is known before what it serves. */
export interface Site {
  /** The URL that others know it by, `http://127.0.0.1:<port>` unless it was given one; no slash at the end. */
  readonly url: string
  serve (listener: RequestListener): void
  close (): Promise<void>
}

export interface SiteAddress {
  /** The address to listen on; loopback when left out. */
  readonly host?: string | undefined
  /** The URL that others know the site by, where that is not its address. */
  readonly url?: string | undefined
}

/**
 * Listens on loopback, unless told otherwise; port 0 takes a free one.
 *
 * The parts of the demo must know each other's addresses before they can be built (the IdP lists the SaaS'
 * redirect URI, the SaaS names the IdP), so all of them listen first and get their handler afterwards.
 *
 * @throws Error in plain words, naming the option, when the port is taken or not allowed
 */
export async function openSite (option: string, port: number, { host = '127.0.0.1', url }: SiteAddress = {}): Promise<Site> {
  let listener: RequestListener = (_request, response) => {
    response.writeHead(503, { 'Retry-After': '1' }).end()
  }
  const server = createServer((request, response) => listener(request, response))
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(new Error(explain(option, port, host, error), { cause: error })))
    server.listen(port, host, resolve)
  })
  // listen() on TCP has succeeded, so this is an AddressInfo, not a pipe's name.
  const address = server.address() as AddressInfo
  return {
    url: url ?? `http://${host}:${address.port}`,
    serve (next) { listener = next },
    close: async () => {
      await new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
    }
  }
}

function explain (option: string, port: number, host: string, error: NodeJS.ErrnoException): string {
  if (error.code === 'EADDRNOTAVAIL' || error.code === 'ENOTFOUND') return `${host} (--host) is no address of this machine.`
  if (error.code === 'EADDRINUSE') return `Port ${port} is in use. Give ${option} another port, or leave it out to get a free one.`
  if (error.code === 'EACCES') return `Port ${port} needs more rights. Give ${option} a port above 1023, or leave it out.`
  return `Cannot listen on port ${port} (${option}): ${error.code ?? error.message}`
}
