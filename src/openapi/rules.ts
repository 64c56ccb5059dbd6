import { findConflicts, sampleFor } from '../policy/conflicts.ts'
import { compileMatcher, pathKey, type Matcher } from '../policy/match.ts'
import { METHODS, parseMatch, type Match } from '../policy/pattern.ts'
import { Refusal } from '../policy/problems.ts'
import { parseTarget } from '../policy/target.ts'
import { compareAudiences } from '../policy/wider.ts'
import type { Description, Operation } from './description.ts'
import { patternOf, requestPath } from './path.ts'
import { tellWho, type Said, type Told } from './security.ts'

/** A rule that comes of one operation, or of several with one path and one requirement. */
export interface Draft extends Told {
  /** `closed`: it is left to fill in, and until then a rule that nobody passes: without one its requests would meet another's */
  readonly kind: 'rule' | 'left' | 'closed'
  readonly match: Match
  readonly operations: readonly Operation[]
}

/** An operation that no rule can be about. */
export interface NoRule {
  readonly kind: 'inexpressible'
  readonly operation: Operation
  readonly why: string
  /** what would match it, and more */
  readonly wider: string | undefined
  /** whose rule takes its requests all the same, and lets in no more */
  readonly takenBy?: Operation | undefined
}

export interface ImportOptions {
  /** in the place of what the description's servers have in front of its paths */
  readonly base?: string | undefined
  readonly said?: Said
}

/** What becomes of each operation, in the order of the description. */
export function draftRules (description: Description, { base, said = new Map() }: ImportOptions = {}): Array<Draft | NoRule> {
  const drafts = description.operations.map(operation => draftOf(operation, description, base, said))
  return withoutLeaks(withoutConflicts(grouped(withoutRivals(drafts))), description, { base, said })
}

/** An operation's path with what its server has in front of it. */
export function fullTemplate ({ basePath, template }: Operation, base: string | undefined): string {
  return (base ?? basePath) + template
}

export function nameOf ({ method, template }: Operation): string {
  return `${method} ${template}`
}

function draftOf (operation: Operation, { schemes }: Description, base: string | undefined, said: Said): Draft | NoRule {
  const { method } = operation
  const pattern = patternOf(fullTemplate(operation, base))
  if (!METHODS.some(one => one === method)) return noRule(operation, `${method} is never served`)
  if ('problem' in pattern) return noRule(operation, pattern.problem, pattern.wider)
  const match = parsed(`${method} ${pattern.path}`)
  if (match === undefined) return noRule(operation, 'the path has too many segments')
  const told = tellWho(operation.security, schemes, said)
  return { kind: told.require === undefined ? 'left' : 'rule', match, operations: [operation], ...told }
}

function parsed (text: string): Match | undefined {
  try {
    return parseMatch(text)
  } catch {
    return undefined
  }
}

function noRule (operation: Operation, why: string, wider?: string): NoRule {
  return { kind: 'inexpressible', operation, why, wider }
}

/** Of two of one path and method that ask for different things neither is a rule: nobody knows which is meant. */
function withoutRivals (drafts: ReadonlyArray<Draft | NoRule>): Array<Draft | NoRule> {
  const byRequest = new Map<string, Draft[]>()
  for (const draft of drafts) {
    if (draft.kind === 'inexpressible') continue
    const key = `${draft.match.methods.join()} ${pathKey(draft.match)}`
    byRequest.set(key, [...byRequest.get(key) ?? [], draft])
  }
  const lost = new Map<Draft, string>()
  for (const rivals of byRequest.values()) {
    for (const draft of rivals) {
      const rival = rivals.find(other => askedBy(other) !== askedBy(draft))?.operations[0]
      if (rival !== undefined) lost.set(draft, `${nameOf(rival)} is the same path, and asks for something else`)
    }
  }
  return without(drafts, lost)
}

function askedBy ({ require, left }: Draft): string {
  return JSON.stringify([require, left])
}

/** One draft of those with one path and one requirement, where the first of them stands. */
function grouped (drafts: ReadonlyArray<Draft | NoRule>): Array<Draft | NoRule> {
  const groups = new Map<unknown, Draft | NoRule>()
  for (const draft of drafts) {
    if (draft.kind === 'inexpressible') {
      groups.set(draft, draft)
      continue
    }
    const key = `${pathKey(draft.match)} ${askedBy(draft)}`
    const known = groups.get(key)
    groups.set(key, known === undefined || known.kind === 'inexpressible' ? draft : together(known, draft))
  }
  return [...groups.values()]
}

