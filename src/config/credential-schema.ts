import * as z from 'zod'
import { byHand, type Fail } from './by-hand.ts'
import { credentialHeaderName, headerEntries, whyNotCredential } from './header-rules.ts'
import { flag, oneOrMany, text } from './notation.ts'
import { isObject } from './objects.ts'
import { parseSecret, SECRET_WANTED, secretShape } from './secret-schema.ts'
import { Secret } from './secrets.ts'
import { clientTlsSchema } from './tls-schema.ts'
import { httpUrl } from './urls.ts'

/** The new one first, and the old one for as long as the IdP may not know the new one yet. */
function parseSecrets (value: unknown, fail: Fail): readonly Secret[] {
  if (!Array.isArray(value)) return [parseSecret(value, fail)]
  const items: readonly unknown[] = value
  if (items.length !== 2) return fail('expected one secret, or a list of two: the new one, then the old one')
  return items.map((item, at) => item instanceof Secret ? item : fail(SECRET_WANTED, { path: [at] }))
}

const OWN_PARAMETERS = ['grant_type', 'client_id', 'client_secret', 'scope', 'audience', 'resource', 'client_assertion', 'client_assertion_type']
const parameterName = text().refine(name => !OWN_PARAMETERS.includes(name), 'this parameter has a key of its own, or is the gateway\'s to write')

const clientCredentialsSchema = z.strictObject({
  issuer: text().optional().describe('An issuer of this file: its token endpoint is asked. This or token_endpoint.'),
  token_endpoint: httpUrl({ query: true }).optional().describe('The URL that gives machine tokens. This or issuer.'),
  client_id: text().describe('The gateway\'s own client id at the IdP.'),
  client_secret: byHand(z.union([secretShape, z.array(secretShape).min(2).max(2)]), parseSecrets).describe('The gateway\'s own client secret: text, { file: path } or { env: NAME }. Or a list of two: the new one, which is tried first, and the old one.'),
  auth_method: z.enum(['client_secret_basic', 'client_secret_post']).prefault('client_secret_basic').describe('How the client shows its secret (RFC 6749 section 2.3.1).'),
  basic_encoding: z.enum(['rfc6749', 'raw']).prefault('rfc6749').describe('Whether id and secret are form-encoded within HTTP Basic, as RFC 6749 says, or sent as they are.'),
  scope: byHand(z.union([z.string(), z.array(z.string()).min(1)]), parseScope).optional().describe('The scopes to ask for: text, split by blanks, or a list.'),
  audience: text().optional().describe('The `audience` parameter, as Auth0 wants it.'),
  resource: oneOrMany(text()).optional().describe('The `resource` parameter (RFC 8707), one or a list.'),
  params: z.record(parameterName, text()).optional().describe('Further parameters of the token request.'),
  header: credentialHeaderName().prefault('Authorization').describe('The header that carries the token to the ERP, with the Bearer scheme.'),
  tls: clientTlsSchema.optional().describe('How the certificate of token_endpoint is verified, and what the gateway shows it.'),
  allow_http: flag().prefault(false).describe('Allow http:// to another machine for token_endpoint.')
})

const basicSchema = z.strictObject({
  username: text().regex(/^[^:]*$/, 'a user name cannot hold a colon (RFC 7617)').describe('The user name, without a colon.'),
  password: byHand(secretShape, parseSecret).describe('The password: text, { file: path } or { env: NAME }.')
})

/** What the gateway shows an upstream, told apart by `kind`. */
export type Credential =
  | { readonly kind: 'client_credentials' } & z.infer<typeof clientCredentialsSchema>
  | { readonly kind: 'basic' } & z.infer<typeof basicSchema>
  | { readonly kind: 'headers', readonly headers: Readonly<Record<string, Secret>> }
  | { readonly kind: 'none' }

export type ClientCredentials = Extract<Credential, { kind: 'client_credentials' }>

const kindsSchema = z.strictObject({
  client_credentials: clientCredentialsSchema.optional(),
  basic: basicSchema.optional(),
  headers: byHand(z.record(z.string(), secretShape), (value, fail) => headerEntries(value, whyNotCredential, parseSecret, fail)).optional()
})

const WORDS = [...Object.keys(kindsSchema.shape), 'none']

/** `credential` of an upstream. */
export const credentialSchema = byHand(z.union([z.literal('none'), kindsSchema]), (value, fail, use): Credential => {
  if (value === 'none') return { kind: 'none' }
  if (!isObject(value)) return fail(`expected one of ${WORDS.join(', ')}`)
  if (Object.keys(value).length > 1) return fail(`expected exactly one of ${WORDS.join(', ')}`)
  const { client_credentials: machine, basic, headers } = use(kindsSchema, value)
  if (machine !== undefined) return { kind: 'client_credentials', ...machine }
  if (basic !== undefined) return { kind: 'basic', ...basic }
  if (headers !== undefined) return { kind: 'headers', headers }
  return fail(`expected one of ${WORDS.join(', ')}`)
}).describe('What the gateway shows the ERP: client_credentials, basic, headers, or none.')

function parseScope (value: unknown, fail: Fail): string {
  const given: readonly unknown[] = Array.isArray(value) ? value : [value]
  const scopes = given.flatMap(one => typeof one === 'string' ? one.split(' ') : fail('expected a scope, or a list of scopes'))
  // RFC 6749 section 3.3: scope-token
  if (scopes.length === 0 || !scopes.every(one => /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(one))) return fail('expected scopes with one blank between them, or a list of them; without quotes or backslashes')
  return scopes.join(' ')
}
