import type { TLSSocket } from 'node:tls'

/** The other side ended the connection when it had seen the gateway's certificate; nothing was sent. */
class CertificateRefused extends Error {
  override readonly name = 'CertificateRefused'
  readonly code = 'CERTIFICATE_REFUSED'
}

/** A connection that breaks where the gateway has shown its certificate: mostly this is how a server refuses it. */
export function asRefusal (error: NodeJS.ErrnoException): Error {
  return error.code === 'ECONNRESET' || error.code === 'EPIPE' ? new CertificateRefused('the connection broke off', { cause: error }) : error
}

/** ms to wait for a server's first ticket; some send none */
const LONGEST = 300
/** ms after it: servers that look at certificates in a second step (Node's do) send the ticket first, and end then */
const SETTLING = 20

/**
 * Calls back once the server has taken the gateway's certificate, as far as that shows. By TLS 1.3 a client is done
 * before the server has looked at it (RFC 8446 section 2): what is sent at once goes to one that may refuse it, and
 * nobody could say whether it was read. A ticket is the first sign that it was not refused.
 */
export function whenCertificateIsTaken (socket: TLSSocket, callback: (refusal: Error | null) => void): void {
  let timer = setTimeout(done, socket.getProtocol() === 'TLSv1.3' ? LONGEST : SETTLING)
  socket.once('session', settle)
  socket.once('error', failed)
  socket.once('end', ended)
  socket.once('close', ended)

  function settle (): void {
    clearTimeout(timer)
    timer = setTimeout(done, SETTLING)
  }

  function done (): void {
    stop(null)
  }

  function ended (): void {
    failed(new CertificateRefused('the connection ended'))
  }

  function failed (error: NodeJS.ErrnoException): void {
    // What comes after the first error is nobody's.
    socket.on('error', () => {})
    socket.destroy()
    stop(asRefusal(error))
  }

  function stop (refusal: Error | null): void {
    clearTimeout(timer)
    socket.off('session', settle)
    socket.off('error', failed)
    socket.off('end', ended)
    socket.off('close', ended)
    callback(refusal)
  }
}
