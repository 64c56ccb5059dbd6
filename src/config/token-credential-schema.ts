import * as z from 'zod'
import { SIGNING_ALGORITHMS } from '../policy/algorithms.ts'
import { byHand, type Fail } from './by-hand.ts'
import { credentialHeaderName } from './header-rules.ts'
import { duration, flag, oneOrMany, text } from './notation.ts'
import { isObject } from './objects.ts'
import { parseSecret, SECRET_WANTED, secretShape } from './secret-schema.ts'
import { Secret } from './secrets.ts'
import { certificates, clientTlsSchema, privateKey } from './tls-schema.ts'
import { httpUrl } from './urls.ts'

const OWN_PARAMETERS = ['grant_type', 'client_id', 'client_secret', 'scope', 'audience', 'resource', 'client_assertion', 'client_assertion_type', 'assertion']
const parameterName = text().refine(name => !OWN_PARAMETERS.includes(name), 'this parameter has a key of its own, or is the gateway\'s to write')

/** RFC 7519 section 4.1 */
const REGISTERED_CLAIMS = ['iss', 'sub', 'aud', 'exp', 'nbf', 'iat', 'jti']
const claimName = text(200).refine(name => !REGISTERED_CLAIMS.includes(name), 'this claim has a key of its own, or is the gateway\'s to write')

const clientSecret = () => byHand(z.union([secretShape, z.array(secretShape).min(2).max(2)]), parseSecrets)
const clientId = () => text().describe('The gateway\'s own client id at the IdP.')
const authMethod = () => z.enum(['client_secret_basic', 'client_secret_post']).prefault('client_secret_basic').describe('How the client shows its secret (RFC 6749 section 2.3.1).')
const basicEncoding = () => z.enum(['rfc6749', 'raw']).prefault('rfc6749').describe('Whether id and secret are form-encoded within HTTP Basic, as RFC 6749 says, or sent as they are.')

/** Where a machine token is asked for, and how it is shown. */
const endpoint = {
  issuer: text().optional().describe('An issuer of this file: its token endpoint is asked. This or token_endpoint.'),
  token_endpoint: httpUrl({ query: true }).optional().describe('The URL that gives machine tokens. This or issuer.'),
  scope: byHand(z.union([z.string(), z.array(z.string()).min(1)]), parseScope).optional().describe('The scopes to ask for: text, split by blanks, or a list.'),
  params: z.record(parameterName, text()).optional().describe('Further parameters of the token request.'),
  header: credentialHeaderName().prefault('Authorization').describe('The header that carries the token to the ERP: in Authorization with the Bearer scheme, in another one bare.'),
  tls: clientTlsSchema.optional().describe('How the certificate of token_endpoint is verified, and what the gateway shows it.'),
  allow_http: flag().prefault(false).describe('Allow http:// to another machine for token_endpoint.')
}

const target = {
  audience: text().optional().describe('The `audience` parameter, as Auth0 wants it.'),
  resource: oneOrMany(text()).optional().describe('The `resource` parameter (RFC 8707), one or a list.')
}

/** How a JWT is signed that the gateway shows a token endpoint (RFC 7523). */
const assertion = {
  key: privateKey().describe('The private key that signs the assertion: PEM, not encrypted; RSA from 2048 bits, or P-256. A secret.'),
  kid: text().optional().describe('The name of the key, where the token endpoint knows it by one.'),
  algorithm: z.enum(SIGNING_ALGORITHMS).optional().describe('How it is signed; RS256 by an RSA key, ES256 by one of P-256, when left out.'),
  certificate: certificates().optional().describe('The certificate of the key: its SHA-256 thumbprint goes into the assertion\'s header (x5t#S256). PEM.'),
  lifetime: duration('10s', '5m').prefault('60s').describe('From `iat` to `exp` of the assertion.'),
  claims: z.record(claimName, byHand(claimShape(), parseClaim)).optional().describe('Further claims of the assertion; none that is registered.')
}

export const clientCredentialsSchema = z.strictObject({
  ...endpoint,
  client_id: clientId(),
  client_secret: clientSecret().describe('The gateway\'s own client secret: text, { file: path } or { env: NAME }. Or a list of two: the new one, which is tried first, and the old one.'),
  auth_method: authMethod(),
  basic_encoding: basicEncoding(),
  ...target
})

/** RFC 7523 section 2.2: the client proves itself by a JWT that it signs, where client_credentials has a secret. */
export const clientAssertionSchema = z.strictObject({
  ...endpoint,
  client_id: clientId(),
  ...assertion,
  assertion_audience: text().optional().describe('The `aud` of the assertion; the URL of the token endpoint when left out.'),
  ...target
})

/** RFC 7523 section 2.1: the JWT that the gateway signs is the grant. */
export const jwtBearerSchema = z.strictObject({
  ...endpoint,
  iss: text().describe('The `iss` of the assertion: the client, as the token endpoint knows it.'),
  subject: text().describe('The `sub` of the assertion: the technical user that the token is for.'),
  audience: text().optional().describe('The `aud` of the assertion; the URL of the token endpoint when left out.'),
  ...assertion,
  client_id: clientId().optional().describe('Where the token endpoint wants the client to prove itself, too: its id. Wants `client_secret`.'),
  client_secret: clientSecret().optional().describe('Its secret, or a list of two: the new one, which is tried first, and the old one.'),
  auth_method: authMethod(),
  basic_encoding: basicEncoding(),
  resource: target.resource
})

function parseScope (value: unknown, fail: Fail): string {
  const given: readonly unknown[] = Array.isArray(value) ? value : [value]
  const scopes = given.flatMap(one => typeof one === 'string' ? one.split(' ') : fail('expected a scope, or a list of scopes'))
  // RFC 6749 section 3.3: scope-token
  if (scopes.length === 0 || !scopes.every(one => /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(one))) return fail('expected scopes with one blank between them, or a list of them; without quotes or backslashes')
  return scopes.join(' ')
}

/** The new one first, and the old one for as long as the IdP may not know the new one yet. */
function parseSecrets (value: unknown, fail: Fail): readonly Secret[] {
  if (!Array.isArray(value)) return [parseSecret(value, fail)]
  const items: readonly unknown[] = value
  if (items.length !== 2) return fail('expected one secret, or a list of two: the new one, then the old one')
  return items.map((item, at) => item instanceof Secret ? item : fail(SECRET_WANTED, { path: [at] }))
}

type Scalar = string | number | boolean

function claimShape () {
  const scalar = z.union([z.string(), z.number(), z.boolean()])
  return z.union([scalar, z.array(scalar).min(1)])
}

function parseClaim (value: unknown, fail: Fail): Scalar | readonly Scalar[] {
  if (isScalar(value)) return value
  if (isObject(value) || !Array.isArray(value) || value.length === 0) return fail('expected text, a number, true or false, or a list of these')
  const items: readonly unknown[] = value
  return items.map((item, at) => isScalar(item) ? item : fail('expected text, a number, true or false', { path: [at] }))
}

function isScalar (value: unknown): value is Scalar {
  return typeof value === 'string' || typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))
}
