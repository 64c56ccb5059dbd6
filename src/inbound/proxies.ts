import { BlockList, isIP } from 'node:net'

/** Whether a peer is one of the proxies in front whose X-Forwarded-* are believed. */
export type TrustsPeer = (address: string) => boolean

/** @param networks addresses and CIDR blocks; none of them, none trusted */
export function createProxyTrust (networks: readonly string[]): TrustsPeer {
  if (networks.length === 0) return () => false
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', prefix] = network.split('/')
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    if (prefix === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(prefix), family)
  }
  return peer => {
    const address = plainAddress(peer)
    return isIP(address) !== 0 && list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
  }
}

/**
 * An address alone: without the port that some proxies write beside it (192.0.2.1:4711, [2001:db8::1]:4711), and an IPv4
 * one as such where a dual-stack socket shows it as ::ffff:192.0.2.1.
 */
export function plainAddress (address: string): string {
  if (!address.includes(':')) return address
  const bare = /^\[([^\]]*)\](?::\d+)?$/.exec(address)?.[1] ?? /^([\d.]+):\d+$/.exec(address)?.[1] ?? address
  return /^::ffff:(?:\d+\.){3}\d+$/i.test(bare) ? bare.slice(7) : bare
}

/** Whose address it is, as far as that can be told: an IPv6 caller has all of a /64 network (RFC 6177). */
export function networkOf (address: string): string {
  const plain = plainAddress(address)
  if (isIP(plain) !== 6) return plain
  const [before = '', after] = plain.toLowerCase().replace(/%.*/, '').split('::').map(groupsOf)
  const groups = after === undefined ? [...before] : [...before, ...Array.from({ length: 8 - before.length - after.length }, () => '0'), ...after]
  // Loopback, and what else is no network of somebody's.
  const isSpecial = groups.slice(0, 4).every(group => group === '0')
  return (isSpecial ? groups : groups.slice(0, 4)).join(':')
}

// An IPv4 address at the end stands for two.
function groupsOf (part: string): string[] {
  return part === '' ? [] : part.split(':').flatMap(group => group.includes('.') ? [group, group] : [group.replace(/^0+(?=.)/, '')])
}
