import { availableParallelism } from 'node:os'
import * as z from 'zod'
import { ALGORITHMS } from '../policy/algorithms.ts'
import { PROFILE_NAMES } from '../policy/profiles/index.ts'
import { byHand, type Fail } from './by-hand.ts'
import { credentialSchema } from './credential-schema.ts'
import { csrfOrNone } from './csrf-schema.ts'
import { ERP_NAMES } from './erps/index.ts'
import { requestHeaders, responseHeaders } from './header-rules.ts'
import { maintenanceSchema } from './maintenance-schema.ts'
import { claimConditions, duration, flag, nameText, oneOrMany, size, text, whole } from './notation.ts'
import { idempotencyMemorySchema } from './idempotency-schema.ts'
import { clientTlsSchema, serverTlsSchema } from './tls-schema.ts'
import { breakerSchema, concurrencySchema, ejectionKeys, healthCheckSchema, retrySchema } from './protection-schema.ts'
import { refuseQuery } from './query-rules.ts'
import { onStoreFailure, redisSchema } from './redis-schema.ts'
import { parseSecret, secretShape } from './secret-schema.ts'
import type { Secret } from './secrets.ts'
import { telemetrySchema } from './telemetry-schema.ts'
import { httpUrl, isNetwork } from './urls.ts'

const host = () => text(255).regex(/^[A-Za-z0-9.:_-]+$/, 'expected a host name or an address, without a port')

const algorithm = byHand(z.enum(ALGORITHMS), (value, fail) => {
  const found = ALGORITHMS.find(one => one === value)
  if (found !== undefined) return found
  if (typeof value === 'string' && /^(none|HS\d+)$/i.test(value)) return fail('never none, and never HMAC: a public key would be its secret', { found: true })
  return fail('', { words: ALGORITHMS })
})

const network = byHand(z.string(), (value, fail) =>
  typeof value === 'string' && isNetwork(value) ? value : fail('expected an address or a CIDR block such as 10.0.0.0/8 or fd00::/8', { found: true }))

const MOST_WORKERS = 256
const workers = () => byHand(z.union([z.literal('auto'), z.int().min(1).max(MOST_WORKERS)]), (value, fail) => {
  if (value === 'auto') return Math.min(availableParallelism(), MOST_WORKERS)
  const read = typeof value === 'string' && /^[1-9][0-9]{0,2}$/.test(value) ? Number(value) : value
  return typeof read === 'number' && Number.isInteger(read) && read >= 1 && read <= MOST_WORKERS ? read : fail(`expected auto, or a whole number from 1 to ${MOST_WORKERS}`, { found: true })
})

export const listenSchema = z.strictObject({
  host: host().prefault('0.0.0.0').describe('The address that callers reach.'),
  port: whole(0, 65535, { fromText: true }).prefault(8080).describe('The port that callers reach; 0 picks a free one.'),
  tls: serverTlsSchema.optional().describe('HTTPS, by this certificate; without it, http.'),
  rate_limit: z.strictObject({
    max: whole(1, 1_000_000_000, { fromText: true }).describe('So many requests.'),
    per: duration('1s', '24h').describe('In so long a time.'),
    on_store_failure: onStoreFailure()
  }).optional().describe('A limit by address for every request, before anything is verified.'),
  trusted_proxies: oneOrMany(network, { least: 0 }).prefault([]).describe('Addresses or CIDR blocks of the proxies in front, whose X-Forwarded-For, -Proto and -Host are believed; none, loopback neither, when left out.'),
  public_url: httpUrl().optional().describe('The URL that callers use; Location is rewritten to it. When left out, the request\'s own.'),
  max_header_size: size('1KiB', '1MiB').prefault('32KiB').describe('More bytes of headers are refused with 431.'),
  max_token_size: size('256B', '256KiB').prefault('16KiB').describe('A longer token is refused with 401.'),
  token_cache: z.strictObject({
    max: whole(0, 10_000_000, { fromText: true }).prefault(100_000).describe('So many tokens; 0 verifies each token on each request.'),
    max_size: size('1MiB', '64GiB').prefault('256MiB').describe('So much memory, as it is estimated.')
  }).prefault({}).describe('Verified tokens that are remembered until they end; the one that was not seen longest goes first.'),
  header_timeout: duration('100ms', '5m').prefault('10s').describe('Headers that take longer are refused with 408.'),
  request_timeout: duration('1s', '24h').optional().describe('Requests that take longer to arrive, headers and body, are refused with 408.'),
  keep_alive_timeout: duration('1s', '1h').prefault('72s').describe('How long a connection is kept without a request: longer than the proxy in front keeps it.'),
  max_connections: whole(1, 10_000_000, { fromText: true }).optional().describe('More connections are closed as they come.'),
  overload: z.strictObject({
    max_event_loop_delay: duration('10ms', '1m').optional().describe('Of the process: by so much everything it does is late.'),
    max_memory: size('64MiB', '1024GiB').optional().describe('Heap and buffers in use.')
  }).refine(limits => Object.values(limits).some(limit => limit !== undefined), 'must not be empty: that would be no limit').optional().describe('Past either limit a share of the requests is turned away with 503, before anything is done for it.')
})

