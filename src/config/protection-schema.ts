import * as z from 'zod'
import { METHODS, type Method } from '../policy/pattern.ts'
import { byHand } from './by-hand.ts'
import { duration, oneOrMany, percent, text, whole } from './notation.ts'

/** `concurrency` of an upstream. */
export const concurrencySchema = z.strictObject({
  max: whole(1, 1_000_000, { fromText: true }).describe('So many requests at the ERP at once, over all its hosts.'),
  queue: whole(0, 1_000_000, { fromText: true }).optional().describe('So many more may wait for their turn; as many as max when left out.'),
  queue_timeout: duration('1ms', '5m').prefault('5s').describe('How long one may wait; then 503.')
})

/** `breaker` of an upstream. */
export const breakerSchema = z.strictObject({
  failures: whole(1, 1_000_000, { fromText: true }).prefault(5).describe('So many failures in a row open the circuit.'),
  failure_rate: percent({ fromText: true }).optional().describe('So large a part of failures within the window opens it, too.'),
  window: duration('1s', '10m').prefault('10s').describe('The time over which failure_rate is reckoned.'),
  min_requests: whole(1, 1_000_000, { fromText: true }).prefault(20).describe('With fewer requests in the window, failure_rate says nothing.'),
  open_for: duration('100ms', '10m').prefault('5s').describe('How long it is open; then one request tries.')
})

/** Of an upstream: what takes hosts out of several that fail again and again. */
export const ejectionKeys = {
  eject_after: whole(1, 1_000_000, { fromText: true }).prefault(5).describe('Of several hosts: so many failures in a row take one out.'),
  eject_for: duration('100ms', '1h').prefault('10s').describe('How long the first time; longer each time that follows soon, up to six times as long.'),
  eject_max: percent({ fromText: true }).prefault('50%').describe('So large a part of the hosts at most; one at least, and never all.')
}

const status = () => whole(200, 599, { fromText: true })

/** `health_check` of an upstream's hosts. */
export const healthCheckSchema = z.strictObject({
  path: text().regex(/^\/[\x21-\x7e]*$/, 'expected a path that begins with /, such as /health').describe('The path at each host, whole: nothing of the URL goes in front.'),
  every: duration('100ms', '1h').prefault('2s').describe('The time between two checks of a host.'),
  timeout: duration('10ms', '5m').prefault('2s').describe('A check that takes longer has failed.'),
  expect: oneOrMany(status()).prefault([200]).describe('The statuses of a healthy host.'),
  healthy: whole(1, 100, { fromText: true }).prefault(2).describe('So many good checks in a row bring a host back.'),
  unhealthy: whole(1, 100, { fromText: true }).prefault(2).describe('So many failed ones in a row take it out.')
})

const ON = ['connect', 'reset', 'timeout'] as const
const [LEAST_STATUS, MOST_STATUS] = [400, 599]

/** RFC 9110 section 9.2.2, less TRACE, which no rule can name. */
const IDEMPOTENT: readonly Method[] = ['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS']

/** A word for what went wrong, or the status of an answer; from gateway.yaml also as text. */
const failure = (fromText: boolean) => byHand(z.union([z.enum(ON), z.int().min(LEAST_STATUS).max(MOST_STATUS)]), (value, fail) => {
  const read = fromText && typeof value === 'string' && /^[1-9][0-9]{2}$/.test(value) ? Number(value) : value
  if (typeof read === 'number' && Number.isInteger(read) && read >= LEAST_STATUS && read <= MOST_STATUS) return read
  return ON.find(word => word === read) ?? fail('', { words: [...ON, `a status from ${LEAST_STATUS} to ${MOST_STATUS}`] })
})

const retryShape = (fromText: boolean) => z.strictObject({
  attempts: whole(2, 10, { fromText }).prefault(2).describe('So many tries of a request at most, the first one counted.'),
  on: oneOrMany(failure(fromText)).prefault(['connect', 'reset']).describe('What is tried again: connect (there was no connection), reset (it ended before the answer), timeout (no answer in time), and statuses of the ERP.'),
  methods: oneOrMany(z.enum(METHODS)).prefault(IDEMPOTENT).describe('What may be tried again once the ERP may have carried it out. To name POST or PATCH is your word that to carry such a request out twice does no more than once.'),
  budget: percent({ fromText }).prefault('20%').describe('Retries beyond the first 10 are at most so large a part of the requests of the last 10 seconds.'),
  backoff: duration('0ms', '10s').prefault('25ms').describe('A retry waits a random time up to this, the next one up to twice that, up to 16 times.')
}).meta({ title: 'retry' })

export type Retry = z.output<ReturnType<typeof retryShape>>

/** `retry` of a rule, of defaults or of an upstream: the word none, or how. */
export function retrySchema ({ fromText = false } = {}) {
  const shape = retryShape(fromText)
  return byHand(z.union([z.literal('none'), shape]), (value, _fail, use): Retry | 'none' => value === 'none' ? value : use(shape, value))
}

export type HealthCheck = z.output<typeof healthCheckSchema>
