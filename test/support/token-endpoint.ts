import { randomBytes, randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import { AssertionRefused, type Assertion, type createAssertionDesk, type Signer } from './assertions.ts'
import { registerSecret } from './secrets.ts'

/** A client that the identity provider knows. What is left out is not insisted on. */
export interface IdpClient {
  readonly secret: string
  readonly authMethod?: 'client_secret_basic' | 'client_secret_post'
  /** How its Basic credentials are read: form-decoded (RFC 6749 section 2.3.1, the default), or as they are. */
  readonly basicEncoding?: 'rfc6749' | 'raw'
}

/** What machine tokens look like; assign to change the next ones. */
export interface MachineTokens {
  format: 'jwt' | 'opaque'
  /** `expires_in` as written, of any type; undefined leaves it out. */
  expiresIn: unknown
  /** The JWT's life in seconds, where it should differ from `expiresIn`. */
  lifetime: number | undefined
  /** `token_type` as written; undefined leaves it out. */
  tokenType: unknown
  /** Replaces or adds claims of the JWT; undefined deletes one. */
  claims: Record<string, unknown>
  /** Replaces or adds members of the answer; undefined deletes one. */
  answer: Record<string, unknown>
}

/** One call of the token endpoint, as it came in. */
export interface TokenRequest {
  readonly params: URLSearchParams
  readonly authorization: string | undefined
  readonly contentType: string | undefined
  /** The client that was recognised. */
  client?: string
  /** The token that was handed out. */
  token?: string
  /** The assertion that was taken, or the word of the check that it failed. */
  assertion?: Assertion | string
}

export interface TokenAnswer { readonly status: number, readonly body: Readonly<Record<string, unknown>> }

export function usualMachineTokens (): MachineTokens {
  return { format: 'jwt', expiresIn: 300, lifetime: undefined, tokenType: 'Bearer', claims: {}, answer: {} }
}

export async function readTokenRequest (req: IncomingMessage): Promise<TokenRequest> {
  return {
    params: new URLSearchParams(await text(req)),
    authorization: req.headers.authorization,
    contentType: req.headers['content-type']
  }
}

/** Who is known to the endpoint. */
export interface KnownClients {
  readonly clients: Readonly<Record<string, IdpClient>>
  /** By client id, or by the `iss` of grants. */
  readonly signers: Readonly<Record<string, Signer>>
  readonly tokenEndpoint: string
  readonly takeAssertion: ReturnType<typeof createAssertionDesk>
}

const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer'

/** The grants by client credentials (RFC 6749 section 4.4) and by an assertion (RFC 7523 section 2.1), errors as in RFC 6749 section 5.2. */
export function answerTokenRequest (
  request: TokenRequest,
  known: KnownClients,
  machine: MachineTokens,
  sign: (claims: Record<string, unknown>, lifetime: number) => string
): TokenAnswer {
  const grant = request.params.get('grant_type')
  const client = grant === JWT_BEARER ? granted(request, known) : authenticate(request, known) ?? 'invalid_client'
  if (client === 'invalid_client') return { status: 401, body: { error: client } }
  if (client === 'invalid_grant') return { status: 400, body: { error: client } }
  if (grant !== 'client_credentials' && grant !== JWT_BEARER) return { status: 400, body: { error: 'unsupported_grant_type' } }
  request.client = client
  const scope = request.params.get('scope') ?? undefined
  request.token = machine.format === 'opaque'
    ? registerSecret(randomBytes(32).toString('base64url'), 'a machine token')
    : sign({ aud: audience(request.params), sub: client, client_id: client, scope, jti: randomUUID(), ...machine.claims }, lifetime(machine))
  return {
    status: 200,
    body: { access_token: request.token, token_type: machine.tokenType, expires_in: machine.expiresIn, scope, ...machine.answer }
  }
}

/** Whom a grant speaks for, or the error that it is. */
function granted (request: TokenRequest, known: KnownClients): string {
  const [iss, signer] = signerOf(request.params.get('assertion'), known) ?? []
  if (iss === undefined || signer?.subject === undefined) return 'invalid_grant'
  if (signer.client !== undefined ? authenticate(request, known) !== signer.client : request.authorization !== undefined || request.params.has('client_secret')) return 'invalid_client'
  return taken(request, 'assertion', signer, { iss, sub: signer.subject }, known) ? signer.subject : 'invalid_grant'
}

/** RFC 7523 section 2.2: a client that proves itself by an assertion. */
function asserted (request: TokenRequest, known: KnownClients): string | undefined {
  const { params, authorization } = request
  const [id, signer] = signerOf(params.get('client_assertion'), known) ?? []
  if (id === undefined || signer === undefined || authorization !== undefined || params.has('client_secret')) return undefined
  if (params.get('client_assertion_type') !== 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer' || (params.get('client_id') ?? id) !== id) return undefined
  return taken(request, 'client_assertion', signer, { iss: id, sub: id }, known) ? id : undefined
}

function taken (request: TokenRequest, parameter: string, signer: Signer, parties: { readonly iss: string, readonly sub: string }, { tokenEndpoint, takeAssertion }: KnownClients): boolean {
  try {
    request.assertion = takeAssertion(request.params.get(parameter) ?? '', signer, { ...parties, aud: signer.audience ?? tokenEndpoint })
    return true
  } catch (error) {
    if (!(error instanceof AssertionRefused)) throw error
    request.assertion = error.message
    return false
  }
}

function signerOf (assertion: string | null, { signers }: KnownClients): [string, Signer] | undefined {
  // The test put it there; what is no JWT breaks the connection.
  const { iss } = JSON.parse(Buffer.from(assertion?.split('.')[1] ?? '', 'base64url').toString()) as { iss: string }
  const signer = own(signers, iss)
  return signer && [iss, signer]
}

function authenticate (request: TokenRequest, known: KnownClients): string | undefined {
  const { params, authorization } = request
  const { clients } = known
  if (params.has('client_assertion')) return asserted(request, known)
  const [scheme, encoded] = (authorization ?? '').split(' ')
  const posted = params.get('client_secret')
  // RFC 6749 section 2.3: one method per request.
  if (encoded !== undefined && posted !== null) return undefined
  if (posted !== null) {
    const id = params.get('client_id') ?? ''
    const client = own(clients, id)
    return client?.secret === posted && client.authMethod !== 'client_secret_basic' ? id : undefined
  }
  if (scheme?.toLowerCase() !== 'basic' || encoded === undefined) return undefined
  const pair = Buffer.from(encoded, 'base64').toString()
  return Object.keys(clients).find(id => {
    const client = own(clients, id)
    const decode = client?.basicEncoding === 'raw' ? asIs : formDecode
    const colon = pair.indexOf(':')
    return client?.authMethod !== 'client_secret_post' && decode(pair.slice(0, colon)) === id && decode(pair.slice(colon + 1)) === client?.secret
  })
}

function own<T> (clients: Readonly<Record<string, T>>, id: string): T | undefined {
  return Object.hasOwn(clients, id) ? clients[id] : undefined
}

const asIs = (value: string): string => value

function formDecode (value: string): string | undefined {
  try {
    return decodeURIComponent(value.replace(/\+/g, ' '))
  } catch {
    return undefined
  }
}

/** RFC 8707's `resource`, or `audience` as Auth0 has it. */
function audience (params: URLSearchParams): string | string[] {
  const wanted = [...params.getAll('audience'), ...params.getAll('resource')]
  return wanted.length > 1 ? wanted : wanted[0] ?? 'https://erp.example.com'
}

function lifetime ({ lifetime, expiresIn }: MachineTokens): number {
  const seconds = lifetime ?? Number(expiresIn)
  return Number.isSafeInteger(seconds) && (seconds > 0 || lifetime !== undefined) && seconds < 1e9 ? seconds : 300
}
