import { decodedAgain, MOST_DECODINGS } from './key.ts'
import type { Match } from './pattern.ts'
import { isFlawed, whyAmbiguous } from './target.ts'

/** The escapes that a rule may admit. */
export const ESCAPES = ['%2f', '%5c', '%25', '%3b'] as const
export type Escape = typeof ESCAPES[number]

/** What a rule admits in its own parameters, and every other rule is refused for. */
export interface Grants {
  readonly escapes: readonly Escape[]
  /** `;v=2` in a segment */
  readonly matrix: boolean
}

/** A path as some server behind the gateway may read it. */
export interface Reading {
  readonly path: string
  /** how often it was decoded */
  readonly decoded: number
}

/** Whether a path has anything that a rule could admit. */
export function isGrantable (path: string): boolean {
  return GRANTABLE.test(path)
}

/** The first segment that has it, where that is a key; else -1. There a slash within the key is the end of its segment. */
export function grantedKey (segments: readonly string[], match: Match): number {
  const first = segments.findIndex(isGrantable)
  return match.segments[first]?.kind === 'key' ? first : -1
}

/**
 * Every reading of a path that meets this match: decoded once and more, a backslash taken for a slash, all behind a
 * semicolon cut off. Undefined where one of them is no path, or where the path has more than the rule admits, or has it
 * elsewhere than in a parameter.
 */
export function grantedReadings (path: string, match: Match, grants: Grants): readonly Reading[] | undefined {
  if ((path.match(GRANTABLES)?.length ?? 0) > MOST_GRANTED) return undefined
  if (whyAmbiguous(withoutGrants(path, match, grants)) !== undefined) return undefined
  const readings: Reading[] = [{ path, decoded: 0 }]
  const known = new Set([path])
  // A list that grows while it is walked through.
  for (const reading of readings) {
    if (isFlawed(reading.path) || hasMore(reading.path, grants) || (reading.path.endsWith('/') && !path.endsWith('/'))) return undefined
    const next = nextReadings(reading)
    if (next === undefined) return undefined
    for (const one of next) {
      if (known.has(one.path)) continue
      known.add(one.path)
      readings.push(one)
    }
    if (readings.length > MOST_READINGS) return undefined
  }
  return readings
}

const GRANTABLE = /;|%(?:2f|5c|25|3b)/i
const TELLING = /%(?:2e|2f|5c|25|3b|23|3f|[01][0-9a-f]|7f)/gi

const GRANTABLES = /;|%(?:2f|5c|25|3b)/gi

// All of it is read before anybody is asked for a token. A path that somebody means has three or four readings.
const MOST_READINGS = 16
const MOST_GRANTED = 100

// What is left must have one reading as any other path. The letter put in is no digit of an escape.
function withoutGrants (path: string, match: Match, { escapes, matrix }: Grants): string {
  return path.split('/').map((segment, at) => {
    // Before the first segment stands nothing.
    const own = match.segments[at - 1]
    if (own?.kind !== 'param' && own?.kind !== 'key') return segment
    const plain = segment.replace(GRANTABLE_ESCAPES, escape => isOneOf(escape, escapes) ? 'x' : escape)
    return matrix ? plain.replaceAll(';', 'x') : plain
  }).join('/')
}

const GRANTABLE_ESCAPES = /%(?:2f|5c|25|3b)/gi

function hasMore (path: string, { escapes }: Grants): boolean {
  return path.match(TELLING)?.some(escape => !isOneOf(escape, escapes)) ?? false
}

function isOneOf (escape: string, escapes: readonly Escape[]): boolean {
  return escapes.some(one => one === escape.toLowerCase())
}

// Undefined where it cannot be decoded, or not to an end.
function nextReadings ({ path, decoded }: Reading): Reading[] | undefined {
  const next: Reading[] = []
  if (path.includes('\\')) next.push({ path: path.replaceAll('\\', '/'), decoded })
  if (path.includes(';')) next.push({ path: path.replace(/;[^/]*/g, ''), decoded })
  const once = decodedAgain(path, decoded)
  if (once === path) return next
  if (once === undefined || decoded === MOST_DECODINGS) return undefined
  return [...next, { path: once, decoded: decoded + 1 }]
}
