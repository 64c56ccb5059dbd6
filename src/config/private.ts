import type { Path } from './mistakes.ts'

/** True for a place in gateway.yaml where a secret stands, and for what is below it. */
export function isSecretPath (path: Path): boolean {
  const [top, , credential, kind, key] = path
  if (top !== 'upstreams' || credential !== 'credential' || key === undefined) return false
  return kind === 'headers' || (kind === 'client_credentials' && key === 'client_secret') || (kind === 'basic' && key === 'password')
}

/** True where nothing of the file may be repeated in a message: all of a credential, and the values of headers. */
export function isPrivate (path: Path): boolean {
  if (path[0] === 'upstreams' && path[2] === 'credential') return true
  return path.some((part, at) => (part === 'headers' || part === 'response_headers') && path[at + 1] === 'set' && path.length > at + 2)
}
