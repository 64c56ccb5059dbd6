import type { Explanation } from '../explain/explanation.ts'
import { questionOf, type Scene } from './cast.ts'
import type { Stage } from './stage.ts'
import { expectationText, isAsExpected, outcomeText, reasonsOf } from './verdict.ts'

/** One request of a case, and what became of it. */
export interface CaseResult {
  readonly at: string
  readonly name: string | undefined
  readonly request: string
  /** `client, scope read:address` */
  readonly as: string
  readonly expected: string
  readonly got: string
  readonly ok: boolean
  /** where the rule stands that took it */
  readonly rule: string | undefined
  /** why it came so, and what to do; empty where it came as expected */
  readonly reasons: readonly string[]
}

/** A scene that was played. */
export interface Played {
  readonly scene: Scene
  readonly explanation: Explanation
  readonly ok: boolean
}

export async function playAll (scenes: readonly Scene[], stage: Stage): Promise<Played[]> {
  const played: Played[] = []
  for (const scene of scenes) played.push(await play(scene, stage))
  return played
}

async function play (scene: Scene, stage: Stage): Promise<Played> {
  const explanation = await stage.ask(questionOf(scene))
  return { scene, explanation, ok: isAsExpected(scene.given.expect, explanation) && isByRule(scene, explanation) }
}

export function resultOf ({ scene: { at, method, target, as, holding, given }, explanation, ok }: Played): CaseResult {
  return {
    at,
    name: given.name,
    request: `${method} ${target}`,
    as: [as, holding].filter(word => word !== '').join(', '),
    expected: expectationText(given.expect) + (given.rule === undefined ? '' : ` by ${given.rule}`),
    got: outcomeText(explanation),
    ok,
    rule: explanation.rule?.at,
    reasons: ok ? [] : reasonsOf(explanation)
  }
}

function isByRule ({ given: { rule } }: Scene, { rule: met }: Explanation): boolean {
  return rule === undefined || rule === met?.name || rule === met?.match
}
