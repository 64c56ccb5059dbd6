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

const LOOPBACK = new BlockList()
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4')
LOOPBACK.addAddress('::1', 'ipv6')

// Where clouds hand a machine its own credentials (169.254.169.254): no issuer and no ERP lives there.
const LINK_LOCAL = new BlockList()
LINK_LOCAL.addSubnet('169.254.0.0', 16, 'ipv4')
LINK_LOCAL.addSubnet('fe80::', 10, 'ipv6')

/** What forbids this URL as a place to send requests to, in words; undefined where nothing does. */
export function whyNotReachable (url: string, allowHttp: boolean): string | undefined {
  const { protocol, hostname } = new URL(url)
  if (protocol !== 'https:' && protocol !== 'http:') return 'only https:// and http:// are called'
  if (isListed(LINK_LOCAL, hostname)) return 'a link-local address is never called'
  if (protocol === 'http:' && !allowHttp && hostname !== 'localhost' && !isListed(LOOPBACK, hostname)) {
    return 'http:// is for loopback only (127.0.0.0/8, ::1, localhost): use https://, or say allow_http: true'
  }
  return undefined
}

function isListed (list: BlockList, hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '')
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
