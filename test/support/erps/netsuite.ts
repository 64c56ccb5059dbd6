import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { AssertionRefused, createAssertionDesk, type Assertion, type Signer } from '../assertions.ts'
import { startErp, type Erp, type SeenRequest } from '../erp.ts'
import { registerSecret } from '../secrets.ts'
import type { TestContext } from '../teardown.ts'
import { Places } from './places.ts'

export interface NetSuiteOptions {
  /** The client id of the integration record. */
  readonly client: string
  /** The certificate that is mapped to it: PS256 or ES256, its id as `kid`. */
  readonly signer: Signer
  /** How many requests the account may have at once. */
  readonly limit: number
}

/** A stand-in NetSuite account on a real socket: token endpoint, records of the type customer, asynchronous jobs. */
export interface NetSuite extends Pick<Erp, 'origin' | 'malformed'> {
  /** What came to the REST services. */
  readonly requests: SeenRequest[]
  readonly places: Places
  readonly customers: Map<string, Record<string, unknown>>
  /** Assertions that it took, or why not. */
  readonly assertions: Array<Assertion | string>
  /** How many tokens it gave. */
  readonly tokens: number
  /** Forgets the tokens that it gave: the next request with one is 401. */
  revoke (): void
}

interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: object
}

const TOKEN = '/services/rest/auth/oauth2/v1/token'
const RECORD = '/services/rest/record/v1/customer'
const JOB = '/services/rest/async/v1/job'

/**
 * Sources, of Oracle's, below docs.oracle.com/en/cloud/saas/netsuite/ns-online-help: section_162755359851 (token request
 * and answer), section_162790605110 (the assertion), section_1545141395 (creating a record: 204, Location),
 * section_156570709583 (errors), subsect_161278579295 and subsect_164494900632 (asynchronous requests, their key).
 */
export async function startNetSuite (t: TestContext, { client, signer, limit }: NetSuiteOptions): Promise<NetSuite> {
  const take = createAssertionDesk(Date.now)
  const tokens = new Set<string>()
  const requests: SeenRequest[] = []
  const assertions: Array<Assertion | string> = []
  const places = new Places(limit)
  const customers = new Map<string, Record<string, unknown>>([['647', { id: '647', companyName: 'Ada' }]])
  const jobs = new Map<string, string>()
  let given = 0
  const erp = await startErp(t, answer)

  async function answer (_req: IncomingMessage, res: ServerResponse, seen: SeenRequest): Promise<void> {
    if (!seen.url.startsWith(TOKEN)) requests.push(seen)
    if (!await seen.received) return
    if (seen.url === TOKEN && seen.method === 'POST') return send(res, tokenFor(new URLSearchParams(seen.body.toString())))
    if (!tokens.has(seen.headers.authorization ?? '')) return send(res, problem(401, 'Unauthorized', 'INVALID_LOGIN'))
    const served = await places.take(() => {
      const done = carriedOut(seen)
      return () => { send(res, done) }
    })
    if (!served) send(res, problem(429, 'Too Many Requests', 'SSS_REQUEST_LIMIT_EXCEEDED'))
  }

  function tokenFor (form: URLSearchParams): Answer {
    try {
      if (form.get('grant_type') !== 'client_credentials') throw new AssertionRefused('grant_type')
      if (form.get('client_assertion_type') !== 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer') throw new AssertionRefused('client_assertion_type')
      if (!['PS256', 'ES256'].includes(signer.alg)) throw new AssertionRefused('alg')
      const assertion = take(form.get('client_assertion') ?? '', signer, { iss: client, sub: client, aud: erp.origin + TOKEN })
      const scope: unknown = assertion.claims['scope']
      if (!Array.isArray(scope) || !scope.includes('rest_webservices')) throw new AssertionRefused('scope')
      assertions.push(assertion)
    } catch (error) {
      if (!(error instanceof AssertionRefused)) throw error
      assertions.push(error.message)
      return { status: 400, body: { error: 'invalid_request' } }
    }
    const token = registerSecret(randomBytes(32).toString('base64url'), 'a token of NetSuite')
    tokens.add(`Bearer ${token}`)
    given += 1
    return { status: 200, body: { access_token: token, expires_in: '3600', token_type: 'bearer' } }
  }

  function carriedOut (seen: SeenRequest): Answer {
    const { pathname } = new URL(seen.url, erp.origin)
    if (pathname.startsWith(`${JOB}/`)) return { status: 200, body: { id: pathname.slice(JOB.length + 1), completed: true, progress: 'succeeded' } }
    if (pathname === RECORD && seen.method === 'POST') return seen.headers['prefer'] === 'respond-async' ? submitted(seen) : created(seen)
    const id = pathname.startsWith(`${RECORD}/`) ? pathname.slice(RECORD.length + 1) : undefined
    const customer = id === undefined ? undefined : customers.get(id)
    if (id === undefined || customer === undefined) return problem(404, 'Not Found', 'NONEXISTENT_ID')
    switch (seen.method) {
      case 'GET': return { status: 200, body: { links: [{ rel: 'self', href: `${erp.origin}${RECORD}/${id}` }], ...customer } }
      case 'PATCH':
        customers.set(id, { ...customer, ...json(seen), id })
        return { status: 204, headers: { location: `${erp.origin}${RECORD}/${id}` } }
      case 'DELETE':
        customers.delete(id)
        return { status: 204 }
      default: return problem(405, 'Method Not Allowed', 'INVALID_REQUEST')
    }
  }

  function created (seen: SeenRequest): Answer {
    const id = String(648 + customers.size)
    customers.set(id, { ...json(seen), id })
    return { status: 204, headers: { location: `${erp.origin}${RECORD}/${id}` } }
  }

  function submitted (seen: SeenRequest): Answer {
    const key = String(seen.headers['x-netsuite-idempotency-key'])
    const known = jobs.get(key)
    const headers = { 'preference-applied': 'respond-async', location: `${JOB}/${known ?? String(jobs.size + 1)}` }
    if (known !== undefined) return { ...problem(400, 'Conflict', 'IDEMPOTENCY_ERROR'), headers }
    jobs.set(key, String(jobs.size + 1))
    created(seen)
    return { status: 202, headers }
  }

  return {
    origin: erp.origin,
    get malformed () { return erp.malformed },
    requests,
    places,
    customers,
    assertions,
    get tokens () { return given },
    revoke: () => { tokens.clear() }
  }
}

function problem (status: number, title: string, code: string): Answer {
  return { status, body: { type: 'https://www.w3.org/Protocols/rfc2616/rfc2616-sec10.html', title, status, 'o:errorDetails': [{ detail: title, 'o:errorCode': code }] } }
}

function json ({ body }: SeenRequest): Record<string, unknown> {
  return JSON.parse(body.toString()) as Record<string, unknown>
}

function send (res: ServerResponse, { status, headers = {}, body }: Answer): void {
  res.writeHead(status, { ...body !== undefined && { 'content-type': 'application/json' }, ...headers }).end(body === undefined ? undefined : JSON.stringify(body))
}
