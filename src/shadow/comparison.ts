import type { Visit } from '../calling/upstream-request.ts'
import { within } from '../common/memo.ts'
import type { Configuration, Route } from '../config/configuration.ts'
import { changedKeys } from '../explain/policy-difference.ts'
import type { RuleReference } from '../observe/audit.ts'
import type { Said, ShadowKind } from '../observe/shadow-tally.ts'
import type { Verdict } from './verdict.ts'

/** What the verdict of other rules changes for a request that was decided by those of a configuration. */
export type Comparison = (inForce: Configuration, visit: Visit, verdict: Verdict) => ShadowKind | 'same' | 'undecided'

/** Whether the rules had a word on it: what is refused for its spelling, its rate or an outage is not theirs. */
export function wasDecided ({ record: { granted, refusal } }: Visit): boolean {
  return granted || (refusal !== undefined && DECIDED.has(refusal.problem.status))
}

const DECIDED: ReadonlySet<number> = new Set([401, 403, 404, 405])

export function createComparison (): Comparison {
  const routes = new WeakMap<Configuration, Map<string, Route>>()
  const otherwise = new WeakMap<Route, WeakMap<Route, readonly string[]>>()

  function routeOf (configuration: Configuration, rule: RuleReference | undefined): Route | undefined {
    const known = within(routes, configuration, ({ routes }) => new Map(routes.map(route => [nameOf({ id: route.name, at: route.at }), route])))
    return rule && known.get(nameOf(rule))
  }

  function keysOf (was: Route | undefined, is: Route | undefined): readonly string[] {
    if (was === undefined || is === undefined) return []
    return within(within(otherwise, was, () => new WeakMap<Route, readonly string[]>()), is, () => otherKeys(was, is))
  }

  return (inForce, { record }, { rule, route, refusal, principal = record.principal }) => {
    // What could not be verified just now was not decided.
    if (refusal !== undefined && refusal.problem.status >= 500) return 'undecided'
    const before: Said = { rule: record.refusedPart?.rule ?? record.rule, code: record.granted ? undefined : record.refusal?.code }
    const now: Said = { rule, code: refusal?.code }
    const keys = before.code === undefined && now.code === undefined ? keysOf(routeOf(inForce, record.rule), route) : []
    const outcome = outcomeOf(before, now, keys)
    if (outcome === 'same') return 'same'
    return { outcome, before: plain(before), now: plain(now), client: principal?.client, issuer: principal?.issuer, keys }
  }
}

function outcomeOf (before: Said, now: Said, keys: readonly string[]): ShadowKind['outcome'] | 'same' {
  if (before.code === undefined) return now.code !== undefined ? 'now_refused' : keys.length > 0 ? 'other_rule' : 'same'
  if (now.code === undefined) return 'now_passed'
  return before.code === now.code ? 'same' : 'other_refusal'
}

function otherKeys (was: Route, is: Route): string[] {
  const keys = changedKeys(was, is).filter(key => key !== 'enforce')
  // The same words, from another path.
  const goesElsewhere = is.rewrite !== undefined && is.rewrite === was.rewrite && is.match.path !== was.match.path
  return goesElsewhere ? [...keys, 'rewrite'] : keys
}

// Two rules may stand in one line.
function nameOf ({ id, at }: RuleReference): string {
  return `${at} ${id}`
}

// A reference is the compiled rule itself: none of that is to be told.
function plain ({ rule, code }: Said): Said {
  return { rule: rule && { id: rule.id, at: rule.at }, code }
}
