import { createPrivateKey } from 'node:crypto'
import { signingAlgorithms } from '../policy/algorithms.ts'
import { belongTogether, checkClientTls, checkPair } from './check-tls.ts'
import { checkReachable } from './check-urls.ts'
import { isTokenCredential, type ClientAssertion, type Credential, type JwtBearer, type TokenCredential } from './credential-schema.ts'
import type { Draft } from './draft.ts'
import { expiryWarnings, ofCredential } from './expiry.ts'
import type { Upstream } from './gateway-schema.ts'
import type { Path } from './mistakes.ts'
import { expectOneOf } from './spelling.ts'

type Config = Draft['config']

/** What of a credential no key can tell by itself. @param path of its upstream */
export function checkCredential (draft: Draft, path: Path, upstream: Partial<Upstream>, credential: Credential): void {
  const at: Path = [...path, 'credential', credential.kind]
  if (isTokenCredential(credential)) checkEndpoint(draft, at, credential)
  if (credential.kind === 'client_assertion' || credential.kind === 'jwt_bearer') checkSigning(draft.config, at, credential)
  if (credential.kind === 'jwt_bearer') checkClient(draft.config, at, credential)
  if (credential.kind === 'client_certificate') checkClientCertificate(draft.config, path, upstream)
}

/** What of the certificates of a credential no key can tell by itself. @param path of the credential's kind */
export function checkCredentialCertificates (config: Config, path: Path, credential: Credential, now: number): void {
  if (credential.kind === 'client_certificate') checkPair(config, path, credential.cert, credential.key, {})
  if (isTokenCredential(credential) && credential.tls !== undefined) {
    const at = [...path, 'tls']
    if (credential.issuer !== undefined) config.report(at, `the endpoint is the issuer's: say this in issuers.${credential.issuer}`, { on: 'key' })
    checkClientTls(config, at, credential.tls, [credential.token_endpoint], now)
  }
  const own = ofCredential(path.slice(0, -1), credential).filter(({ path: [, , , , part] }) => part !== 'tls')
  for (const { path: at, certificates } of own) {
    for (const warning of expiryWarnings(certificates, now)) config.report(at, warning, { severity: 'warning' })
  }
}

function checkEndpoint ({ config, issuers }: Draft, path: Path, { issuer, token_endpoint: endpoint, allow_http: allowHttp }: TokenCredential): void {
  if ((issuer === undefined) === (endpoint === undefined)) config.report(path, 'wants exactly one of issuer and token_endpoint')
  checkReachable(config, [...path, 'token_endpoint'], endpoint, allowHttp)
  if (issuer !== undefined && issuers !== undefined && !Object.hasOwn(issuers, issuer)) {
    config.report([...path, 'issuer'], `no such issuer; ${expectOneOf(issuer, Object.keys(issuers), 'known are')}`)
  }
}

function checkSigning (config: Config, path: Path, { key, algorithm, certificate }: ClientAssertion | JwtBearer): void {
  // It is missing, which \`check\` has forgiven.
  if (!key.isThere) return
  const fitting = signingAlgorithms(createPrivateKey(key.reveal()))
  if (fitting.length === 0) config.report([...path, 'key'], 'expected an RSA key of 2048 bits or more, or an EC key of the curve P-256')
  else if (algorithm !== undefined && !fitting.includes(algorithm)) config.report([...path, 'algorithm'], `the key signs by another one: ${fitting.join(' or ')}`)
  if (certificate !== undefined && certificate.pem !== '' && !belongTogether(certificate.pem, key.reveal())) {
    config.report([...path, 'certificate'], 'the key is that of another certificate')
  }
}

function checkClient (config: Config, path: Path, { client_id: id, client_secret: secret }: JwtBearer): void {
  if ((id === undefined) !== (secret === undefined)) config.report(path, `${id === undefined ? 'client_secret' : 'client_id'} alone is of no use: client_id and client_secret go together`)
}

function checkClientCertificate (config: Config, path: Path, { url: urls = [], tls }: Partial<Upstream>): void {
  if (urls.some(url => new URL(url).protocol === 'http:')) {
    config.report([...path, 'credential', 'client_certificate'], 'has no effect on http://: no certificate is shown there', { on: 'key' })
  }
  if (tls?.cert !== undefined || tls?.key !== undefined) config.report([...path, 'tls'], 'the certificate is the credential\'s to give: cert and key stand in client_certificate alone', { on: 'key' })
}
