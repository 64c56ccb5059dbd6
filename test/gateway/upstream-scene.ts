import type { Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { startErp, type Erp, type ErpHandler, type ErpOptions } from '../support/erp.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { startIdp, type Idp } from '../support/idp.ts'
import { startRawErp, type RawErp, type RawHandler } from '../support/raw-erp.ts'
import type { Files, Settings } from '../support/settings.ts'
import { tearDown, type TestContext } from '../support/teardown.ts'

export interface SceneOptions {
  /** Of the one route, or whole routes. */
  readonly rule?: Settings
  readonly routes?: Files['routes']
  readonly changes?: Settings
  readonly clock?: () => number
}

/** A gateway between an identity provider and an ERP, and a user's token that opens every path. */
export interface Scene<E> {
  readonly idp: Idp
  readonly erp: E
  readonly gateway: TestGateway
  readonly token: string
  /** The head of a raw request with that token: `head('POST /x', 'Content-Length: 2')`. */
  head (requestLine: string, ...headers: readonly string[]): string
}

/** Before an ERP that speaks HTTP by node:http. */
export async function scene (t: TestContext, handler?: ErpHandler, options: SceneOptions & ErpOptions = {}): Promise<Scene<Erp>> {
  const idp = await startIdp(t)
  return await before(t, idp, await startErp(t, handler, options), options)
}

/** Before an ERP whose bytes are written by hand. */
export async function rawScene (t: TestContext, handler: RawHandler, options: SceneOptions = {}): Promise<Scene<RawErp>> {
  const idp = await startIdp(t)
  return await before(t, idp, await startRawErp(t, handler), options)
}

async function before<E extends { readonly origin: string, readonly openSockets: number }> (t: TestContext, idp: Idp, erp: E, { rule, routes, changes, clock }: SceneOptions): Promise<Scene<E>> {
  // Runs once the gateway is closed: it keeps nothing of the ERP's.
  tearDown(t, async () => { await until(() => erp.openSockets === 0) })
  const gateway = await startGateway(t, {
    idp, erp, routes: routes ?? [{ match: 'ANY /*', require: 'user', ...rule }], ...(changes && { changes }), ...(clock && { clock })
  })
  const token = idp.mintUser()
  const { raw } = gateway
  return {
    idp,
    erp,
    // Hundreds of requests are answered here: a second answer to one would not be long in coming.
    gateway: Object.assign(gateway, { raw: (async (input, rawOptions) => await raw(input, { idle: 40, ...rawOptions })) satisfies TestGateway['raw'] }),
    token,
    head: (requestLine, ...headers) => [`${requestLine} HTTP/1.1`, 'Host: gateway.test', `Authorization: Bearer ${token}`, ...headers, '', ''].join('\r\n')
  }
}

/** What a series shows now; throws where there is none: `countersign_requests_in_flight`, `x{upstream="erp"}`. */
export async function metric (gateway: Pick<TestGateway, 'admin'>, series: string): Promise<number> {
  const { text } = await gateway.admin('/metrics')
  const line = text.split('\n').find(one => one.startsWith(`${series} `))
  if (line === undefined) throw new Error(`no ${series}`)
  return Number(line.slice(series.length + 1))
}

/** The log line of the last request that ended. */
export function lastRequest (gateway: Pick<TestGateway, 'logLines'>): Record<string, unknown> {
  return gateway.logLines().findLast(line => line['msg'] === 'request') ?? {}
}

/** Waits until it holds; throws where it does not in time. */
export async function until (holds: () => boolean | Promise<boolean>, ms = 10_000): Promise<void> {
  for (const deadline = Date.now() + ms; !await holds(); await sleep(5)) {
    if (Date.now() > deadline) throw new Error(`did not come to hold within ${ms} ms: ${holds.toString()}`)
  }
}

/** How long it took, in ms. */
export async function timed (act: () => Promise<unknown>): Promise<number> {
  const began = performance.now()
  await act()
  return performance.now() - began
}

/** Bytes that are the same on every run and like nothing else. */
export function noise (length: number, seed = 1): Buffer {
  const bytes = Buffer.allocUnsafe(length)
  let state = seed
  for (let at = 0; at < length; at++) {
    state = (state * 1_103_515_245 + 12_345) & 0x7fffffff
    bytes[at] = state >> 16
  }
  return bytes
}

/** Writes a piece again and again, whenever it is taken, until the stream ends; `onWritten` learns of the bytes of each. */
export function pour (stream: Writable, piece: Buffer, onWritten: (bytes: number) => void): void {
  const on = (): void => {
    for (let more = true; more && !stream.destroyed;) {
      more = stream.write(piece)
      onWritten(piece.length)
    }
  }
  stream.on('drain', on)
  on()
}
