import type { Route } from '../config/configuration.ts'
import { fingerprint } from '../config/fingerprint.ts'
import { methodsOf, sampleFor, samplePath } from '../policy/conflicts.ts'
import { compileMatcher, type Matcher } from '../policy/match.ts'
import { METHODS, type Method } from '../policy/pattern.ts'
import { Refusal } from '../policy/problems.ts'
import { compareAudiences, type Comparison } from '../policy/wider.ts'
import { sentenceOf } from './sentence.ts'

/** What another policy changes for requests of one kind. */
export interface PolicyChange {
  /** `same`: the same callers, otherwise dealt with */
  readonly comparison: Comparison
  readonly methods: readonly Method[]
  readonly path: string
  /** who might, in words; nobody where no rule took it */
  readonly before: string
  readonly now: string
  /** where the rule stands that takes it now, else the one that did */
  readonly at: string
  /** other keys of the rule that say something else */
  readonly keys: readonly string[]
}

const ORDER: readonly Comparison[] = ['wider', 'other', 'narrower', 'same']

/**
 * What becomes of requests by other rules, wider ones first. For each path that either policy names it is asked which rule
 * takes it, by each method: a rule that was added in front of a broader one, or taken away from there, is seen as well.
 */
export function policyDifference (before: readonly Route[], now: readonly Route[]): PolicyChange[] {
  const sample = sampleFor([...before, ...now])
  const [old, next] = [compileMatcher(before), compileMatcher(now)]
  const paths = new Map([...before, ...now].map(({ match }) => [match.path, samplePath(match, sample)]))
  const changes = [...paths].flatMap(([path, asked]) => changesAt(path, asked, old, next))
  return changes.sort((one, other) => ORDER.indexOf(one.comparison) - ORDER.indexOf(other.comparison))
}

function changesAt (path: string, asked: string, old: Matcher<Route>, next: Matcher<Route>): PolicyChange[] {
  const changes = new Map<string, PolicyChange & { methods: Method[] }>()
  for (const method of METHODS) {
    const [was, is] = [find(old, method, asked), find(next, method, asked)]
    const comparison = compareAudiences(was, is)
    const keys = was === undefined || is === undefined ? [] : changedKeys(was, is)
    if (comparison === 'same' && keys.length === 0) continue
    const change = { comparison, path, before: wordsOf(was), now: wordsOf(is), at: (is ?? was)?.at ?? '', keys }
    const known = changes.get(JSON.stringify(change))
    if (known === undefined) changes.set(JSON.stringify(change), { ...change, methods: [method] })
    else known.methods.push(method)
  }
  return [...changes.values()].map(withoutHead)
}

// HEAD comes with GET, and need not be said.
function withoutHead (change: PolicyChange): PolicyChange {
  return change.methods.includes('GET') ? { ...change, methods: methodsOf({ methods: change.methods, any: false, path: '', segments: [] }).filter(method => method !== 'HEAD') } : change
}

function find (matcher: Matcher<Route>, method: Method, path: string): Route | undefined {
  try {
    return matcher.find(method, path).rule
  } catch (error) {
    if (error instanceof Refusal) return undefined
    throw error
  }
}

function wordsOf (route: Route | undefined): string {
  return route === undefined ? 'nobody' : sentenceOf(route)
}

// Where it stands and what it is called is no part of what it says; who it takes is compared by itself.
const OTHERWISE: ReadonlySet<string> = new Set(['at', 'name', 'id', 'description', 'match', 'require', 'issuers'])

/** The keys in which two rules differ, beside whom they take. */
export function changedKeys (was: Route, is: Route): string[] {
  return Object.keys(is).filter(key => !OTHERWISE.has(key) && fingerprint(Reflect.get(was, key)) !== fingerprint(Reflect.get(is, key)))
}
