// OpenSSL's verify errors and alerts, Node's own TLS errors, and ours
const OF_TLS = /CERT|^ERR_TLS|^ERR_SSL|^EPROTO$|SELF_SIGNED|UNABLE_TO_|CRL_|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH|ALTNAME/

/** Whether an error with this code is about TLS: a certificate that does not hold, a handshake that does not come about. */
export function isTlsError (code: string): boolean {
  return OF_TLS.test(code)
}

/** Whether by this error the other side refuses what the gateway showed or offered. */
export function isRefusedByPeer (code: string): boolean {
  return code === 'CERTIFICATE_REFUSED' || /^ERR_SSL_.*ALERT/.test(code)
}
