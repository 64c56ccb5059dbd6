import type { IncomingMessage, ServerResponse } from 'node:http'
import { startErp, type Erp, type SeenRequest } from '../erp.ts'
import type { TestContext } from '../teardown.ts'
import { Places } from './places.ts'

export interface OdooOptions {
  /** The bot user's API key. */
  readonly key: string
  /** The one of its databases that has this user. */
  readonly database: string
  /** How many HTTP workers it has. */
  readonly workers: number
}

/** A stand-in Odoo 19 on a real socket: its JSON-2 API, with partners and orders. */
export interface Odoo extends Pick<Erp, 'origin' | 'requests' | 'malformed'> {
  readonly places: Places
  readonly partners: Array<Readonly<Record<string, unknown>>>
  readonly confirmed: number[]
  /** The key has come to its end, as every key does within three months. */
  expire (): void
}

interface Answer {
  readonly status: number
  readonly body: unknown
}

/**
 * Sources, of Odoo's: "External JSON-2 API" (odoo/documentation, content/developer/reference/external_api): the path, the
 * headers, named arguments, the shape of errors, 401. A model that is not there is 404, what the user may not do 403, what
 * a method does not take 422.
 */
export async function startOdoo (t: TestContext, { key, database, workers }: OdooOptions): Promise<Odoo> {
  const places = new Places(workers)
  const partners: Array<Readonly<Record<string, unknown>>> = [{ id: 25, name: 'Deco Addict', is_company: true }]
  const confirmed: number[] = []
  let isGood = true
  const erp = await startErp(t, answer)

  async function answer (_req: IncomingMessage, res: ServerResponse, seen: SeenRequest): Promise<void> {
    if (!await seen.received) return
    const [scheme = '', shown] = (seen.headers.authorization ?? '').split(' ')
    if (seen.headers['x-odoo-database'] !== database) return send(res, failure(404, 'werkzeug.exceptions.NotFound', 'No such database'))
    if (!isGood || scheme.toLowerCase() !== 'bearer' || shown !== key) return send(res, failure(401, 'werkzeug.exceptions.Unauthorized', 'Invalid apikey'))
    const served = await places.take(() => {
      const done = called(seen)
      return () => { send(res, done) }
    })
    // A server that has no worker free lets it wait; here it is seen.
    if (!served) send(res, failure(429, 'werkzeug.exceptions.TooManyRequests', 'No worker'))
  }

  function called (seen: SeenRequest): Answer {
    const [, json, version, model = '', method = '', ...more] = new URL(seen.url, erp.origin).pathname.split('/')
    if (json !== 'json' || version !== '2' || more.length > 0) return failure(404, 'werkzeug.exceptions.NotFound', 'Not Found')
    if (seen.method !== 'POST') return failure(405, 'werkzeug.exceptions.MethodNotAllowed', 'Method Not Allowed')
    const named: unknown = JSON.parse(seen.body.toString())
    if (typeof named !== 'object' || named === null || Array.isArray(named)) return failure(422, 'werkzeug.exceptions.UnprocessableEntity', 'Not an object')
    if (!['res.partner', 'sale.order', 'res.users'].includes(model)) return failure(404, 'werkzeug.exceptions.NotFound', `the model '${model}' does not exist`)
    return run(`${model}/${method}`, named as Readonly<Record<string, unknown>>)
  }

  function run (call: string, named: Readonly<Record<string, unknown>>): Answer {
    switch (call) {
      case 'res.partner/search_read': {
        const { fields } = named
        return { status: 200, body: partners.map(partner => Array.isArray(fields) ? Object.fromEntries(Object.entries(partner).filter(([name]) => name === 'id' || fields.includes(name))) : partner) }
      }
      case 'res.partner/create': {
        const { vals_list: list } = named
        if (!Array.isArray(list)) return failure(422, 'builtins.TypeError', "missing a required argument: 'vals_list'")
        const made = list.map((values: object, at) => ({ id: 26 + partners.length + at, ...values }))
        partners.push(...made)
        return { status: 200, body: made.map(({ id }) => id) }
      }
      case 'res.partner/unlink':
        partners.length = 0
        return { status: 200, body: true }
      case 'sale.order/action_confirm':
        confirmed.push(...named['ids'] as readonly number[])
        return { status: 200, body: true }
      default: return failure(403, 'odoo.exceptions.AccessError', 'You are not allowed to do this')
    }
  }

  return { origin: erp.origin, requests: erp.requests, get malformed () { return erp.malformed }, places, partners, confirmed, expire: () => { isGood = false } }
}

function failure (status: number, name: string, message: string): Answer {
  return { status, body: { name, message, arguments: [message, status], context: {}, debug: 'Traceback (most recent call last):' } }
}

function send (res: ServerResponse, { status, body }: Answer): void {
  res.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(body))
}
