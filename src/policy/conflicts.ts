import { compileMatcher, fold, pathKey, type Matchable, type Matcher } from './match.ts'
import { encodeSegment, METHODS, type Match, type Method } from './pattern.ts'
import { Refusal } from './problems.ts'
import { decodePath, parseTarget } from './target.ts'

/** Two rules that get in each other's way. */
export interface Conflict<R> {
  readonly kind: 'equal-precedence' | 'never-matches' | 'hides'
  readonly rule: R
  /** the rule that it collides with, is shadowed by, or (for `hides`) whose methods it hides */
  readonly other: R
  readonly methods: readonly Method[]
}

/**
 * What no set of rules may have (`equal-precedence`, `never-matches`) and what an operator should look at (`hides`: a
 * narrower path without a method that a broader path has, where the broader rule is never asked).
 */
export function findConflicts<R extends Matchable> (rules: readonly R[]): Conflict<R>[] {
  const groups = [...groupByPath(rules).values()]
  const equal = groups.flatMap(sameMethods)
  if (equal.length > 0) return equal
  const matcher = compileMatcher(rules)
  const sample = sampleFor(rules)
  const lost = unreachable(rules, matcher, sample)
  const lostRules = new Set(lost.map(({ rule }) => rule))
  const live = groups.filter(group => !group.every(rule => lostRules.has(rule)))
  return [...lost, ...hidden(live, matcher, sample)]
}

/** The methods that a rule names, with HEAD where it comes with GET. */
export function methodsOf (match: Match): readonly Method[] {
  return match.methods.includes('GET') && !match.methods.includes('HEAD') ? [...match.methods, 'HEAD'] : match.methods
}

function groupByPath<R extends Matchable> (rules: readonly R[]): Map<string, R[]> {
  const groups = new Map<string, R[]>()
  for (const rule of rules) {
    const key = pathKey(rule.match)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [rule])
    else group.push(rule)
  }
  return groups
}

function sameMethods<R extends Matchable> (group: readonly R[]): Conflict<R>[] {
  return group.flatMap((rule, at) => group.slice(0, at).flatMap(other => {
    if (rule.match.any !== other.match.any) return []
    const methods = rule.match.methods.filter(method => other.match.methods.includes(method))
    return methods.length === 0 ? [] : [{ kind: 'equal-precedence' as const, rule, other, methods }]
  }))
}

// A rule whose own plainest requests are not its own never matches: /x/ beside /x, /Orders beside /orders, /%20a, an ANY
// whose every method another rule of the path names.
function unreachable<R extends Matchable> (rules: readonly R[], matcher: Matcher<R>, sample: string): Conflict<R>[] {
  const longest = Math.max(0, ...new Set(rules.map(({ match }) => match.segments.length)))
  return rules.flatMap(rule => {
    const { match } = rule
    const methods = methodsOf(match)
    for (const path of samplePaths(match, sample, longest)) {
      if (methods.some(method => answers(matcher, method, path, rule))) return []
    }
    const other = matcher.candidates(samplePath(match, sample)).find(one => one !== rule) ?? rule
    return [{ kind: 'never-matches' as const, rule, other, methods: match.methods }]
  })
}

/** Paths that the match meets. What /a/* matches may be another's for one length of path (/a/:x/:y) and its own for the next. */
export function * samplePaths (match: Match, sample: string, longest: number): Generator<string> {
  const path = samplePath(match, sample)
  yield path
  if (match.segments.at(-1)?.kind !== 'rest') return
  let below = path.slice(0, -restOf(sample).length)
  yield below
  for (let more = 0; more <= longest; more++) {
    yield below + sample
    below += `${sample}/`
  }
}

function answers<R extends Matchable> (matcher: Matcher<R>, method: string, path: string, rule: R): boolean {
  try {
    return matcher.find(method, parseTarget(path).path).rule === rule
  } catch (error) {
    if (error instanceof Refusal) return false
    throw error
  }
}

/**
 * What any segment could be, and any key: no literal of the rules in whatever spelling, and nothing that what stands around
 * a key could be longer by.
 */
export function sampleFor (rules: readonly Matchable[]): string {
  const segments = rules.flatMap(({ match }) => match.segments)
  const edge = edgeFor(segments.map(one => one.kind === 'key' ? decodePath(one.head + one.tail) : '').join(''))
  const literals = new Set(segments.map(one => one.kind === 'literal' ? fold(decodePath(one.text)) : ''))
  const isTaken = (text: string) => [...literals].some(literal => literal.includes(text))
  let sample = `${edge}sample${edge}`
  while (isTaken(fold(decodePath(sample)))) sample += edge
  return sample
}

function edgeFor (texts: string): string {
  let edge = '~'
  // Letters that have no case.
  for (let code = 0x4e00; texts.includes(edge); code++) edge = String.fromCodePoint(code)
  return encodeSegment(edge)
}

/** A path that the match meets, with the sample in the place of what may be anything. */
export function samplePath (match: Match, sample: string): string {
  return '/' + match.segments.map(segment => {
    if (segment.kind === 'literal') return segment.text
    if (segment.kind === 'key') return segment.head + sample + segment.tail
    return segment.kind === 'param' ? sample : restOf(sample)
  }).join('/')
}

function restOf (sample: string): string {
  return `${sample}/${sample}`
}

// Thousands of rules that overlap hide millions of methods; nobody reads so many.
const MOST_HIDDEN = 1000

// A broader path is one that matches the sample of the narrower one, and is no longer: where the narrower one has `*`, the
// sample has two segments.
function hidden<R extends Matchable> (groups: ReadonlyArray<readonly R[]>, matcher: Matcher<R>, sample: string): Conflict<R>[] {
  const found: Conflict<R>[] = []
  for (const group of groups) {
    const [rule] = group
    if (rule === undefined || found.length >= MOST_HIDDEN) return found
    const candidates = matcher.candidates(samplePath(rule.match, sample))
    if (candidates.length === group.length) continue
    const named = group.flatMap(({ match }) => methodsOf(match))
    for (const other of candidates) {
      const methods = METHODS.filter(method => methodsOf(other.match).includes(method) && !named.includes(method))
      if (methods.length > 0 && other.match.segments.length <= rule.match.segments.length) found.push({ kind: 'hides', rule, other, methods })
    }
  }
  return found
}
