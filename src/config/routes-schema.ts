import * as z from 'zod'
import { ESCAPES, type Escape } from '../policy/grants.ts'
import { parseMatch, type Match } from '../policy/pattern.ts'
import { byHand } from './by-hand.ts'
import { headerEntries, requestHeaders, responseHeaders, whyNotSet } from './header-rules.ts'
import { idempotencySchema } from './idempotency-schema.ts'
import { duration, flag, nameText, oneOrMany, size, splitPath, text, whole } from './notation.ts'
import { retrySchema } from './protection-schema.ts'
import { refuseQuery } from './query-rules.ts'
import { onStoreFailure } from './redis-schema.ts'
import { requireSchema } from './require-schema.ts'
import { parseRewrite } from './rewrite.ts'

const rateLimit = z.strictObject({
  max: whole(1, 1_000_000_000).describe('So many requests.'),
  per: duration('1s', '24h').describe('In so long a time.'),
  by: z.enum(['client', 'user', 'address']).describe('Whose requests are counted together. A client\'s own token counts for itself by user; a public rule always counts by address.'),
  on_store_failure: onStoreFailure()
}).meta({ title: 'rate-limit' })

const matchSchema = byHand(z.string(), (value, fail): Match => {
  if (typeof value !== 'string') return fail('expected methods and a path such as GET|POST /addresses', { found: true })
  try {
    return parseMatch(value)
  } catch (error) {
    return fail(error instanceof Error ? error.message : 'is no match', { found: true })
  }
})

const rewriteSchema = byHand(z.string(), (value, fail) => {
  if (typeof value !== 'string') return fail('expected a path such as /api/v2/addresses/:id', { found: true })
  const problem = parseRewrite(value).problem
  return problem === undefined ? value : fail(problem)
})

const escapeSchema = byHand(z.string().regex(/^%(?:2[fF]|5[cC]|25|3[bB])$/), (value, fail): Escape => {
  const escape = typeof value === 'string' ? ESCAPES.find(one => one === value.toLowerCase()) : undefined
  return escape ?? fail(`expected one of ${ESCAPES.join(', ')}`, { found: true })
})

const identitySchema = z.strictObject({
  headers: byHand(z.record(z.string(), z.string()), (value, fail) =>
    headerEntries(value, whyNotSet, (path, failHere) => typeof path === 'string' ? { name: path, path: splitPath(path, failHere) } : failHere('expected a claim path such as sub', { found: true }), fail))
    .describe('Header to claim path. An absent claim sends no header.')
})

/** What a rule may say and `defaults` too. */
const shared = {
  issuers: oneOrMany(text(64)).optional().describe('The issuers whose tokens are taken. Needed where gateway.yaml has several.'),
  upstream: text(64).optional().describe('The upstream that answers. Needed where gateway.yaml has several.'),
  credential: z.literal('none').optional().describe('none: the ERP gets no credential of the gateway.'),
  rewrite: rewriteSchema.optional().describe('The path that the ERP gets, with the match\'s parameters and *.'),
  timeout: duration('1ms', '1h').optional().describe('From the end of the request\'s body to the answer\'s headers; the upstream\'s when left out, else 30s.'),
  idle_timeout: duration('1ms', '24h').optional().describe('How long a body may stand still; the upstream\'s when left out, else 60s.'),
  retry: retrySchema().optional().describe('What of failed requests is tried again: { … } or none; the upstream\'s when left out.'),
  rate_limit: oneOrMany(rateLimit).optional().describe('A limit or a list of them; in defaults it is one counter over all rules.'),
  body_limit: size('0B', '1024GiB').optional().describe('A larger request body is refused with 413; no limit when left out.'),
  headers: requestHeaders().optional().describe('Headers that the ERP gets; a rule\'s add to those of defaults and upstream.'),
  response_headers: responseHeaders().optional().describe('Headers that the caller gets; a rule\'s add to those of defaults and upstream.'),
  refuse_query: refuseQuery().optional().describe('Query parameters that are refused with 400; a rule\'s add to those of defaults and upstream.'),
  identity: identitySchema.optional().describe('Claims of the caller that the ERP gets as headers.')
}

const batchSchema = z.strictObject({
  each: z.literal('same_rules').describe('same_rules: each request of the batch is decided by the rule that it would meet by itself.'),
  max_parts: whole(1, 1000).prefault(100).describe('So many requests in one batch; more are refused with 413.')
})

export const defaultsSchema = z.strictObject(shared)

export const ruleSchema = z.strictObject({
  match: matchSchema.describe('Methods joined by |, one space, a path: GET|POST /addresses/:id. ANY is every method; a final * is everything below.'),
  require: requireSchema,
  enforce: z.literal('report').optional().describe('report: what require would refuse with 403 is let through, recorded and counted. For a while, before a rule is made tighter.'),
  id: nameText().optional().describe('A name for logs and metrics.'),
  description: z.string().optional().describe('For people.'),
  escapes: oneOrMany(escapeSchema).optional().describe('Escapes that are refused elsewhere and pass within this rule\'s own parameters, as sent: %2f, %5c, %25, %3b.'),
  matrix: flag().prefault(false).describe('true: matrix parameters (;v=2) pass within this rule\'s own parameters, as sent.'),
  idempotency: idempotencySchema.optional().describe('Writes that a caller may repeat: each is carried out once, and a repeat gets the first one\'s answer.'),
  batch: batchSchema.optional().describe('For OData\'s POST …/$batch: the body is read, and each request in it is decided. Left out, what is in it is not looked at.'),
  ...shared
})

/** routes.yaml: who may do what. */
export const routesSchema = z.strictObject({
  defaults: defaultsSchema.optional().describe('What holds for every rule that does not say otherwise.'),
  routes: z.array(ruleSchema).min(1, 'must not be empty').describe('The rules. The path alone picks one; their order does not count.')
}).meta({ title: 'Countersign: routes.yaml', description: 'Who may do what: one rule per path and method.' })

export type RoutesFile = z.output<typeof routesSchema>
export type Rule = z.output<typeof ruleSchema>
export type Defaults = z.output<typeof defaultsSchema>
export type RateLimit = z.output<typeof rateLimit>
