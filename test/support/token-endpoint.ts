import { randomBytes, randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
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

/** The client credentials grant (RFC 6749 section 4.4), errors as in its section 5.2. */
export function answerTokenRequest (
  request: TokenRequest,
  clients: Readonly<Record<string, IdpClient>>,
  machine: MachineTokens,
  sign: (claims: Record<string, unknown>, lifetime: number) => string
): TokenAnswer {
  const client = authenticate(request, clients)
  if (client === undefined) return { status: 401, body: { error: 'invalid_client' } }
  if (request.params.get('grant_type') !== 'client_credentials') return { status: 400, body: { error: 'unsupported_grant_type' } }
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

function authenticate ({ params, authorization }: TokenRequest, clients: Readonly<Record<string, IdpClient>>): string | undefined {
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

function own (clients: Readonly<Record<string, IdpClient>>, id: string): IdpClient | undefined {
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
