import { randomUUID } from 'node:crypto'
import { startErp, type Erp, type SeenRequest } from '../erp.ts'
import type { Idp } from '../idp.ts'
import type { TestContext } from '../teardown.ts'
import { applicationOf, odataError } from './microsoft-api.ts'

/** A stand-in environment of Dataverse on a real socket, with the table account in its Web API. */
export interface Dynamics extends Omit<Erp, 'answerWith' | 'next'> {
  /** Rows by their id. */
  readonly accounts: Map<string, Account>
  /** The next so many requests are over its service protection limits. */
  throttle (times: number, seconds: number): void
}

export interface Account {
  readonly properties: Readonly<Record<string, unknown>>
  readonly version: number
}

/** The root of the Web API. */
export const DATAVERSE_API = '/api/data/v9.2'

/**
 * @param applicationUsers client ids that have an application user (Microsoft Learn, "Manage application users"); of others Dataverse
 *   knows nobody.
 */
export async function startDynamics (t: TestContext, idp: Idp, applicationUsers: readonly string[]): Promise<Dynamics> {
  const accounts = new Map<string, Account>()
  const limit = { left: 0, seconds: 0 }
  const erp = await startErp(t, async (_req, res, seen) => {
    if (!await seen.received) return
    const application = await applicationOf(idp, seen.headers.authorization, { audience: erp.origin })
    if (application === undefined) {
      // The challenge that names the tenant's authority and the resource.
      const challenge = `Bearer authorization_uri=https://login.microsoftonline.com/common/oauth2/authorize, resource_id=${erp.origin}/`
      return res.writeHead(401, { 'www-authenticate': challenge, req_id: randomUUID() }).end()
    }
    if (!applicationUsers.includes(application)) return odataError(res, 403, '0x80072560', 'The user is not a member of the organization.')
    if (limit.left > 0) {
      limit.left -= 1
      // "Service protection API limits": 0x80072322 is the number of requests.
      return odataError(res, 429, '0x80072322', 'Number of requests exceeded the limit of 6000 over time window of 300 seconds.', { 'retry-after': String(limit.seconds) })
    }
    const { status, headers = {}, body } = answer(seen)
    if (body === undefined) return res.writeHead(status, { 'odata-version': '4.0', ...headers }).end()
    const json = { 'content-type': 'application/json; odata.metadata=minimal', 'odata-version': '4.0', ...headers }
    return res.writeHead(status, json).end(JSON.stringify(body))
  })

  function answer ({ method, url, headers, body }: SeenRequest): Answer {
    const path = new URL(url, erp.origin).pathname
    if (path === `${DATAVERSE_API}/accounts`) return method === 'POST' ? create(headers, body) : method === 'GET' ? list() : refusal(405, '0x80060888', 'Method not allowed')
    const id = new RegExp(`^${DATAVERSE_API}/accounts\\(([0-9a-f-]{36})\\)$`).exec(path)?.[1]
    return id === undefined ? refusal(404, '0x80060888', `Resource not found for the segment '${path}'.`) : one(id, method, headers['if-match'], body)
  }

  /** "Create a table row using the Web API": 204, and where the row is in OData-EntityId; with Prefer, 201 and the row. */
  function create (headers: SeenRequest['headers'], body: Buffer): Answer {
    const id = randomUUID()
    const row = { properties: parse(body), version: 1 }
    accounts.set(id, row)
    const where = { 'odata-entityid': url(id), location: url(id) }
    if (!/\breturn=representation\b/.test(String(headers['prefer']))) return { status: 204, headers: where }
    return { status: 201, headers: { ...where, 'preference-applied': 'return=representation' }, body: shown(id, row) }
  }

  function list (): Answer {
    return { status: 200, body: { '@odata.context': `${erp.origin}${DATAVERSE_API}/$metadata#accounts`, value: [...accounts].map(([id, row]) => shown(id, row)) } }
  }

  /** "Perform conditional operations using the Web API": If-Match with another version is 412; PATCH without it is an upsert. */
  function one (id: string, method: string, wanted: string | undefined, body: Buffer): Answer {
    const row = accounts.get(id)
    if (row === undefined && (method !== 'PATCH' || wanted !== undefined)) return refusal(404, '0x80040217', `Entity 'account' With Id = ${id} Does Not Exist`)
    if (row !== undefined && wanted !== undefined && wanted !== '*' && wanted !== etagOf(row)) return refusal(412, '0x80060882', 'The version of the existing record doesn\'t match the RowVersion property provided.')
    if (method === 'GET' && row !== undefined) return { status: 200, headers: { etag: etagOf(row) }, body: { '@odata.context': `${erp.origin}${DATAVERSE_API}/$metadata#accounts/$entity`, ...shown(id, row) } }
    if (method === 'DELETE') return accounts.delete(id) ? { status: 204 } : refusal(404, '0x80040217', 'gone')
    if (method !== 'PATCH') return refusal(405, '0x80060888', 'Method not allowed')
    accounts.set(id, { properties: { ...row?.properties, ...parse(body) }, version: (row?.version ?? 0) + 1 })
    return { status: 204, headers: { 'odata-entityid': url(id) } }
  }

  function url (id: string): string {
    return `${erp.origin}${DATAVERSE_API}/accounts(${id})`
  }

  return Object.assign(erp, { accounts, throttle: (times: number, seconds: number) => { Object.assign(limit, { left: times, seconds }) } })
}

interface Answer { readonly status: number, readonly headers?: Readonly<Record<string, string>>, readonly body?: object }

function refusal (status: number, code: string, message: string): Answer {
  return { status, body: { error: { code, message } } }
}

function etagOf ({ version }: Account): string {
  return `W/"${1_000_000 + version}"`
}

function shown (id: string, row: Account): object {
  return { '@odata.etag': etagOf(row), accountid: id, ...row.properties }
}

function parse (body: Buffer): Record<string, unknown> {
  // The properties are what is stored, whatever they are.
  return JSON.parse(body.toString()) as Record<string, unknown>
}