export const adminSchema = z.strictObject({
  host: host().prefault('127.0.0.1').describe('The address of /livez, /readyz, /metrics and the console.'),
  port: whole(0, 65535, { fromText: true }).prefault(9090).describe('Their port; 0 picks a free one.'),
  token: byHand(secretShape, parseSecret).optional().describe('What else is there (explanations of decisions) is for whoever shows this: text, { file: path } or { env: NAME }. Without it, for this machine alone.'),
  console: flag().optional().describe('The page for operators, at / of that port. Left out, it is there on loopback, and wherever there is a token.')
})

export const issuerSchema = z.strictObject({
  issuer: httpUrl().describe('The exact `iss` of its tokens, to the letter.'),
  idp: z.enum(PROFILE_NAMES).prefault('rfc9068').describe('The claim profile: how this IdP tells access tokens, users and clients.'),
  audience: oneOrMany(text()).optional().describe('This API\'s audience; of a list, any one suffices. Required unless allowed_clients is given.'),
  allowed_clients: oneOrMany(text()).optional().describe('The clients whose tokens are taken: ids, or names from `clients`. Beside audience, both must hold.'),
  clients: z.record(nameText(), text()).optional().describe('Names for client ids, for `client_id` in routes.yaml.'),
  algorithms: oneOrMany(algorithm).optional().describe('The signature algorithms that are taken; every asymmetric one that the runtime supports when left out.'),
  discovery: httpUrl({ query: true }).optional().describe('The URL of the issuer\'s metadata, where it is not under `issuer`.'),
  jwks_uri: httpUrl({ query: true }).optional().describe('The URL of its keys; when left out, the one that its metadata names.'),
  claims: claimConditions().optional().describe('Claims that every token must have (a tenant, say): path to value or list of values.'),
  clock_tolerance: duration('0s', '300s').prefault('5s').describe('How far the issuer\'s clock may be off.'),
  keys_max_stale: duration('0s', '168h').prefault('24h').describe('How long the last good keys serve while the issuer cannot be reached.'),
  access_token_when: claimConditions().optional().describe('What marks an access token, at an IdP with free mapping.'),
  user_when: claimConditions().optional().describe('What marks a user\'s token, at an IdP with free mapping.'),
  client_when: claimConditions().optional().describe('What marks a client\'s own token, at an IdP with free mapping.'),
  tls: clientTlsSchema.optional().describe('How its certificate is verified, and what the gateway shows it: for discovery, keys and token endpoint.'),
  allow_http: flag().prefault(false).describe('Allow http:// to another machine for this issuer.')
})

