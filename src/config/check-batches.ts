import { parsePattern, type Match, type Segment } from '../policy/pattern.ts'
import { besideBody } from './beside-body.ts'
import type { Draft } from './draft.ts'
import { identityOf, mergeHeaders } from './merge.ts'
import type { Path } from './mistakes.ts'
import { parseRewrite } from './rewrite.ts'
import type { Rule } from './routes-schema.ts'
import { rawAt } from './zod-mistakes.ts'

/** The whole of a batch is held in memory, and is read in one go. */
const LARGEST = 32 * 1024 * 1024

const WRITES: readonly string[] = ['POST', 'PUT', 'PATCH', 'DELETE']

/** Rules that look into batches, and (warnings) those that no request within a batch can go by. */
export function checkBatches (draft: Draft): void {
  draft.rules.forEach((rule, at) => {
    const { match } = rule
    if (match === undefined || rule.batch === undefined) return
    const path: Path = ['routes', at]
    const isBatch = endsInBatch(match.segments) && match.methods.includes('POST')
    if (!isBatch) draft.routes.report([...path, 'batch'], 'only a rule whose match takes POST and ends in /$batch takes batches', { on: 'key' })
    checkRewrite(draft, path, rule)
    checkLimit(draft, path, rule)
    if (isBatch) warnOfMisfits(draft, at, rule, match)
  })
}

function checkRewrite ({ routes, defaults }: Draft, path: Path, { rewrite = defaults.rewrite }: Partial<Rule>): void {
  if (rewrite === undefined || parseRewrite(rewrite).problem !== undefined || endsInBatch(parsePattern(rewrite))) return
  routes.report([...path, 'batch'], 'its rewrite must end in /$batch: what is in a batch is named from there', { on: 'key' })
}

function checkLimit ({ routes, defaults }: Draft, path: Path, { body_limit: limit = defaults.body_limit }: Partial<Rule>): void {
  if (limit === undefined || limit <= LARGEST) return
  const own = rawAt(routes.value, [...path, 'body_limit']) !== undefined
  routes.report([...path, own ? 'body_limit' : 'batch'], 'a batch is held in memory and read in one go: give it a body_limit of at most 32MiB', { on: own ? 'value' : 'key' })
}

function warnOfMisfits (draft: Draft, batchAt: number, batch: Partial<Rule>, { segments }: Match): void {
  const { routes, rules, defaults } = draft
  const root = segments.slice(0, -1)
  const own = besideOf(draft, batch)
  rules.forEach((rule, at) => {
    if (rule.match === undefined || at === batchAt || endsInBatch(rule.match.segments) || !liesUnder(rule.match.segments, root)) return
    const why = (rule.upstream ?? defaults.upstream) !== (batch.upstream ?? defaults.upstream)
      ? 'another upstream'
      : (rule.rewrite === undefined) !== (batch.rewrite === undefined)
          ? 'a rewrite that only one of both has'
          : besideOf(draft, rule) === own
            ? rule.idempotency === undefined || !rule.match.methods.some(method => WRITES.includes(method)) ? undefined : 'idempotency, and no write within a batch can be remembered'
            : 'other headers, identity or credential, which cannot be applied within a body'
    if (why !== undefined) routes.report(['routes', at, 'match'], `no request in a batch of routes[${batchAt}] (${batch.match?.path ?? ''}) can go by this rule: it has ${why}`, { severity: 'warning' })
  })
}

function besideOf ({ defaults, upstreams = {} }: Draft, { upstream = defaults.upstream ?? Object.keys(upstreams)[0] ?? '', credential = defaults.credential, headers, response_headers, identity = defaults.identity }: Partial<Rule>): string {
  const own = Object.hasOwn(upstreams, upstream) ? upstreams[upstream] : undefined
  return besideBody({
    withoutCredential: credential === 'none',
    headers: mergeHeaders([own?.headers, defaults.headers, headers]),
    response_headers: mergeHeaders([own?.response_headers, defaults.response_headers, response_headers]),
    identity: identityOf(identity)
  })
}

function endsInBatch (segments: readonly Segment[]): boolean {
  const last = segments.at(-1)
  return last?.kind === 'literal' && last.text === '$batch'
}

/** Whether a path below the root could meet these segments. */
function liesUnder (segments: readonly Segment[], root: readonly Segment[]): boolean {
  for (const [at, one] of root.entries()) {
    const other = segments[at]
    if (other === undefined) return false
    if (other.kind === 'rest') return true
    if (one.kind === 'literal' && other.kind === 'literal' && one.text !== other.text) return false
  }
  return segments.length > root.length
}
