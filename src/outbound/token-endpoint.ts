import * as oauth from 'openid-client'
import { IdpError, type IdpClient } from '../idp/http.ts'

/** How the client proves itself; made anew for each token request. */
export type Authentication = () => oauth.ClientAuth | Promise<oauth.ClientAuth>

/** What is asked of a token endpoint: by client credentials (RFC 6749 section 4.4), or for an assertion (RFC 7523 section 2.1). */
export interface TokenRequest {
  readonly issuer: string
  readonly tokenEndpoint: string
  readonly clientId: string
  /** the one that is tried first, and one that is tried where it is refused */
  readonly authentications: readonly Authentication[]
  /** makes the JWT that is the grant, one for each request; client credentials when left out */
  readonly assertion?: () => Promise<string>
  /** scope, audience, resource and what else the server wants */
  readonly parameters: ReadonlyArray<readonly [name: string, value: string]>
}

export interface IssuedToken {
  readonly accessToken: string
  /** seconds, where the answer says it */
  readonly expiresIn: number | undefined
  /** what was granted, where the answer says it */
  readonly scope?: string | undefined
  /** by which secret it was had: the first, or the second because the first was refused */
  readonly secret: 1 | 2
}

/** What a server said when it refused, in its own words. */
export interface RefusalTold {
  readonly status: number
  readonly error: string | undefined
  readonly description: string | undefined
}

/** The server refuses the request. Its own words are held back: they could repeat what was sent. */
export class TokenRefused extends IdpError {
  readonly #told: RefusalTold

  constructor (message: string, told: RefusalTold) {
    super(message)
    this.#told = told
  }

  /** Only for whoever asks by hand, with all secrets taken out: neither for a log nor for a caller. */
  told (): RefusalTold {
    return this.#told
  }
}

/** The server does not take how the client proves itself. */
class ClientRefused extends TokenRefused {}

// RFC 6750 section 2.1 (b64token), a little wider: what can stand in a header without being able to end it.
const HEADER_SAFE = /^[\x21-\x7e]+$/
const BYTE_LIMIT = 64 * 1024
const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer'

/**
 * Asks for a token; once more in the second way where the client is refused by the first.
 * @throws {IdpError} with fixed words: neither a secret nor anything of the answer is in it
 */
export async function requestToken (request: TokenRequest, client: IdpClient): Promise<IssuedToken> {
  const [first = byNothing, second] = request.authentications
  try {
    return { ...await ask(request, first, client), secret: 1 }
  } catch (error) {
    if (second === undefined || !(error instanceof ClientRefused)) throw error
    return { ...await ask(request, second, client), secret: 2 }
  }
}

/**
 * By a secret (RFC 6749 section 2.3.1).
 * @param encoding `raw` for servers that do not form-decode what the RFC has encoded
 */
export function bySecret (secret: string, method: 'client_secret_basic' | 'client_secret_post', encoding: 'rfc6749' | 'raw'): Authentication {
  if (method === 'client_secret_post') return () => oauth.ClientSecretPost(secret)
  if (encoding === 'rfc6749') return () => oauth.ClientSecretBasic(secret)
  return () => (_server, { client_id: id }, _body, headers) => {
    headers.set('authorization', `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`)
  }
}

/** By a JWT that is made for this one request (RFC 7523 section 2.2). */
export function byAssertion (make: () => Promise<string>): Authentication {
  return async () => {
    const assertion = await make()
    return (_server, { client_id: id }, body) => {
      body.set('client_id', id)
      body.set('client_assertion_type', 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer')
      body.set('client_assertion', assertion)
    }
  }
}

/** Not at all: the grant is proof enough, and names the client. */
export const byNothing: Authentication = () => () => {}

async function ask (request: TokenRequest, authentication: Authentication, client: IdpClient): Promise<Omit<IssuedToken, 'secret'>> {
  const configuration = new oauth.Configuration(
    { issuer: request.issuer, token_endpoint: request.tokenEndpoint }, request.clientId, undefined, await authentication())
  configuration[oauth.customFetch] = (url, options) => throughIdpClient(client, url, options)
  // Whether http is allowed was settled by configuration, for this very URL.
  if (request.tokenEndpoint.startsWith('http:')) oauth.allowInsecureRequests(configuration)
  try {
    const parameters = new URLSearchParams(request.parameters.map(([name, value]): [string, string] => [name, value]))
    const answer = await grant(configuration, parameters, request.assertion)
    if (!HEADER_SAFE.test(answer.access_token)) throw new IdpError('answered with a token that cannot stand in a header')
    if (answer.token_type !== 'bearer') throw new IdpError('answered with a token that is not a bearer token')
    return { accessToken: answer.access_token, expiresIn: answer.expires_in, scope: answer.scope }
  } catch (error) {
    throw translate(error)
  }
}

async function grant (configuration: oauth.Configuration, parameters: URLSearchParams, assertion: TokenRequest['assertion']): Promise<oauth.TokenEndpointResponse> {
  if (assertion === undefined) return await oauth.clientCredentialsGrant(configuration, parameters)
  parameters.set('assertion', await assertion())
  return await oauth.genericGrantRequest(configuration, JWT_BEARER, parameters)
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
  const { access_token, token_type, expires_in: lifetime, scope } = answer
  const seconds = typeof lifetime === 'string' && /^\d+$/.test(lifetime) ? Number(lifetime) : lifetime
  // What is no number of seconds says nothing about the end, and neither does one without bounds.
  const known = typeof seconds === 'number' && Number.isFinite(seconds) ? seconds : undefined
  if (known !== undefined && known < 0) throw new IdpError('answered with a token that has ended')
  return JSON.stringify({ access_token, token_type, expires_in: known, scope: typeof scope === 'string' ? scope : undefined })
}

function parseObject (body: Buffer): { access_token?: unknown, token_type?: unknown, expires_in?: unknown, scope?: unknown } | undefined {
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
    const Kind = error.error === 'invalid_client' || error.status === 401 ? ClientRefused : TokenRefused
    const { status, error: word, error_description: description } = error
    return new Kind(`refuses the token request: ${known.find(one => one === word) ?? 'another error'} (${status})`, { status, error: word, description })
  }
  const cause = error instanceof Error ? error.cause : undefined
  if (cause instanceof IdpError) return cause
  const status = cause instanceof Response ? cause.status : undefined
  const message = `answered the token request with something that is no token${status === undefined ? '' : ` (${status})`}`
  if (status === undefined) return new IdpError(message)
  const Kind = status === 401 ? ClientRefused : TokenRefused
  return new Kind(message, { status, error: undefined, description: undefined })
}
