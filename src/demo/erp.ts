import type { IncomingMessage, ServerResponse } from 'node:http'
import { readBody, TooLarge } from './form.ts'
import { machineTokenCheck, TokenRefused } from './machine-token.ts'
import type { Claims } from './machine-token.ts'
import { clients, erp } from './people.ts'
import type { Site } from './site.ts'
import { addressBook, Wrong } from './address-book.ts'

/** What arrived at the ERP with one request, for showing; never the token itself. */
export interface Sighting {
  readonly method: string
  readonly url: string
  readonly status: number
  /** Claims of the machine token that it came with; absent where it was refused. */
  readonly machine?: Claims
  /** Names of all headers that arrived. */
  readonly headers: readonly string[]
  /** Headers that carry a token other than the ERP's own credential: a leak, were there any. */
  readonly foreignTokens: readonly string[]
}

export interface Erp {
  /** The base URL, with the path that the ERP lives under. */
  readonly url: string
  /** What the ERP saw of the request with this X-Request-Id; nothing, where it saw none. */
  saw (requestId: string): Sighting | undefined
}

const base = '/erp'
const remembered = 500

/**
 * Serves an ERP at `site` under /erp: addresses in memory, one of them there from the start. Every call, of
 * /status too, must bring a machine token of `issuer` for the ERP's audience with the scope `erp`; else 401.
 *
 * @param onSighting is told of every request, once it is answered
 */
export function serveErp (site: Site, issuer: string, onSighting: (sighting: Sighting) => void = () => {}): Erp {
  const check = machineTokenCheck({ issuer, audience: erp, scope: clients.middleware.scopes[0] })
  const addresses = addressBook(base)
  const sightings = new Map<string, Sighting>()

  async function answer (request: IncomingMessage, response: ServerResponse): Promise<void> {
    let machine: Claims | undefined
    try {
      machine = await check(request.headers.authorization)
      const { status, headers, body } = addresses(request.method === 'HEAD' ? 'GET' : request.method ?? '', request.url ?? '', await readBody(request))
      send(response, status, body, headers)
    } catch (error) {
      if (error instanceof TokenRefused) send(response, 401, { error: error.message }, { 'WWW-Authenticate': 'Bearer error="invalid_token"' })
      else if (error instanceof TooLarge) send(response, 413, { error: error.message })
      else if (error instanceof Wrong) send(response, error.status, { error: error.message })
      else send(response, 500, { error: 'the ERP failed' })
    }
    const sighting = sightingOf(request, { machine, status: response.statusCode })
    remember(sightings, request.headers['x-request-id'], sighting)
    onSighting(sighting)
  }

  site.serve((request, response) => void answer(request, response))
  return { url: `${site.url}${base}`, saw: (requestId) => sightings.get(requestId) }
}

function send (response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  const text = `${JSON.stringify(body)}\n`
  response.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text), ...headers }).end(text)
}

function sightingOf (request: IncomingMessage, { machine, status }: Pick<Sighting, 'machine' | 'status'>): Sighting {
  const foreignTokens = Object.entries(request.headers)
    .filter(([name, value]) => !(name === 'authorization' && machine !== undefined) && /\beyJ[\w-]+\.[\w-]+\.|^bearer /i.test(String(value)))
    .map(([name]) => name)
  return { method: request.method ?? '', url: request.url ?? '', status, machine, headers: Object.keys(request.headers), foreignTokens }
}

function remember (sightings: Map<string, Sighting>, id: string | string[] | undefined, sighting: Sighting): void {
  if (typeof id !== 'string') return
  sightings.set(id, sighting)
  const oldest = sightings.keys().next()
  if (sightings.size > remembered && oldest.done !== true) sightings.delete(oldest.value)
}
