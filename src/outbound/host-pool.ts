import { lookup as systemLookup, type LookupAddress } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import { Pool, type Dispatcher } from 'undici'
import { createConnector, type Connector } from './connector.ts'
import type { TlsOptions } from './tls.ts'

/** The connections to one host. */
export interface HostPool {
  /** It changes: to be asked for at each request. */
  readonly dispatcher: Dispatcher
  /** Whether the host takes a connection, with TLS and all. No request is sent. */
  knock (): Promise<boolean>
  /** How many requests are at the host, or wait for a connection. */
  open (): number
  close (): Promise<void>
}

export interface HostPoolOptions {
  /** ms for a TCP and TLS handshake */
  readonly connectTimeout: number
  /** how certificates are verified, and what the gateway shows */
  readonly tls?: TlsOptions
  /** how names become addresses; the system's way when left out */
  readonly lookup?: LookupFunction | undefined
  /** ms between two looks at the addresses of the name */
  readonly resolveEvery?: number
}

const RESOLVE_EVERY = 30_000
/** ms that a knock takes at most: a host that is back is not to be waited for behind one that was lost */
const LONGEST_KNOCK = 2000
const MAX_ANSWER_HEADERS = 64 * 1024

/**
 * The connections to the host of a URL. A name is looked up for each new connection; one that stays open would keep an
 * address for as long as there are requests, so that addresses in use are compared with what the name says now and then.
 * Where one is not among them any more, new requests take new connections, and the old ones close when they fall idle.
 */
export function createHostPool ({ protocol, hostname, host, port, origin }: URL, { connectTimeout, tls, lookup, resolveEvery = RESOLVE_EVERY }: HostPoolOptions): HostPool {
  const connect = createConnector(connectTimeout, tls, lookup)
  const connectSoon = createConnector(Math.min(connectTimeout, LONGEST_KNOCK), tls, lookup)
  const name = hostname.replace(/^\[|\]$/g, '')
  const pools = new Set<Pool>()
  let closed = false
  let inUse: Map<string, number>
  let pool = openPool()

  function openPool (): Pool {
    inUse = new Map()
    // Time limits on headers and bodies are the relay's: they begin where the caller's body ends.
    const opened = new Pool(origin, { connect: noting(connect, inUse), headersTimeout: 0, bodyTimeout: 0, maxHeaderSize: MAX_ANSWER_HEADERS })
    pools.add(opened)
    return opened
  }

  async function look (): Promise<void> {
    const known = await addressesOf(name, lookup ?? systemLookup)
    // A name server that fails says nothing about the addresses.
    if (closed || known === undefined || [...inUse.keys()].every(address => known.has(address))) return
    const old = pool
    pool = openPool()
    await old.close()
    pools.delete(old)
  }

  const timer = isIP(name) === 0 ? setInterval(() => { look().catch(() => {}) }, resolveEvery).unref() : undefined

  return {
    get dispatcher () { return pool },
    async knock () {
      return await new Promise(resolve => {
        connectSoon({ hostname: name, host, protocol, port }, (error, socket) => {
          socket?.on('error', () => {}).destroy()
          resolve(error === null)
        })
      })
    },
    open: () => [...pools].reduce((sum, { stats }) => sum + stats.size, 0),
    async close () {
      closed = true
      clearInterval(timer)
      await Promise.all([...pools].map(one => one.destroy()))
    }
  }
}

function noting (connect: Connector, inUse: Map<string, number>): Connector {
  return (options, callback) => {
    connect(options, (...result) => {
      const [, socket] = result
      const address = socket?.remoteAddress
      if (address !== undefined) {
        inUse.set(address, (inUse.get(address) ?? 0) + 1)
        socket?.once('close', () => { forget(inUse, address) })
      }
      callback(...result)
    })
  }
}

function forget (inUse: Map<string, number>, address: string): void {
  const left = (inUse.get(address) ?? 0) - 1
  if (left > 0) inUse.set(address, left)
  else inUse.delete(address)
}

async function addressesOf (name: string, lookup: LookupFunction): Promise<ReadonlySet<string> | undefined> {
  return await new Promise(resolve => {
    lookup(name, { all: true }, (error, found: string | LookupAddress[]) => {
      if (error !== null || typeof found === 'string' || found.length === 0) resolve(undefined)
      else resolve(new Set(found.map(({ address }) => address)))
    })
  })
}
