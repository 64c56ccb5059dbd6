import * as z from 'zod'
import { byHand, type Fail } from './by-hand.ts'
import { duration, flag, oneOrMany, text } from './notation.ts'
import { parseSecret, secretShape } from './secret-schema.ts'
import { Secret } from './secrets.ts'
import { redisUrl } from './urls.ts'

const KEY_BYTES = 32

/** A key of AES-256; once parsed, in base64. */
const key = byHand(secretShape, parseKey)

/** `redis`: what replicas share. */
export const redisSchema = z.strictObject({
  url: redisUrl().describe('Where the Redis (or Valkey) is: rediss://host:6379/0, without credentials.'),
  keys: oneOrMany(key).optional().describe('Keys of 32 bytes, in base64, for machine tokens in it: the first encrypts, all decrypt. Without one, no token is shared.'),
  username: text().optional().describe('The user of its access list; the default user when left out.'),
  password: byHand(secretShape, parseSecret).optional().describe('Its password: text, { file: path } or { env: NAME }.'),
  key_prefix: text(100).regex(/^[A-Za-z0-9._:-]+$/, 'expected letters, digits, dots, colons, hyphens and underscores').prefault('countersign').describe('What all names in it begin with: gateways that share it share their counters and tokens.'),
  connect_timeout: duration('100ms', '30s').prefault('2s').describe('How long a connection may take to come into being.'),
  command_timeout: duration('10ms', '5s').prefault('100ms').describe('How long a request waits to be counted.'),
  allow_plaintext: flag().prefault(false).describe('Allow redis:// to another machine.')
})

export type Redis = z.output<typeof redisSchema>

/** `on_store_failure` of a limit. */
export const onStoreFailure = () => z.enum(['local', 'allow', 'deny']).prefault('local').describe('While Redis is away, each process counts for itself, nothing is counted, or what has this limit is answered with 503.')

export type OnStoreFailure = z.output<ReturnType<typeof onStoreFailure>>

function parseKey (value: unknown, fail: Fail): Secret {
  const secret = parseSecret(value, fail)
  // One that is missing was reported where that is an error.
  if (!secret.isThere) return secret
  const bytes = bytesOf(secret.reveal())
  return bytes?.length === KEY_BYTES ? new Secret(bytes.toString('base64')) : fail(`expected ${KEY_BYTES} bytes in base64, as \`openssl rand -base64 ${KEY_BYTES}\` writes them`)
}

function bytesOf (written: string): Buffer | undefined {
  return /^[A-Za-z0-9+/_-]{43}=?$/.test(written) ? Buffer.from(written, 'base64') : undefined
}
