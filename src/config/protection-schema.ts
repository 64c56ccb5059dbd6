import * as z from 'zod'
import { byHand } from './by-hand.ts'
import { duration, oneOrMany, percent, text, whole } from './notation.ts'

/** `concurrency` of an upstream. */
export const concurrencySchema = z.strictObject({
  max: whole(1, 1_000_000, { fromText: true }).describe('So many requests at the ERP at once, over all its hosts.'),
  queue: whole(0, 1_000_000, { fromText: true }).optional().describe('So many more may wait for their turn; as many as max when left out.'),
  queue_timeout: duration('1ms', '5m').prefault('5s').describe('How long one may wait; then 503.')
})

/** `circuit_breaker` of an upstream. */
export const circuitBreakerSchema = z.strictObject({
  consecutive_failures: whole(1, 1_000_000, { fromText: true }).prefault(5).describe('So many failures in a row open the circuit.'),
  failure_rate: percent().optional().describe('So large a part of failures within the window opens it, too.'),
  window: duration('1s', '10m').prefault('10s').describe('The time over which failure_rate is reckoned.'),
  min_requests: whole(1, 1_000_000, { fromText: true }).prefault(20).describe('With fewer requests in the window, failure_rate says nothing.'),
  open_for: duration('100ms', '10m').prefault('5s').describe('How long it is open; then one request tries.')
})

/** `ejection` of an upstream's hosts. */
export const ejectionSchema = z.strictObject({
  consecutive_failures: whole(1, 1_000_000, { fromText: true }).prefault(5).describe('So many failures in a row take a host out.'),
  for: duration('100ms', '1h').prefault('10s').describe('How long the first time; longer each time that follows soon, up to six times as long.'),
  max: percent().prefault('50%').describe('So large a part of the hosts at most; one at least, and never all.')
})

const status = () => whole(200, 599, { fromText: true })

/** `health_check` of an upstream's hosts. */
export const healthCheckSchema = z.strictObject({
  path: text().regex(/^\/[\x21-\x7e]*$/, 'expected a path that begins with /, such as /health').describe('The path at each host, whole: nothing of the URL goes in front.'),
  every: duration('100ms', '1h').prefault('2s').describe('The time between two checks of a host.'),
  timeout: duration('10ms', '5m').prefault('2s').describe('A check that takes longer has failed.'),
  expect: oneOrMany(status()).prefault([200]).describe('The statuses of a healthy host.'),
  healthy: whole(1, 100, { fromText: true }).prefault(1).describe('So many good checks in a row bring a host back.'),
  unhealthy: whole(1, 100, { fromText: true }).prefault(3).describe('So many failed ones in a row take it out.')
})

const ON = ['connect', 'reset', 'timeout'] as const

const retryShape = (fromText: boolean) => z.strictObject({
  attempts: whole(2, 10, { fromText }).prefault(2).describe('So many tries of a request at most, the first one counted.'),
  on: oneOrMany(z.enum(ON), { least: 0 }).prefault(['connect', 'reset']).describe('What is tried again: connect (there was no connection), reset (it ended before the answer), timeout (no answer in time).'),
  statuses: oneOrMany(whole(400, 599, { fromText }), { least: 0 }).prefault([]).describe('Answers of the ERP that are tried again; none when left out.'),
  budget: percent().prefault('20%').describe('Retries beyond the first 10 are at most so large a part of the requests of the last 10 seconds.'),
  backoff: duration('0ms', '10s').prefault('25ms').describe('A retry waits a random time up to this, the next one up to twice that, up to 16 times.')
}).meta({ title: 'retry' })

export type Retry = z.output<ReturnType<typeof retryShape>>

/** `retry` of a rule, of defaults or of an upstream: the word none, or how. */
export function retrySchema ({ fromText = false } = {}) {
  const shape = retryShape(fromText)
  return byHand(z.union([z.literal('none'), shape]), (value, _fail, use): Retry | 'none' => value === 'none' ? value : use(shape, value))
}

export type HealthCheck = z.output<typeof healthCheckSchema>
