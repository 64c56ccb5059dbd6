import type { Rehearsal } from './rehearse.ts'
import type { RuleCoverage } from './coverage.ts'

/** One thing that holds or does not: a line of TAP, a testcase of JUnit. */
export interface Check {
  readonly group: 'cases' | 'negatives' | 'coverage'
  /** where it is written, like `routes.test.yaml:12` or, for what is generated, the rule's place */
  readonly at: string
  readonly name: string
  readonly ok: boolean
  /** what is wrong, in lines; empty where nothing is */
  readonly details: readonly string[]
}

/** All that was looked at, flat and in order. What is not covered counts only where it is required. */
export function checksOf ({ cases, negatives, coverage }: Rehearsal): Check[] {
  return [
    ...cases.map(({ at, name, request, as, expected, got, ok, reasons }): Check => ({
      group: 'cases',
      at,
      name: `${request} as ${as} → ${expected}${name === undefined ? '' : ` (${name})`}`,
      ok,
      details: ok ? [] : [`expected ${expected}, got ${got}`, ...reasons]
    })),
    ...negatives.map(({ at, rule, request, of, what, expected, got, ok, reasons }): Check => ({
      group: 'negatives',
      at,
      name: `${rule}: ${of}: ${what} → ${expected}`,
      ok,
      details: ok ? [] : [`${request}: expected ${expected}, got ${got}`, ...reasons]
    })),
    ...coverage.rules.map((rule): Check => {
      const missing = missingOf(rule)
      return { group: 'coverage', at: rule.at, name: `${rule.rule}: cases for all that it says`, ok: !coverage.required || rule.whole, details: missing }
    })
  ]
}

/** What the cases leave out of a rule, in lines; empty where that is nothing. */
export function missingOf ({ alternatives, methods, unnoticed }: RuleCoverage): string[] {
  const uncovered = methods.filter(({ covered }) => !covered).map(({ method }) => method)
  return [
    ...alternatives.filter(({ covered }) => !covered).map(({ who }) => `no case lets in ${who}`),
    ...uncovered.length === 0 ? [] : [`no case is let in by ${uncovered.join(', ')}`],
    ...unnoticed.map(who => `no case refuses ${who}`)
  ]
}
