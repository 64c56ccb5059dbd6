import type { IncomingMessage, ServerResponse } from 'node:http'
import { TLSSocket, type TlsOptions } from 'node:tls'
import { startErp, type Erp, type SeenRequest } from '../erp.ts'
import type { Fault } from '../faults.ts'
import type { Idp } from '../idp.ts'
import { verifyMachineToken, type MachineTokenWants } from '../machine-token.ts'
import type { TestContext } from '../teardown.ts'
import { SapOData } from './sap-odata.ts'
import { SapSessions } from './sap-sessions.ts'

export interface SapOptions {
  /** Whose machine tokens log on, and what they have to be for. */
  readonly idp?: Idp
  readonly wants?: MachineTokenWants
  /** Who logs on with HTTP Basic: user to password. */
  readonly users?: Readonly<Record<string, string>>
  /** Who logs on by a certificate, as CERTRULE maps them: its SHA-256 fingerprint (`AB:CD:…`) to user. */
  readonly certificates?: Readonly<Record<string, string>>
  /** The number of its one client; 100. */
  readonly client?: string
  /** Whether it has security sessions; else a CSRF token has a cookie of its own. True when left out. */
  readonly sessionManagement?: boolean
  readonly tls?: TlsOptions
}

/** What a request is about, to make it fail: one for a token, one that writes, any other. */
export type SapConcern = 'fetch' | 'write' | 'read'

/** A stand-in SAP Gateway on a real socket, with the service API_BUSINESS_PARTNER. */
export interface Sap extends Omit<Erp, 'answerWith' | 'next'> {
  readonly data: SapOData
  readonly sessions: SapSessions
  /** Tokens that it gave. */
  readonly fetches: number
  /** Requests that it refused for their token. */
  readonly refused: number
  /** Takes over requests of a concern (see faults.ts), the next `times` of them or until healed. */
  fail (concern: SapConcern, fault: Fault, times?: number): void
  heal (): void
}

/** The root of the service. */
export const SAP_SERVICE = '/sap/opu/odata/sap/API_BUSINESS_PARTNER'

export async function startSap (t: TestContext, options: SapOptions = {}): Promise<Sap> {
  const { client = '100', sessionManagement = true, tls } = options
  const sessions = new SapSessions({ sid: 'S4H', client, sessionManagement })
  const faults = new Map<SapConcern, { readonly fault: Fault, left: number }>()
  const counts = { fetches: 0, refused: 0 }
  const erp = await startErp(t, answer, tls === undefined ? {} : { tls })
  const data = new SapOData(`${erp.origin}${SAP_SERVICE}`)

  async function answer (req: IncomingMessage, res: ServerResponse, seen: SeenRequest): Promise<void> {
    const shown = { cookie: seen.headers.cookie, token: header(seen, 'x-csrf-token') }
    const fault = nextFault(concernOf(seen, shown.token))
    if (!await seen.received) return
    if (fault !== undefined && await fault(req, res) !== 'go on') return
    const url = new URL(seen.url, erp.origin)
    const user = userByCertificate(options, req) ?? await userOf(options, seen.headers.authorization)
    if (user === undefined || (url.searchParams.get('sap-client') ?? client) !== client) return logonFailed(res, client)

    const { session, setCookie } = sessions.of(user, shown)
    const given: Record<string, string | string[]> = setCookie.length > 0 ? { 'set-cookie': [...setCookie] } : {}
    if (isModifying(seen)) {
      if (shown.token !== session.csrf) {
        counts.refused += 1
        return validationFailed(res, given)
      }
    } else if (shown.token?.toLowerCase() === 'fetch') {
      counts.fetches += 1
      given['x-csrf-token'] = session.csrf
    }
    if (url.pathname !== SAP_SERVICE && !url.pathname.startsWith(`${SAP_SERVICE}/`)) {
      res.writeHead(404, { ...given, 'content-type': 'text/html' }).end('<html><title>Not Found</title></html>')
      return
    }
    const resource = decodeURI(url.pathname.slice(SAP_SERVICE.length + 1)) + url.search
    const { status, headers, body } = data.answer({ method: req.method === 'HEAD' ? 'GET' : seen.method, resource, headers: seen.headers, body: seen.body.toString() })
    res.writeHead(status, { ...headers, ...given, 'sap-server': 'true' }).end(body)
  }

  function nextFault (concern: SapConcern): Fault | undefined {
    const next = faults.get(concern)
    if (next === undefined || next.left <= 0) return undefined
    next.left -= 1
    return next.fault
  }

  return {
    origin: erp.origin,
    port: erp.port,
    requests: erp.requests,
    get malformed () { return erp.malformed },
    get openSockets () { return erp.openSockets },
    get accepted () { return erp.accepted },
    data,
    sessions,
    get fetches () { return counts.fetches },
    get refused () { return counts.refused },
    fail: (concern, fault, times = Infinity) => { faults.set(concern, { fault, left: times }) },
    heal: () => { faults.clear() },
    stop: erp.stop,
    start: erp.start
  }
}

