import { Ring } from '../common/ring.ts'
import type { Configuration } from '../config/configuration.ts'
import type { Principal } from '../policy/principal.ts'
import type { ProblemCode, Refusal, RefusalExtras, ToldRefusal } from '../policy/problems.ts'
import type { RuleReference } from './audit.ts'
import type { RefusalGroup, RefusalGroups } from './snapshot.ts'

/** A request that was refused, or would have been, as far as it may be remembered: no token, no header, no query. */
export interface PastRefusal {
  readonly decision: string
  /** ms since the epoch */
  readonly time: number
  readonly method: string
  /** without its query */
  readonly path: string
  readonly rule: RuleReference | undefined
  readonly principal: Principal | undefined
  readonly refusal: ToldRefusal
  /** whether it passed all the same (`enforce: report`) */
  readonly letThrough: boolean
  /** by which it was decided */
  readonly configuration: Configuration
}

/** What is to be remembered, as it comes. */
export interface Refused extends Omit<PastRefusal, 'time' | 'path' | 'refusal'> {
  readonly target: string
  readonly refusal: Refusal
}

/** What refusals have in common; what is undefined is not asked for. An empty name: no rule met, no client known. */
export interface Common {
  readonly code?: string | undefined
  readonly rule?: string | undefined
  readonly client?: string | undefined
}

/** The last so many refusals of this process, in memory, and as many that were let through in their place. */
export class PastRefusals {
  readonly #refused: Ring<Row>
  // Apart: a busy rule that is tried out must not make the refusals forgotten.
  readonly #letThrough: Ring<Row>

  constructor (most: number) {
    this.#refused = new Ring<Row>(most)
    this.#letThrough = new Ring<Row>(most)
  }

  /** It does not fail: what was refused may be a failure of the gateway's own, its injected clock's even. */
  keep (refused: Refused): void {
    // Nobody got that answer.
    if (refused.refusal.code === 'client-gone') return
    const ring = refused.letThrough ? this.#letThrough : this.#refused
    ring.reused(newRow).write(refused)
  }

  /** By its decision's id. What was let through may have been refused for something else: that is what is told then. */
  find (decision: string): PastRefusal | undefined {
    const isIt = (row: Row): boolean => row.decision === decision
    return (this.#refused.inOrder().find(isIt) ?? this.#letThrough.inOrder().find(isIt))?.read()
  }

  /** The last ones, the newest first. */
  latest (most: number, { code, rule, client }: Common = {}): PastRefusal[] {
    const all = [...this.#refused.inOrder(), ...this.#letThrough.inOrder()]
    const asked = all.filter(row => (code ?? row.code) === row.code && (rule ?? ruleOf(row)) === ruleOf(row) && (client ?? clientOf(row)) === clientOf(row))
    return asked.sort((one, other) => one.time - other.time).slice(-most).reverse().map(row => row.read())
  }

  /** Of what was refused. */
  groups (): RefusalGroups {
    const all = this.#refused.inOrder()
    return {
      remembered: all.length,
      since: all[0]?.time,
      code: grouped(all, ({ code }) => code),
      rule: grouped(all, ruleOf),
      client: grouped(all, clientOf)
    }
  }
}

/**
 * Where a refusal is written down. A row is written over, not replaced: a thousand objects that each live for a second are what
 * the collection of garbage is dearest for, up to five times what they cost so.
 */
class Row {
  decision = ''
  time = 0
  code: ProblemCode = 'internal'
  rule: RuleReference | undefined
  principal: Principal | undefined
  #method = ''
  #path = ''
  #detail = ''
  #saw: string | undefined
  #headers: RefusalExtras['headers'] | undefined
  #letThrough = false
  #configuration: Configuration | undefined

  write ({ decision, method, target, rule, principal, refusal: { code, detail, extras }, letThrough, configuration }: Refused): void {
    this.decision = decision
    this.time = Date.now()
    this.code = code
    this.rule = rule
    this.principal = principal
    this.#method = method
    this.#path = pathOf(target)
    this.#detail = detail
    this.#saw = extras.saw
    this.#headers = extras.headers
    this.#letThrough = letThrough
    this.#configuration = configuration
  }

  read (): PastRefusal {
    const { decision, time, code, rule, principal } = this
    if (this.#configuration === undefined) throw new Error('a row that was never written is read')
    const refusal = { code, detail: this.#detail, extras: { saw: this.#saw, headers: this.#headers } }
    return { decision, time, method: this.#method, path: this.#path, rule, principal, refusal, letThrough: this.#letThrough, configuration: this.#configuration }
  }
}

function newRow (): Row {
  return new Row()
}

/** So many characters of a path are remembered. */
const MOST_OF_PATH = 1024

function pathOf (target: string): string {
  const query = target.indexOf('?')
  const path = query === -1 ? target : target.slice(0, query)
  if (target.length <= MOST_OF_PATH) return path
  // A part of a text holds all of it: of a long one it is copied, so that a thousand of them take no more than they show.
  const kept = Buffer.from(path.slice(0, MOST_OF_PATH)).toString()
  return path.length > MOST_OF_PATH ? `${kept}…` : kept
}

/** Groups that are told: a thousand refusals may be of a thousand clients. */
export const MOST_GROUPS = 50

function grouped (rows: readonly Row[], nameOf: (row: Row) => string): RefusalGroup[] {
  const groups = new Map<string, RefusalGroup>()
  // The newest comes last, and is the one that the group is shown by.
  for (const row of rows) {
    const name = nameOf(row)
    groups.set(name, { name, count: (groups.get(name)?.count ?? 0) + 1, decision: row.decision, time: row.time })
  }
  return [...groups.values()].sort((one, other) => other.count - one.count || other.time - one.time).slice(0, MOST_GROUPS)
}

function ruleOf ({ rule }: Row): string {
  return rule?.id ?? ''
}

function clientOf ({ principal }: Row): string {
  return principal?.client ?? ''
}
