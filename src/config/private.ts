import type { Path } from './mistakes.ts'

/** What is read at load, from a file or the environment, and stands in the configuration as an object of its own. */
export type Material = 'secret' | 'key' | 'chain' | 'authorities'

const OF_TLS: Readonly<Record<string, Material>> = { key: 'key', cert: 'chain', ca: 'authorities' }

/** By the kind of a credential. */
const OF_CREDENTIAL: Readonly<Record<string, Readonly<Record<string, Material>>>> = {
  client_credentials: { client_secret: 'secret' },
  client_assertion: { key: 'key', certificate: 'chain' },
  jwt_bearer: { key: 'key', certificate: 'chain', client_secret: 'secret' },
  client_certificate: { key: 'key', cert: 'chain' },
  basic: { password: 'secret' }
}

/** The kinds of a credential that have a `tls` for their token endpoint. */
const WITH_TLS: readonly unknown[] = ['client_credentials', 'client_assertion', 'jwt_bearer']

/** What stands at a place in gateway.yaml, or above it; undefined where it is plain data. */
export function materialAt (path: Path): Material | undefined {
  const tls = tlsAt(path)
  if (tls !== undefined) return typeof path[tls] === 'string' ? own(OF_TLS, path[tls]) : undefined
  const [top, , credential, kind, key] = path
  if (top === 'admin') return path[1] === 'token' ? 'secret' : undefined
  if (top === 'log') return path[1] === 'subject' && path[2] === 'hash_key' ? 'secret' : undefined
  if (top === 'telemetry') return path.length === 4 && path[1] === 'otlp' && path[2] === 'headers' ? 'secret' : undefined
  if (top === 'redis') return path[1] === 'password' || path[1] === 'keys' ? 'secret' : undefined
  if (top !== 'upstreams' || credential !== 'credential' || key === undefined) return undefined
  if (kind === 'headers') return 'secret'
  return typeof kind === 'string' && typeof key === 'string' ? own(own(OF_CREDENTIAL, kind), key) : undefined
}

/** True for a place in gateway.yaml where a secret or a certificate stands, and for what is below it. */
export function isSecretPath (path: Path): boolean {
  return materialAt(path) !== undefined
}

/** True for a place where a list of secrets may stand, or one secret in its place: a client may have two. */
export function isListOfSecrets (path: Path): boolean {
  return (path.length === 2 && path[0] === 'redis' && path[1] === 'keys') || (path.length === 5 && path.at(-1) === 'client_secret')
}

/** True where nothing of the file may be repeated in a message: all of a credential and of redis, keys, and the values of headers. */
export function isPrivate (path: Path): boolean {
  if (path[0] === 'redis' && path.length > 1) return true
  if (isSecretPath(path) || (path[0] === 'upstreams' && path[2] === 'credential')) return true
  return path.some((part, at) => (part === 'headers' || part === 'response_headers') && path[at + 1] === 'set' && path.length > at + 2)
}

/** Where in a path stands what is within a `tls`; undefined where it is in none. */
function tlsAt (path: Path): number | undefined {
  const [top, second, third, fourth, fifth] = path
  if (top === 'listen' && second === 'tls') return 2
  if (top === 'telemetry' && second === 'otlp' && third === 'tls') return 3
  if ((top === 'issuers' || top === 'upstreams') && third === 'tls') return 3
  return top === 'upstreams' && third === 'credential' && WITH_TLS.includes(fourth) && fifth === 'tls' ? 5 : undefined
}

function own<T> (table: Readonly<Record<string, T>> | undefined, name: string): T | undefined {
  return table !== undefined && Object.hasOwn(table, name) ? table[name] : undefined
}
