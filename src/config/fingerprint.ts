import { createHash } from 'node:crypto'
import { Certificates } from './certificates.ts'
import type { Configuration } from './configuration.ts'
import { isObject } from './objects.ts'
import { Secret } from './secrets.ts'

/**
 * Equal for equal parts of a configuration, whatever the order of their keys; a secret counts by its value, of which
 * nothing shows.
 * @returns a SHA-256, in base64url
 */
export function fingerprint (part: unknown): string {
  return hash(JSON.stringify(canonical(part, secret => `secret ${hash(secret.reveal())}`)) ?? 'undefined')
}

/**
 * What names a configuration in logs: equal where both files and the environment say the same, wherever the files lie. A
 * secret counts by its place alone: nobody can try guesses of it on a log.
 * @returns 12 digits of a SHA-256
 */
export function configurationHash (configuration: Configuration): string {
  const known = hashes.get(configuration)
  if (known !== undefined) return known
  const made = hashOf(configuration)
  hashes.set(configuration, made)
  return made
}

// Of thousands of rules it takes a while.
const hashes = new WeakMap<Configuration, string>()

function hashOf ({ gateway, routes }: Configuration): string {
  // Of `file:line` the line.
  const rules = routes.map(({ at, ...rule }) => ({ ...rule, at: at.slice(at.lastIndexOf(':')) }))
  const text = JSON.stringify(canonical({ gateway, rules }, () => 'secret'))
  return createHash('sha256').update(text).digest('hex').slice(0, 12)
}

function canonical (part: unknown, secretText: (secret: Secret) => string): unknown {
  if (part instanceof Secret) return secretText(part)
  if (part instanceof Certificates) return `certificates ${hash(part.pem)}`
  if (Array.isArray(part)) return part.map(one => canonical(one, secretText))
  if (!isObject(part)) return part
  return Object.fromEntries(Object.keys(part).sort().map(key => [key, canonical(part[key], secretText)]))
}

function hash (text: string): string {
  return createHash('sha256').update(text).digest('base64url')
}