/** SAP Help, "Cross-Site Request Forgery Protection": whatever is no GET, HEAD or OPTIONS needs a token. */
function isModifying ({ method }: SeenRequest): boolean {
  return !['GET', 'HEAD', 'OPTIONS'].includes(method)
}

function concernOf (seen: SeenRequest, token: string | undefined): SapConcern {
  if (isModifying(seen)) return 'write'
  return token?.toLowerCase() === 'fetch' ? 'fetch' : 'read'
}

/** SAP Help, "Configuring the AS ABAP to Use X.509 Client Certificates": with icm/HTTPS/verify_client 1 one may be shown. */
function userByCertificate ({ certificates = {} }: SapOptions, { socket }: IncomingMessage): string | undefined {
  if (!(socket instanceof TLSSocket)) return undefined
  // Without a certificate it is an empty object.
  const { fingerprint256 = '' } = socket.getPeerCertificate() as { fingerprint256?: string }
  return socket.authorized && Object.hasOwn(certificates, fingerprint256) ? certificates[fingerprint256] : undefined
}

/** Machine tokens that were verified, and until when they hold: one is not verified again for each of a thousand requests. */
const verified = new WeakMap<Idp, Map<string, { readonly user: string, readonly endsAt: number }>>()

/** Who logs on: the client of a machine token (SAP Help, "OAuth 2.0 in SAP Gateway"), or a user with a password. */
async function userOf ({ idp, wants, users = {} }: SapOptions, authorization: string | undefined): Promise<string | undefined> {
  if (authorization?.startsWith('Basic ') === true) {
    const [user = '', ...password] = Buffer.from(authorization.slice(6), 'base64').toString().split(':')
    return Object.hasOwn(users, user) && users[user] === password.join(':') ? user : undefined
  }
  if (idp === undefined || authorization === undefined) return undefined
  const known = verified.get(idp) ?? new Map<string, { readonly user: string, readonly endsAt: number }>()
  verified.set(idp, known)
  const { user, endsAt = 0 } = known.get(authorization) ?? {}
  if (user !== undefined && endsAt > Date.now()) return user
  try {
    const { sub, exp = 0 } = await verifyMachineToken(idp, authorization, wants)
    known.set(authorization, { user: String(sub), endsAt: exp * 1000 })
    return String(sub)
  } catch {
    return undefined
  }
}

/** The ICF's logon error page: 401, an HTML page, a challenge for HTTP Basic that names the system and its client. */
function logonFailed (res: ServerResponse, client: string): void {
  res.writeHead(401, { 'content-type': 'text/html; charset=utf-8', 'www-authenticate': `Basic realm="SAP NetWeaver Application Server [S4H/${client}]"`, 'sap-server': 'true' })
  res.end('<html><head><title>Logon Error Message</title></head><body>Logon failed</body></html>')
}

/**
 * SAP Community, "How does CSRF token work? SAP Gateway": 403, and the header says what is missing. SAP Help: "A valid
 * CSRF token is not included in the response of a failed request".
 */
function validationFailed (res: ServerResponse, given: Readonly<Record<string, string | string[]>>): void {
  res.writeHead(403, { ...given, 'content-type': 'text/plain; charset=utf-8', 'x-csrf-token': 'Required' }).end('CSRF token validation failed')
}

function header ({ headers }: SeenRequest, name: string): string | undefined {
  const value = headers[name]
  return Array.isArray(value) ? value.join(', ') : value
}
