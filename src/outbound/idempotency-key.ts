import { createHash } from 'node:crypto'
import { refuse } from '../policy/problems.ts'

// RFC 8941 section 3.3.3, without parameters
const QUOTED = /^"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"$/
const KEY = /^[\x21-\x7e]{1,255}$/

/**
 * The key by which a caller marks a write, as its header says it: bare, as most callers send it, or as a string of RFC 8941
 * (draft-ietf-httpapi-idempotency-key-header section 2.1). `abc` and `"abc"` are one key.
 * @param values of the header, each as it was sent; undefined where there is none
 * @throws {Refusal} idempotency-key-malformed
 */
export function readIdempotencyKey (values: readonly string[] | undefined): string | undefined {
  if (values === undefined) return undefined
  const [value = '', ...more] = values
  const key = value.startsWith('"') ? QUOTED.exec(value)?.[1]?.replace(/\\(.)/g, '$1') : value
  if (key === undefined || more.length > 0 || !KEY.test(key)) throw refuse('idempotency-key-malformed', 'The key of a write is one, of 1 to 255 visible ASCII characters.')
  return key
}

/** Equal where two requests are the same one: SHA-256 over what says what is to be done. */
export function fingerprintOf ({ method, target, contentType = '', body }: { readonly method: string, readonly target: string, readonly contentType: string | undefined, readonly body: readonly Buffer[] }): string {
  const hash = createHash('sha256').update(JSON.stringify([method, target, contentType]))
  for (const chunk of body) hash.update(chunk)
  return hash.digest('base64url')
}
