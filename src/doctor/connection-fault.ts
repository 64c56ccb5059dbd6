import { isRefusedByPeer, isTlsError } from '../common/tls-errors.ts'
import type { Fault } from './finding.ts'

/**
 * Why no connection to a place came about, or why it broke; undefined where the error is not one of a connection.
 * @param tls where in gateway.yaml the `tls` for this place stands, like `upstreams.erp.tls`; undefined where it has none
 */
export function connectionFault (error: unknown, url: URL, tls?: string): Fault | undefined {
  const { code, error: origin } = rootOf(error)
  if (code === undefined) return undefined
  const place = url.host.includes(':') || url.port !== '' ? url.host : `${url.host}:${url.protocol === 'https:' ? 443 : 80}`
  return isTlsError(code) || isRefusedByPeer(code) ? tlsFault(code, origin, url, tls) : networkFault(code, url, place)
}

/** The innermost error that has a code. */
function rootOf (error: unknown): { readonly code: string | undefined, readonly error: unknown } {
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    if (at.name === 'TimeoutError') return { code: 'ETIMEDOUT', error: at }
    if ('code' in at && typeof at.code === 'string') return { code: at.code, error: at }
  }
  return { code: undefined, error }
}

function networkFault (code: string, { hostname: host, protocol }: URL, place: string): Fault {
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return { said: `the name ${host} does not resolve`, remedy: `See how it is spelled, and ask this machine's DNS for it: getent hosts ${host}. A container has the DNS of its own network.` }
  }
  if (code === 'ECONNREFUSED') return { said: `${place} refuses the connection`, remedy: 'See whether it runs, whether the port is right, and whether a firewall turns this machine away.' }
  if (code === 'EHOSTUNREACH' || code === 'ENETUNREACH' || code === 'EADDRNOTAVAIL') return { said: `no way leads to ${place}`, remedy: 'See the routes and the network of this machine or container.' }
  if (code === 'ETIMEDOUT' || code.endsWith('TIMEOUT')) return { said: `${place} does not answer in time`, remedy: 'Mostly a firewall that drops what this machine sends, or a wrong address.' }
  return { said: `${place} broke the connection (${code})`, remedy: `See its log, and that of whatever stands between: a proxy, a balancer, a firewall.${protocol === 'https:' ? ' Or it speaks no TLS at this port.' : ''}` }
}

const UNTRUSTED = new Set(['DEPTH_ZERO_SELF_SIGNED_CERT', 'SELF_SIGNED_CERT_IN_CHAIN', 'UNABLE_TO_GET_ISSUER_CERT', 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'CERT_UNTRUSTED'])

function tlsFault (code: string, error: unknown, { hostname, protocol, port }: URL, tls: string | undefined): Fault {
  if (isRefusedByPeer(code)) return { said: `refuses the certificate of the gateway, or how it speaks TLS (${code})`, remedy: `Where it wants a certificate of the gateway's own${tls === undefined ? '' : `: ${tls}.cert and key`}. Where it has one: is its authority known there, and has it not ended?` }
  if (code === 'CERT_HAS_EXPIRED') return { said: 'its certificate has ended', remedy: 'Renew it there. If it is a new one, see the clock of this machine.' }
  if (code === 'CERT_NOT_YET_VALID') return { said: 'its certificate does not hold yet', remedy: 'See the clock of this machine: it is likelier wrong than the certificate.' }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return { said: `its certificate is not for ${hostname}${namesOf(error)}`, remedy: `Write the URL with a name that the certificate has${tls === undefined ? '' : `, or say that name in ${tls}.server_name`}.` }
  }
  if (UNTRUSTED.has(code)) {
    return { said: `nobody who is trusted vouches for its certificate (${code})`, remedy: `Name its authority in ${tls === undefined ? 'NODE_EXTRA_CA_CERTS' : `${tls}.ca, or in NODE_EXTRA_CA_CERTS for all`}. Where the authority is a public one, the server leaves out the certificates between: let it send the whole chain.` }
  }
  if (protocol === 'https:' && /WRONG_VERSION|PACKET_LENGTH|EPROTO|UNKNOWN_PROTOCOL/.test(code)) return { said: `speaks no TLS there (${code})`, remedy: 'Is it the right port? What speaks plain http has a URL that begins with http://.' }
  return { said: `no trusted TLS came about (${code})`, remedy: `See its certificate: openssl s_client -connect ${hostname}:${port === '' ? 443 : port} -servername ${hostname}` }
}

// Of the certificate, which is public; the text is the server's, and may be anything.
function namesOf (error: unknown): string {
  const certificate: unknown = error instanceof Error && 'cert' in error ? error.cert : undefined
  const names: unknown = typeof certificate === 'object' && certificate !== null && 'subjectaltname' in certificate ? certificate.subjectaltname : undefined
  return typeof names === 'string' && names !== '' ? `, but for ${names.slice(0, 200)}` : ''
}
