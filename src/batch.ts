import { isWrite } from './calling/call-once.ts'
import type { Visit } from './calling/upstream-request.ts'
import { askForBody } from './inbound/server-events.ts'
import { framedOf, type Admitted, type Asked, type Stages } from './journey.ts'
import type { AuditRecord } from './observe/audit.ts'
import { bodyTooLarge } from './outbound/caller-body.ts'
import { readWhole } from './outbound/whole-body.ts'
import { foldName } from './policy/batch/fields.ts'
import { labelOf, type Batch, type Part } from './policy/batch/part.ts'
import { bodyReader } from './policy/batch/read.ts'
import { resolveTarget, unsupported, type PartTarget } from './policy/batch/target.ts'
import { decide, refusalOf, type Decision, type PolicyRule } from './policy/decide.ts'
import type { Found, Matcher } from './policy/match.ts'
import { isMethodOverride } from './policy/method-override.ts'
import { Refusal, refuse } from './policy/problems.ts'
import { whereRequest } from './policy/where.ts'
import type { BatchRule, CompiledRoute } from './routes.ts'

/**
 * Reads the body of a batch, and lets it go on where each of its requests would be let through as a request of its own:
 * by the rule that its path meets, for the same caller. From here on the body is held, and goes out as it was read.
 * @throws {Refusal} by its promise; that of the first of its requests which is refused
 */
export async function admitBatch ({ maxParts, bodyLimit }: BatchRule, stages: Stages, asked: Asked, visit: Visit, admitted: Admitted): Promise<void> {
  const { record, incoming, response } = visit
  const { found: { rule }, guarded, principal } = admitted
  if (record.method !== 'POST' && !guarded.hasBody) return
  record.granted = false
  if (record.method !== 'POST' || !guarded.hasBody) throw refuse('batch-malformed', 'A batch is a POST with a body, and nothing else has one here.')
  const read = bodyReader(incoming.rawHeaders)
  if (Number(incoming.headers['content-length'] ?? 0) > bodyLimit) throw bodyTooLarge(bodyLimit)
  askForBody(incoming, response)
  visit.held = await readWhole(incoming, bodyLimit, rule.idleTimeout)
  visit.batch = read(Buffer.concat(visit.held.chunks), maxParts)
  record.batchParts = visit.batch.parts.length
  const met = decideParts(visit.batch, stages, admitted, record)
  let current: Part | undefined
  try {
    // Counted only where all of them may be: what is not carried out takes nothing of a limit.
    for (const { part, found } of met) {
      current = part
      record.refusedPart = { number: part.number, rule: found.rule.rule }
      for (const limit of found.rule.limits) await limit(framedOf(asked), principal)
    }
  } catch (error) {
    throw error instanceof Refusal && current !== undefined ? ofPart(current, error) : error
  }
  record.refusedPart = undefined
  record.granted = true
}

/**
 * Decides each request of a batch, and writes down on the way which one it is.
 * @throws {Refusal} that of the first which is refused
 */
export function decideParts ({ parts, ids }: Batch, stages: Pick<Stages, 'matcher' | 'now'>, admitted: Admitted, record: Pick<AuditRecord, 'refusedPart' | 'report'>): Array<{ part: Part, found: FoundPart }> {
  const judge = new Judge(stages, admitted, ids)
  let current: Part | undefined
  try {
    return parts.map(part => {
      current = part
      record.refusedPart = { number: part.number, rule: undefined }
      const found = judge.find(part)
      record.refusedPart = { number: part.number, rule: found.rule.rule }
      const reported = judge.decide(part, found)
      if (reported !== undefined) record.report(found.rule.rule, ofPart(part, reported))
      return { part, found }
    })
  } catch (error) {
    throw error instanceof Refusal && current !== undefined ? ofPart(current, error) : error
  }
}

/** What a part met. */
type FoundPart = Found<CompiledRoute> & { readonly target: PartTarget }

/** Decides the requests of one batch. */
class Judge {
  readonly #matcher: Matcher<CompiledRoute>
  readonly #admitted: Admitted
  readonly #ids: ReadonlySet<string>
  readonly #now: number
  /** the folder of the batch's own path, and the ERP's */
  readonly #root: string
  readonly #upstreamRoot: string
  /** of the rules that depend on the principal alone */
  readonly #decisions = new Map<PolicyRule, Decision>()

