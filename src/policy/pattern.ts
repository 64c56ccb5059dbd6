import { guardOf, isClosedBy, stateAfter } from './key.ts'

export const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const
export type Method = typeof METHODS[number]

export type Segment =
  | { readonly kind: 'literal', /** as a caller sends it: escapes only where they must be, in upper case */ readonly text: string }
  | { readonly kind: 'param', readonly name: string }
  | KeySegment
  | { readonly kind: 'rest' }

/** One parameter within a segment: `Orders(:id)`. */
export interface KeySegment {
  readonly kind: 'key'
  /** with its parenthesis; spelled as a literal's text is */
  readonly head: string
  readonly name: string
  readonly tail: string
  /** whether the parameter stands within single quotes: `Orders(':id')` */
  readonly quoted: boolean
}

/** A rule's `match`, parsed. */
export interface Match {
  /** the methods that the rule names; HEAD comes with GET unless another rule of the path names it */
  readonly methods: readonly Method[]
  readonly any: boolean
  readonly path: string
  readonly segments: readonly Segment[]
}

// Rules are compared segment by segment, and walked down recursively.
const MOST_SEGMENTS = 100

/** What is wrong with a `match`, in words for the operator who wrote it. */
export class MatchError extends Error {
  override readonly name = 'MatchError'
}

/**
 * Parses `GET|POST /addresses/:id`.
 * @throws {MatchError}
 */
export function parseMatch (text: string): Match {
  const [head = '', path, ...more] = text.trim().split(/ +/)
  if (path === undefined || more.length > 0) {
    throw new MatchError('wants methods, one space and a path, like "GET|POST /addresses"')
  }
  const names = head.split('|')
  const any = head === 'ANY'
  const segments = parsePattern(path)
  if (segments.length > MOST_SEGMENTS) throw new MatchError(`the path has more than ${MOST_SEGMENTS} segments`)
  return { methods: any ? METHODS : names.map((name, at) => parseMethod(name, names.slice(0, at))), any, path, segments }
}

/**
 * Parses a path pattern: literals, `:name` for one segment, `Orders(:name)` for the key in one, a final `*` for everything
 * below.
 * @throws {MatchError}
 */
export function parsePattern (path: string): readonly Segment[] {
  if (!path.startsWith('/')) throw new MatchError('the path must begin with /')
  const parts = path.slice(1).split('/')
  const names = new Set<string>()
  return parts.map((part, at) => {
    const last = at === parts.length - 1
    if (part === '' && !last) throw new MatchError('an empty segment (//) is never matched: such a request is refused')
    if (part === '*') {
      if (!last) throw new MatchError('* stands only at the end: it is everything below')
      return { kind: 'rest' }
    }
    if (part.startsWith(':')) return { kind: 'param', name: parseName(part.slice(1), names) }
    const colons = colonsInParentheses(part)
    if (colons.length > 0) return parseKey(part, colons, names)
    return { kind: 'literal', text: canonicalLiteral(part) }
  })
}

/** The text as a caller's path has it when only what must be escaped is escaped. */
export function encodeSegment (decoded: string): string {
  return encodeURIComponent(decoded).replace(/%(?:24|26|2B|2C|3A|3D|40)/g, escape => decodeURIComponent(escape))
}

function parseMethod (name: string, before: readonly string[]): Method {
  const method = METHODS.find(one => one === name)
  if (name === 'ANY') throw new MatchError('ANY stands alone: it is every method')
  if (method === undefined) throw new MatchError(`"${name}" is no method; allowed are ${METHODS.join(', ')} and ANY`)
  if (before.includes(name)) throw new MatchError(`${name} stands twice`)
  return method
}

function parseName (name: string, seen: Set<string>): string {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) throw new MatchError(`":${name}" is no parameter; a name has letters, digits and _`)
  if (seen.has(name)) throw new MatchError(`":${name}" stands twice`)
  seen.add(name)
  return name
}

// A colon outside of them is a letter as any other: /v1/orders:cancel.
function colonsInParentheses (part: string): number[] {
  if (!part.includes('(')) return []
  return [...part.matchAll(/:/g)].map(({ index }) => index).filter(index => {
    const guard = guardOf(part.slice(0, index))
    return guard !== '' && stateAfter(part.slice(guard.length, index)).depth > 0
  })
}

function parseKey (part: string, [colon = 0, ...more]: readonly number[], names: Set<string>): KeySegment {
  if (more.length > 0) throw new MatchError('a segment has one parameter at most; write %3A where a colon is meant')
  const [name = ''] = /^[A-Za-z0-9_]*/.exec(part.slice(colon + 1)) ?? []
  if (!/^[A-Za-z_]/.test(name)) throw new MatchError('within parentheses : begins a parameter, as in Orders(:id); write %3A where a colon is meant')
  const head = canonicalLiteral(part.slice(0, colon))
  const tail = canonicalLiteral(part.slice(colon + 1 + name.length))
  if (head.startsWith('(')) throw new MatchError('something stands in front of the parenthesis, as in Orders(:id)')
  const state = stateAfter(head.slice(guardOf(head).length))
  if (!isClosedBy(state, tail)) throw new MatchError('the parentheses and quotes around the parameter must be closed behind it, as in Orders(:id)')
  // 'a' before a value that begins with a quote would be one text with it.
  if (!state.quoted && (head.endsWith("'") || tail.startsWith("'"))) throw new MatchError('a quote must not touch the parameter on one side only')
  return { kind: 'key', head, name: parseName(name, names), tail, quoted: state.quoted }
}

function canonicalLiteral (part: string): string {
  if (part === '.' || part === '..') throw new MatchError('a dot segment is never matched: such a request is refused')
  if (part.includes('*')) throw new MatchError('* stands only as the whole last segment')
  if (/[\\#?;]/.test(part)) throw new MatchError('\\ # ? ; are never matched: such a request is refused')
  if (/%(?:2e|2f|5c|25|3b|23|3f|[01][0-9a-f]|7f)/i.test(part)) throw new MatchError('this escape is never matched: such a request is refused')
  try {
    return encodeSegment(decodeURIComponent(part))
  } catch {
    throw new MatchError('has a malformed escape; % is written with two hexadecimal digits behind it')
  }
}
