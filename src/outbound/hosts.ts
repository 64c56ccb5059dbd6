import type { Verdict } from './circuit-breaker.ts'
import type { HostPool } from './host-pool.ts'

/** One of the hosts that are an upstream. */
export interface Host {
  /** `https://erp1.example.com:8443` */
  readonly origin: string
  readonly pool: HostPool
  /** requests that are at it */
  open: number
  /** failures in a row */
  failures: number
  /** taken out for its failures */
  isEjected: boolean
  /** well, as far as its health checks know */
  isHealthy: boolean
}

export type Balance = 'round_robin' | 'least_pending'

export function createHost (origin: string, pool: HostPool): Host {
  return { origin, pool, open: 0, failures: 0, isEjected: false, isHealthy: true }
}

/** Which host a request goes to. */
export class Hosts {
  readonly all: readonly Host[]
  readonly #balance: Balance
  #usable: readonly Host[]
  #turn = 0

  /** @param all one or more */
  constructor (all: readonly Host[], balance: Balance) {
    this.all = all
    this.#balance = balance
    this.#usable = all
  }

  /** To be called when a host was ejected, or is well, or no longer. */
  changed (): void {
    const healthy = this.all.filter(({ isHealthy }) => isHealthy)
    const usable = healthy.filter(({ isEjected }) => !isEjected)
    // Where no host is left, what takes them out is likelier wrong than that a try would do harm.
    this.#usable = usable.length > 0 ? usable : healthy.length > 0 ? healthy : this.all
  }

  /** @param tried those that the request has been at: another one, where there is one */
  pick (tried: readonly Host[]): Host {
    const others = tried.length === 0 ? this.#usable : this.#usable.filter(host => !tried.includes(host))
    const from = others.length > 0 ? others : this.#usable
    const first = this.#turn++ % from.length
    const next = from[first]
    if (next === undefined) throw new Error('an upstream without hosts')
    return this.#balance === 'round_robin' ? next : leastPending(from, first, next)
  }
}

// From the one whose turn it is: among equals each has its turn.
function leastPending (hosts: readonly Host[], first: number, next: Host): Host {
  let least = next
  for (let after = 1; after < hosts.length; after++) {
    const host = hosts[(first + after) % hosts.length]
    if (host !== undefined && host.open < least.open) least = host
  }
  return least
}

/** What a request told of its host. */
export interface HostVerdict {
  readonly verdict: Verdict
  /** whether there was a connection */
  readonly connected: boolean
}
