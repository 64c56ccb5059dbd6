import type { Test } from 'tap'
import { createPathMap } from '../../src/outbound/paths.ts'
import type { Escape } from '../../src/policy/grants.ts'
import { compileMatcher, type Matchable } from '../../src/policy/match.ts'
import { parseMatch } from '../../src/policy/pattern.ts'
import { Refusal } from '../../src/policy/problems.ts'
import { parseTarget } from '../../src/policy/target.ts'
import { get, type Gatehouse, type Wanted } from '../gateway/gatehouse.ts'
import { startAttacked } from './gauntlet.ts'
import { disagreement } from './readings.ts'

export const AMBIGUOUS: Wanted = { status: 400, code: 'target-ambiguous' }
export const MALFORMED: Wanted = { status: 400, code: 'request-malformed', headers: { connection: 'close' } }
export const NOT_FOUND: Wanted = { status: 404, code: 'route-not-found' }
export const NO_SCOPE: Wanted = { status: 403, code: 'scope-missing', challenge: { error: 'insufficient_scope', scope: 'admin' } }

/** A broad rule for every user, and narrow ones below it for administrators. */
const RULES = [
  { match: 'ANY /api/*', require: 'user' },
  { match: 'GET|POST /api/v1/admin/:name', require: { user: { scope: 'admin' } } },
  { match: 'GET /api/orders/:id', require: { user: { scope: 'admin' } } }
]

export interface PathScene extends Gatehouse {
  /** of a user who is no administrator */
  readonly authorization: string
  readonly administrator: string
  /** None of these passes with the user's token, and the ERP sees nothing. */
  refusesAll (t: Test, targets: readonly string[], wanted: Wanted): Promise<void>
}

/** A gateway where a path that is read in two ways would be a way to the administrators' part; the ways that are none work. */
export async function startPathScene (t: Test): Promise<PathScene> {
  const house = await startAttacked(t, { routes: RULES })
  const authorization = `Authorization: Bearer ${house.idp.mint()}`
  const administrator = `Authorization: Bearer ${house.idp.mint({ scope: 'admin' })}`
  t.equal((await house.lets(t, get('/api/v1/other/u', authorization))).url, '/api/v1/other/u')
  t.equal((await house.lets(t, get('/api/v1/admin/u', administrator))).url, '/api/v1/admin/u')
  await house.refuses(t, get('/api/v1/admin/u', authorization), NO_SCOPE)
  return {
    ...house,
    authorization,
    administrator,
    async refusesAll (t, targets, wanted) {
      for (const target of targets) await house.refuses(t, get(target, authorization), wanted)
    }
  }
}

/** What the guards of src/journey.ts make of a target. */
export type Guarded =
  | { readonly refused: string }
  | { readonly met: string, readonly path: string, readonly upstream: string }

/** What of a rule the path goes by. */
export interface PathRule {
  readonly match: string
  readonly rewrite?: string
  readonly escapes?: readonly Escape[]
  readonly matrix?: boolean
}

/** The functions that read a target, in the order of src/journey.ts, for rules each with a match and perhaps a rewrite. */
export function guardsOf (rules: readonly PathRule[], base = ''): (method: string, target: string) => Guarded {
  const matcher = compileMatcher(rules.map(({ match, rewrite, escapes, matrix = false }): Matchable & { paths: ReturnType<typeof createPathMap> } => {
    const parsed = parseMatch(match)
    const paths = createPathMap(base, parsed, rewrite)
    return { match: parsed, paths, fits: paths.fits, grants: escapes === undefined && !matrix ? undefined : { escapes: escapes ?? [], matrix } }
  }))
  return (method, target) => {
    try {
      const { path, query } = parseTarget(target, method, matcher.admits)
      const found = matcher.find(method, path)
      return { met: found.rule.match.path, path, upstream: found.rule.paths.toUpstream(path, found) + query }
    } catch (error) {
      if (error instanceof Refusal) return { refused: error.code }
      throw error
    }
  }
}

/** What is wrong with a target that the guards let through, in words; undefined where every reader reads it alike. */
export function whatIsWrong (patterns: readonly string[], { met, path, upstream }: Exclude<Guarded, { refused: string }>, admits = false): string | undefined {
  const sent = new URL(`http://erp.test${upstream}`)
  if (sent.host !== 'erp.test' || sent.username !== '' || sent.hash !== '') return `sent to ${sent.href}`
  return disagreement(patterns, path, met, admits)
}
