import { findConflicts, type Conflict } from '../policy/conflicts.ts'
import { pathKey } from '../policy/match.ts'
import type { Match, Method } from '../policy/pattern.ts'
import type { Draft } from './draft.ts'

/** One request, one rule: reports rules of equal precedence, rules that never match, and (a warning) methods hidden. */
export function checkConflicts ({ routes, rules }: Draft): void {
  const placed = rules.flatMap(({ match }, at): Placed[] => match === undefined ? [] : [{ match, at }])
  const equal = equalRules(placed)
  for (const conflict of equal) report(conflict)
  // Equal rules would hide the rest from the search, which also compares every pair of them.
  const losers = new Set(equal.map(({ rule }) => rule))
  for (const conflict of findConflicts(placed.filter(rule => !losers.has(rule)))) report(conflict)

  function report ({ kind, rule, other, methods }: Conflict<Placed>): void {
    const rival = `routes[${other.at}] (${other.match.path})`
    const names = methods.join(', ')
    if (kind === 'equal-precedence') routes.report(['routes', rule.at, 'match'], `${rival} matches ${names} there with equal precedence: one request, one rule`)
    else if (kind === 'hides') routes.report(['routes', rule.at, 'match'], `hides ${names} of ${rival}: there they are 405`, { severity: 'warning' })
    else if (other.at === rule.at) routes.report(['routes', rule.at, 'match'], 'can never match: such a request is refused or is read as another')
    else routes.report(['routes', rule.at, 'match'], `can never match: ${rival} stands in its way`)
  }
}

interface Placed { readonly match: Match, readonly at: number }

/** Each rule with a method of its path that an earlier one has, with the first such. */
function equalRules (placed: readonly Placed[]): Array<Conflict<Placed>> {
  const paths = new Map<string, Map<Method, Placed>>()
  return placed.flatMap(rule => {
    const { any, methods } = rule.match
    const path = `${any ? 'ANY' : ''} ${pathKey(rule.match)}`
    const first = paths.get(path)
    if (first === undefined) {
      paths.set(path, new Map(methods.map(method => [method, rule])))
      return []
    }
    const taken = methods.filter(method => first.has(method))
    for (const method of methods) if (!first.has(method)) first.set(method, rule)
    const [method] = taken
    const other = method === undefined ? undefined : first.get(method)
    return other === undefined ? [] : [{ kind: 'equal-precedence' as const, rule, other, methods: taken }]
  })
}
