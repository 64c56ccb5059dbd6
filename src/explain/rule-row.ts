import type { Route } from '../config/configuration.ts'
import type { RuleRow } from './explanation.ts'
import { sentenceOf } from './sentence.ts'

export function rowOf (route: Route): RuleRow {
  const { name, match, rate_limits: limits, withoutCredential } = route
  return {
    name,
    methods: match.any ? 'ANY' : match.methods.join('|'),
    path: match.path,
    who: sentenceOf(route),
    limits: limits.map(({ max, per, by }) => `${max} per ${durationText(per)} by ${by}`).join(', '),
    upstream: route.upstream + (withoutCredential ? ' (no credential)' : ''),
    at: route.at
  }
}

function durationText (ms: number): string {
  for (const [unit, size] of [['h', 3_600_000], ['m', 60_000], ['s', 1000]] as const) if (ms % size === 0) return `${ms / size}${unit}`
  return `${ms}ms`
}
