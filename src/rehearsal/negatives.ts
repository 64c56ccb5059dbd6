import type { Route } from '../config/configuration.ts'
import { alternativeSentence } from '../explain/sentence.ts'
import { damagedToken, missingOne, otherKind, strangers, type Damage, type DamageKind } from './damage.ts'
import { holds, type Fitting } from './fitting.ts'
import { matchText } from './sample.ts'
import type { Stage } from './stage.ts'
import { outcomeText, reasonsOf } from './verdict.ts'

/** A request with one thing spoiled, which nobody wrote down: each rule has to refuse it. */
export interface NegativeResult {
  /** where the rule stands, and its match */
  readonly at: string
  readonly rule: string
  readonly request: string
  /** whose token was spoiled, like `a client with scope read:address, of main` */
  readonly of: string
  readonly kind: DamageKind
  /** how, like `expired` */
  readonly what: string
  readonly expected: string
  readonly got: string
  readonly ok: boolean
  /** another alternative of the rule is meant for it */
  readonly byAnother: boolean
  /** the rule would refuse it, and lets it through for now (`enforce: report`) */
  readonly reported: boolean
  readonly reasons: readonly string[]
}

/** @param fittings of one rule */
export async function negativesOf (route: Route, fittings: readonly Fitting[], stage: Stage): Promise<NegativeResult[]> {
  const results: NegativeResult[] = []
  const whole = new Set<string>()
  for (const fitting of fittings) {
    const { name } = fitting.issuer
    // What spoils any token is tried once for each issuer, not for each alternative.
    const once = whole.has(name) ? [] : [...damagedToken(fitting), ...otherKind(fitting, route), ...whole.size === 0 ? strangers(fitting, route, stage) : []]
    whole.add(name)
    for (const damage of [...once, ...missingOne(fitting)]) results.push(await tryOut(route, fitting, damage, stage))
  }
  return results
}

async function tryOut (route: Route, { at, alternative, kind, issuer, request }: Fitting, { kind: damage, what, refusedBy, ofAlternative, shown }: Damage, stage: Stage): Promise<NegativeResult> {
  const explanation = await stage.ask({ ...request, shown })
  const { passes, status, reported: report } = explanation
  const byAnother = ofAlternative && passes && !holds(explanation, at)
  const reported = report !== undefined && refusedBy.includes(report.status)
  const ok = byAnother || reported || (!passes && status !== undefined && refusedBy.includes(status))
  return {
    at: route.at,
    rule: matchText(route),
    request: `${request.method} ${request.target}`,
    of: `${alternativeSentence({ ...alternative, kinds: [kind] })}, of ${issuer.name}`,
    kind: damage,
    what,
    expected: `deny ${refusedBy.join(' or ')}`,
    got: outcomeText(explanation),
    ok,
    byAnother,
    reported,
    reasons: ok ? [] : reasonsOf(explanation)
  }
}
