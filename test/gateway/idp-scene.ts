import { setTimeout as sleep } from 'node:timers/promises'
import { answering, startErp, type Erp, type ErpHandler } from '../support/erp.ts'
import type { Fault } from '../support/faults.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { startIdp, type Idp, type IdpOptions } from '../support/idp.ts'
import { verifying } from '../support/machine-token.ts'
import type { Called } from '../support/raw-http.ts'
import type { Settings } from '../support/settings.ts'
import type { TestContext } from '../support/teardown.ts'

export interface SceneOptions {
  readonly idp?: IdpOptions
  /** What the IdP is like before the gateway starts. */
  readonly before?: (idp: Idp) => unknown
  readonly changes?: Settings | ((idp: Idp) => Settings)
  readonly routes?: readonly Settings[]
  readonly clock?: () => number
  readonly keyRefresh?: number
  /** What the ERP answers, once it has verified the machine token. */
  readonly erp?: ErpHandler
  /** Whether the ERP verifies the machine token; it cannot where the token is opaque. */
  readonly verifies?: boolean
}

export interface Scene {
  readonly idp: Idp
  readonly erp: Erp
  readonly gateway: TestGateway
  /** A user's request that a healthy gateway passes on. */
  readonly ask: (token?: string) => Promise<Called>
}

export const sceneRoutes: readonly Settings[] = [
  { match: 'GET /orders', require: 'user|client' },
  { match: 'GET /status', require: 'public' }
]

/** An IdP, an ERP that verifies machine tokens, and a gateway between them. */
export async function startScene (t: TestContext, options: SceneOptions = {}): Promise<Scene> {
  const { before, changes = {}, routes = sceneRoutes, clock, keyRefresh, verifies = true } = options
  // RSA keys take a while to make, and which kind it is matters to few tests.
  const idp = await startIdp(t, { alg: 'ES256', ...options.idp })
  const erp = await startErp(t, verifies ? verifying(idp, {}, options.erp) : options.erp ?? answering())
  await before?.(idp)
  const gateway = await startGateway(t, {
    idp,
    erp,
    routes,
    changes: typeof changes === 'function' ? changes(idp) : changes,
    ...(clock === undefined ? {} : { clock }),
    ...(keyRefresh === undefined ? {} : { keyRefresh })
  })
  return { idp, erp, gateway, ask: async (token = idp.mint()) => await gateway.call({ path: '/orders', token }) }
}

/** A clock that a test moves. */
export function movableClock (): (() => number) & { by: number } {
  const clock = Object.assign(() => Date.now() + clock.by, { by: 0 })
  return clock
}

/** Asks until it is answered with this status; the last answer, whatever it was, after the time is up. */
export async function until (status: number, ask: () => Promise<Called>, timeoutMs = 15_000): Promise<Called> {
  for (const deadline = Date.now() + timeoutMs; ; await sleep(50)) {
    const answer = await ask()
    if (answer.status === status || Date.now() > deadline) return answer
  }
}

/** The answer, and how many ms it took. */
export async function timed (ask: () => Promise<Called>): Promise<Called & { readonly ms: number }> {
  const began = performance.now()
  const answer = await ask()
  return { ...answer, ms: performance.now() - began }
}

/** `Retry-After` is there, and is from 1 to 10 seconds. */
export function retriesSoon ({ headers }: Called): boolean {
  return /^(?:[1-9]|10)$/.test(headers['retry-after'] ?? '')
}

/** What a request waits at most, and what a busy machine may add; twice the five seconds would be two waits. */
export const LONGEST_WAIT = 5000 + 4500

export type Faults = Readonly<Record<string, Fault>>
