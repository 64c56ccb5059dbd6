import { BlockList, isIP } from 'node:net'
import * as z from 'zod'
import { byHand } from './by-hand.ts'

/**
 * An http: or https: URL, kept as it was written. Whether http: may be is for the cross checks (`allow_http`).
 * No message repeats it: it could hold a password.
 */
export function httpUrl ({ query = false } = {}) {
  return byHand(z.string().regex(/^https?:\/\//), (value, fail) => {
    if (typeof value !== 'string') return fail('expected a URL such as https://example.com', { found: true })
    if (/[\s\\\0-\x1f\x7f]/.test(value) || !URL.canParse(value)) return fail('expected a URL such as https://example.com')
    const url = new URL(value)
    if (!/^https?:\/\//i.test(value)) return fail('expected a URL that begins with https:// (or http:// on loopback)')
    if (url.username !== '' || url.password !== '' || /^https?:\/\/[^/?#]*@/i.test(value)) return fail('a URL must not carry a user name or password')
    if (value.includes('#')) return fail('this URL must not have a fragment (#…)')
    if (value.includes('?') && !query) return fail('this URL must not have a query (?…)')
    return value
  })
}

/** Where a Redis is. */
export interface RedisAddress {
  readonly host: string
  readonly port: number
  readonly database: number
  readonly tls: boolean
}

const REDIS_WANTED = 'expected a URL such as rediss://redis.example.com:6379/0'

/** A rediss: or redis: URL, taken apart. Whether redis: may be is for the cross checks (`allow_plaintext`). */
export function redisUrl () {
  return byHand(z.string().regex(/^rediss?:\/\//), (value, fail): RedisAddress => {
    if (typeof value !== 'string') return fail(REDIS_WANTED, { found: true })
    // Only of the schemes that it knows does URL look at the host, and it leaves out the ports that are theirs.
    const known = value.replace(/^rediss?:/i, 'http:')
    if (/[\s\\\0-\x1f\x7f]/.test(value) || !/^rediss?:\/\/[^/?#]/i.test(value) || !URL.canParse(value) || !URL.canParse(known)) return fail(REDIS_WANTED)
    if (/^[^/]*\/\/[^/?#]*@/.test(value)) return fail('a URL must not carry a user name or password: they have keys of their own')
    if (/[?#]/.test(value)) return fail('this URL must have neither a query (?…) nor a fragment (#…)')
    const { pathname, port, protocol } = new URL(value)
    const [, database] = /^\/?(0|[1-9][0-9]{0,4})?$/.exec(pathname) ?? fail('expected the number of a database behind the host, such as /0, or nothing')
    return { host: new URL(known).hostname.replace(/^\[|\]$/g, ''), port: port === '' ? 6379 : Number(port), database: Number(database ?? 0), tls: protocol === 'rediss:' }
  })
}

const LOOPBACK = new BlockList()
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4')
LOOPBACK.addAddress('::1', 'ipv6')

/** Whether a host (a name, or an address without brackets) is this machine, and no other. */
export function isLoopback (host: string): boolean {
  return host === 'localhost' || isListed(LOOPBACK, host)
}

// Where clouds hand a machine its own credentials (169.254.169.254): no issuer and no ERP lives there.
const LINK_LOCAL = new BlockList()
LINK_LOCAL.addSubnet('169.254.0.0', 16, 'ipv4')
LINK_LOCAL.addSubnet('fe80::', 10, 'ipv6')

/** What forbids this URL as a place to send requests to, in words; undefined where nothing does. */
export function whyNotReachable (url: string, allowHttp: boolean): string | undefined {
  const { protocol, hostname: host } = new URL(url)
  const hostname = host.replace(/^\[|\]$/g, '')
  if (protocol !== 'https:' && protocol !== 'http:') return 'only https:// and http:// are called'
  if (isListed(LINK_LOCAL, hostname)) return 'a link-local address is never called'
  if (protocol === 'http:' && !allowHttp && !isLoopback(hostname)) {
    return 'http:// is for loopback only (127.0.0.0/8, ::1, localhost): use https://, or say allow_http: true'
  }
  return undefined
}

/** What forbids this place for a Redis; undefined where nothing does. */
export function whyNotRedis ({ host, tls }: RedisAddress, allowPlaintext: boolean): string | undefined {
  if (isListed(LINK_LOCAL, host)) return 'a link-local address is never called'
  if (!tls && !allowPlaintext && !isLoopback(host)) {
    return 'redis:// is for loopback only (127.0.0.0/8, ::1, localhost): use rediss://, or say allow_plaintext: true'
  }
  return undefined
}

function isListed (list: BlockList, host: string): boolean {
  const family = isIP(host)
  return family !== 0 && list.check(host, family === 6 ? 'ipv6' : 'ipv4')
}

/** True for an address or a CIDR block, IPv4 or IPv6. */
export function isNetwork (text: string): boolean {
  const [address = '', prefix, ...more] = text.split('/')
  const family = isIP(address)
  if (family === 0 || more.length > 0 || address.includes('%')) return false
  if (prefix === undefined) return true
  return /^(0|[1-9][0-9]{0,2})$/.test(prefix) && Number(prefix) <= (family === 6 ? 128 : 32)
}
