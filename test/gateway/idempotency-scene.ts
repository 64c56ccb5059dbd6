import type { Called, CallOptions } from '../support/call.ts'
import type { ErpHandler } from '../support/erp.ts'
import type { Settings } from '../support/settings.ts'
import { metric } from './upstream-scene.ts'

/** An ERP that carries a write out when it is told to: each answer is another one. */
export function holding () {
  let go = (): void => {}
  const told = new Promise<void>(resolve => { go = resolve })
  let written = 0
  const handler: ErpHandler = async (_req, res, seen) => {
    if (!await seen.received) return
    await told
    written++
    res.writeHead(201, { 'content-type': 'application/json', location: '/orders/1', 'x-written': String(written) })
    res.end(JSON.stringify({ order: written, got: seen.body.toString() }))
  }
  return { go: () => { go() }, handler }
}

/** Of a scene whose one rule has it. */
export const rule = (idempotency: Settings = {}, more: Settings = {}): { readonly rule: Settings } => ({ rule: { idempotency, ...more } })
/** A write with a key. */
export const post = (token: string, key = 'k-1', more: CallOptions = {}): CallOptions => ({ method: 'POST', path: '/orders', token, body: '{"n":1}', ...more, headers: { 'content-type': 'application/json', 'idempotency-key': key, ...more.headers } })
export const outcome = async (gateway: Parameters<typeof metric>[0], name: string) => await metric(gateway, `countersign_idempotency_total{outcome="${name}"}`)

/** An answer without what belongs to one request. */
export function told ({ status, rawHeaders, body }: Called) {
  const headers = rawHeaders.filter((_part, at) => !['x-request-id', 'idempotency-replayed'].includes(rawHeaders[at - at % 2]?.toLowerCase() ?? ''))
  return { status, headers, body: body.toString('base64') }
}
