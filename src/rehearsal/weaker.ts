import type { Route } from '../config/configuration.ts'
import { alternativeSentence, sentenceOf } from '../explain/sentence.ts'
import type { Alternative, Conditions, Require } from '../policy/require.ts'
import { compareAudiences } from '../policy/wider.ts'

/** A rule as a slip of the hand would make it: it lets in somebody more. */
export interface WeakerRule {
  /** like `without scope write:address, for a client with scope write:address` */
  readonly what: string
  readonly require: Require
  readonly issuers: readonly string[]
}

/** What each of these would let in, a case should refuse: made public, a condition dropped, another kind, another issuer. */
export function weakerRules ({ require, issuers }: Pick<Route, 'require' | 'issuers'>, allIssuers: readonly string[]): WeakerRule[] {
  if (require === 'public') return []
  const before = { require, issuers }
  const weaker: WeakerRule[] = [
    { what: 'public', require: 'public', issuers: [] },
    ...require.flatMap((alternative, at) => changesOf(alternative).map(({ what, changed }) => ({ what, require: require.map((one, other) => other === at ? changed : one), issuers }))),
    ...allIssuers.filter(name => !issuers.includes(name)).map(name => ({ what: `for tokens of ${name} as well`, require, issuers: [...issuers, name] }))
  ]
  // Where another alternative lets all of them in, nobody would notice, for nothing has changed.
  return weaker.filter(one => compareAudiences(before, one) === 'wider')
}

function changesOf (alternative: Alternative): Array<{ readonly what: string, readonly changed: Alternative }> {
  const { kinds, conditions } = alternative
  const changes = lessConditions(conditions).map(({ what, less }) => ({ what: `${what}, for ${alternativeSentence(alternative)}`, changed: { kinds, conditions: less } }))
  if (kinds.length > 1) return changes
  const changed: Alternative = { kinds: ['user', 'client'], conditions }
  return [...changes, { what: `for ${sentenceOf({ require: [changed], issuers: [] })}, in place of ${alternativeSentence(alternative)}`, changed }]
}

function lessConditions (conditions: Conditions): Array<{ readonly what: string, readonly less: Conditions }> {
  const less: Array<{ readonly what: string, readonly less: Conditions }> = []
  for (const key of ['scope', 'permission', 'role'] as const) {
    for (const one of conditions[key] ?? []) {
      const left = conditions[key]?.filter(other => other !== one)
      less.push({ what: `without ${key} ${one}`, less: { ...conditions, [key]: left?.length === 0 ? undefined : left } })
    }
  }
  for (const key of ['any_scope', 'any_permission', 'any_role', 'client_id', 'audience', 'max_age', 'acr', 'where'] as const) {
    if (conditions[key] !== undefined) less.push({ what: `without ${key}`, less: { ...conditions, [key]: undefined } })
  }
  for (const one of conditions.claims ?? []) {
    const left = conditions.claims?.filter(other => other !== one)
    less.push({ what: `without claim ${one.name}`, less: { ...conditions, claims: left?.length === 0 ? undefined : left } })
  }
  return less
}
