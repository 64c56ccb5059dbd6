import { createHash } from 'node:crypto'
import type { ConnectionOptions } from 'node:tls'
import type { ClientTls } from '../config/tls-schema.ts'

/** What of a TLS connection is configured. */
export type TlsOptions = Pick<ConnectionOptions, 'ca' | 'cert' | 'key' | 'servername' | 'rejectUnauthorized'>

/** A `tls` of gateway.yaml as node:tls takes it. Its `ca` stands in the place of the authorities that Node knows. */
export function tlsOptions (tls: ClientTls | undefined): TlsOptions {
  if (tls === undefined) return {}
  const { ca, cert, key, server_name: servername } = tls
  return {
    rejectUnauthorized: true,
    ...ca !== undefined && { ca: ca.pem },
    ...cert !== undefined && key !== undefined && { cert: cert.pem, key: key.reveal() },
    ...servername !== undefined && { servername }
  }
}

/** Equal where connections would be made the same; nothing of a key shows. */
export function tlsName (tls: ClientTls | undefined): string {
  return tls === undefined ? '' : createHash('sha256').update(JSON.stringify(tlsOptions(tls))).digest('base64url')
}
