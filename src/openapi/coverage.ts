import type { Route } from '../config/configuration.ts'
import { sampleFor, samplePath } from '../policy/conflicts.ts'
import { compileMatcher, type Matcher } from '../policy/match.ts'
import { METHODS, type Method } from '../policy/pattern.ts'
import { Refusal, type ProblemCode } from '../policy/problems.ts'
import { parseTarget } from '../policy/target.ts'
import { compareAudiences } from '../policy/wider.ts'
import type { Description, Operation } from './description.ts'
import { requestPath } from './path.ts'
import { draftRules, fullTemplate, nameOf, type Draft, type ImportOptions } from './rules.ts'
import { ANYBODY, tellWho } from './security.ts'

/** How a policy and a description of the same API fit. */
export interface Coverage {
  readonly operations: number
  readonly rules: number
  /** operations whose requests are refused whoever sends them */
  readonly missing: ReadonlyArray<{ readonly operation: string, readonly path: string, readonly code: ProblemCode, readonly detail: string }>
  /** rules, or methods of theirs, that no operation is about */
  readonly unknown: ReadonlyArray<{ readonly methods: readonly Method[], readonly path: string, readonly at: string }>
  /** operations whose rule lets in others than their description, or more; as far as it can be told */
  readonly different: readonly Difference[]
  readonly unread: Description['unread']
}

export interface Difference {
  readonly operation: string
  readonly comparison: 'wider' | 'other'
  readonly rule: Route
  /** who may, by the description */
  readonly told: Pick<Route, 'require' | 'issuers'> | undefined
  /** what else it takes, in words */
  readonly left: readonly string[]
}

/**
 * Asks for each operation which rule its requests meet, and for each rule whether there is an operation that it is about.
 * @param matcher of the gateway, by these rules
 */
export function coverageOf (description: Description, routes: readonly Route[], matcher: Matcher<{ readonly route: Route }>, options: ImportOptions = {}): Coverage {
  const drafts = draftRules(description, options).filter((draft): draft is Draft => draft.kind !== 'inexpressible')
  const sample = sampleFor([...routes, ...drafts])
  const met = new Map<Route, Set<string>>()
  const missing: Array<Coverage['missing'][number]> = []
  const different: Difference[] = []
  for (const operation of description.operations) {
    const path = requestPath(fullTemplate(operation, options.base), sample)
    const rule = find(matcher, operation.method, path)
    if (rule instanceof Refusal) {
      missing.push({ operation: nameOf(operation), path, code: rule.code, detail: rule.detail })
      continue
    }
    if (!met.has(rule.route)) met.set(rule.route, new Set())
    met.get(rule.route)?.add(operation.method)
    const difference = differenceOf(operation, rule.route, description, options)
    if (difference !== undefined) different.push(difference)
  }
  const described = compileMatcher(drafts)
  return {
    operations: description.operations.length,
    rules: routes.length,
    missing,
    unknown: routes.flatMap(route => unknownOf(route, met.get(route), samplePath(route.match, sample), described)),
    different,
    unread: description.unread
  }
}

function find<R> (matcher: Matcher<R>, method: string, path: string): R | Refusal {
  try {
    return matcher.find(method, parseTarget(path, method, matcher.admits).path).rule
  } catch (error) {
    if (error instanceof Refusal) return error
    throw error
  }
}

/** @param described a rule may be about some of the requests that one operation is for: /pets/new of /pets/{id} */
function unknownOf ({ match, at }: Route, met: ReadonlySet<string> = new Set(), path: string, described: Matcher<Draft>): Coverage['unknown'] {
  const isKnown = (method: string) => met.has(method) || !(find(described, method, path) instanceof Refusal)
  const known = METHODS.filter(isKnown)
  if (match.any) return known.length > 0 ? [] : [{ methods: METHODS, path: match.path, at }]
  // HEAD comes with GET, also where it is named.
  const methods = match.methods.filter(method => !known.includes(method) && !(method === 'HEAD' && known.includes('GET')))
  return methods.length === 0 ? [] : [{ methods, path: match.path, at }]
}

// Where the description has other ways in as well, more than what could be told is still what it says: but for anybody.
function differenceOf (operation: Operation, rule: Route, { schemes }: Description, { said = new Map() }: ImportOptions): Difference | undefined {
  const { require, left } = tellWho(operation.security, schemes, said)
  const told = require && { require, issuers: rule.issuers }
  const isPublic = rule.require === 'public'
  if (told === undefined || left.length > 0) {
    if (!isPublic || left.includes(ANYBODY)) return undefined
    return { operation: nameOf(operation), comparison: 'wider', rule, told, left }
  }
  const comparison = compareAudiences(told, rule)
  return comparison === 'wider' || comparison === 'other' ? { operation: nameOf(operation), comparison, rule, told, left } : undefined
}
