import { randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { TlsOptions } from 'node:tls'
import type { Fault } from './faults.ts'
import { createAssertionDesk, type Signer } from './assertions.ts'
import { createKeyRing, type KeyRing } from './key-ring.ts'
import { createMints, type Mints } from './mint.ts'
import { registerSecret } from './secrets.ts'
import { serve } from './server.ts'
import { signCompact } from './signing-keys.ts'
import type { TestContext } from './teardown.ts'
import { answerTokenRequest, readTokenRequest, usualMachineTokens, type IdpClient, type MachineTokens, type TokenRequest } from './token-endpoint.ts'

export type Endpoint = 'discovery' | 'jwks' | 'token'

export interface IdpOptions {
  /** The issuer string, from the server's own origin (http://127.0.0.1:PORT): a slash at the end, a path. That origin when left out. */
  readonly issuer?: (origin: string) => string
  /** Of the first key; ES256 when left out: an RSA key takes a fifth of a second to make. */
  readonly alg?: string
  /** By client id; `middleware` with a random secret when left out. */
  readonly clients?: Record<string, IdpClient>
  /** Those that prove themselves by assertions, by client id; and the issuers of grants, by `iss`. */
  readonly signers?: Record<string, Signer>
  /** Milliseconds since the epoch, for the times in tokens. */
  readonly clock?: () => number
  readonly tls?: TlsOptions
}

/** A stand-in OpenID provider on a real socket: discovery, keys, client credentials, and every way to fail. */
export interface Idp extends Mints {
  readonly issuer: string
  readonly origin: string
  readonly port: number
  readonly discoveryUrl: string
  readonly jwksUri: string
  readonly tokenEndpoint: string
  readonly keys: KeyRing
  readonly clients: Record<string, IdpClient>
  readonly signers: Record<string, Signer>
  readonly machine: MachineTokens
  /** How often each endpoint was asked, and every request as `GET /jwks`. */
  readonly requests: Record<Endpoint, number> & { readonly lines: string[] }
  readonly tokenRequests: TokenRequest[]
  /** Laid over the discovery document: `issuer`, `jwks_uri`; undefined deletes. */
  discovery: Record<string, unknown>
  /** Makes an endpoint fail (see faults.ts), for the next `times` requests or until healed. */
  fail (endpoint: Endpoint, fault: Fault, times?: number): void
  heal (endpoint?: Endpoint): void
  /** Connections ever accepted. */
  readonly accepted: number
  stop (): Promise<void>
  start (): Promise<void>
}

export async function startIdp (t: TestContext, options: IdpOptions = {}): Promise<Idp> {
  const clock = options.clock ?? Date.now
  const keys = await createKeyRing(options.alg)
  const faults = new Map<Endpoint, { readonly fault: Fault, left: number }>()
  const onRequest = (req: IncomingMessage, res: ServerResponse): void => { handle(req, res).catch(() => res.destroy()) }
  const server = await serve(t, options.tls === undefined ? createServer(onRequest) : createTlsServer(options.tls, onRequest))
  const origin = `${options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${server.port}`
  const issuer = options.issuer?.(origin) ?? origin
  // An issuer of another origin (a look-alike, a public name) is still served here, at the root.
  const base = issuer.startsWith(origin) ? issuer.replace(/\/$/, '') : origin
  const clients = options.clients ?? { middleware: { secret: randomBytes(24).toString('hex') } }
  for (const { secret } of Object.values(clients)) registerSecret(secret, 'a client secret')

  const takeAssertion = createAssertionDesk(clock)

  const idp: Idp = {
    ...createMints(issuer, keys, clock),
    issuer,
    origin,
    port: server.port,
    discoveryUrl: `${base}/.well-known/openid-configuration`,
    jwksUri: `${base}/jwks`,
    tokenEndpoint: `${base}/token`,
    keys,
    clients,
    signers: options.signers ?? {},
    machine: usualMachineTokens(),
    requests: { discovery: 0, jwks: 0, token: 0, lines: [] },
    tokenRequests: [],
    discovery: {},
    fail: (endpoint, fault, times = Infinity) => { faults.set(endpoint, { fault, left: times }) },
    heal: endpoint => { endpoint === undefined ? faults.clear() : faults.delete(endpoint) },
    get accepted () { return server.accepted },
    stop: server.stop,
    start: server.start
  }

  async function handle (req: IncomingMessage, res: ServerResponse): Promise<void> {
    const endpoint = endpointOf(req, new URL(base).pathname.replace(/\/$/, ''))
    idp.requests.lines.push(`${req.method} ${req.url}`)
    if (endpoint === undefined) return send(res, 404, {})
    idp.requests[endpoint] += 1
    const request = await readTokenRequest(req)
    if (endpoint === 'token') idp.tokenRequests.push(request)
    const fault = nextFault(endpoint)
    if (fault !== undefined && await fault(req, res) !== 'go on') return
    if (endpoint === 'discovery') return send(res, 200, { ...document(), ...idp.discovery })
    if (endpoint === 'jwks') return send(res, 200, { keys: keys.published })
    const { status, body } = answerTokenRequest(request, { ...idp, takeAssertion }, idp.machine, signMachineToken)
    send(res, status, body)
  }

  function nextFault (endpoint: Endpoint): Fault | undefined {
    const next = faults.get(endpoint)
    if (next === undefined || next.left <= 0) return undefined
    next.left -= 1
    return next.fault
  }

  function document (): Record<string, unknown> {
    return {
      issuer,
      authorization_endpoint: `${base}/authorize`,
      token_endpoint: idp.tokenEndpoint,
      jwks_uri: idp.jwksUri,
      response_types_supported: ['code'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: [keys.current.alg],
      grant_types_supported: ['authorization_code', 'client_credentials'],
      token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post']
    }
  }

  function signMachineToken (claims: Record<string, unknown>, lifetime: number): string {
    const iat = Math.floor(clock() / 1000)
    const { alg, kid } = keys.current
    return signCompact({ alg, kid, typ: 'at+jwt' }, { iss: issuer, iat, exp: iat + lifetime, ...claims }, keys.current)
  }

  return idp
}

function endpointOf ({ method, url }: IncomingMessage, base: string): Endpoint | undefined {
  switch (`${method} ${url?.replace(base, '')}`) {
    case 'GET /.well-known/openid-configuration': return 'discovery'
    case 'GET /jwks': return 'jwks'
    case 'POST /token': return 'token'
    default: return undefined
  }
}

function send (res: ServerResponse, status: number, body: object): void {
  const challenge = status === 401 ? { 'www-authenticate': 'Basic realm="idp"' } : {}
  res.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store', ...challenge }).end(JSON.stringify(body))
}
