/**
 * How servers read a path, and which rule each reading meets: written for the tests alone, from the words of the
 * documentation and without any code of the gateway, so that the two can disagree.
 */

const SMALL = 'in small letters'

/** One step that some server takes. */
const STEPS: Readonly<Record<string, (path: string) => string>> = {
  decoded,
  'as a WHATWG URL': path => new URL(`http://erp.test${path}`).pathname,
  'with \\ as /': path => path.replaceAll('\\', '/'),
  'with ;… cut': path => path.replace(/;[^/]*/g, ''),
  'with // merged': path => path.replace(/\/{2,}/g, '/'),
  'without dot segments': withoutDotSegments,
  [SMALL]: path => path.toLowerCase()
}

export interface Reading {
  /** the steps that lead to it */
  readonly how: string
  readonly path: string
}

/** The path in every reading: each step, each step after each other one, and so on until nothing new comes. */
function readingsOf (path: string): Reading[] {
  const readings: Reading[] = [{ how: 'as sent', path }]
  const known = new Set([path])
  // A list that grows while it is walked through.
  for (const reading of readings) {
    for (const [step, apply] of Object.entries(STEPS)) {
      const next = apply(reading.path)
      // No two readings of one path are far apart; what is refused anyway may have very many.
      if (known.has(next) || known.size > 40) continue
      known.add(next)
      readings.push({ how: `${reading.how}, ${step}`, path: next })
    }
  }
  return readings
}

/** In words, the first reading of a path that meets another rule than the one at `matched`; undefined where all agree. */
export function disagreement (patterns: readonly string[], path: string, matched: string): string | undefined {
  const plain = patterns.map(pattern => ({ pattern, segments: decoded(pattern).slice(1).split('/') }))
  const small = plain.map(({ pattern, segments }) => ({ pattern, segments: segments.map(folded) }))
  for (const reading of readingsOf(path)) {
    const segments = decoded(reading.path).slice(1).split('/')
    const exactly = reading.how.includes(SMALL) ? [] : [meets(plain, segments)]
    for (const met of [...exactly, meets(small, segments.map(folded))]) {
      if (met.length !== 1 || met[0] !== matched) return `${reading.how}: ${reading.path} meets ${met.join(' and ') || 'nothing'}`
    }
  }
  // Without its last slash, or without last dots, it may meet nothing at all, but never another rule.
  const trimmed = small.map(({ pattern, segments }) => ({ pattern, segments: segments.map(withoutLastDots) }))
  const bare = decoded(path).replace(/(?<=.)\/$/, '').slice(1).split('/')
  const met = [meets(plain, bare), meets(small, bare.map(folded)), meets(trimmed, bare.map(folded).map(withoutLastDots))].flat()
  const other = met.find(one => one !== matched)
  return other === undefined ? undefined : `trimmed: /${bare.join('/')} meets ${other}`
}

function withoutLastDots (segment: string): string {
  return segment.replace(/\.+$/, '')
}

interface Pattern { readonly pattern: string, readonly segments: readonly string[] }

const RANK = { literal: 0, param: 1, rest: 2 }

/** The best patterns for these segments; two of them where neither is better. */
function meets (patterns: readonly Pattern[], segments: readonly string[]): string[] {
  let best: Array<{ pattern: string, ranks: string }> = []
  for (const { pattern, segments: wanted } of patterns) {
    if (!fits(wanted, segments)) continue
    const ranks = wanted.map(kindOf).map(kind => RANK[kind]).join('')
    const [first] = best
    if (first === undefined || ranks < first.ranks) best = [{ pattern, ranks }]
    else if (ranks === first.ranks) best.push({ pattern, ranks })
  }
  return best.map(({ pattern }) => pattern)
}

function fits (wanted: readonly string[], segments: readonly string[]): boolean {
  const isOpen = wanted.at(-1) === '*'
  if (isOpen ? segments.length < wanted.length : segments.length !== wanted.length) return false
  return wanted.every((one, at) => kindOf(one) === 'literal' ? one === segments[at] : kindOf(one) === 'rest' || segments[at] !== '')
}

function kindOf (segment: string): keyof typeof RANK {
  return segment === '*' ? 'rest' : segment.startsWith(':') ? 'param' : 'literal'
}

function folded (text: string): string {
  return text.startsWith(':') ? text : text.toLowerCase().toUpperCase().toLowerCase()
}

/** Percent-decoded as a lenient server does it: what is no escape stays, what is no UTF-8 becomes U+FFFD. */
export function decoded (path: string): string {
  if (!path.includes('%')) return path
  const bytes = Buffer.from(path).toString('latin1').replace(/%([0-9a-f]{2})/gi, (_all, hex: string) => String.fromCharCode(parseInt(hex, 16)))
  return Buffer.from(bytes, 'latin1').toString()
}

function withoutDotSegments (path: string): string {
  const kept: string[] = []
  const segments = path.slice(1).split('/')
  for (const [at, segment] of segments.entries()) {
    if (segment === '..') kept.pop()
    if (segment !== '.' && segment !== '..') kept.push(segment)
    else if (at === segments.length - 1) kept.push('')
  }
  return `/${kept.join('/')}`
}
