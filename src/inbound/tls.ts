import { constants } from 'node:crypto'
import type { Server, TlsOptions, TLSSocket } from 'node:tls'
import type { ServerTls } from '../config/tls-schema.ts'

/** Why a caller's TLS came to nothing; labels of a metric. */
export type TlsErrorReason = 'http' | 'version' | 'refused' | 'timeout' | 'gone' | 'other'

/** What callers may choose from by TLS 1.2: forward secrecy and authenticated encryption alone (RFC 9325 section 4.2). */
const CIPHERS = [
  'TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256',
  ...['ECDHE-ECDSA', 'ECDHE-RSA'].flatMap(exchange => ['AES128-GCM-SHA256', 'AES256-GCM-SHA384', 'CHACHA20-POLY1305'].map(cipher => `${exchange}-${cipher}`))
].join(':')

/** How callers are met: by the certificate that is configured now. */
export function listenerTls ({ cert, key, min_version: minVersion }: ServerTls): TlsOptions {
  return {
    cert: cert.pem,
    key: key.reveal(),
    minVersion,
    ciphers: CIPHERS,
    // RFC 9325 section 3.5: by TLS 1.2 a caller could have the server do the dear half of a handshake again and again.
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION
  }
}

/**
 * Has connections end on which no TLS comes about. They are no requests: nothing is answered, and nothing but a number
 * is kept of them.
 */
export function endFailedHandshakes (server: Server, end: (code: string, socket: TLSSocket) => void): void {
  // Node would pass them on as errors of its HTTP parser, to be answered in the clear.
  server.removeAllListeners('tlsClientError')
  server.on('tlsClientError', ({ code = '' }: NodeJS.ErrnoException, socket: TLSSocket) => { end(code, socket) })
}

/** @param code of Node's or OpenSSL's error */
export function tlsErrorReason (code: string): TlsErrorReason {
  if (code === 'ERR_SSL_HTTP_REQUEST' || code === 'ERR_SSL_HTTPS_PROXY_REQUEST') return 'http'
  if (/PROTOCOL|VERSION/.test(code)) return 'version'
  if (/ALERT/.test(code)) return 'refused'
  if (/TIMEOUT|ETIMEDOUT/.test(code)) return 'timeout'
  return /^(?:ECONNRESET|EPIPE)$/.test(code) ? 'gone' : 'other'
}
