import type { Claims } from '../policy/claims.ts'
import { isObject } from '../policy/claims.ts'
import type { JoseHeader } from '../policy/principal.ts'

/** A compact JWS taken apart. Nothing in it is verified. */
export interface DecodedToken {
  readonly header: JoseHeader
  readonly claims: Claims
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

const PART = /^[A-Za-z0-9_-]+$/

/**
 * Takes a compact JWS (RFC 7515 section 7.1) apart and checks the shape of its header (RFC 8725 section 3).
 * `not-jwt`: something else, an opaque token or a JWE. `malformed`: a JWT that nobody should accept.
 */
export function decodeToken (token: string): DecodedToken | 'not-jwt' | 'malformed' {
  const [head, payload, signature, ...more] = token.split('.')
  if (head === undefined || payload === undefined || signature === undefined || more.length > 0) return 'not-jwt'
  if (!PART.test(head)) return 'not-jwt'
  const header = parseObject(head)
  if (header === undefined || typeof header.alg !== 'string') return 'not-jwt'
  if (!PART.test(payload) || !PART.test(signature)) return 'malformed'
  if (![head, payload, signature].every(isCanonical)) return 'malformed'
  if (!isKnownHeader(header)) return 'malformed'
  const claims = parseObject(payload)
  return claims === undefined ? 'malformed' : { header, claims }
}

function isKnownHeader (header: Claims): header is JoseHeader {
  if (Object.hasOwn(header, 'kid') && typeof header.kid !== 'string') return false
  if (Object.hasOwn(header, 'typ') && typeof header.typ !== 'string') return false
  // RFC 7515 section 4.1.11: what crit lists must be understood; nothing is. RFC 7797's b64 and a zip change the payload.
  return !['crit', 'b64', 'zip'].some(name => Object.hasOwn(header, name))
}

// RFC 4648 section 3.5: the last character may have bits that do not count. Two spellings of one part must not both pass.
function isCanonical (part: string): boolean {
  const last = part.charAt(part.length - 1)
  switch (part.length % 4) {
    case 2: return 'AQgw'.includes(last)
    case 3: return 'AEIMQUYcgkosw048'.includes(last)
    default: return part.length % 4 === 0
  }
}

function parseObject (part: string): Claims | undefined {
  try {
    const value: unknown = JSON.parse(UTF8.decode(Buffer.from(part, 'base64url')))
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}
