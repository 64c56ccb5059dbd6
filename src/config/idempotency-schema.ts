import * as z from 'zod'
import { duration, flag, size, whole } from './notation.ts'
import { plainHeaderName } from './header-rules.ts'

/** `idempotency` of a rule. */
export const idempotencySchema = z.strictObject({
  header: plainHeaderName().prefault('Idempotency-Key').describe('The header by which a caller marks a write, to repeat it.'),
  ttl: duration('1s', '168h').prefault('24h').describe('How long a write is remembered.'),
  store: z.enum(['memory', 'redis']).prefault('memory').describe('Where: in this process, or in the Redis of gateway.yaml, for all replicas and over restarts.'),
  required: flag().prefault(false).describe('true: a write without the header is refused with 400.'),
  wait: duration('0ms', '1h').optional().describe('How long a repeat waits for the first one\'s answer, before 409; as long as timeout when left out.'),
  max_body: size('1KiB', '16MiB').prefault('1MiB').describe('A larger request body with a key is refused with 413; a larger answer is given once, and not kept.')
}).meta({ title: 'idempotency' })

/** `idempotency_memory` of gateway.yaml. */
export const idempotencyMemorySchema = z.strictObject({
  max: whole(1, 10_000_000, { fromText: true }).prefault(10_000).describe('So many writes.'),
  max_size: size('1MiB', '64GiB').prefault('64MiB').describe('So much memory, as it is estimated.')
})

export type Idempotency = z.output<typeof idempotencySchema>
