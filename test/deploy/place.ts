import dns, { type LookupAddress, type LookupOptions } from 'node:dns'
import { syncBuiltinESMExports } from 'node:module'
import net from 'node:net'

/** Where the containers of one network stand in a test: all at one address of loopback, found by these names. */
export interface Place {
  readonly address: string
  readonly names: readonly string[]
}

type LookupCallback = (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => void
type Lookup = (name: string, options: LookupOptions, callback: LookupCallback) => void
type Connect = (this: net.Socket, ...args: unknown[]) => net.Socket
type Listen = (this: net.Server, ...args: unknown[]) => net.Server

/**
 * Makes this process live there, as a container does without knowing: it listens there when it says 0.0.0.0, and
 * reaches the others by their names, and itself by 127.0.0.1. So commands and environment of compose.yaml serve as
 * they are, and the ports that they name are free however busy the machine is.
 */
export function liveIn ({ address, names }: Place): void {
  const known = new Set([...names, 'localhost'])
  const own = new Set(['0.0.0.0', '127.0.0.1'])
  // Node's own functions have many signatures; these are the ones that it calls by itself, and Fastify, undici and ioredis.
  const { lookup } = dns as unknown as { lookup: Lookup }
  const { connect } = net.Socket.prototype as unknown as { connect: Connect }
  const { listen } = net.Server.prototype as unknown as { listen: Listen }

  Object.assign(dns, {
    lookup: (name: string, ...rest: [LookupOptions, LookupCallback]) => { lookup(known.has(name) ? address : name, ...rest) }
  })
  net.Socket.prototype.connect = function (this: net.Socket, ...args: unknown[]) {
    // What net.connect() has put in order is a list with the options in front, and a mark on the list.
    const list = Array.isArray(args[0]) ? args[0] : args
    list[0] = moved(list[0])
    return connect.apply(this, args)
  }
  net.Server.prototype.listen = function (this: net.Server, ...args: unknown[]) {
    return listen.apply(this, args.map(moved))
  } as typeof net.Server.prototype.listen
  syncBuiltinESMExports()

  function moved (value: unknown): unknown {
    if (typeof value === 'string') return own.has(value) ? address : value
    if (typeof value !== 'object' || value === null || !('host' in value)) return value
    return own.has(String(value.host)) ? { ...value, host: address } : value
  }
}
