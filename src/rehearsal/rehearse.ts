import type { CasesFile } from '../config/cases-schema.ts'
import type { Configuration } from '../config/configuration.ts'
import { playAll, resultOf, type CaseResult } from './cases.ts'
import { scenesOf } from './cast.ts'
import { byRule, coverageOf, type RuleCoverage } from './coverage.ts'
import { fittingsOf } from './fitting.ts'
import { grantsOf, matrixRows, type Grant, type MatrixRow } from './matrix.ts'
import { negativesOf, type NegativeResult } from './negatives.ts'
import { keyOf, matchText, samplesFor } from './sample.ts'
import { openStage, type OpenWorld } from './stage.ts'

/** What became of a policy's cases, of the requests that were generated beside them, and what nobody wrote a case for. */
export interface Rehearsal {
  /** nothing was a surprise */
  readonly ok: boolean
  readonly cases: readonly CaseResult[]
  readonly negatives: readonly NegativeResult[]
  readonly coverage: {
    /** whether what is not covered is a surprise */
    readonly required: boolean
    readonly whole: boolean
    readonly rules: readonly RuleCoverage[]
  }
  readonly matrix: {
    /** what each principal was tried with */
    readonly grants: readonly Grant[]
    readonly rows: readonly MatrixRow[]
  }
}

export interface RehearsalParts {
  readonly cases: CasesFile
  /** where each case stands, like `routes.test.yaml:12` */
  readonly places: readonly string[]
  readonly open: OpenWorld
  /** ms since the epoch */
  readonly now: number
}

/**
 * Tries a policy out: the cases of a checked routes.test.yaml, and what is generated from the rules. Every answer is that of
 * `explain` over the two files, for tokens that the played issuers really signed. No connection is opened.
 */
export async function rehearse (configuration: Configuration, { cases, places, open, now }: RehearsalParts): Promise<Rehearsal> {
  const stage = openStage(configuration, open, now)
  try {
    const played = await playAll(scenesOf(cases, places, stage), stage)
    const met = byRule(played)
    const samples = samplesFor(configuration.routes, stage.world)
    const grants = grantsOf(configuration.routes)
    const negatives: NegativeResult[] = []
    const rules: RuleCoverage[] = []
    const rows: MatrixRow[] = []
    for (const route of configuration.routes) {
      const sample = samples(route)
      const ofRule = met.get(keyOf({ at: route.at, match: matchText(route) })) ?? []
      const { made, unmade } = await fittingsOf(route, sample, ofRule.filter(({ explanation }) => explanation.passes), stage)
      negatives.push(...await negativesOf(route, made, stage))
      rules.push(await coverageOf(route, { met: ofRule, sample, unmade }, stage))
      rows.push(...await matrixRows(route, { sample, grants, made }, stage))
    }
    const required = cases.coverage === 'required'
    const whole = rules.every(rule => rule.whole)
    const results = played.map(resultOf)
    return {
      ok: [...results, ...negatives].every(({ ok }) => ok) && (whole || !required),
      cases: results,
      negatives,
      coverage: { required, whole, rules },
      matrix: { grants, rows }
    }
  } finally {
    stage.close()
  }
}
