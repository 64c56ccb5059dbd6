import { createPrivateKey, X509Certificate } from 'node:crypto'
import { createSecureContext, type SecureContextOptions } from 'node:tls'
import type { Certificates } from './certificates.ts'
import type { Draft } from './draft.ts'
import { expiryWarnings, placed } from './expiry.ts'
import type { Path } from './mistakes.ts'
import type { Secret } from './secrets.ts'
import type { ClientTls, ServerTls } from './tls-schema.ts'

type Config = Draft['config']

/** What of `listen.tls` no key can tell by itself. */
export function checkServerTls (config: Config, path: Path, tls: ServerTls | undefined, now: number): void {
  if (tls === undefined) return
  const { cert, key, min_version: minVersion } = tls
  checkPair(config, path, cert, key, { minVersion })
  warnOfEnds(config, path, { cert }, now)
}

/**
 * What of a `tls` of what the gateway calls no key can tell by itself.
 * @param urls where it is to serve
 */
export function checkClientTls (config: Config, path: Path, tls: ClientTls | undefined, urls: ReadonlyArray<string | undefined>, now: number): void {
  if (tls === undefined) return
  const { ca, cert, key } = tls
  if (Object.keys(tls).length === 0) config.report(path, 'must not be empty')
  if (urls.some(url => url !== undefined && new URL(url).protocol === 'http:')) config.report(path, 'has no effect on http://: this is spoken in the clear', { on: 'key' })
  if ((cert === undefined) !== (key === undefined)) config.report(path, `${cert === undefined ? 'key' : 'cert'} alone is of no use: cert and key go together`, { on: 'key' })
  if (cert !== undefined && key !== undefined) checkPair(config, path, cert, key, {})
  if (ca !== undefined) checkAuthorities(config, [...path, 'ca'], ca)
  warnOfEnds(config, path, tls, now)
}

/** That a certificate and a key are one pair, and one that OpenSSL takes. */
export function checkPair (config: Config, path: Path, { pem: cert }: Certificates, secret: Secret, options: SecureContextOptions): void {
  // One of them is missing, which `check` has forgiven.
  if (cert === '' || !secret.isThere) return
  const key = secret.reveal()
  if (!belongTogether(cert, key)) {
    config.report([...path, 'key'], 'this is the key of another certificate than the first of cert')
    return
  }
  const problem = whyNot({ cert, key, ...options })
  if (problem !== undefined) config.report([...path, 'cert'], `OpenSSL does not take this certificate with its key (${problem})`)
}

/** Whether a private key is that of the first certificate of a text. */
export function belongTogether (cert: string, key: string): boolean {
  return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))
}

function checkAuthorities (config: Config, path: Path, { pem, list }: Certificates): void {
  if (pem === '') return
  const problem = whyNot({ ca: pem })
  if (problem !== undefined) config.report(path, `OpenSSL does not take these certificates (${problem})`)
  if (!list.some(({ isRoot }) => isRoot)) {
    config.report(path, 'none of these is a root (signed by itself), with which every chain must end: whatever they signed will not verify', { severity: 'warning' })
  }
}

// By its code: the text of OpenSSL is nobody's to rely on.
function whyNot (options: SecureContextOptions): string | undefined {
  try {
    createSecureContext(options)
    return undefined
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : 'no reason given'
  }
}

function warnOfEnds (config: Config, path: Path, tls: Pick<ClientTls, 'ca' | 'cert'>, now: number): void {
  for (const { path: at, certificates } of placed(path, tls)) {
    for (const warning of expiryWarnings(certificates, now)) config.report(at, warning, { severity: 'warning' })
  }
}
