import { grantedKey, grantedReadings, isGrantable, type Grants, type Reading } from './grants.ts'
import { METHODS, type Match, type Method, type Segment } from './pattern.ts'
import { refuse, type Refusal } from './problems.ts'
import { decodePath, isPlainPath, type Admits } from './target.ts'
import { allOf, insert, newNode, walk, type Entry } from './tree.ts'

/** Anything that has a parsed `match`. */
export interface Matchable {
  readonly match: Match
  /** what it admits on purpose; nothing when left out */
  readonly grants?: Grants | undefined
  /** undefined where the match says it all; else whether these parameters can go where its rewrite has them */
  readonly fits?: ((params: Readonly<Record<string, string>>) => boolean) | undefined
}

export interface Found<R> {
  readonly rule: R
  /** what stood at the parameters and at `*`, as sent */
  readonly params: Readonly<Record<string, string>>
  readonly rest: string | undefined
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
  /** for `parseTarget`; undefined where no rule admits more than the others */
  readonly admits: Admits | undefined
}

/**
 * The path alone picks: segment by segment from the left, a literal before `Orders(:name)` before `:name` before `*`; then
 * the method among the rules of that very path. There is no falling back to a broader path.
 */
export function compileMatcher<R extends Matchable> (rules: readonly R[]): Matcher<R> {
  // Where no pattern has an escape, or a capital (nor an escape of one), two readings are one, and so are their trees.
  const plainRules = rules.every(({ match }) => match.segments.every(isPlainSegment))
  const lowerCaseRules = rules.every(({ match }) => match.segments.every(isFoldedSegment))
  const hasParentheses = rules.some(({ match }) => match.segments.some(isParenthesised))
  const hasGrants = rules.some(({ grants }) => grants !== undefined)
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
    if (foldedRoot !== decodedRoot) insert(foldedRoot, segments, entry, foldedText)
  }

  for (const entry of entries.values()) settleMethods(entry)

  function hasOneReading (path: string): boolean {
    return lowerCaseRules && ONE_READING.test(path)
  }

  /** What the path meets in the other spellings that a server might read it in. */
  function otherReadings (path: string): ReadonlyArray<Entry<R>> {
    if (hasOneReading(path)) return NO_ENTRIES
    const isPlain = isPlainPath(path)
    const plain = isPlain ? path : decodePath(path)
    const folded = fold(plain)
    const isFolded = lowerCaseRules && plain === folded
    const hasLastSlash = path.endsWith('/') && path !== '/'
    const met: Array<Entry<R>> = []
    const add = (entry: Entry<R> | undefined) => { if (entry !== undefined) met.push(entry) }
    // /a"b decodes to itself, yet a pattern has it as /a%22b: only a path without such characters has one reading.
    if (!isPlain) add(walk(decodedRoot, segmentsOf(plain)))
    if (!isFolded) add(walk(foldedRoot, segmentsOf(folded)))
    if (hasLastSlash) {
      add(walk(decodedRoot, segmentsOf(plain.slice(0, -1))))
      add(walk(foldedRoot, segmentsOf(fold(plain.slice(0, -1)))))
    }
    if (hasParentheses && !isPlain && isSpaced(plain)) {
      const bare = hasLastSlash ? plain.slice(0, -1) : plain
      for (const closed of [plain, bare].map(withoutSpaces)) {
        add(walk(decodedRoot, segmentsOf(closed)))
        add(walk(foldedRoot, segmentsOf(fold(closed))))
      }
    }
    return met
  }

  function admits (method: string, path: string): boolean {
    if (!isGrantable(path)) return false
    const segments = segmentsOf(path)
    const entry = walk(exactRoot, upperCaseEscapes(segments))
    const rule = entry?.byMethod.get(method)
    if (entry === undefined || rule?.grants === undefined) return false
    const lenientAt = grantedKey(segments, rule.match)
    return grantedReadings(path, rule.match, rule.grants)?.every(reading => meetsOnly(entry, reading, lenientAt)) ?? false
  }

  // A reading may meet nothing at all, but never another rule.
  function meetsOnly (entry: Entry<R>, { path, decoded }: Reading, lenientAt: number): boolean {
    const meets = (root: typeof exactRoot, segments: readonly string[]) => (walk(root, segments, 0, lenientAt) ?? entry) === entry
    const bare = path.endsWith('/') ? path.slice(0, -1) : path
    return !hidesBatch(fold(path), entry) && [path, bare, withoutSpaces(path), withoutSpaces(bare)].every(text =>
      (decoded > 0 || meets(exactRoot, upperCaseEscapes(segmentsOf(text)))) &&
      meets(decodedRoot, segmentsOf(text)) &&
      meets(foldedRoot, segmentsOf(fold(text))))
  }

  return {
    find (method, path) {
      const segments = segmentsOf(path)
      const entry = walk(exactRoot, upperCaseEscapes(segments))
      if (entry === undefined) throw refuse('route-not-found', 'No rule of this gateway matches this path.')
      if (hasGrants && isGrantable(path)) {
        if (!admits(method, path)) throw ambiguousBeside()
      } else {
        if (otherReadings(path).some(other => other !== entry)) throw ambiguousBeside()
        if (MAY_NAME_BATCH.test(path) && hidesBatch(fold(decodePath(path)), entry)) {
          throw refuse('route-not-found', 'No rule of this gateway names this $batch: any operation could be inside, which no rule would see.', { saw: '$batch where the rule has no $batch' })
        }
      }
      const rule = entry.byMethod.get(method)
      if (rule === undefined) {
        if (entry.rules.length === 0) throw ambiguousKey('a segment begins as one with a key does, and has no well-formed key')
        const allow = METHODS.filter(one => entry.byMethod.has(one)).join(', ')
        throw refuse('method-not-allowed', `Here only ${allow} can be allowed.`, { headers: { Allow: allow } })
      }
      const found = new Bound(rule, segments)
      if (rule.fits !== undefined && !rule.fits(found.params)) throw ambiguousKey('a parameter is no well-formed key, as which the rule\'s rewrite sends it')
      return found
    },
    candidates (path) {
      const met = [...allOf(exactRoot, upperCaseEscapes(segmentsOf(path))), ...otherReadings(path)]
      return [...new Set(met.flatMap(entry => entry.rules))]
    },
    admits: hasGrants ? admits : undefined
  }
}

