import type { LookupFunction } from 'node:net'
import { buildConnector } from 'undici'

/** What undici's pools connect by. */
export type Connector = ReturnType<typeof buildConnector>

/**
 * Connects by TCP or TLS, with verified certificates.
 * @param timeout ms for the handshakes
 * @param lookup how names become addresses; the system's way when left out
 */
export function createConnector (timeout: number, lookup?: LookupFunction): Connector {
  const connect = buildConnector({ timeout, ...lookup !== undefined && { lookup } })
  return (options, callback) => {
    connect(options, (...result) => {
      const [, socket] = result
      socket?.prependListener('error', tellReset)
      callback(...result)
    })
  }
}

// A body without a length ends where the connection does, and undici takes a reset for such an end: the caller would
// take what came until then for all of it. By another code it takes it for what it is.
function tellReset (error: NodeJS.ErrnoException): void {
  if (error.code === 'ECONNRESET') error.code = 'EPIPE'
}
