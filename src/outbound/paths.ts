import { isKey, keyIn } from '../policy/key.ts'
import { segmentKey, type Found } from '../policy/match.ts'
import { parsePattern, type Match, type Segment } from '../policy/pattern.ts'

/** What stood at the parameters and at `*` of the caller's path, as sent. */
export type PathParts = Pick<Found<unknown>, 'params' | 'rest'>

/** How paths go to an upstream and come back in its Location. */
export interface PathMap {
  /**
   * Whether these parameters can go where the rewrite has them, which is a key: `Orders(:id)`. Undefined where it has none.
   * Ask before `toUpstream`: what is no key would end it, and be a path of the caller's own making.
   */
  readonly fits: ((params: PathParts['params']) => boolean) | undefined
  /** The upstream's path for one that the rule matched; parameters and what `*` matched go in as sent. */
  toUpstream (path: string, parts: PathParts): string
  /** The upstream's path for one of the gateway's that a caller sends in a link: by the rule's rewrite, where it fits. */
  linkToUpstream (path: string, parts: PathParts): string
  /**
   * The gateway's path for one of the upstream's, or undefined where it is not under the upstream's URL.
   * @param parts of the request: what the rewrite left out of its path is taken from there
   */
  fromUpstream (path: string, parts: PathParts): string | undefined
}

/**
 * @param base the path of the upstream's URL, without a last slash
 * @param rewrite the rule's `rewrite`, a pattern of the rule's own parameters
 */
export function createPathMap (base: string, match: Match, rewrite: string | undefined): PathMap {
  const target = rewrite === undefined ? undefined : parsePattern(rewrite)
  return {
    fits: target?.some(({ kind }) => kind === 'key') === true ? params => fits(target, params) : undefined,
    toUpstream: (path, parts) => base + (target === undefined ? path : fill(target, parts)),
    linkToUpstream: (path, parts) => base + (target === undefined ? path : exchange(path, match.segments, target, parts)),
    fromUpstream (path, parts) {
      if (path !== base && !path.startsWith(`${base}/`)) return undefined
      const below = path === base ? '/' : path.slice(base.length)
      return target === undefined ? below : exchange(below, target, match.segments, parts)
    }
  }
}

function fill (segments: readonly Segment[], { params, rest }: PathParts): string {
  return segments.map(segment => {
    if (segment.kind === 'literal') return `/${segment.text}`
    if (segment.kind === 'key') return `/${segment.head}${params[segment.name] ?? ''}${segment.tail}`
    return `/${segment.kind === 'param' ? params[segment.name] ?? '' : rest ?? ''}`
  }).join('')
}

function fits (segments: readonly Segment[], params: PathParts['params']): boolean {
  return segments.every(segment => segment.kind !== 'key' || isKey(params[segment.name] ?? '', segment.quoted))
}

// A POST to /addresses that was rewritten to /api/v2/addresses is answered with a Location below that: what the
// rule's match and rewrite have in common at their ends falls away, and what is left in front is exchanged. A link of the
// caller's goes the other way likewise.
function exchange (path: string, from: readonly Segment[], to: readonly Segment[], parts: PathParts): string {
  const bound = bindTo(path, from)
  const params = { ...parts.params, ...bound?.params }
  if (bound !== undefined && fits(to, params)) return fill(to, { params, rest: bound.rest ?? parts.rest })
  let common = 0
  while (common < Math.min(from.length, to.length) && sameEnd(from, to, common)) common++
  const front = from.slice(0, from.length - common)
  const own = to.slice(0, to.length - common)
  if ([...front, ...own].some(({ kind }) => kind === 'rest')) return path
  const prefix = fill(front, parts)
  return path.startsWith(`${prefix}/`) ? fill(own, parts) + path.slice(prefix.length) : path
}

function bindTo (path: string, pattern: readonly Segment[]): PathParts | undefined {
  const parts = path.slice(1).split('/')
  const params: Record<string, string> = {}
  for (const [at, segment] of pattern.entries()) {
    const part = parts[at]
    if (part === undefined) return undefined
    if (segment.kind === 'rest') return { params, rest: parts.slice(at).join('/') }
    if (segment.kind === 'literal' && segment.text !== part) return undefined
    if (segment.kind === 'param') params[segment.name] = part
    if (segment.kind === 'key') {
      const key = keyIn(part, segment)
      if (key === undefined) return undefined
      params[segment.name] = key
    }
  }
  return parts.length === pattern.length ? { params, rest: undefined } : undefined
}

function sameEnd (one: readonly Segment[], other: readonly Segment[], fromEnd: number): boolean {
  const [a, b] = [one[one.length - 1 - fromEnd], other[other.length - 1 - fromEnd]]
  return a !== undefined && b !== undefined && segmentKey(a) === segmentKey(b)
}
