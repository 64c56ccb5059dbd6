import type { IncomingMessage, ServerResponse } from 'node:http'
import { startErp, type Erp, type SeenRequest } from '../erp.ts'
import type { Idp } from '../idp.ts'
import type { TestContext } from '../teardown.ts'
import { Places } from './places.ts'

export interface OracleFusionOptions {
  /** Who logs on with HTTP Basic: user to password. */
  readonly users: Readonly<Record<string, string>>
  /** The identity domain: a token that it gave logs on too. */
  readonly domain?: Idp
  /** How many requests it takes at once. */
  readonly limit: number
}

/** A stand-in Oracle Fusion Cloud on a real socket, with the resource `invoices` of its REST framework (ADF). */
export interface OracleFusion extends Pick<Erp, 'origin' | 'requests' | 'malformed'> {
  readonly places: Places
  readonly invoices: Map<string, Invoice>
  /** Parts of batches that it carried out. */
  readonly batches: unknown[]
}

interface Invoice {
  readonly version: number
  readonly fields: Readonly<Record<string, unknown>>
}

interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: object
}

const INVOICES = '/fscmRestApi/resources/11.13.18.05/invoices'
const ITEM = 'application/vnd.oracle.adf.resourceitem+json'
const BATCH = 'application/vnd.oracle.adf.batch+json'

/**
 * Sources, of Oracle's: docs.oracle.com/en/cloud/saas/financials/23d/farfa (Create an Invoice with Lines: the media type, the
 * answer), en/cloud/paas/app-builder-cloud/consume-rest/data-consistency-tasks (ETag, If-Match, 412 with the item as it
 * is), en/cloud/saas/project-management/23d/fapap/Batch_Actions, en/cloud/paas/visual-builder-addin/4.0 (Upsert-Mode).
 */
export async function startOracleFusion (t: TestContext, { users, domain, limit }: OracleFusionOptions): Promise<OracleFusion> {
  const places = new Places(limit)
  const invoices = new Map<string, Invoice>([['300100170996427', { version: 1, fields: { InvoiceNumber: 'INV-1', InvoiceAmount: 10 } }]])
  const batches: unknown[] = []
  const erp = await startErp(t, answer)

  async function answer (_req: IncomingMessage, res: ServerResponse, seen: SeenRequest): Promise<void> {
    if (!await seen.received) return
    if (!isLoggedOn(seen.headers.authorization)) return send(res, { status: 401, headers: { 'www-authenticate': 'Basic realm="Oracle Fusion"' } })
    const served = await places.take(() => {
      const done = carriedOut(seen)
      return () => { send(res, done) }
    })
    if (!served) send(res, { status: 429 })
  }

  function isLoggedOn (authorization = ''): boolean {
    if (domain?.tokenRequests.some(({ token }) => token !== undefined && authorization === `Bearer ${token}`) === true) return true
    const [user = '', ...password] = Buffer.from(authorization.replace(/^Basic /, ''), 'base64').toString().split(':')
    return authorization.startsWith('Basic ') && Object.hasOwn(users, user) && users[user] === password.join(':')
  }

  function carriedOut (seen: SeenRequest): Answer {
    // Told by its media type: its parts have paths of their own.
    if (seen.headers['content-type'] === BATCH) {
      const { parts } = json(seen)
      if (Array.isArray(parts)) batches.push(...parts as unknown[])
      return { status: 200, body: { parts } }
    }
    const { pathname } = new URL(seen.url, erp.origin)
    if (pathname === INVOICES && seen.method === 'POST') return saved(seen)
    const id = pathname.startsWith(`${INVOICES}/`) ? pathname.slice(INVOICES.length + 1) : ''
    const invoice = invoices.get(id)
    if (invoice === undefined) return { status: 404 }
    switch (seen.method) {
      case 'GET': return { status: 200, ...item(id, invoice) }
      case 'PATCH': return patched(seen, id, invoice)
      default: return { status: 405 }
    }
  }

  function saved (seen: SeenRequest): Answer {
    const fields = json(seen)
    const same = [...invoices].find(([, invoice]) => invoice.fields['InvoiceNumber'] === fields['InvoiceNumber'])
    if (same !== undefined && seen.headers['upsert-mode'] !== 'true') return { status: 400, body: { title: 'Bad Request', status: '400', 'o:errorDetails': [] } }
    const [id, before] = same ?? [String(300100170996427n + BigInt(invoices.size)), undefined]
    const invoice = { version: (before?.version ?? 0) + 1, fields: { ...before?.fields, ...fields } }
    invoices.set(id, invoice)
    const { headers, body } = item(id, invoice)
    return before === undefined ? { status: 201, headers: { ...headers, location: `${erp.origin}${INVOICES}/${id}` }, body } : { status: 200, headers, body }
  }

  function patched (seen: SeenRequest, id: string, invoice: Invoice): Answer {
    if (![ITEM, 'application/json'].includes(seen.headers['content-type'] ?? '')) return { status: 415 }
    const wanted = seen.headers['if-match']
    if (wanted !== undefined && wanted !== tag(invoice)) return { status: 412, ...item(id, invoice) }
    const next = { version: invoice.version + 1, fields: { ...invoice.fields, ...json(seen) } }
    invoices.set(id, next)
    return { status: 200, ...item(id, next) }
  }

  function item (id: string, invoice: Invoice) {
    const links = ['self', 'canonical'].map(rel => ({ rel, href: `${erp.origin}${INVOICES}/${id}`, name: 'invoices', kind: 'item' }))
    return { headers: { 'content-type': ITEM, etag: tag(invoice) }, body: { InvoiceId: id, ...invoice.fields, links } }
  }

  return { origin: erp.origin, requests: erp.requests, get malformed () { return erp.malformed }, places, invoices, batches }
}

function tag ({ version }: Invoice): string {
  return `"ACED000573${version}"`
}

function json ({ body }: SeenRequest): Record<string, unknown> {
  return JSON.parse(body.toString()) as Record<string, unknown>
}

function send (res: ServerResponse, { status, headers = {}, body }: Answer): void {
  res.writeHead(status, { ...headers }).end(body === undefined ? undefined : JSON.stringify(body))
}
