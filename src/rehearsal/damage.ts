import type { Wish } from '../built-in-issuer/built-in-issuer.ts'
import { withClaim } from '../built-in-issuer/overlay.ts'
import type { Unsigned } from '../built-in-issuer/shape.ts'
import type { Route } from '../config/configuration.ts'
import type { Shown } from '../explain/token-story.ts'
import type { AdmittedKind, Alternative } from '../policy/require.ts'
import { ONE_HOUR, shapeOf } from './cast.ts'
import { clientOf } from './check-cases.ts'
import type { Fitting } from './fitting.ts'
import type { Stage } from './stage.ts'

/** What is spoiled, by the column of the table in which it is told. */
export const DAMAGES = ['none', 'exp', 'aud', 'alg', 'key', 'id', 'agent', 'other', 'lacks'] as const
export type DamageKind = typeof DAMAGES[number]

/** A request that was let in, with one thing spoiled. */
export interface Damage {
  readonly kind: DamageKind
  /** in words, like `without scope read:address` */
  readonly what: string
  /** the statuses with which it is to be refused */
  readonly refusedBy: readonly number[]
  /** whether another alternative of the rule may let it in all the same */
  readonly ofAlternative: boolean
  readonly shown: Shown | undefined
}

const ELSEWHERE = 'https://another-api.invalid'
const NOBODYS_CLIENT = 'another-client'
const WEAK = 'built-in-weak'

/** What spoils a token, whatever the rule asks for. */
export function damagedToken ({ issuer, as, wish }: Fitting): Damage[] {
  const good = issuer.draft(as, wish)
  const sign = (token: Unsigned): Shown => ({ token: issuer.sign(token) })
  const refused = (kind: DamageKind, what: string, shown: Shown | undefined, refusedBy = [401]): Damage => ({ kind, what, refusedBy, ofAlternative: false, shown })
  const exp = typeof good.claims['exp'] === 'number' ? good.claims['exp'] : 0
  return [
    refused('none', 'no token', undefined),
    refused('exp', 'expired', sign(changed(good, [['iat', exp - 3 * ONE_HOUR], ['nbf', exp - 3 * ONE_HOUR], ['exp', exp - 2 * ONE_HOUR]]))),
    issuer.issuer.audience === undefined
      ? refused('aud', 'of a client that is not allowed', sign(issuer.draft(as, { ...wish, client: NOBODYS_CLIENT })))
      : refused('aud', 'wrong audience', sign(changed(good, [['aud', ELSEWHERE]]))),
    refused('alg', 'alg none', { token: issuer.unsecured(good) }),
    refused('key', 'signed by another key', { token: issuer.forge(good) }),
    refused('id', 'an ID token', sign(issuer.draft('id-token', wish))),
    refused('agent', 'an AI agent\'s own token', sign(issuer.draft(shapeOf('agent', issuer), wish)), [403])
  ]
}

/** Principals that the rule does not take. */
export function strangers ({ kind, wish }: Fitting, { require, issuers: taken }: Route, stage: Stage): Damage[] {
  if (require === 'public') return []
  return [...stage.issuers.values()].flatMap(issuer => taken.includes(issuer.name) ? [] : [{ kind: 'other', what: `of issuer ${issuer.name}`, refusedBy: [401], ofAlternative: false, shown: { token: issuer.sign(issuer.draft(kind, { ...wish, client: undefined, audience: undefined })) } }])
}

/** The other kind of principal, with all that any alternative asks for. */
export function otherKind ({ issuer, kind, wish }: Fitting, { require }: Route): Damage[] {
  if (require === 'public') return []
  const other: AdmittedKind = kind === 'user' ? 'client' : 'user'
  if (require.some(({ kinds }) => kinds.includes(other))) return []
  const all = (pick: (alternative: Alternative) => ReadonlyArray<readonly string[] | undefined>): string[] => [...new Set(require.flatMap(one => pick(one).flatMap(list => list ?? [])))]
  const everything: Wish = {
    ...wish,
    scopes: all(({ conditions: { scope, any_scope } }) => [scope, any_scope]),
    permissions: all(({ conditions: { permission, any_permission } }) => [permission, any_permission]),
    roles: all(({ conditions: { role, any_role } }) => [role, any_role]),
    // A login makes a client's token contradict itself at some IdPs: this one is to be a good one.
    ...other === 'client' && { acr: undefined, loginAge: undefined }
  }
  return [{ kind: 'other', what: `a ${other}`, refusedBy: [403], ofAlternative: false, shown: { token: issuer.sign(issuer.draft(other, everything)) } }]
}

/** One condition of the alternative not met, each in turn. */
export function missingOne ({ alternative: { conditions }, issuer, as, wish }: Fitting): Damage[] {
  const damages: Damage[] = []
  const lack = (what: string, less: Wish, refusedBy: readonly number[] = [403]): void => {
    damages.push({ kind: 'lacks', what, refusedBy, ofAlternative: true, shown: { token: issuer.sign(issuer.draft(as, { ...wish, ...less })) } })
  }
  const without = (list: readonly string[] | undefined, gone: readonly string[]): readonly string[] => (list ?? []).filter(one => !gone.includes(one))
  for (const one of conditions.scope ?? []) lack(`without scope ${one}`, { scopes: without(wish.scopes, [one]) })
  for (const one of conditions.permission ?? []) lack(`without permission ${one}`, { permissions: without(wish.permissions, [one]) })
  for (const one of conditions.role ?? []) lack(`without role ${one}`, { roles: without(wish.roles, [one]) })
  if (conditions.any_scope) lack(`without any scope of ${conditions.any_scope.join(', ')}`, { scopes: without(wish.scopes, conditions.any_scope) })
  if (conditions.any_permission) lack(`without any permission of ${conditions.any_permission.join(', ')}`, { permissions: without(wish.permissions, conditions.any_permission) })
  if (conditions.any_role) lack(`without any role of ${conditions.any_role.join(', ')}`, { roles: without(wish.roles, conditions.any_role) })
  for (const { name, path } of conditions.claims ?? []) lack(`without claim ${name}`, { claims: [...wish.claims ?? [], [path, undefined]] }, [401, 403])
  if (conditions.client_id) lack('of a client that is not listed', { client: unlisted(issuer, conditions.client_id) }, [401, 403])
  if (conditions.audience) lack('without the audience of the rule', { audience: [issuer.issuer.audience?.find(one => conditions.audience?.includes(one) !== true) ?? ELSEWHERE] }, [401, 403])
  if (conditions.acr) lack('logged in by another acr', { acr: WEAK }, [401])
  if (conditions.max_age !== undefined) lack('logged in too long ago', { loginAge: conditions.max_age + ONE_HOUR }, [401])
  return damages
}

function unlisted (issuer: Fitting['issuer'], listed: readonly string[]): string {
  const ids = listed.map(one => clientOf(issuer, one))
  return issuer.issuer.allowed_clients?.find(one => !ids.includes(one)) ?? NOBODYS_CLIENT
}

function changed ({ header, claims }: Unsigned, values: ReadonlyArray<readonly [name: string, value: unknown]>): Unsigned {
  return { header, claims: values.reduce((sofar, [name, value]) => withClaim(sofar, [name], value), claims) }
}
