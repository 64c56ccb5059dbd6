import type { Test } from 'tap'
import type { Fault } from '../support/faults.ts'
import { SAP_SERVICE, startSap, type Sap, type SapOptions } from '../support/erps/sap.ts'
import type { Called, CallOptions } from '../support/call.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { startIdp, type Idp } from '../support/idp.ts'
import type { Files, Settings } from '../support/settings.ts'
import { tearDown, type TestContext } from '../support/teardown.ts'
import { until } from './upstream-scene.ts'

export interface CsrfSceneOptions {
  /** Of `csrf`. */
  readonly csrf?: Settings
  /** Of the upstream. */
  readonly upstream?: Settings
  readonly rule?: Settings
  readonly routes?: Files['routes']
  /** How many hosts it has. */
  readonly hosts?: number
  readonly sap?: SapOptions
}

export interface CsrfScene {
  readonly idp: Idp
  /** The first, and all. */
  readonly sap: Sap
  readonly saps: readonly Sap[]
  readonly gateway: TestGateway
  readonly token: string
  /** Creates a business partner of that key, by way of the gateway. */
  post (key: string, options?: CallOptions): Promise<Called>
  /** Requests that write, of which each host has seen so many. */
  writes (): number[]
}

export const PARTNERS = `${SAP_SERVICE}/A_BusinessPartner`

/** A gateway before a SAP Gateway, of one host or several. */
export async function csrfScene (t: TestContext, { csrf, upstream, rule, routes, hosts = 1, sap: options }: CsrfSceneOptions = {}): Promise<CsrfScene> {
  const idp = await startIdp(t)
  const saps = await Promise.all(Array.from({ length: hosts }, async () => await startSap(t, { idp, ...options })))
  const [sap] = saps
  if (sap === undefined) throw new Error('no host')
  tearDown(t, async () => { await until(() => saps.every(({ openSockets }) => openSockets === 0)) })
  const several = hosts > 1 ? { url: saps.map(({ origin }) => origin) } : {}
  const gateway = await startGateway(t, {
    idp,
    erp: sap,
    routes: routes ?? [{ match: 'ANY /*', require: 'user', ...rule }],
    changes: { upstreams: { erp: { csrf: { path: `${SAP_SERVICE}/`, ...csrf }, ...several, ...upstream } } }
  })
  const token = idp.mintUser()
  return {
    idp,
    sap,
    saps,
    gateway,
    token,
    post: async (key, call) => await gateway.call({ method: 'POST', path: PARTNERS, token, body: { BusinessPartner: key }, ...call }),
    writes: () => saps.map(({ requests }) => requests.filter(({ method }) => method !== 'GET').length)
  }
}

/** Promises that are under way at most so many at once. */
export async function atMost<T> (most: number, count: number, make: (at: number) => Promise<T>): Promise<T[]> {
  const results: T[] = []
  let next = 0
  await Promise.all(Array.from({ length: most }, async () => {
    for (let at = next++; at < count; at = next++) results[at] = await make(at)
  }))
  return results
}

/** The statuses that there are among answers. */
export const statuses = (answers: ReadonlyArray<{ readonly status: number }>): number[] => [...new Set(answers.map(({ status }) => status))]

/** So many creations were carried out, each of another key. */
export function assertStoredOnce (t: Test, { saps }: CsrfScene, keys: number): void {
  const created = saps.flatMap(({ data }) => data.created)
  t.equal(created.length, keys, 'as many were carried out as were sent')
  t.equal(new Set(created).size, keys, 'each of them once')
}

/** Requests stand before it until they are let go. */
export function gate (): { readonly fault: Fault, letGo (): void } {
  let letGo = (): void => {}
  const open = new Promise<'go on'>(resolve => { letGo = () => { resolve('go on') } })
  return { fault: async () => await open, letGo: () => { letGo() } }
}
