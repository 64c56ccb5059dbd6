import type { IncomingHttpHeaders } from 'node:http'
import { isHost } from './host.ts'

/** Where a request came from, as far as it can be believed. */
export interface Origin {
  /** the caller's address */
  readonly address: string
  /** the believed chain, the caller's first, joined for X-Forwarded-For */
  readonly chain: string
  readonly protocol: 'http' | 'https'
  /** host[:port] that the caller asked for */
  readonly host: string | undefined
}

/** What the framework knows of the connection, with its list of trusted proxies applied to X-Forwarded-For. */
export interface Connection {
  readonly ip: string
  /** the peer first, the caller last; undefined where no proxy is trusted */
  readonly ips: readonly string[] | undefined
  readonly peerIsTrusted: boolean
  readonly encrypted: boolean
}

/** Only of a trusted peer X-Forwarded-Proto and -Host are believed, and only where each says one well-formed thing. */
export function originOf (connection: Connection, headers: IncomingHttpHeaders, host: string | undefined): Origin {
  const { ip, ips, peerIsTrusted, encrypted } = connection
  const own: Origin = { address: ip, chain: ips === undefined ? ip : ips.toReversed().join(', '), protocol: encrypted ? 'https' : 'http', host }
  if (!peerIsTrusted) return own
  const protocol = headers['x-forwarded-proto']
  const forwardedHost = headers['x-forwarded-host']
  return {
    ...own,
    protocol: protocol === 'http' || protocol === 'https' ? protocol : own.protocol,
    host: typeof forwardedHost === 'string' && isHost(forwardedHost) ? forwardedHost : host
  }
}
