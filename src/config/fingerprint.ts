import { createHash } from 'node:crypto'
import { Certificates } from './certificates.ts'
import { isObject } from './objects.ts'
import { Secret } from './secrets.ts'

/**
 * Equal for equal parts of a configuration, whatever the order of their keys; a secret counts by its value, of which
 * nothing shows.
 * @returns a SHA-256, in base64url
 */
export function fingerprint (part: unknown): string {
  return hash(JSON.stringify(canonical(part)) ?? 'undefined')
}

function canonical (part: unknown): unknown {
  if (part instanceof Secret) return `secret ${hash(part.reveal())}`
  if (part instanceof Certificates) return `certificates ${hash(part.pem)}`
  if (Array.isArray(part)) return part.map(canonical)
  if (!isObject(part)) return part
  return Object.fromEntries(Object.keys(part).sort().map(key => [key, canonical(part[key])]))
}

function hash (text: string): string {
  return createHash('sha256').update(text).digest('base64url')
}
