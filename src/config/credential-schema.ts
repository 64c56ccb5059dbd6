import * as z from 'zod'
import { byHand } from './by-hand.ts'
import { headerEntries, whyNotCredential } from './header-rules.ts'
import { text } from './notation.ts'
import { isObject } from './objects.ts'
import { parseSecret, secretShape } from './secret-schema.ts'
import type { Secret } from './secrets.ts'
import { certificates, privateKey } from './tls-schema.ts'
import { clientAssertionSchema, clientCredentialsSchema, jwtBearerSchema } from './token-credential-schema.ts'

const basicSchema = z.strictObject({
  username: text().regex(/^[^:]*$/, 'a user name cannot hold a colon (RFC 7617)').describe('The user name, without a colon.'),
  password: byHand(secretShape, parseSecret).describe('The password: text, { file: path } or { env: NAME }.')
})

const clientCertificateSchema = z.strictObject({
  cert: certificates().describe('The certificate that the gateway shows the ERP, followed by those that lead to its root: PEM.'),
  key: privateKey().describe('Its private key: PEM, not encrypted. A secret.')
})

/** What the gateway shows an upstream, told apart by `kind`. */
export type Credential =
  | TokenCredential
  | { readonly kind: 'client_certificate' } & z.infer<typeof clientCertificateSchema>
  | { readonly kind: 'basic' } & z.infer<typeof basicSchema>
  | { readonly kind: 'headers', readonly headers: Readonly<Record<string, Secret>> }
  | { readonly kind: 'none' }

/** A machine token that a token endpoint gives. */
export type TokenCredential = ClientCredentials | ClientAssertion | JwtBearer

export type ClientCredentials = { readonly kind: 'client_credentials' } & z.infer<typeof clientCredentialsSchema>
export type ClientAssertion = { readonly kind: 'client_assertion' } & z.infer<typeof clientAssertionSchema>
export type JwtBearer = { readonly kind: 'jwt_bearer' } & z.infer<typeof jwtBearerSchema>

export function isTokenCredential (credential: Credential): credential is TokenCredential {
  return credential.kind === 'client_credentials' || credential.kind === 'client_assertion' || credential.kind === 'jwt_bearer'
}

const kindsSchema = z.strictObject({
  client_credentials: clientCredentialsSchema.optional().describe('A machine token by client credentials, with a secret (RFC 6749 section 4.4).'),
  client_assertion: clientAssertionSchema.optional().describe('A machine token by client credentials, with a JWT that the gateway signs in the place of a secret: private_key_jwt (RFC 7523 section 2.2).'),
  jwt_bearer: jwtBearerSchema.optional().describe('A machine token for a JWT that the gateway signs (RFC 7523 section 2.1).'),
  client_certificate: clientCertificateSchema.optional().describe('The certificate that the gateway shows when it connects (mTLS); no header.'),
  basic: basicSchema.optional().describe('HTTP Basic (RFC 7617).'),
  headers: byHand(z.record(z.string(), secretShape), (value, fail) => headerEntries(value, whyNotCredential, parseSecret, fail)).optional().describe('Headers, an API key for example.')
})

const WORDS = [...Object.keys(kindsSchema.shape), 'none']

/** `credential` of an upstream. */
export const credentialSchema = byHand(z.union([z.literal('none'), kindsSchema]), (value, fail, use): Credential => {
  if (value === 'none') return { kind: 'none' }
  if (!isObject(value)) return fail(`expected one of ${WORDS.join(', ')}`)
  if (Object.keys(value).length > 1) return fail(`expected exactly one of ${WORDS.join(', ')}`)
  const { client_credentials: machine, client_assertion: assertion, jwt_bearer: bearer, client_certificate: certificate, basic, headers } = use(kindsSchema, value)
  if (machine !== undefined) return { kind: 'client_credentials', ...machine }
  if (assertion !== undefined) return { kind: 'client_assertion', ...assertion }
  if (bearer !== undefined) return { kind: 'jwt_bearer', ...bearer }
  if (certificate !== undefined) return { kind: 'client_certificate', ...certificate }
  if (basic !== undefined) return { kind: 'basic', ...basic }
  if (headers !== undefined) return { kind: 'headers', headers }
  return fail(`expected one of ${WORDS.join(', ')}`)
}).describe('What the gateway shows the ERP: client_credentials, client_assertion, jwt_bearer, client_certificate, basic, headers, or none.')
