import { MatchError, parsePattern, type Match, type Segment } from '../policy/pattern.ts'

/** What a rewrite path takes from the match: parameters by name, and whether `*`. */
export interface Rewrite {
  readonly params: readonly string[]
  readonly rest: boolean
}

/** Parses `/api/v2/addresses/:id` or `/api/*`. */
export function parseRewrite (path: string): { problem: string } | Rewrite & { problem?: undefined } {
  if (!path.startsWith('/')) return { problem: 'the path must begin with /' }
  if (/[^\x21-\x7e]|[\\?#]/.test(path)) return { problem: 'a path is visible ASCII without \\ ? #; write other characters as %XX' }
  const parts = path.slice(1).split('/')
  if (parts.slice(0, -1).includes('')) return { problem: 'an empty segment (//) is refused' }
  if (parts.some(part => /^(?:\.|%2e){1,2}$/i.test(part))) return { problem: 'a dot segment is refused' }
  if (parts.slice(0, -1).includes('*') || parts.some(part => part.includes('*') && part !== '*')) return { problem: '* stands only as the last segment' }
  if (!parts.filter(part => part.startsWith(':')).every(part => /^:[A-Za-z_][A-Za-z0-9_]*$/.test(part))) return { problem: 'a parameter is a whole segment such as :id' }
  if (new URL(path, 'http://localhost').pathname !== path) return { problem: 'this path can be read in two ways' }
  // It is filled in as a pattern: what is none there must not come up only when the gateway starts.
  try {
    return { params: paramsOf(parsePattern(path)), rest: parts.at(-1) === '*' }
  } catch (error) {
    if (error instanceof MatchError) return { problem: `a rewrite is written as the path of a match is; there, ${error.message}` }
    throw error
  }
}

function paramsOf (segments: readonly Segment[]): string[] {
  return segments.flatMap(segment => 'name' in segment ? [segment.name] : [])
}

/** Why a rewrite does not fit a match, in words; undefined where it does. */
export function whyRewriteMisfits (path: string, { segments }: Match): string | undefined {
  const rewrite = parseRewrite(path)
  if (rewrite.problem !== undefined) return undefined
  const known = paramsOf(segments)
  const stranger = rewrite.params.find(name => !known.includes(name))
  if (stranger !== undefined) return `:${stranger} is no parameter of the match`
  if (rewrite.rest && segments.at(-1)?.kind !== 'rest') return '* stands here but not in the match'
  return undefined
}

/** What of the path a rewrite leaves out, as it is written there. */
export function lostByRewrite (path: string, { segments }: Match): string[] {
  const rewrite = parseRewrite(path)
  if (rewrite.problem !== undefined) return []
  return segments.flatMap(segment => {
    if (segment.kind === 'rest') return rewrite.rest ? [] : ['*']
    return 'name' in segment && !rewrite.params.includes(segment.name) ? [`:${segment.name}`] : []
  })
}
