import type { Expectation } from '../config/cases-schema.ts'
import type { Explanation } from '../explain/explanation.ts'

/** Whether it came as a case expects. */
export function isAsExpected (expected: Expectation, { passes, status, code }: Pick<Explanation, 'passes' | 'status' | 'code'>): boolean {
  if (expected.allows) return passes
  if (passes) return false
  // Where no rule takes the request at all, a path with a slip in it would look well guarded: that has to be meant.
  if (expected.status === undefined && expected.code === undefined) return status === 401 || status === 403
  return (expected.status === undefined || status === expected.status) && (expected.code === undefined || code === expected.code)
}

/** `allow`, `deny`, `deny 403 scope-missing` */
export function expectationText (expected: Expectation): string {
  return expected.allows ? 'allow' : ['deny', expected.status, expected.code].filter(word => word !== undefined).join(' ')
}

export function outcomeText ({ passes, status, code, reported }: Pick<Explanation, 'passes' | 'status' | 'code' | 'reported'>): string {
  if (reported !== undefined) return `allow (enforce: report; else deny ${reported.status} ${reported.code})`
  return passes ? 'allow' : `deny ${status ?? ''} ${code ?? ''}`
}

/** Why it came so, and what to do, in lines: the first check that failed, or who let it in. */
export function reasonsOf (explanation: Explanation): string[] {
  const { passes, rule, alternatives, steps, remedy, principal } = explanation
  if (passes) {
    const by = alternatives.filter(({ holds }) => holds).map(({ who }) => who)
    return [rule === undefined ? 'let in' : `let in by ${rule.match} (${rule.at}), which is for ${by.length === 0 ? rule.who : by.join(', or ')}`, ...principal === undefined ? [] : [`${principal.kind} by ${principal.evidence.filter(({ strength }) => strength === 'proof').map(({ claim }) => claim).join(', ')}`]]
  }
  const failed = steps.find(({ outcome }) => outcome === 'fail')
  const ofThisKind = alternatives.filter(one => one.ofThisKind).flatMap(({ who, steps: checks }) => checks.filter(({ outcome }) => outcome === 'fail').map(({ name, saw }) => `${who}: ${name} ${saw}`))
  return [
    ...rule === undefined ? [] : [`met by ${rule.match} (${rule.at}), which is for ${rule.who}`],
    ...failed === undefined ? [] : [`${failed.name}: ${failed.saw}`],
    ...ofThisKind,
    ...remedy === undefined ? [] : [`→ ${remedy}`]
  ]
}
