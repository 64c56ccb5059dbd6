import { METHODS, type Match, type Method, type Segment } from './pattern.ts'
import { refuse } from './problems.ts'
import { decodePath, isPlainPath } from './target.ts'

/** Anything that has a parsed `match`. */
export interface Matchable {
  readonly match: Match
}

export interface Found<R> {
  readonly rule: R
  /** what stood at the parameters and at `*`, as sent */
  readonly params: Readonly<Record<string, string>>
  readonly rest: string | undefined
}

/** All rules with one and the same path. */
interface Entry<R> {
  readonly rules: R[]
  readonly byMethod: Map<string, R>
}

/** One step of a path. A walk visits a node at most once, so that a match costs no more than the rules there are. */
interface Node<R> {
  /** undefined where there are none: most nodes are the last of their path */
  literals: Map<string, Node<R>> | undefined
  param: Node<R> | undefined
  rest: Entry<R> | undefined
  end: Entry<R> | undefined
}

/** Says for a path which rules are meant. Pure; immutable once built. */
export interface Matcher<R> {
  /**
   * The rule for a method and a path that `parseTarget` let through.
   * @throws {Refusal} route-not-found, method-not-allowed, target-ambiguous
   */
  find (method: string, path: string): Found<R>
  /** Every rule whose path this path could meet, the winner's first, in any spelling and by any method. */
  candidates (path: string): readonly R[]
}

/**
 * The path alone picks: segment by segment from the left, a literal before `:name` before `*`; then the method among
 * the rules of that very path. There is no falling back to a broader path.
 */
export function compileMatcher<R extends Matchable> (rules: readonly R[]): Matcher<R> {
  // Where no pattern has an escape, or a capital (nor an escape of one), two readings are one, and so are their trees.
  const plainRules = rules.every(({ match }) => match.segments.every(isPlainSegment))
  const lowerCaseRules = rules.every(({ match }) => match.segments.every(isFoldedSegment))
  const exactRoot = newNode<R>()
  const decodedRoot = plainRules ? exactRoot : newNode<R>()
  const foldedRoot = lowerCaseRules ? decodedRoot : newNode<R>()
  const entries = new Map<string, Entry<R>>()
  for (const rule of rules) addRule(rule)

  function addRule (rule: R): void {
    const { segments } = rule.match
    const key = pathKey(rule.match)
    const known = entries.get(key)
    if (known !== undefined) {
      known.rules.push(rule)
      return
    }
    const entry: Entry<R> = { rules: [rule], byMethod: new Map() }
    entries.set(key, entry)
    insert(exactRoot, segments, entry, text => text)
    if (decodedRoot !== exactRoot) insert(decodedRoot, segments, entry, decodePath)
    if (foldedRoot !== decodedRoot) insert(foldedRoot, segments, entry, text => fold(decodePath(text)))
  }

  for (const entry of entries.values()) settleMethods(entry)

  /** What the path meets in the other spellings that a server might read it in. */
  function otherReadings (path: string): readonly Entry<R>[] {
    if (lowerCaseRules && ONE_READING.test(path)) return NO_ENTRIES
    const isPlain = isPlainPath(path)
    const plain = isPlain ? path : decodePath(path)
    const folded = fold(plain)
    const isFolded = lowerCaseRules && plain === folded
    const hasLastSlash = path.endsWith('/') && path !== '/'
    const met: Entry<R>[] = []
    const add = (entry: Entry<R> | undefined) => { if (entry !== undefined) met.push(entry) }
    // /a"b decodes to itself, yet a pattern has it as /a%22b: only a path without such characters has one reading.
    if (!isPlain) add(walk(decodedRoot, segmentsOf(plain)))
    if (!isFolded) add(walk(foldedRoot, segmentsOf(folded)))
    if (hasLastSlash) {
      add(walk(decodedRoot, segmentsOf(plain.slice(0, -1))))
      add(walk(foldedRoot, segmentsOf(fold(plain.slice(0, -1)))))
    }
    return met
  }

  return {
    find (method, path) {
      const segments = segmentsOf(path)
      const entry = walk(exactRoot, upperCaseEscapes(segments))
      if (entry === undefined) throw refuse('route-not-found', 'No rule of this gateway matches this path.')
      if (otherReadings(path).some(other => other !== entry)) {
        throw refuse('target-ambiguous', 'This path would meet another rule in another spelling (letter case, escapes, a last slash or dot).')
      }
      const rule = entry.byMethod.get(method)
      if (rule === undefined) {
        const allow = METHODS.filter(one => entry.byMethod.has(one)).join(', ')
        throw refuse('method-not-allowed', `Here only ${allow} can be allowed.`, { headers: { Allow: allow } })
      }
      return new Bound(rule, segments)
    },
    candidates (path) {
      const met = [...allOf(exactRoot, upperCaseEscapes(segmentsOf(path))), ...otherReadings(path)]
      return [...new Set(met.flatMap(entry => entry.rules))]
    }
  }
}

// Small letters, no escape, no dot at the end of a segment, no last slash: its own decoding, and its own folding.
const ONE_READING = /^(?:\/[a-z0-9\-_~!$&'()*+,=:@]+(?:\.+[a-z0-9\-_~!$&'()*+,=:@]+)*)+$/

