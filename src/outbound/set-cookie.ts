/** What an answer says of a cookie: its value, or undefined where it is to be forgotten. */
export interface SetCookie {
  readonly name: string
  readonly value: string | undefined
}

// RFC 6265 section 4.1.1 has fewer characters than servers use; what cannot stand in a Cookie header is left out by all.
const PAIR = /^[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]{1,128})[ \t]*=[ \t]*([\x21-\x3a\x3c-\x7e]{0,4096})[ \t]*$/

/**
 * One Set-Cookie line, of which the name, the value and whether it ends at once are read: where a cookie may go
 * (`Domain`, `Path`) is settled by whoever keeps it for one host alone.
 * @param now ms since the epoch
 * @returns undefined where it is none that could be sent
 */
export function readSetCookie (line: string, now: number): SetCookie | undefined {
  const [pair = '', ...attributes] = line.split(';', MOST_ATTRIBUTES)
  const [, name, value] = PAIR.exec(pair) ?? []
  if (name === undefined) return undefined
  return { name, value: hasEnded(attributes, now) ? undefined : value }
}

const MOST_ATTRIBUTES = 16

// RFC 6265 section 5.3: Max-Age counts before Expires, and of two the last.
function hasEnded (attributes: readonly string[], now: number): boolean {
  let [maxAge, expires]: Array<number | undefined> = []
  for (const attribute of attributes) {
    const at = attribute.indexOf('=')
    const key = attribute.slice(0, at === -1 ? undefined : at).trim().toLowerCase()
    const value = at === -1 ? '' : attribute.slice(at + 1).trim()
    if (key === 'max-age' && /^-?[0-9]+$/.test(value)) maxAge = Number(value)
    if (key === 'expires' && !Number.isNaN(Date.parse(value))) expires = Date.parse(value)
  }
  return maxAge === undefined ? expires !== undefined && expires <= now : maxAge <= 0
}
