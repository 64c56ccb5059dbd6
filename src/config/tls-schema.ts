import * as z from 'zod'
import { byHand } from './by-hand.ts'
import { Certificates } from './certificates.ts'
import { flag, text } from './notation.ts'
import { Secret } from './secrets.ts'

const pemShape = z.union([
  z.string().describe('The PEM text itself, or "${NAME}".'),
  z.strictObject({ file: z.string().describe('A file that holds it; relative paths start at gateway.yaml\'s folder.') }),
  z.strictObject({ env: z.string().describe('The environment variable that holds it.') })
]).meta({ title: 'pem' })

// By the time these run, load.ts has put an object where the file has the notation.
export const certificates = () => byHand(pemShape, (value, fail) => value instanceof Certificates ? value : fail('expected certificates in PEM: { file: path }, { env: NAME } or text'))
export const privateKey = () => byHand(pemShape, (value, fail) => value instanceof Secret ? value : fail('expected a private key in PEM: { file: path }, { env: NAME } or text'))

/** `listen.tls` */
export const serverTlsSchema = z.strictObject({
  cert: certificates().describe('The certificate that callers are shown, followed by those that lead to its root: PEM.'),
  key: privateKey().describe('Its private key: PEM, not encrypted. A secret.'),
  min_version: z.enum(['TLSv1.2', 'TLSv1.3']).prefault('TLSv1.2').describe('The oldest version of TLS that callers may speak.'),
  http2: flag().prefault(true).describe('Whether callers may choose HTTP/2 (by ALPN).')
})

/** `tls` of what the gateway calls. */
export const clientTlsSchema = z.strictObject({
  ca: certificates().optional().describe('The authorities that vouch for the other side, in the place of those that Node knows: PEM.'),
  cert: certificates().optional().describe('The certificate that the gateway shows, followed by those that lead to its root: PEM. Wants `key`.'),
  key: privateKey().optional().describe('Its private key: PEM, not encrypted. A secret.'),
  server_name: text(253).regex(/^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$/, 'expected a host name').optional().describe('The name that is asked for, and that the certificate of the other side must have, where it is not the URL\'s.')
})

export type ServerTls = z.output<typeof serverTlsSchema>
export type ClientTls = z.output<typeof clientTlsSchema>
