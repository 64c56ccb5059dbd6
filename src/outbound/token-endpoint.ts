import * as oauth from 'openid-client'
import { IdpError, type IdpClient } from '../idp/http.ts'

/** What is asked of a token endpoint by client credentials (RFC 6749 section 4.4). */
export interface TokenRequest {
  readonly issuer: string
  readonly tokenEndpoint: string
  readonly clientId: string
  /** the one that is tried first, and one that is tried where it is refused */
  readonly clientSecrets: readonly string[]
  readonly authMethod: 'client_secret_basic' | 'client_secret_post'
  /** `raw` for servers that do not form-decode what RFC 6749 section 2.3.1 has encoded */
  readonly basicEncoding: 'rfc6749' | 'raw'
  /** scope, audience, resource and what else the server wants */
  readonly parameters: ReadonlyArray<readonly [name: string, value: string]>
}

export interface IssuedToken {
  readonly accessToken: string
  /** seconds, where the answer says it */
  readonly expiresIn: number | undefined
  /** by which secret it was had: the first, or the second because the first was refused */
  readonly secret: 1 | 2
}

/** The server does not take the client's secret. */
class ClientRefused extends IdpError {}

// RFC 6750 section 2.1 (b64token), a little wider: what can stand in a header without being able to end it.
const HEADER_SAFE = /^[\x21-\x7e]+$/
const BYTE_LIMIT = 64 * 1024

/**
 * Asks for a token; once more with the second secret where the first is refused.
 * @throws {IdpError} with fixed words: neither a secret nor anything of the answer is in it
 */
export async function requestToken (request: TokenRequest, client: IdpClient): Promise<IssuedToken> {
  const [first = '', second] = request.clientSecrets
  try {
    return { ...await ask(request, first, client), secret: 1 }
  } catch (error) {
    if (second === undefined || !(error instanceof ClientRefused)) throw error
    return { ...await ask(request, second, client), secret: 2 }
  }
}

async function ask (request: TokenRequest, secret: string, client: IdpClient): Promise<Omit<IssuedToken, 'secret'>> {
  const configuration = new oauth.Configuration(
    { issuer: request.issuer, token_endpoint: request.tokenEndpoint }, request.clientId, undefined, clientAuthentication(request, secret))
  configuration[oauth.customFetch] = (url, options) => throughIdpClient(client, url, options)
  // Whether http is allowed was settled by configuration, for this very URL.
  if (request.tokenEndpoint.startsWith('http:')) oauth.allowInsecureRequests(configuration)
  try {
    const answer = await oauth.clientCredentialsGrant(configuration, new URLSearchParams(request.parameters.map(([name, value]): [string, string] => [name, value])))
    if (!HEADER_SAFE.test(answer.access_token)) throw new IdpError('answered with a token that cannot stand in a header')
    if (answer.token_type !== 'bearer') throw new IdpError('answered with a token that is not a bearer token')
    return { accessToken: answer.access_token, expiresIn: answer.expires_in }
  } catch (error) {
    throw translate(error)
  }
}

function clientAuthentication ({ authMethod, basicEncoding, clientId }: TokenRequest, clientSecret: string): oauth.ClientAuth {
  if (authMethod === 'client_secret_post') return oauth.ClientSecretPost(clientSecret)
  if (basicEncoding === 'rfc6749') return oauth.ClientSecretBasic(clientSecret)
  return (_server, _client, _body, headers) => {
    headers.set('authorization', `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`)
  }
}

async function throughIdpClient (client: IdpClient, url: string, options: oauth.CustomFetchOptions): Promise<Response> {
  const { status, headers: { 'content-type': type = '' }, body } = await client.send(url, {
    method: 'POST',
    headers: Object.fromEntries(new Headers(options.headers)),
    body: options.body instanceof URLSearchParams ? options.body.toString() : ''
  })
  if (status >= 300 && status < 400) throw new IdpError('redirects the token request')
  if (body.length > BYTE_LIMIT) throw new IdpError(`answered with more than ${BYTE_LIMIT} bytes`)
  // Only what is to be read: beside a challenge the grant would not look at the error that the body names.
  return new Response(status === 204 ? null : status === 200 ? essentials(body) : body, { status, headers: { 'content-type': type } })
}

// The grant would read "3600abc" as 3600, and stumble over an ID token that nobody asked for.
function essentials (body: Buffer): Buffer | string {
  const answer = parseObject(body)
  if (answer === undefined) return body
  const { access_token, token_type, expires_in: lifetime } = answer
  const seconds = typeof lifetime === 'string' && /^\d+$/.test(lifetime) ? Number(lifetime) : lifetime
  // What is no number of seconds says nothing about the end, and neither does one without bounds.
  const known = typeof seconds === 'number' && Number.isFinite(seconds) ? seconds : undefined
  if (known !== undefined && known < 0) throw new IdpError('answered with a token that has ended')
  return JSON.stringify({ access_token, token_type, expires_in: known })
}

function parseObject (body: Buffer): { access_token?: unknown, token_type?: unknown, expires_in?: unknown } | undefined {
  try {
    const value: unknown = JSON.parse(body.toString())
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}

function translate (error: unknown): IdpError {
  if (error instanceof IdpError) return error
  if (error instanceof oauth.ResponseBodyError) {
    // The registered codes of RFC 6749 section 5.2 help; free text could hold anything.
    const known = ['invalid_request', 'invalid_client', 'invalid_grant', 'unauthorized_client', 'unsupported_grant_type', 'invalid_scope', 'invalid_target']
    // RFC 6749 section 5.2 has invalid_client, with 400 or 401. Some say another word with a 401.
    const Kind = error.error === 'invalid_client' || error.status === 401 ? ClientRefused : IdpError
    return new Kind(`refuses the token request: ${known.find(one => one === error.error) ?? 'another error'} (${error.status})`, { cause: error.code })
  }
  const cause = error instanceof Error ? error.cause : undefined
  if (cause instanceof IdpError) return cause
  const status = cause instanceof Response ? cause.status : undefined
  const Kind = status === 401 ? ClientRefused : IdpError
  return new Kind(`answered the token request with something that is no token${status === undefined ? '' : ` (${status})`}`)
}
