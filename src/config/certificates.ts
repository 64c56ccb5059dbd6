import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readText, Secret, type Problem, type TextAround } from './secrets.ts'

/** Bytes of a file: the authorities that an operating system ships take a quarter of it. */
const MAX_BYTES = 1024 * 1024

/** What the gateway says of a certificate. */
export interface CertificateFacts {
  /** its subject's common name, or all of the subject where it has none */
  readonly name: string
  /** ms since the epoch */
  readonly beginsAt: number
  readonly endsAt: number
  /** whether it signed itself: a chain ends with such a one */
  readonly isRoot: boolean
}

/** Certificates as a PEM text has them, in its order; none where they were missing and `check` forgave it. */
export class Certificates {
  readonly pem: string
  readonly list: readonly CertificateFacts[]

  constructor (pem: string, list: readonly CertificateFacts[]) {
    this.pem = pem
    this.list = list
  }
}

/** `chain`: the gateway's own, each certificate signed by the next. `authorities`: those that are trusted, in any order. */
export type CertificatesUse = 'chain' | 'authorities'

/**
 * Reads certificates written as PEM text, `{ file }` or `{ env }`. What else is in the text, a key say, is left out.
 * @returns undefined where they are written in no such way
 */
export async function readCertificates (notation: unknown, use: CertificatesUse, around: TextAround): Promise<Certificates | Problem | undefined> {
  const read = await readText(notation, around, MAX_BYTES)
  return read === undefined || 'problem' in read ? read : parseCertificates(read.text, use)
}

/**
 * Reads a private key written as PEM text, `{ file }` or `{ env }`.
 * @returns undefined where it is written in no such way. No problem's text holds any part of it.
 */
export async function readPrivateKey (notation: unknown, around: TextAround): Promise<Secret | Problem | undefined> {
  const read = await readText(notation, around, MAX_BYTES)
  if (read === undefined || 'problem' in read) return read
  try {
    createPrivateKey(read.text)
    return new Secret(read.text)
  } catch (error) {
    return unusable(isEncrypted(read.text, error) ? 'the private key is encrypted, and nobody is there to say its passphrase: leave it unencrypted, readable for the gateway alone' : 'this is no private key in PEM (-----BEGIN PRIVATE KEY-----)')
  }
}

function parseCertificates (text: string, use: CertificatesUse): Certificates | Problem {
  const blocks = text.match(/-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----[^-]*-----END (?:X509 |TRUSTED )?CERTIFICATE-----/g) ?? []
  if (blocks.length === 0) return unusable('this holds no certificate in PEM (-----BEGIN CERTIFICATE-----)')
  if (blocks.length !== text.split('CERTIFICATE-----').length >> 1) return unusable('a certificate of these is cut off')
  const parsed: X509Certificate[] = []
  for (const [at, block] of blocks.entries()) {
    const certificate = parse(block)
    if (certificate === undefined) return unusable(`certificate ${at + 1} of ${blocks.length} cannot be read`)
    parsed.push(certificate)
  }
  const stray = use === 'chain' ? parsed.findIndex((one, at) => at > 0 && !isSignedBy(parsed[at - 1], one)) : -1
  if (stray > 0) return unusable(`certificate ${stray + 1} of ${blocks.length} did not sign the one before it: begin with the gateway's own, and let each be followed by its issuer's`)
  return new Certificates(`${blocks.join('\n')}\n`, parsed.map(factsOf))
}

function parse (block: string): X509Certificate | undefined {
  try {
    const certificate = new X509Certificate(block)
    return Number.isNaN(Date.parse(certificate.validTo) + Date.parse(certificate.validFrom)) ? undefined : certificate
  } catch {
    return undefined
  }
}

function isSignedBy (one: X509Certificate | undefined, issuer: X509Certificate): boolean {
  return one !== undefined && one.checkIssued(issuer) && one.verify(issuer.publicKey)
}

function factsOf (certificate: X509Certificate): CertificateFacts {
  const { subject, validFrom, validTo } = certificate
  const name = /^CN=(.+)$/m.exec(subject)?.[1] ?? subject
  return {
    // It is printed: what a terminal would obey has no place in it.
    name: name.replace(/[^\x20-\x7e]+/g, ' ').slice(0, 100),
    beginsAt: Date.parse(validFrom),
    endsAt: Date.parse(validTo),
    isRoot: certificate.checkIssued(certificate)
  }
}

function isEncrypted (text: string, error: unknown): boolean {
  return /ENCRYPTED/.test(text) || (error instanceof Error && 'code' in error && error.code === 'ERR_MISSING_PASSPHRASE')
}

function unusable (problem: string): Problem {
  return { problem, missing: false }
}
