import type { Test } from 'tap'
import { startErp, type Erp, type ErpHandler } from '../support/erp.ts'
import { forkGateway, type ForkedGateway } from '../support/fork-gateway.ts'
import { startIdp, type Idp } from '../support/idp.ts'
import type { Files, Settings } from '../support/settings.ts'
import { startLoad, type Load, type LoadOptions } from './load.ts'

const RATE = 300

/** Whether there is time: in the pipeline there are five minutes for all of it. */
export const isFull = process.env['COUNTERSIGN_CHAOS'] === 'full'

export interface Scene {
  readonly idp: Idp
  readonly erp: Erp
  /** one process each, with files of its own; a test may change the array while a load asks them */
  readonly replicas: ForkedGateway[]
  /** one more of them */
  fork (): Promise<ForkedGateway>
  /** 300 requests a second with a hundred tokens that live for long */
  load (options?: Partial<LoadOptions>): Load
}

/** Two replicas of the gateway as processes of their own, between an IdP and an ERP. */
export async function startScene (t: Test, changes: Settings = {}, { erpHandler, routes = [{ match: 'GET /orders', require: 'user' }], replicas: wanted = 2, machineLife, hosts = [] }: {
  readonly erpHandler?: ErpHandler
  readonly routes?: Files['routes']
  readonly replicas?: number
  /** s that a machine token lives */
  readonly machineLife?: number
  /** of the ERP, beside its first: origins */
  readonly hosts?: readonly string[]
} = {}): Promise<Scene> {
  const idp = await startIdp(t, { alg: 'ES256' })
  if (machineLife !== undefined) idp.machine.expiresIn = machineLife
  const erp = await startErp(t, erpHandler)
  // One request in three hundred a second need not be in the log of every replica.
  const quiet = { log: { level: 'info', requests: false }, ...changes, ...hosts.length > 0 && { upstreams: withHosts(changes, [erp.origin, ...hosts]) } }
  const fork = async (): Promise<ForkedGateway> => await forkGateway(t, { idp, erp, routes, changes: quiet })
  const replicas: ForkedGateway[] = []
  for (let at = 0; at < wanted; at++) replicas.push(await fork())
  const tokens = Array.from({ length: 100 }, (_one, at) => idp.mint({ sub: `user-${at}` }))
  let turn = 0
  return {
    idp,
    erp,
    replicas,
    fork,
    load: (options = {}) => startLoad({ targets: replicas, rate: RATE, token: () => tokens[turn++ % tokens.length] ?? '', ...options })
  }
}

/** Waits until it is so, for at most so many ms. @returns whether it came to be so */
export async function until (isSo: () => boolean | Promise<boolean>, longest = 60_000): Promise<boolean> {
  for (const end = Date.now() + longest; Date.now() < end;) {
    if (await isSo()) return true
    await new Promise(resolve => { setTimeout(resolve, 25) })
  }
  return false
}

function withHosts ({ upstreams }: Settings, hosts: readonly string[]): Settings {
  const { erp } = upstreams as { readonly erp: Settings }
  return { erp: { ...erp, url: hosts } }
}
