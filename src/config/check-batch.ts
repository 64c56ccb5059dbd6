import { fold, segmentKey } from '../policy/match.ts'
import type { Match, Segment } from '../policy/pattern.ts'
import { decodePath } from '../policy/target.ts'
import type { Draft } from './draft.ts'

/**
 * OData's $batch is let through where a rule names it, and nowhere else: warns, in files that look like OData, where somebody
 * may think that a `:name` or a `*` lets it through.
 */
export function checkBatch ({ routes, rules }: Draft): void {
  const matches = rules.map(({ match }) => match)
  if (!matches.some(match => match !== undefined && looksLikeOData(match))) return
  const named = batchPlaces(matches)
  matches.forEach((match, at) => {
    const last = match?.segments.at(-1)
    if (match === undefined || !match.methods.includes('POST') || (last?.kind !== 'param' && last?.kind !== 'rest')) return
    const place = placeOf(match.segments.slice(0, -1))
    if (last.kind === 'param' ? named.beside.has(place) : named.below.has(place)) return
    routes.report(['routes', at, 'match'], 'does not let $batch through (any operation inside, which no rule would see): name it in a rule of its own', { severity: 'warning' })
  })
}

function looksLikeOData ({ segments }: Match): boolean {
  return segments.some(segment => segment.kind === 'key' || (segment.kind === 'literal' && /^(?:\$|odata$)/i.test(segment.text)))
}

/** Where rules name $batch: right there, and there or further below. */
function batchPlaces (matches: ReadonlyArray<Match | undefined>): { beside: Set<string>, below: Set<string> } {
  const [beside, below] = [new Set<string>(), new Set<string>()]
  for (const { segments } of matches.flatMap(match => match ?? [])) {
    const at = segments.findIndex(segment => segment.kind === 'literal' && fold(decodePath(segment.text)) === '$batch')
    if (at === -1) continue
    beside.add(placeOf(segments.slice(0, at)))
    for (let to = 0; to <= at; to++) below.add(placeOf(segments.slice(0, to)))
  }
  return { beside, below }
}

function placeOf (segments: readonly Segment[]): string {
  return segments.map(segmentKey).join('/')
}