export const upstreamSchema = z.strictObject({
  url: oneOrMany(httpUrl()).describe('Where the ERP is; a path in it goes in front of the request\'s. Or a list, for several hosts that are one ERP: they differ in host and port alone.'),
  balance: z.enum(['round_robin', 'least_pending']).prefault('round_robin').describe('Which host is next: the one after the last, or one with the fewest open requests.'),
  erp: z.enum(ERP_NAMES).prefault('generic').describe('Which ERP it is: what of a request would tell it who is calling, and is removed or refused.'),
  credential: credentialSchema,
  tls: clientTlsSchema.optional().describe('How the ERP\'s certificate is verified, and what the gateway shows it.'),
  connect_timeout: duration('10ms', '5m').prefault('10s').describe('How long a TCP and TLS handshake with a host may take.'),
  timeout: duration('1ms', '1h').optional().describe('The timeout of rules that say none, nor defaults; 30s when left out.'),
  idle_timeout: duration('1ms', '24h').optional().describe('The idle_timeout of rules that say none, nor defaults; 60s when left out.'),
  total_timeout: duration('1ms', '24h').optional().describe('From the rule\'s word to the end of the answer, retries and all; no limit when left out.'),
  hold_body: size('0B', '16MiB').prefault('64KiB').describe('Up to so much of a request\'s body is kept until the ERP answers, so that it can be sent once more; 0B keeps none.'),
  concurrency: concurrencySchema.optional().describe('How many requests may be at the ERP at once, and how many wait; no limit when left out.'),
  breaker: breakerSchema.optional().describe('Refuses requests at once while the ERP fails; never when left out.'),
  retry: retrySchema({ fromText: true }).optional().describe('What of failed requests is tried again, where a rule and defaults say nothing: { … } or none; nothing when left out.'),
  ...ejectionKeys,
  health_check: healthCheckSchema.optional().describe('Asks each of several hosts whether it is well; none are asked when left out.'),
  csrf: csrfOrNone.optional().describe('Sessions with CSRF tokens, as SAP Gateway wants them for requests that write: { … } or none. When left out none, but with erp: sap at the first service that the rules name.'),
  allow_http: flag().prefault(false).describe('Allow http:// to another machine for this upstream.'),
  headers: requestHeaders().optional().describe('Headers that the ERP gets; a rule\'s add to them.'),
  response_headers: responseHeaders().optional().describe('Headers that the caller gets; a rule\'s add to them.'),
  refuse_query: refuseQuery().optional().describe('Query parameters that are refused with 400, beside those of its erp; a rule\'s add to them.'),
  maintenance: z.array(maintenanceSchema).min(1, 'must not be empty').optional().describe('Windows in which its requests are 503: { from, to } or { cron, for }.')
})

const logSchema = z.strictObject({
  level: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).prefault('info').describe('The least level that is logged.'),
  requests: flag().prefault(true).describe('One line per request, or none.'),
  subject: z.strictObject({
    hash_key: byHand(secretShape, parseHashKey).describe('The key of the hash, of 16 characters or more: text, { file: path } or { env: NAME }.')
  }).optional().describe('Writes the subject of tokens as a keyed hash; as it is, when left out.')
})

/** gateway.yaml: where things are. */
export const gatewaySchema = z.strictObject({
  listen: listenSchema.prefault({}).describe('The port for callers.'),
  admin: adminSchema.prefault({}).describe('The port for operators.'),
  issuers: z.record(nameText(), issuerSchema).prefault({}).describe('The IdPs whose tokens are taken, by a name of yours.'),
  upstreams: z.record(nameText(), upstreamSchema).refine(one => Object.keys(one).length > 0, 'must not be empty').describe('The ERPs, by a name of yours.'),
  redis: redisSchema.optional().describe('The Redis (or Valkey) by which replicas share limits and machine tokens. Without it, each process counts requests and has machine tokens for itself.'),
  idempotency_memory: idempotencyMemorySchema.prefault({}).describe('What each process remembers of writes with a key; the one that was not asked for longest goes first.'),
  log: logSchema.prefault({}).describe('What is logged.'),
  telemetry: telemetrySchema.optional().describe('What is sent to OpenTelemetry; nothing when left out.'),
  workers: workers().prefault(1).describe('How many processes serve, sharing the port: a number, or auto, one for each core.'),
  drain_delay: duration('0s', '10m').prefault('0s').describe('After SIGTERM: how long new requests are still taken while /readyz says no.'),
  drain_timeout: duration('0s', '1h').prefault('30s').describe('After that: how long open requests may take to end.'),
  problems_base: text().regex(/^[A-Za-z][A-Za-z0-9+.-]*:[\x21-\x7e]+$/, 'expected the beginning of a URI, such as https://example.com/problems/').transform(base => /[/:#=?&]$/.test(base) ? base : `${base}/`).prefault('urn:countersign:problem:').describe('What stands before the code in a problem\'s `type`; a / is put between where nothing is.')
}).meta({ title: 'Countersign: gateway.yaml', description: 'Where things are: ports, issuers, upstreams and their credentials.' })

// By a key that can be guessed, a hash of an address is the address.
function parseHashKey (value: unknown, fail: Fail): Secret {
  const secret = parseSecret(value, fail)
  return !secret.isThere || secret.reveal().length >= 16 ? secret : fail('a key of fewer than 16 characters can be guessed: `openssl rand -base64 32` writes one')
}

export type GatewayFile = z.output<typeof gatewaySchema>
export type Listen = z.output<typeof listenSchema>
export type Admin = z.output<typeof adminSchema>
export type Issuer = z.output<typeof issuerSchema>
export type Upstream = z.output<typeof upstreamSchema>
