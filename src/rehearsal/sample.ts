import type { Route } from '../config/configuration.ts'
import type { ExplainWorld } from '../explain/explain.ts'
import { methodsOf, sampleFor, samplePaths } from '../policy/conflicts.ts'
import type { Method } from '../policy/pattern.ts'
import { Refusal } from '../policy/problems.ts'

/** A request that a rule takes. */
export interface SampleRequest {
  readonly method: Method
  readonly target: string
  /** all of its methods that the rule takes there: of ANY, what no other rule of the path names */
  readonly methods: readonly Method[]
}

export type Samples = (route: Route) => SampleRequest | undefined

/** Makes requests out of the rules' own matches, with something in the place of what may be anything. */
export function samplesFor (routes: readonly Route[], { matcher }: Pick<ExplainWorld, 'matcher'>): Samples {
  const sample = sampleFor(routes)
  const longest = Math.max(0, ...new Set(routes.map(({ match }) => match.segments.length)))
  const takes = (route: Route, method: string, path: string): boolean => {
    try {
      return matcher.find(method, path).rule.route === route
    } catch (error) {
      if (error instanceof Refusal) return false
      throw error
    }
  }
  return route => {
    for (const target of samplePaths(route.match, sample, longest)) {
      const methods = methodsOf(route.match).filter(one => takes(route, one, target))
      const [method] = methods
      if (method !== undefined) return { method, target, methods }
    }
    return undefined
  }
}

/** A rule by what an explanation says of it. */
export function keyOf ({ at, match }: { readonly at: string, readonly match: string }): string {
  return `${at} ${match}`
}

export function matchText ({ match }: Route): string {
  return `${match.any ? 'ANY' : match.methods.join('|')} ${match.path}`
}