/** Equal for two segments that match alike. No literal holds a `?`, but one may be `:` or `*` (written `%3A`, `%2A`). */
export function segmentKey (segment: Segment): string {
  return segment.kind === 'literal' ? segment.text : segment.kind === 'param' ? '?:' : '?*'
}

/** Equal for two matches with the same path. */
export function pathKey ({ segments }: Match): string {
  return segments.map(segmentKey).join('/')
}

/** Letter case taken away, as the loosest server does it, and dots at the end of a segment, as Windows does it. */
export function fold (text: string): string {
  // Up and down alone would leave two letters that are one in small letters: capital sharp s, and sharp s.
  const folded = text.toLowerCase().toUpperCase().toLowerCase()
  return folded.includes('.') ? folded.replace(LAST_DOTS, '') : folded
}

// Only from where a run begins: a long run of dots in the middle of a segment is looked at once.
const LAST_DOTS = /(?<![.\s])[.\s]+(?=\/|$)/g

// The usual literal: it is its own decoding, and its own folding.
const SIMPLE = /^[a-z0-9_~-]*(?:\.+[a-z0-9_~-]+)*$/

function isPlainSegment (segment: Segment): boolean {
  return segment.kind !== 'literal' || SIMPLE.test(segment.text) || decodePath(segment.text) === segment.text
}

function isFoldedSegment (segment: Segment): boolean {
  if (segment.kind !== 'literal' || SIMPLE.test(segment.text)) return true
  const plain = decodePath(segment.text)
  return plain === fold(plain)
}

const NO_ENTRIES: readonly never[] = []

function newNode<R> (): Node<R> {
  return { literals: undefined, param: undefined, rest: undefined, end: undefined }
}

function insert<R> (root: Node<R>, segments: readonly Segment[], entry: Entry<R>, spell: (text: string) => string): void {
  let node = root
  for (const segment of segments) {
    if (segment.kind === 'rest') {
      node.rest = node.rest === undefined ? entry : undecided(node.rest, entry)
      return
    }
    node = segment.kind === 'param' ? (node.param ??= newNode()) : literalOf(node, spell(segment.text))
  }
  node.end = node.end === undefined ? entry : undecided(node.end, entry)
}

function literalOf<R> (node: Node<R>, text: string): Node<R> {
  const literals = node.literals ??= new Map<string, Node<R>>()
  const known = literals.get(text)
  if (known !== undefined) return known
  const made = newNode<R>()
  literals.set(text, made)
  return made
}

// Only a folded reading can bring two entries to one place: the one put there is neither, so that both are ambiguous.
function undecided<R> (one: Entry<R>, other: Entry<R>): Entry<R> {
  return { rules: [...one.rules, ...other.rules], byMethod: new Map() }
}

// The last rule to name a method wins here; that two name it is refused at load (policy/conflicts.ts).
function settleMethods<R extends Matchable> (entry: Entry<R>): void {
  const put = (pick: (match: Match) => readonly Method[]) => {
    for (const rule of entry.rules) for (const method of pick(rule.match)) entry.byMethod.set(method, rule)
  }
  put(match => match.any ? METHODS : [])
  put(match => !match.any && match.methods.includes('GET') ? ['HEAD'] : [])
  put(match => match.any ? [] : match.methods)
}

function walk<R> (node: Node<R>, segments: readonly string[], at = 0): Entry<R> | undefined {
  if (at === segments.length) return node.end
  const segment = segments[at] ?? ''
  const literal = node.literals?.get(segment)
  const found = literal === undefined ? undefined : walk(literal, segments, at + 1)
  if (found !== undefined) return found
  const viaParam = node.param === undefined || segment === '' ? undefined : walk(node.param, segments, at + 1)
  return viaParam ?? node.rest
}

// Every entry that matches, the winner's first.
function allOf<R> (node: Node<R>, segments: readonly string[], at = 0, met: Entry<R>[] = []): Entry<R>[] {
  const segment = segments[at]
  if (segment === undefined) {
    if (node.end !== undefined) met.push(node.end)
    return met
  }
  const literal = node.literals?.get(segment)
  if (literal !== undefined) allOf(literal, segments, at + 1, met)
  if (node.param !== undefined && segment !== '') allOf(node.param, segments, at + 1, met)
  if (node.rest !== undefined) met.push(node.rest)
  return met
}

function segmentsOf (path: string): string[] {
  return path.slice(1).split('/')
}

// RFC 3986 section 6.2.2.1: %c3%a9 and %C3%A9 are the same spelling.
function upperCaseEscapes (segments: string[]): readonly string[] {
  return segments.map(segment => segment.includes('%') ? segment.replace(/%[0-9a-f]{2}/gi, escape => escape.toUpperCase()) : segment)
}

// What stood where is asked for seldom: by a rewrite, a `where`, a Location.
class Bound<R extends Matchable> implements Found<R> {
  readonly rule: R
  readonly #segments: readonly string[]

  constructor (rule: R, segments: readonly string[]) {
    this.rule = rule
    this.#segments = segments
  }

  get params (): Readonly<Record<string, string>> {
    const params: Record<string, string> = {}
    for (const [at, segment] of this.rule.match.segments.entries()) if (segment.kind === 'param') params[segment.name] = this.#segments[at] ?? ''
    return params
  }

  get rest (): string | undefined {
    const { segments } = this.rule.match
    return segments.at(-1)?.kind === 'rest' ? this.#segments.slice(segments.length - 1).join('/') : undefined
  }
}
