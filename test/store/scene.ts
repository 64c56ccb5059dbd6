import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Redis } from '../../src/config/redis-schema.ts'
import { Secret } from '../../src/config/secrets.ts'
import { createMachineTokenCache, type MachineTokenCache } from '../../src/outbound/machine-token.ts'
import type { IssuedToken } from '../../src/outbound/token-endpoint.ts'
import { createStore, type Store } from '../../src/store/store.ts'
import type { TestRedis } from '../support/redis.ts'
import { registerSecret } from '../support/secrets.ts'
import { tearDown, type TestContext } from '../support/teardown.ts'

export interface OpenedStore extends Store {
  /** Each change of state: `up`, or why it is away. */
  readonly changes: string[]
  /** How often each was done: `count ok`. */
  readonly operations: Map<string, number>
  readonly unreadable: () => number
  whenUp (): Promise<void>
}

/** What one replica makes of a Redis. */
export function openStore (t: TestContext, { port }: Pick<TestRedis, 'port'>, { keys = [], clock = Date.now, ...more }: Omit<Partial<Redis>, 'keys'> & { readonly keys?: readonly string[], readonly clock?: () => number } = {}): OpenedStore {
  const changes: string[] = []
  const operations = new Map<string, number>()
  let unreadable = 0
  const redis: Redis = {
    url: { host: '127.0.0.1', port, database: 0, tls: false },
    key_prefix: 'countersign',
    connect_timeout: 2000,
    // A busy machine is no outage.
    command_timeout: 1000,
    allow_plaintext: false,
    keys: keys.map(key => new Secret(key)),
    ...more
  }
  const store = createStore(redis, {
    now: clock,
    onChange: (up, problem) => { changes.push(up ? 'up' : problem) },
    onOperation: (operation, outcome) => { operations.set(`${operation} ${outcome}`, (operations.get(`${operation} ${outcome}`) ?? 0) + 1) },
    onUnreadable: () => { unreadable += 1 }
  })
  tearDown(t, () => { store.close() })
  return Object.assign(store, {
    changes,
    operations,
    unreadable: () => unreadable,
    whenUp: async () => { await until(() => store.isUp()) }
  })
}

/** Waits for it; generous, for it is no measure of speed. */
export async function until (holds: () => boolean | Promise<boolean>, what = 'it', timeoutMs = 20_000): Promise<void> {
  for (const deadline = Date.now() + timeoutMs; !await holds(); await sleep(20)) {
    if (Date.now() > deadline) throw new Error(`${what} did not come to be in ${timeoutMs} ms`)
  }
}

export interface Replica {
  readonly cache: MachineTokenCache
  /** How often it got a token of another one. */
  readonly shared: () => number
}

/** An IdP as the replicas see it: each token is another one. */
export interface TokenSource {
  readonly asked: number[]
  issue: (count: number) => Promise<Partial<Omit<IssuedToken, 'secret'>>>
}

export function tokenSource (): TokenSource {
  return {
    asked: [],
    issue: async () => {
      await sleep(50)
      return {}
    }
  }
}

/** The machine token of one replica. */
export function replica (t: TestContext, source: TokenSource, store: Store, { request = 'a request', clock = Date.now } = {}): Replica {
  let shared = 0
  const cache = createMachineTokenCache({
    async fetch () {
      const count = source.asked.push(Date.now())
      const issued = await source.issue(count)
      return { accessToken: registerSecret(`token-${count}-${randomBytes(12).toString('hex')}`, 'a machine token'), expiresIn: 300, secret: 1, ...issued }
    },
    shared: store.tokens?.of(request),
    now: clock,
    onFetch () {},
    onShared () { shared += 1 }
  })
  tearDown(t, () => { cache.close() })
  return { cache, shared: () => shared }
}
