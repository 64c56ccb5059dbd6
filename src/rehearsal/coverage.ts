import type { Route } from '../config/configuration.ts'
import type { ExplainWorld } from '../explain/explain.ts'
import { alternativeSentence, sentenceOf } from '../explain/sentence.ts'
import type { Method } from '../policy/pattern.ts'
import { compileAlternative, type ClientNames } from '../policy/require.ts'
import type { CompiledRoute } from '../routes.ts'
import type { Played } from './cases.ts'
import { questionOf } from './cast.ts'
import type { Unmade } from './fitting.ts'
import { keyOf, matchText, type SampleRequest } from './sample.ts'
import type { Stage } from './stage.ts'
import { isAsExpected } from './verdict.ts'
import { weakerRules, type WeakerRule } from './weaker.ts'

/** What the cases say about one rule, and what they do not. */
export interface RuleCoverage {
  readonly at: string
  readonly rule: string
  readonly who: string
  /** so many requests of cases that it let in, and that it did not */
  readonly letIn: number
  readonly refused: number
  /** whether a case is let in by each */
  readonly alternatives: ReadonlyArray<{ readonly who: string, readonly covered: boolean }>
  readonly methods: ReadonlyArray<{ readonly method: string, readonly covered: boolean }>
  /** weaker rules that no case would notice, each by whom a case has to refuse */
  readonly unnoticed: readonly string[]
  /** alternatives for which no principal could be made that they let in: they have no generated negatives */
  readonly unmade: readonly Unmade[]
  /** nothing is missing: a case for each alternative and method, and none of the weaker rules would go unnoticed */
  readonly whole: boolean
}

export interface CoverageParts {
  /** the scenes that the rule took */
  readonly met: readonly Played[]
  readonly sample: SampleRequest | undefined
  readonly unmade: readonly Unmade[]
}

export async function coverageOf (route: Route, { met, sample, unmade }: CoverageParts, stage: Stage): Promise<RuleCoverage> {
  const letIn = met.filter(({ explanation }) => explanation.passes)
  const { require } = route
  const alternatives = require === 'public' ? [] : require.map((alternative, at) => ({ who: alternativeSentence(alternative), covered: letIn.some(({ explanation }) => explanation.alternatives[at]?.holds === true) }))
  const methods = methodsTaken(route, sample).map(method => ({ method, covered: letIn.some(({ scene }) => scene.method === method) }))
  const unnoticed: string[] = []
  for (const weaker of weakerRules(route, [...stage.issuers.keys()])) if (!await isNoticed(route, weaker, met, stage)) unnoticed.push(weaker.admits)
  return {
    at: route.at,
    rule: matchText(route),
    who: sentenceOf(route),
    letIn: letIn.length,
    refused: met.length - letIn.length,
    alternatives,
    methods,
    unnoticed,
    unmade,
    whole: [...alternatives, ...methods].every(({ covered }) => covered) && unnoticed.length === 0
  }
}

// HEAD comes with GET: where nobody named it, nobody need say anything of it.
function methodsTaken ({ match }: Route, sample: SampleRequest | undefined): readonly Method[] {
  const taken = match.methods.filter(method => sample?.methods.includes(method) ?? true)
  return match.any ? taken.filter(method => method !== 'HEAD') : taken
}

async function isNoticed (route: Route, weaker: WeakerRule, met: readonly Played[], stage: Stage): Promise<boolean> {
  const world = worldWith(route, weaker, stage)
  for (const { scene, ok, explanation } of met) {
    // A weaker rule lets in more: what is let in already, and what is red already, tells nothing.
    if (!ok || explanation.passes) continue
    if (!isAsExpected(scene.given.expect, await stage.ask(questionOf(scene), world))) return true
  }
  return false
}

/** The same world, with one rule as it would be. */
function worldWith (route: Route, { require, issuers }: WeakerRule, { world, configuration: { gateway } }: Stage): ExplainWorld {
  const clientNames: ClientNames = Object.fromEntries(Object.entries(gateway.issuers).map(([name, { clients }]) => [name, clients]))
  const changed = ({ rule, ...compiled }: CompiledRoute): CompiledRoute => ({
    ...compiled,
    route: { ...route, require, issuers },
    rule: { ...rule, requirement: require === 'public' ? 'public' : require.map(one => compileAlternative(one, clientNames)), isConstant: false, issuers: new Set(issuers) }
  })
  return {
    ...world,
    matcher: {
      ...world.matcher,
      find (method, path) {
        const found = world.matcher.find(method, path)
        return found.rule.route === route ? { rule: changed(found.rule), params: found.params, rest: found.rest } : found
      }
    }
  }
}

/** Scenes by the rule that took them. */
export function byRule (played: readonly Played[]): ReadonlyMap<string, readonly Played[]> {
  const groups = new Map<string, Played[]>()
  for (const one of played) {
    const { rule } = one.explanation
    if (rule === undefined) continue
    const group = groups.get(keyOf(rule))
    if (group === undefined) groups.set(keyOf(rule), [one])
    else group.push(one)
  }
  return groups
}
