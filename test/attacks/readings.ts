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

/**
 * In words, the first reading of a path that meets another rule than the one at `matched`; undefined where all agree.
 * @param admits whether that rule admits escapes or matrix parameters: a reading of what it admits may then meet nothing
 */
export function disagreement (patterns: readonly string[], path: string, matched: string, admits = false): string | undefined {
  const plain = patterns.map(pattern => ({ pattern, segments: decoded(pattern).slice(1).split('/') }))
  const small = plain.map(({ pattern, segments }) => ({ pattern, segments: segments.map(folded) }))
  const isOwn = (met: readonly string[]) => (met.length === 1 && met[0] === matched) || (admits && met.length === 0)
  for (const reading of readingsOf(path)) {
    const segments = decoded(reading.path).slice(1).split('/')
    const exactly = reading.how.includes(SMALL) ? [] : [meets(plain, segments, admits)]
    for (const met of [...exactly, meets(small, segments.map(folded), admits)]) {
      if (!isOwn(met)) return `${reading.how}: ${reading.path} meets ${met.join(' and ') || 'nothing'}`
    }
    const batch = segments.findIndex(segment => withoutLastDots(folded(segment)) === '$batch')
    if (batch !== -1 && withoutLastDots(folded(decoded(matched).slice(1).split('/')[batch] ?? '')) !== '$batch') return `${reading.how}: ${reading.path} has a $batch`
  }
  // Without its last slash, without last dots or spaces at parentheses, it may meet nothing at all, but never another rule.
  const trimmed = small.map(({ pattern, segments }) => ({ pattern, segments: segments.map(withoutLastDots) }))
  const bare = decoded(path).replace(/(?<=.)\/$/, '').slice(1).split('/')
  const closed = bare.map(segment => segment.replace(/\s*([(),=])\s*/g, '$1'))
  const met = [bare, closed].flatMap(segments => [meets(plain, segments, admits), meets(small, segments.map(folded), admits), meets(trimmed, segments.map(folded).map(withoutLastDots), admits)]).flat()
  const other = met.find(one => one !== matched)
  return other === undefined ? undefined : `trimmed: /${bare.join('/')} meets ${other}`
}

function withoutLastDots (segment: string): string {
  return segment.replace(/[.\s]+$/, '')
}

interface Pattern { readonly pattern: string, readonly segments: readonly string[] }

const RANK = { literal: '0', param: '3', rest: '4' }
const BROKEN_KEY = '2'

/** The best patterns for these segments; two of them where neither is better. */
function meets (patterns: readonly Pattern[], segments: readonly string[], admits: boolean): string[] {
  let best: Array<{ pattern: string, ranks: string }> = []
  const take = (pattern: string, ranks: string): void => {
    const [first] = best
    if (first === undefined || ranks < first.ranks) best = [{ pattern, ranks }]
    else if (ranks === first.ranks) best.push({ pattern, ranks })
  }
  for (const { pattern, segments: wanted } of patterns) {
    const ranks = wanted.map(rankOf)
    if (fits(wanted, segments)) take(pattern, ranks.join(''))
    // What is admitted may cut a key in two.
    if (admits) continue
    wanted.forEach((one, at) => {
      const before = wanted.slice(0, at)
      if (kindOf(one) !== 'key' || !fits(before, segments.slice(0, at)) || segments[at]?.startsWith(guardOf(one)) !== true) return
      const beside = patterns.filter(other => nameless(other.segments.slice(0, at)) === nameless(before)).map(other => other.segments[at] ?? '')
      if (!beside.some(other => kindOf(other) === 'key' && fits([other], [segments[at] ?? '']))) take(`a broken key of ${pattern}`, ranks.slice(0, at).join('') + BROKEN_KEY)
    })
  }
  return best.map(({ pattern }) => pattern)
}

function fits (wanted: readonly string[], segments: readonly string[]): boolean {
  const isOpen = wanted.at(-1) === '*'
  if (isOpen ? segments.length < wanted.length : segments.length !== wanted.length) return false
  return wanted.every((one, at) => fitsOne(one, segments[at] ?? ''))
}

function fitsOne (wanted: string, segment: string): boolean {
  switch (kindOf(wanted)) {
    case 'literal': return wanted === segment
    case 'key': return isKeyOf(wanted, segment)
    case 'param': return segment !== ''
    case 'rest': return true
  }
}

/** `K(:id)`: what is left of the value once its strings, and then its pairs of parentheses, are taken out, has neither. */
function isKeyOf (pattern: string, segment: string): boolean {
  const [head, tail] = aroundKey(pattern)
  if (segment.length <= head.length + tail.length || !segment.startsWith(head) || !segment.endsWith(tail)) return false
  const value = segment.slice(head.length, segment.length - tail.length)
  if (value.trim() !== value || /^[.\s]*$/.test(value) || withoutLastDots(value.toLowerCase()) === '$batch') return false
  if (head.endsWith("'")) return /^(?:''|[^'])*$/.test(value)
  let left = value.replace(/'(?:''|[^'])*'/g, '-')
  while (/\([^()]*\)/.test(left)) left = left.replace(/\([^()]*\)/g, '-')
  return !/['()]/.test(left)
}

function aroundKey (pattern: string): [head: string, tail: string] {
  const [, head = '', tail = ''] = /^(.*):\w+(.*)$/.exec(pattern) ?? []
  return [head, tail]
}

function guardOf (pattern: string): string {
  return pattern.slice(0, pattern.indexOf('(') + 1)
}

function nameless (segments: readonly string[]): string {
  return segments.join('/').replace(/:\w+/g, ':')
}

/** Of two keys the longer text in front comes first, then the longer text behind. */
function rankOf (segment: string): string {
  const kind = kindOf(segment)
  return kind === 'key' ? `1${aroundKey(segment).map(text => String(999 - text.length)).join('')}` : RANK[kind]
}

function kindOf (segment: string): keyof typeof RANK | 'key' {
  if (/\(.*:\w/.test(segment)) return 'key'
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
