// RFC 3986 section 3.2.2: a name, an IPv4 address, or an IPv6 one in brackets; no userinfo, no list, nothing escaped.
const HOST = /^(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9.])?|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?$/

/** Whether it is host[:port], as a Host or X-Forwarded-Host may say it. */
export function isHost (value: string): boolean {
  return value.length <= 261 && HOST.test(value)
}