function ambiguousBeside (): Refusal {
  return refuse('target-ambiguous', 'This path would meet another rule in another spelling (letter case, escapes, a last slash or dot).')
}

function ambiguousKey (saw: string): Refusal {
  return refuse('target-ambiguous', `This target is not served: ${saw}.`, { saw })
}

// Small letters, no escape, no dot at the end of a segment, no last slash, no $: its own decoding, and its own folding.
const ONE_READING = /^(?:\/[a-z0-9\-_~!&'()*+,=:@]+(?:\.+[a-z0-9\-_~!&'()*+,=:@]+)*)+$/

// Whatever spells $batch has one of the two.
const MAY_NAME_BATCH = /[$%]/

/** Equal for two segments that match alike. No literal holds a `?`, but one may be `:` or `*` (written `%3A`, `%2A`). */
export function segmentKey (segment: Segment): string {
  if (segment.kind === 'key') return `${segment.head}?:${segment.tail}`
  return segment.kind === 'literal' ? segment.text : segment.kind === 'param' ? '?:' : '?*'
}

/** Equal for two matches with the same path. */
export function pathKey ({ segments }: Match): string {
  return segments.map(segmentKey).join('/')
}

/** Letter case taken away, as the loosest server does it, and dots at the end of a segment, as Windows does it. */
export function fold (text: string): string {
  const folded = foldCase(text)
  return folded.includes('.') ? folded.replace(LAST_DOTS, '') : folded
}

// Letter by letter, so that what is folded in two parts is what is folded as a whole: a sigma at the end of a word has a
// small letter of its own.
function foldCase (text: string): string {
  // Up and down alone would leave two letters that are one in small letters: capital sharp s, and sharp s.
  return text.toLowerCase().toUpperCase().toLowerCase().replaceAll('\u03c2', '\u03c3')
}

// Only from where a run begins: a long run of dots in the middle of a segment is looked at once.
const LAST_DOTS = /(?<![.\s])[.\s]+(?=\/|$)/g

// The usual literal: it is its own decoding, and its own folding.
const SIMPLE = /^[a-z0-9_~-]*(?:\.+[a-z0-9_~-]+)*$/

function isPlainSegment (segment: Segment): boolean {
  return textsOf(segment).every(text => SIMPLE.test(text) || decodePath(text) === text)
}

function isFoldedSegment (segment: Segment): boolean {
  return textsOf(segment).every((text, at, { length }) => SIMPLE.test(text) || foldedText(text, at === length - 1) === decodePath(text))
}

function isParenthesised (segment: Segment): boolean {
  return textsOf(segment).some(text => text.includes('('))
}

function textsOf (segment: Segment): readonly string[] {
  if (segment.kind === 'literal') return [segment.text]
  return segment.kind === 'key' ? [segment.head, segment.tail] : NO_ENTRIES
}

// What stands in front of a key may end in a dot: it does not end its segment.
function foldedText (text: string, endsSegment: boolean): string {
  return endsSegment ? fold(decodePath(text)) : foldCase(decodePath(text))
}

const NO_ENTRIES: readonly never[] = []

// Orders (1), Orders( 1 ): what is between names, parentheses and values is nothing to many a parser.
const SPACES = /(?<!\s)\s+(?=[(),=])|(?<=[(),=])\s+/g

function isSpaced (path: string): boolean {
  return path.includes('(') && path.search(SPACES) !== -1
}

function withoutSpaces (path: string): string {
  return path.replace(SPACES, '')
}

// What is in a $batch is any operations, which no rule sees: only a rule that has it at that very place is meant for it.
function hidesBatch (folded: string, { rules: [rule] }: Entry<Matchable>): boolean {
  return segmentsOf(folded).some((text, at) => {
    if (text !== BATCH) return false
    const own = rule?.match.segments[at]
    return own?.kind !== 'literal' || foldedText(own.text, true) !== BATCH
  })
}

const BATCH = '$batch'

// The last rule to name a method wins here; that two name it is refused at load (policy/conflicts.ts).
function settleMethods<R extends Matchable> (entry: Entry<R>): void {
  const put = (pick: (match: Match) => readonly Method[]) => {
    for (const rule of entry.rules) for (const method of pick(rule.match)) entry.byMethod.set(method, rule)
  }
  put(match => match.any ? METHODS : [])
  put(match => !match.any && match.methods.includes('GET') ? ['HEAD'] : [])
  put(match => match.any ? [] : match.methods)
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
    for (const [at, segment] of this.rule.match.segments.entries()) {
      const text = this.#segments[at] ?? ''
      if (segment.kind === 'param') params[segment.name] = text
      if (segment.kind === 'key') params[segment.name] = text.slice(segment.head.length, text.length - segment.tail.length)
    }
    return params
  }

  get rest (): string | undefined {
    const { segments } = this.rule.match
    return segments.at(-1)?.kind === 'rest' ? this.#segments.slice(segments.length - 1).join('/') : undefined
  }
}
