import type { LookupFunction } from 'node:net'
import { TLSSocket } from 'node:tls'
import { buildConnector } from 'undici'
import { asRefusal, whenCertificateIsTaken } from './certificate-taken.ts'
import type { TlsOptions } from './tls.ts'

/** What undici's pools connect by. */
export type Connector = ReturnType<typeof buildConnector>

/**
 * Connects by TCP or TLS, with verified certificates.
 * @param timeout ms for the handshakes
 * @param tls how it is verified, and what the gateway shows
 * @param lookup how names become addresses; the system's way when left out
 */
export function createConnector (timeout: number, tls: TlsOptions = {}, lookup?: LookupFunction): Connector {
  const connect = buildConnector({ timeout, ...tls, ...lookup !== undefined && { lookup } })
  return (options, callback) => {
    connect(options, (...result) => {
      const [error, socket] = result
      socket?.prependListener('error', tellReset)
      if (tls.cert === undefined) callback(...result)
      else if (error !== null) callback(asRefusal(error), null)
      else if (socket instanceof TLSSocket) whenCertificateIsTaken(socket, refusal => { refusal === null ? callback(null, socket) : callback(refusal, null) })
      else callback(null, socket)
    })
  }
}

// A body without a length ends where the connection does, and undici takes a reset for such an end: the caller would
// take what came until then for all of it. By another code it takes it for what it is.
function tellReset (error: NodeJS.ErrnoException): void {
  if (error.code === 'ECONNRESET') error.code = 'EPIPE'
}
