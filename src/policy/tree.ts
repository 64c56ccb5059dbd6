import { guardOf, keyIn } from './key.ts'
import type { Segment } from './pattern.ts'

/** All rules with one and the same path. */
export interface Entry<R> {
  readonly rules: R[]
  readonly byMethod: Map<string, R>
}

/** One step of a path. A walk visits a node at most once, so that a match costs no more than the rules there are. */
export interface Node<R> {
  /** undefined where there are none: most nodes are the last of their path */
  literals: Map<string, Node<R>> | undefined
  /** by what stands in front of a key, with its parenthesis */
  keys: Map<string, Keys<R>> | undefined
  param: Node<R> | undefined
  rest: Entry<R> | undefined
  end: Entry<R> | undefined
}

interface Keys<R> {
  /** the longer head first, then the longer tail */
  readonly patterns: Array<KeyStep<R>>
  /** what is met by a segment that begins as these do, and is none of them: no rule's, and no way to a broader one */
  readonly malformed: Entry<R>
}

interface KeyStep<R> {
  readonly head: string
  readonly tail: string
  readonly quoted: boolean
  readonly node: Node<R>
}

/** How a tree has a literal, or what stands in front of a key or behind it; that is the end of its segment, or not. */
export type Spell = (text: string, endsSegment: boolean) => string

export function newNode<R> (): Node<R> {
  return { literals: undefined, keys: undefined, param: undefined, rest: undefined, end: undefined }
}

export function insert<R> (root: Node<R>, segments: readonly Segment[], entry: Entry<R>, spell: Spell): void {
  let node = root
  for (const segment of segments) {
    if (segment.kind === 'rest') {
      node.rest = node.rest === undefined ? entry : undecided(node.rest, entry)
      return
    }
    if (segment.kind === 'param') node = node.param ??= newNode()
    else if (segment.kind === 'key') node = keyOf(node, spell(segment.head, false), spell(segment.tail, true), segment.quoted)
    else node = literalOf(node, spell(segment.text, true))
  }
  node.end = node.end === undefined ? entry : undecided(node.end, entry)
}

/**
 * The best entry for these segments.
 * @param lenientAt the segment at which what is no well-formed key may be a parameter or part of a rest; none when left out
 */
export function walk<R> (node: Node<R>, segments: readonly string[], at = 0, lenientAt = -1): Entry<R> | undefined {
  if (at === segments.length) return node.end
  const segment = segments[at] ?? ''
  const literal = node.literals?.get(segment)
  const found = literal === undefined ? undefined : walk(literal, segments, at + 1, lenientAt)
  if (found !== undefined) return found
  if (node.keys !== undefined) {
    const viaKey = walkKeys(node.keys.get(guardOf(segment)), segments, at, lenientAt)
    if (viaKey !== undefined) return viaKey
  }
  const viaParam = node.param === undefined || segment === '' ? undefined : walk(node.param, segments, at + 1, lenientAt)
  return viaParam ?? node.rest
}

/** Every entry that matches, the winner's first. */
export function allOf<R> (node: Node<R>, segments: readonly string[], at = 0, met: Array<Entry<R>> = []): Array<Entry<R>> {
  const segment = segments[at]
  if (segment === undefined) {
    if (node.end !== undefined) met.push(node.end)
    return met
  }
  const literal = node.literals?.get(segment)
  if (literal !== undefined) allOf(literal, segments, at + 1, met)
  const keys = node.keys?.get(guardOf(segment))
  const fitting = keys?.patterns.filter(key => keyIn(segment, key) !== undefined) ?? []
  if (keys !== undefined && fitting.length === 0) return met
  for (const key of fitting) allOf(key.node, segments, at + 1, met)
  if (node.param !== undefined && segment !== '') allOf(node.param, segments, at + 1, met)
  if (node.rest !== undefined) met.push(node.rest)
  return met
}

function walkKeys<R> (keys: Keys<R> | undefined, segments: readonly string[], at: number, lenientAt: number): Entry<R> | undefined {
  if (keys === undefined) return undefined
  const segment = segments[at] ?? ''
  let isKey = at === lenientAt
  for (const key of keys.patterns) {
    if (keyIn(segment, key) === undefined) continue
    const found = walk(key.node, segments, at + 1, lenientAt)
    if (found !== undefined) return found
    isKey = true
  }
  return isKey ? undefined : keys.malformed
}

function literalOf<R> (node: Node<R>, text: string): Node<R> {
  const literals = node.literals ??= new Map<string, Node<R>>()
  const known = literals.get(text)
  if (known !== undefined) return known
  const made = newNode<R>()
  literals.set(text, made)
  return made
}

function keyOf<R> (node: Node<R>, head: string, tail: string, quoted: boolean): Node<R> {
  const all = node.keys ??= new Map<string, Keys<R>>()
  const guard = guardOf(head)
  let keys = all.get(guard)
  if (keys === undefined) all.set(guard, keys = { patterns: [], malformed: { rules: [], byMethod: new Map() } })
  const { patterns } = keys
  const known = patterns.find(key => key.head === head && key.tail === tail)
  if (known !== undefined) return known.node
  const made = newNode<R>()
  const behind = patterns.findIndex(key => key.head.length < head.length || (key.head.length === head.length && key.tail.length < tail.length))
  patterns.splice(behind === -1 ? patterns.length : behind, 0, { head, tail, quoted, node: made })
  return made
}

// Only a folded reading can bring two entries to one place: the one put there is neither, so that both are ambiguous.
function undecided<R> (one: Entry<R>, other: Entry<R>): Entry<R> {
  return { rules: [...one.rules, ...other.rules], byMethod: new Map() }
}