  constructor ({ matcher, now }: Pick<Stages, 'matcher' | 'now'>, admitted: Admitted, ids: ReadonlySet<string>) {
    const { found, target: { path } } = admitted
    this.#matcher = matcher
    this.#admitted = admitted
    this.#ids = ids
    this.#now = now()
    this.#root = folderOf(path)
    this.#upstreamRoot = folderOf(found.rule.plan.paths.toUpstream(path, found))
  }

  find ({ method, target: sent }: Part): FoundPart {
    const target = resolveTarget(sent, this.#root, this.#ids)
    const { rule, params, rest } = this.#matcher.find(method, target.path)
    rule.checkQuery?.(target.query)
    if (target.otherPath !== target.path && this.#meetsAnother(method, target.otherPath, rule)) {
      throw refuse('target-ambiguous', 'This path would meet another rule for a server that takes it from the root of the service. Write it from there.')
    }
    return { rule, params, rest, target }
  }

  /** @returns why it would be refused, where it is let through for `enforce: report` alone */
  decide (part: Part, found: FoundPart): Refusal | undefined {
    assertHeaders(part, found.rule)
    const reported = this.#authorise(part, found)
    this.#assertFits(part, found)
    if (part.bodyLength > 0 && (part.method === 'GET' || part.method === 'HEAD')) throw refuse('body-unexpected', 'GET and HEAD take no body.')
    if (part.bodyLength > found.rule.bodyLimit) throw bodyTooLarge(found.rule.bodyLimit)
    return reported
  }

  #authorise ({ method }: Part, { rule: { rule }, params, target: { path } }: FoundPart): Refusal | undefined {
    if (rule.requirement === 'public') return undefined
    const { principal, origin: { address } } = this.#admitted
    if (principal === undefined) throw refuse('credential-missing', 'The batch itself takes none, so that no token was looked at.')
    const decision = this.#decisions.get(rule) ?? decide(rule, principal, { now: this.#now, request: whereRequest(method, path, params, address) })
    if (rule.isConstant) this.#decisions.set(rule, decision)
    if (!decision.granted) throw refusalOf(rule, principal, decision)
    return decision.reported && refusalOf(rule, principal, decision.reported)
  }

  // What a rule does beside a request's body, nobody can do within one.
  #assertFits ({ method }: Part, found: FoundPart): void {
    const { rule, target } = found
    const batch = this.#admitted.found.rule
    if (rule.upstream !== batch.upstream) throw unsupported('its rule has another upstream')
    if (rule.besideBody !== batch.besideBody) throw unsupported('its rule has a credential, an identity or headers that the rule of the batch has not, or lacks some that it has')
    if (rule.idempotency !== undefined && isWrite(method)) throw unsupported('its rule remembers writes, which nobody can do for one within a batch')
    const there = rule.plan.paths.toUpstream(target.path, found)
    const asRead = target.isAbsolute ? target.path : this.#upstreamRoot + target.path.slice(this.#root.length)
    if (there !== asRead || (target.isAbsolute && this.#root !== this.#upstreamRoot)) throw unsupported('its path is another one at the upstream')
  }

  #meetsAnother (method: string, path: string, rule: CompiledRoute): boolean {
    try {
      return this.#matcher.find(method, path).rule !== rule
    } catch (error) {
      if (error instanceof Refusal) return error.code !== 'route-not-found'
      throw error
    }
  }
}

// Outside, they would be removed; here the ERP would see them.
function assertHeaders ({ headers }: Part, { plan }: CompiledRoute): void {
  for (const name of headers) {
    const folded = foldName(name)
    if (isMethodOverride(folded)) throw refuse('method-override', 'Send the method that is meant; overrides are not accepted.')
    if (folded !== 'content-length' && !plan.passes(name)) throw refuse('batch-part-header', `It has a header that does not go to the upstream as it is: ${name}.`, { saw: name })
  }
}

function ofPart (part: Part, { code, detail, extras }: Refusal): Refusal {
  return refuse(code, `${labelOf(part)}: ${detail}`, { ...extras, saw: `part ${part.number}${extras.saw === undefined ? '' : `: ${extras.saw}`}` })
}

function folderOf (path: string): string {
  return path.slice(0, path.lastIndexOf('/') + 1)
}