function together (one: Draft, other: Draft): Draft {
  const methods = METHODS.filter(method => one.match.methods.includes(method) || other.match.methods.includes(method))
  return { ...one, match: { ...one.match, methods }, operations: [...one.operations, ...other.operations] }
}

// Of two that get in each other's way the first stays.
function withoutConflicts (drafts: ReadonlyArray<Draft | NoRule>): Array<Draft | NoRule> {
  const lost = new Map<Draft, string>()
  for (;;) {
    const live = drafts.filter((draft): draft is Draft => draft.kind !== 'inexpressible' && !lost.has(draft))
    const conflicts = findConflicts(live).filter(({ kind }) => kind !== 'hides')
    if (conflicts.length === 0) return without(drafts, lost)
    // Each of /Orders and /orders stands in the other's way.
    const later = conflicts.filter(({ rule, other }) => live.indexOf(rule) >= live.indexOf(other))
    for (const { rule, other } of later.length > 0 ? later : conflicts) lost.set(rule, whyLost(rule, other))
  }
}

function without (drafts: ReadonlyArray<Draft | NoRule>, lost: ReadonlyMap<Draft, string>): Array<Draft | NoRule> {
  return drafts.flatMap((draft): Array<Draft | NoRule> => {
    const why = draft.kind === 'inexpressible' ? undefined : lost.get(draft)
    return draft.kind === 'inexpressible' || why === undefined ? [draft] : draft.operations.map(operation => noRule(operation, why))
  })
}

function whyLost (rule: Draft, other: Draft): string {
  const [rival] = other.operations
  return rival === undefined || other === rule ? 'such a request is refused, or read as another' : `${nameOf(rival)} stands in its way`
}

/**
 * No operation may be let in by the rule of another: /pets/export, of which it cannot be told who may call it, is a request
 * of /pets/:id as well. It becomes a rule that nobody passes. Where it can be none (/pets/:id and /pets/{id}:sell), that of
 * the other is none either, unless it lets in no more.
 */
function withoutLeaks (drafts: ReadonlyArray<Draft | NoRule>, description: Description, { base, said = new Map() }: ImportOptions): Array<Draft | NoRule> {
  const rules = drafts.filter((draft): draft is Draft => draft.kind === 'rule' || draft.kind === 'closed')
  const matcher = compileMatcher(rules)
  const sample = sampleFor(rules)
  const meets = (operation: Operation) => ruleOf(matcher, operation.method, requestPath(fullTemplate(operation, base), sample))
  const closed = new Set<Draft>()
  const lost = new Map<Draft, string>()
  const taken = new Map<NoRule, Operation | undefined>()
  for (const draft of drafts) {
    if (draft.kind === 'left' && draft.operations.some(operation => meets(operation) !== undefined)) closed.add(draft)
    if (draft.kind !== 'inexpressible') continue
    const met = meets(draft.operation)
    taken.set(draft, met?.operations[0])
    if (met?.kind === 'rule' && letsInMore(met, tellWho(draft.operation.security, description.schemes, said))) lost.set(met, `it would take the requests of ${nameOf(draft.operation)}, too, for more callers`)
  }
  if (closed.size === 0 && lost.size === 0) return drafts.map(draft => draft.kind === 'inexpressible' ? { ...draft, takenBy: taken.get(draft) } : draft)
  const next = drafts.map(draft => draft.kind === 'left' && closed.has(draft) ? { ...draft, kind: 'closed' as const } : draft)
  return withoutLeaks(without(next, lost), description, { base, said })
}

function ruleOf (matcher: Matcher<Draft>, method: string, path: string): Draft | undefined {
  try {
    return matcher.find(method, parseTarget(path).path).rule
  } catch (error) {
    if (error instanceof Refusal) return undefined
    throw error
  }
}

function letsInMore ({ require }: Draft, told: Told): boolean {
  if (require === undefined || told.require === undefined) return true
  const comparison = compareAudiences({ require: told.require, issuers: [] }, { require, issuers: [] })
  return comparison === 'wider' || comparison === 'other'
}
