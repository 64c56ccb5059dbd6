import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, sign, X509Certificate, type KeyObject } from 'node:crypto'
import { isIP } from 'node:net'

/** PEM texts, as node:tls takes them; `cert` is its own authority (ca, NODE_EXTRA_CA_CERTS). */
export interface Certificate { readonly key: string, readonly cert: string }

export interface CertificateOptions {
  /** DNS names and IPv4 addresses; localhost and 127.0.0.1 when left out. */
  readonly names?: readonly string[]
  readonly notBefore?: Date
  readonly notAfter?: Date
  /** Its subject; `countersign test` when left out. Authorities of one name are taken for one another. */
  readonly commonName?: string
}

const hour = 3_600_000

/**
 * A self-signed X.509 v3 certificate (RFC 5280 section 4.1), P-256 and ECDSA with SHA-256.
 * Node makes keys but no certificates, and the tests should run where no openssl command is: the few
 * DER structures are written by hand.
 */
export function selfSigned (options: CertificateOptions = {}): Certificate {
  return certify(options, undefined)
}

/** One that this authority has signed; `cert` is followed by `chain`, as servers send it. */
export function signedBy (authority: Certificate, options: CertificateOptions & { readonly chain?: string, readonly isAuthority?: boolean, /** its private key; a fresh one of P-256 when left out */ readonly ownKey?: KeyObject } = {}): Certificate {
  const { key, cert } = certify(options, authority, options.isAuthority === true, options.ownKey)
  return { key, cert: cert + (options.chain ?? '') }
}

function certify (options: CertificateOptions, authority: Certificate | undefined, isAuthority = authority === undefined, privateKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey): Certificate {
  const { names = ['localhost', '127.0.0.1'], notBefore = new Date(Date.now() - hour), notAfter = new Date(Date.now() + hour) } = options
  const subject = nameOf(options.commonName ?? 'countersign test')
  const issuer = authority === undefined ? subject : nameOf(/^CN=(.+)$/m.exec(new X509Certificate(authority.cert).subject)?.[1] ?? '')
  const unsigned = sequence(
    der(0xa0, integer(Buffer.from([2]))),
    integer(Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    ecdsaWithSha256,
    issuer,
    sequence(time(notBefore), time(notAfter)),
    subject,
    createPublicKey(privateKey).export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(
      sequence(basicConstraints, der(0x01, Buffer.from([0xff])), der(0x04, sequence(...isAuthority ? [der(0x01, Buffer.from([0xff]))] : []))),
      sequence(subjectAltName, der(0x04, sequence(...names.map(generalName))))
    ))
  )
  const certificate = sequence(unsigned, ecdsaWithSha256, bitString(sign('sha256', unsigned, authority === undefined ? privateKey : createPrivateKey(authority.key))))
  return { key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), cert: pem(certificate) }
}

function nameOf (commonName: string): Buffer {
  return sequence(der(0x31, sequence(commonNameId, der(0x0c, Buffer.from(commonName)))))
}

const commonNameId = objectId('550403')
const basicConstraints = objectId('551d13')
const subjectAltName = objectId('551d11')
const ecdsaWithSha256 = sequence(objectId('2a8648ce3d040302'))

/** One DER element: tag, length, content (X.690 section 8.1). */
function der (tag: number, ...contents: readonly Buffer[]): Buffer {
  const content = Buffer.concat(contents)
  const size = Buffer.from(content.length.toString(16).replace(/^(..)*.$/, '0$&'), 'hex')
  const length = content.length < 128 ? size : Buffer.concat([Buffer.from([0x80 | size.length]), size])
  return Buffer.concat([Buffer.from([tag]), length, content])
}

function sequence (...contents: readonly Buffer[]): Buffer {
  return der(0x30, ...contents)
}

function integer (bytes: Buffer): Buffer {
  return der(0x02, bytes)
}

function objectId (hex: string): Buffer {
  return der(0x06, Buffer.from(hex, 'hex'))
}

function bitString (bytes: Buffer): Buffer {
  return der(0x03, Buffer.from([0]), bytes)
}

/** GeneralizedTime, which a reader takes before 2050 too. */
function time (date: Date): Buffer {
  return der(0x18, Buffer.from(`${date.toISOString().replace(/[-:T]|\..*/g, '')}Z`))
}

function generalName (name: string): Buffer {
  return isIP(name) === 4 ? der(0x87, Buffer.from(name.split('.').map(Number))) : der(0x82, Buffer.from(name))
}

function pem (bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? []
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n')
}
