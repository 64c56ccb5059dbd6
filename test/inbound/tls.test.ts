import t from 'tap'
import { isRefusedByPeer, isTlsError } from '../../src/common/tls-errors.ts'
import { tlsErrorReason } from '../../src/inbound/tls.ts'

t.test('each way in which TLS fails has its word in the metric', t => {
  for (const [code, reason] of Object.entries({
    ERR_SSL_HTTP_REQUEST: 'http',
    ERR_SSL_HTTPS_PROXY_REQUEST: 'http',
    ERR_SSL_UNSUPPORTED_PROTOCOL: 'version',
    ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: 'version',
    ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: 'refused',
    ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN: 'refused',
    ERR_TLS_HANDSHAKE_TIMEOUT: 'timeout',
    ECONNRESET: 'gone',
    EPIPE: 'gone',
    ERR_SSL_NO_SHARED_CIPHER: 'other',
    '': 'other'
  })) t.equal(tlsErrorReason(code), reason, code)
  t.end()
})

t.test('errors of TLS are told from those of the network', t => {
  for (const code of ['CERT_HAS_EXPIRED', 'DEPTH_ZERO_SELF_SIGNED_CERT', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'ERR_TLS_CERT_ALTNAME_INVALID', 'INVALID_PURPOSE', 'EPROTO', 'ERR_SSL_WRONG_VERSION_NUMBER', 'CERTIFICATE_REFUSED']) t.ok(isTlsError(code), code)
  for (const code of ['ECONNRESET', 'ECONNREFUSED', 'ENOTFOUND', 'UND_ERR_SOCKET', 'UND_ERR_CONNECT_TIMEOUT', 'HPE_INVALID_CONSTANT', '']) t.notOk(isTlsError(code), code)
  for (const code of ['CERTIFICATE_REFUSED', 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA']) t.ok(isRefusedByPeer(code), code)
  for (const code of ['CERT_HAS_EXPIRED', 'ERR_TLS_CERT_ALTNAME_INVALID']) t.notOk(isRefusedByPeer(code), code)
  t.end()
})
