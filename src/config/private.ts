import type { Path } from './mistakes.ts'

/** True for a place in gateway.yaml where a secret stands, and for what is below it. */
export function isSecretPath (path: Path): boolean {
  const [top, , credential, kind, key] = path
  if (top === 'store') return isStoreSecret(path)
  if (top !== 'upstreams' || credential !== 'credential' || key === undefined) return false
  return kind === 'headers' || (kind === 'client_credentials' && key === 'client_secret') || (kind === 'basic' && key === 'password')
}

/** True for a place where a list of secrets may stand, or one secret in its place. */
export function isListOfSecrets (path: Path): boolean {
  return path.length === 2 && path[0] === 'store' && path[1] === 'encryption_keys'
}

function isStoreSecret ([, part, key]: Path): boolean {
  return (part === 'redis' && key === 'password') || part === 'encryption_keys'
}

/** True where nothing of the file may be repeated in a message: all of a credential and of the store, and the values of headers. */
export function isPrivate (path: Path): boolean {
  if (path[0] === 'store' && path.length > 1) return true
  if (path[0] === 'upstreams' && path[2] === 'credential') return true
  return path.some((part, at) => (part === 'headers' || part === 'response_headers') && path[at + 1] === 'set' && path.length > at + 2)
}
