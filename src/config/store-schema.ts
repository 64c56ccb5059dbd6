import * as z from 'zod'
import { byHand, type Fail } from './by-hand.ts'
import { duration, flag, oneOrMany, text } from './notation.ts'
import { parseSecret, secretShape } from './secret-schema.ts'
import { Secret } from './secrets.ts'
import { redisUrl } from './urls.ts'

const KEY_BYTES = 32

export const redisSchema = z.strictObject({
  url: redisUrl().describe('Where the Redis (or Valkey) is: rediss://host:6379/0, without credentials.'),
  username: text().optional().describe('The user of its access list; the default user when left out.'),
  password: byHand(secretShape, parseSecret).optional().describe('Its password: text, { file: path } or { env: NAME }.'),
  key_prefix: text(100).regex(/^[A-Za-z0-9._:-]+$/, 'expected letters, digits, dots, colons, hyphens and underscores').prefault('countersign').describe('What all keys there begin with: gateways that share it share their counters and tokens.'),
  connect_timeout: duration('100ms', '30s').prefault('2s').describe('How long a connection may take to come into being.'),
  command_timeout: duration('10ms', '5s').prefault('100ms').describe('How long a request waits to be counted.'),
  allow_plaintext: flag().prefault(false).describe('Allow redis:// to another machine.')
})

/** A key of AES-256; once parsed, in base64. */
const encryptionKey = byHand(secretShape, parseKey)

export const storeSchema = z.strictObject({
  redis: redisSchema.describe('The Redis (or Valkey) that replicas share.'),
  encryption_keys: oneOrMany(encryptionKey).optional().describe('Keys of 32 bytes, in base64 or hex, for machine tokens in the store: the first encrypts, all decrypt. Without one, no token is shared.')
})

export type Store = z.output<typeof storeSchema>
export type Redis = z.output<typeof redisSchema>

function parseKey (value: unknown, fail: Fail): Secret {
  const secret = parseSecret(value, fail)
  // One that is missing was reported where that is an error.
  if (!secret.isThere) return secret
  const bytes = bytesOf(secret.reveal())
  return bytes?.length === KEY_BYTES ? new Secret(bytes.toString('base64')) : fail(`expected ${KEY_BYTES} bytes in base64 or hex, as \`openssl rand -base64 ${KEY_BYTES}\` writes them`)
}

function bytesOf (written: string): Buffer | undefined {
  if (/^[0-9a-f]{64}$/i.test(written)) return Buffer.from(written, 'hex')
  return /^[A-Za-z0-9+/_-]{43}=?$/.test(written) ? Buffer.from(written, 'base64') : undefined
}
