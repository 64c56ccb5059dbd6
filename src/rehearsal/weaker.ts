import { alternativeSentence } from '../explain/sentence.ts'
import type { Alternative, Conditions, Require } from '../policy/require.ts'
import { compareAudiences, type Audience } from '../policy/wider.ts'

/** A rule as a slip of the hand would make it: it lets in somebody more. */
export interface WeakerRule {
  /** whom a case has to refuse to notice it, like `a client, but without scope write:address` */
  readonly admits: string
  readonly require: Require
  readonly issuers: readonly string[]
}

/** A rule made weaker, one step at a time: made public, a condition dropped, another kind or another issuer let in. */
export function weakerRules (rule: Audience, allIssuers: readonly string[]): WeakerRule[] {
  const { require, issuers } = rule
  if (require === 'public') return []
  const weaker: WeakerRule[] = [
    { admits: 'anybody', require: 'public', issuers: [] },
    ...require.flatMap((alternative, at) => changesOf(alternative).map(({ admits, changed }) => ({ admits, require: require.map((one, other) => other === at ? changed : one), issuers }))),
    ...allIssuers.filter(name => !issuers.includes(name)).map(name => ({ admits: `a token of ${name}`, require, issuers: [...issuers, name] }))
  ]
  // Where another alternative lets all of them in, nobody would notice, for nothing has changed.
  return weaker.filter(one => compareAudiences(rule, { ...rule, require: one.require, issuers: one.issuers }) === 'wider')
}

function changesOf (alternative: Alternative): Array<{ readonly admits: string, readonly changed: Alternative }> {
  const { kinds, conditions } = alternative
  const changes = lessConditions(conditions).map(({ but, less }) => {
    const changed = { kinds, conditions: less }
    return { admits: `${alternativeSentence(changed).replace(/,$/, '')}, but ${but}`, changed }
  })
  const others = (['user', 'client'] as const).filter(kind => !kinds.includes(kind))
  return [...changes, ...others.map(kind => ({ admits: alternativeSentence({ kinds: [kind], conditions }), changed: { kinds: [...kinds, kind], conditions } }))]
}

function lessConditions (conditions: Conditions): Array<{ readonly but: string, readonly less: Conditions }> {
  const less: Array<{ readonly but: string, readonly less: Conditions }> = []
  for (const key of ['scope', 'permission', 'role'] as const) {
    for (const one of conditions[key] ?? []) {
      const left = conditions[key]?.filter(other => other !== one)
      less.push({ but: `without ${key} ${one}`, less: { ...conditions, [key]: left?.length === 0 ? undefined : left } })
    }
  }
  for (const one of conditions.claims ?? []) {
    const left = conditions.claims?.filter(other => other !== one)
    less.push({ but: `with another claim ${one.name}`, less: { ...conditions, claims: left?.length === 0 ? undefined : left } })
  }
  for (const [key, say] of WHOLE) if (conditions[key] !== undefined) less.push({ but: say(conditions), less: { ...conditions, [key]: undefined } })
  return less
}

const WHOLE: ReadonlyArray<readonly [keyof Conditions, (conditions: Conditions) => string]> = [
  ['any_scope', ({ any_scope: names = [] }) => `with no scope of ${names.join(', ')}`],
  ['any_permission', ({ any_permission: names = [] }) => `with no permission of ${names.join(', ')}`],
  ['any_role', ({ any_role: names = [] }) => `with no role of ${names.join(', ')}`],
  ['client_id', () => 'by another client'],
  ['audience', ({ audience = [] }) => `without audience ${audience.join(' or ')}`],
  ['max_age', ({ max_age: seconds }) => `logged in more than ${seconds ?? 0} s ago`],
  ['acr', () => 'logged in by another acr'],
  ['where', ({ where }) => `where this is not so: ${where ?? ''}`]
]
