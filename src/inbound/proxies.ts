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

/** An IPv4 address as such where a dual-stack socket shows it as ::ffff:192.0.2.1. */
export function plainAddress (address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
}
