import { randomUUID } from 'node:crypto'
import { startErp, type Erp, type SeenRequest } from '../erp.ts'
import type { Idp } from '../idp.ts'
import type { TestContext } from '../teardown.ts'
import { applicationOf, odataError } from './microsoft-api.ts'

export interface BusinessCentralOptions {
  readonly idp: Idp
  /** Client ids that are on its page Microsoft Entra Applications, enabled. */
  readonly applications: readonly string[]
  /** The path that its URLs begin with: `/v2.0/<tenant>/Production/api/v2.0`. */
  readonly base: string
  /** Entities on a page. */
  readonly pageSize?: number
}

/** A stand-in Business Central online on a real socket: API v2.0 with companies and customers. */
export interface BusinessCentral extends Omit<Erp, 'answerWith' | 'next'> {
  /** The id of its one company. */
  readonly company: string
  readonly customers: Map<string, Customer>
  /** The next so many requests are over its limits. */
  throttle (times: number, seconds: number): void
}

export interface Customer {
  readonly properties: Readonly<Record<string, unknown>>
  readonly version: number
}

/** The resource that its tokens are for, whatever tenant and environment. */
export const BUSINESS_CENTRAL = 'https://api.businesscentral.dynamics.com'

export async function startBusinessCentral (t: TestContext, { idp, applications, base, pageSize = 20_000 }: BusinessCentralOptions): Promise<BusinessCentral> {
  const customers = new Map<string, Customer>()
  const company = randomUUID()
  const limit = { left: 0, seconds: 0 }
  const erp = await startErp(t, async (_req, res, seen) => {
    if (!await seen.received) return
    // "Using Service-to-Service (S2S) Authentication": the application permission API.ReadWrite.All, and a card within Business Central.
    const application = await applicationOf(idp, seen.headers.authorization, { audience: BUSINESS_CENTRAL, role: 'API.ReadWrite.All' })
    if (application === undefined || !applications.includes(application)) {
      return odataError(res, 401, 'Authentication_InvalidCredentials', 'The server has rejected the client credentials.', { 'www-authenticate': 'Bearer authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize"' })
    }
    if (limit.left > 0) {
      limit.left -= 1
      return odataError(res, 429, 'Application_TooManyRequests', 'Too many requests reached.', { 'retry-after': String(limit.seconds) })
    }
    const { status, headers = {}, body } = answer(seen)
    res.writeHead(status, { 'content-type': 'application/json; odata.metadata=minimal', 'odata-version': '4.0', ...headers })
    return res.end(body === undefined ? undefined : JSON.stringify(body))
  })

  function answer ({ method, url, headers, body }: SeenRequest): Answer {
    const { pathname, searchParams } = new URL(url, erp.origin)
    if (!pathname.startsWith(`${base}/`)) return refusal(404, 'BadRequest_NotFound', 'No such resource')
    const path = pathname.slice(base.length)
    if (path === '/companies' && method === 'GET') return { status: 200, body: { '@odata.context': `${erp.origin}${base}/$metadata#companies`, value: [{ id: company, name: 'CRONUS', displayName: 'CRONUS' }] } }
    const [, ofCompany, id] = /^\/companies\(([0-9a-f-]{36})\)\/customers(?:\(([0-9a-f-]{36})\))?$/.exec(path) ?? []
    if (ofCompany !== company) return refusal(404, 'BadRequest_NotFound', 'No such resource')
    if (id !== undefined) return one(id, method, headers['if-match'], body)
    return method === 'POST' ? create(body) : method === 'GET' ? list(Number(searchParams.get('$skiptoken') ?? 0)) : refusal(405, 'BadRequest_MethodNotAllowed', method)
  }

  /** "Create customers": 201 and the customer. Its numbers are unique. */
  function create (body: Buffer): Answer {
    const properties = parse(body)
    const { number } = properties
    if (number !== undefined && [...customers.values()].some(one => one.properties['number'] === number)) return refusal(400, 'Internal_EntityWithSameKeyExists', 'The record already exists.')
    const id = randomUUID()
    const customer = { properties, version: 1 }
    customers.set(id, customer)
    return { status: 201, headers: { location: url(id) }, body: shown(id, customer) }
  }

  function list (from: number): Answer {
    const value = [...customers].slice(from, from + pageSize).map(([id, customer]) => shown(id, customer))
    const next = from + pageSize < customers.size ? { '@odata.nextLink': `${erp.origin}${base}/companies(${company})/customers?$skiptoken=${from + pageSize}` } : {}
    return { status: 200, body: { '@odata.context': `${erp.origin}${base}/$metadata#companies(${company})/customers`, value, ...next } }
  }

  /** "Update customers": If-Match is required. A customer that somebody has changed since is 409. */
  function one (id: string, method: string, wanted: string | undefined, body: Buffer): Answer {
    const customer = customers.get(id)
    if (customer === undefined) return refusal(404, 'Internal_RecordNotFound', 'The record does not exist.')
    if (method === 'GET') return { status: 200, body: shown(id, customer) }
    if (wanted === undefined) return refusal(400, 'BadRequest', 'If-Match is required.')
    if (wanted !== '*' && wanted !== etagOf(customer)) return refusal(409, 'Request_EntityChanged', 'Another user has already changed the record.')
    if (method === 'DELETE') {
      customers.delete(id)
      return { status: 204 }
    }
    if (method !== 'PATCH') return refusal(405, 'BadRequest_MethodNotAllowed', method)
    const changed = { properties: { ...customer.properties, ...parse(body) }, version: customer.version + 1 }
    customers.set(id, changed)
    return { status: 200, body: shown(id, changed) }
  }

  function url (id: string): string {
    return `${erp.origin}${base}/companies(${company})/customers(${id})`
  }

  return Object.assign(erp, { company, customers, throttle: (times: number, seconds: number) => { Object.assign(limit, { left: times, seconds }) } })
}

interface Answer { readonly status: number, readonly headers?: Readonly<Record<string, string>>, readonly body?: object }

function refusal (status: number, code: string, message: string): Answer {
  return { status, body: { error: { code, message } } }
}

/** Business Central's are base64 of a length and a digest, within W/"…". */
function etagOf ({ version }: Customer): string {
  return `W/"${Buffer.from(`19;${String(version).padStart(18, '0')}1;00;`).toString('base64')}"`
}

function shown (id: string, customer: Customer): object {
  return { '@odata.etag': etagOf(customer), id, ...customer.properties }
}

function parse (body: Buffer): Record<string, unknown> {
  // The properties are what is stored, whatever they are.
  return JSON.parse(body.toString()) as Record<string, unknown>
}
