import { setTimeout as sleep } from 'node:timers/promises'
import { startErp, type Erp, type ErpHandler } from '../support/erp.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { startIdp, type Idp, type IdpOptions } from '../support/idp.ts'
import { verifying } from '../support/machine-token.ts'
import { newKey, startRedis, type RedisOptions, type TestRedis } from '../support/redis.ts'
import type { Settings } from '../support/settings.ts'
import type { TestContext } from '../support/teardown.ts'
import { until } from './scene.ts'

export interface FleetOptions {
  readonly count?: number
  readonly routes?: Settings | readonly Settings[]
  readonly changes?: Settings
  readonly redis?: RedisOptions
  readonly idp?: IdpOptions
  /** Before any gateway starts. */
  readonly before?: (idp: Idp, redis: TestRedis) => unknown
  readonly erp?: ErpHandler
  readonly keys?: readonly string[]
}

export interface Fleet {
  readonly redis: TestRedis
  readonly idp: Idp
  readonly erp: Erp
  readonly gateways: readonly TestGateway[]
  readonly keys: readonly string[]
  /** One more replica; `changes` are laid over those of the fleet. */
  join (changes?: Settings): Promise<TestGateway>
}

/** Replicas of one gateway with one Redis, IdP and ERP, which verifies machine tokens. */
export async function startFleet (t: TestContext, { count = 2, routes = [{ match: 'GET /status', require: 'public' }], changes = {}, redis: redisOptions, before, erp: handler, keys = [newKey()], ...options }: FleetOptions = {}): Promise<Fleet> {
  const redis = await startRedis(t, redisOptions)
  const idp = await startIdp(t, { alg: 'ES256', ...options.idp })
  const erp = await startErp(t, verifying(idp, {}, handler))
  await before?.(idp, redis)
  const join = async (more: Settings = {}): Promise<TestGateway> => {
    const shared = { url: redis.url, command_timeout: '500ms', keys: keys.length > 0 ? keys : undefined }
    return await startGateway(t, { idp, erp, routes, changes: { redis: shared, ...changes, ...more } })
  }
  const gateways = []
  for (let n = 0; n < count; n++) gateways.push(await join())
  return { redis, idp, erp, gateways, keys, join }
}

/** The lines about the store: `there`, or why it is away. */
export function storeLines (gateway: TestGateway): string[] {
  return gateway.logLines().filter(({ store }) => store !== undefined).map(({ msg, problem }) => msg === 'the store is there' ? 'there' : String(problem ?? msg))
}

/** One value of /metrics, by its name and labels as they are written there; undefined where there is none. */
export async function metric (gateway: TestGateway, series: string): Promise<number | undefined> {
  const line = (await gateway.admin('/metrics')).text.split('\n').find(one => one.startsWith(`${series} `))
  return line === undefined ? undefined : Number(line.slice(series.length + 1))
}

export async function untilStore (state: 'up' | 'away', gateways: readonly TestGateway[]): Promise<void> {
  for (const gateway of gateways) {
    await until(async () => await metric(gateway, 'countersign_store_up{engine="redis"}') === (state === 'up' ? 1 : 0), `a store that is ${state}`)
  }
}

export interface Load {
  /** Ends it: how often each status came. */
  stop (): Promise<Record<number, number>>
}

/** Requests to all of them, until it is stopped. */
export function startLoad (gateways: readonly TestGateway[], options: Parameters<TestGateway['call']>[0], callers = 8): Load {
  const statuses: Record<number, number> = {}
  let stopped = false
  const isStopped = () => stopped
  const running = Promise.all(Array.from({ length: callers }, async (_, n) => {
    while (!isStopped()) {
      const { status } = await gateways[n % gateways.length]?.call(options) ?? { status: 0 }
      statuses[status] = (statuses[status] ?? 0) + 1
      await sleep(5)
    }
  }))
  return {
    async stop () {
      stopped = true
      await running
      return statuses
    }
  }
}
