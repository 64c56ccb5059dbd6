import type { BuiltInIssuer, Kind, Wish } from '../built-in-issuer/built-in-issuer.ts'
import type { Shape } from '../built-in-issuer/shape.ts'
import type { Route } from '../config/configuration.ts'
import type { Question } from '../explain/explain.ts'
import type { Explanation } from '../explain/explanation.ts'
import { alternativeSentence } from '../explain/sentence.ts'
import type { AdmittedKind, Alternative } from '../policy/require.ts'
import type { Played } from './cases.ts'
import { shapeOf } from './cast.ts'
import { clientOf } from './check-cases.ts'
import type { SampleRequest } from './sample.ts'
import type { Stage } from './stage.ts'
import { reasonsOf } from './verdict.ts'

/** A request and a principal that one alternative of a rule lets in. */
export interface Fitting {
  readonly at: number
  readonly alternative: Alternative
  readonly kind: AdmittedKind
  readonly issuer: BuiltInIssuer
  readonly request: Pick<Question, 'method' | 'target' | 'headers' | 'address'>
  readonly as: Kind | Shape
  readonly wish: Wish
}

/** An alternative for which no such principal could be made. */
export interface Unmade {
  readonly who: string
  readonly issuer: string
  readonly why: string
}

export interface Fittings {
  readonly made: readonly Fitting[]
  readonly unmade: readonly Unmade[]
}

/**
 * For each alternative, kind and issuer of a rule a principal that it lets in: made of its own conditions; where that is
 * not enough (a `where`), taken from a case that it lets in.
 */
export async function fittingsOf (route: Route, sample: SampleRequest | undefined, letIn: readonly Played[], stage: Stage): Promise<Fittings> {
  const made: Fitting[] = []
  const unmade: Unmade[] = []
  if (route.require === 'public') return { made, unmade }
  for (const [at, alternative] of route.require.entries()) {
    for (const kind of alternative.kinds) {
      for (const issuer of route.issuers.flatMap(name => stage.issuers.get(name) ?? [])) {
        const own: Fitting[] = sample === undefined ? [] : [{ at, alternative, kind, issuer, request: sample, as: kind, wish: wishFor(alternative, issuer) }]
        const candidates = [...own, ...letIn.flatMap(played => fromCase(played, { at, alternative, kind, issuer }))]
        const found = await firstLetIn(candidates, stage)
        if ('fitting' in found) made.push(found.fitting)
        else unmade.push({ who: alternativeSentence({ ...alternative, kinds: [kind] }), issuer: issuer.name, why: found.why })
      }
    }
  }
  return { made, unmade }
}

export function holds ({ passes, alternatives }: Explanation, at: number): boolean {
  return passes && alternatives[at]?.holds === true
}

async function firstLetIn (candidates: readonly Fitting[], stage: Stage): Promise<{ readonly fitting: Fitting } | { readonly why: string }> {
  let why = 'no request of its own could be made, and no case has one'
  for (const [number, fitting] of candidates.entries()) {
    const { request, issuer, as, wish } = fitting
    const explanation = await stage.ask({ ...request, shown: { token: issuer.sign(issuer.draft(as, wish)) } })
    if (holds(explanation, fitting.at)) return { fitting }
    if (number === 0) why = explanation.alternatives[fitting.at]?.steps.filter(({ outcome }) => outcome === 'fail').map(({ name, saw }) => `${name} ${saw}`).join('; ') || (reasonsOf(explanation)[1] ?? '')
  }
  return { why }
}

/** What an alternative asks for, and no more. */
function wishFor ({ conditions }: Alternative, issuer: BuiltInIssuer): Wish {
  const { scope = [], any_scope: [anyScope] = [], permission = [], any_permission: [anyPermission] = [], role = [], any_role: [anyRole] = [], client_id: clients, audience, claims, max_age: maxAge, acr } = conditions
  const { allowed_clients: allowed, audience: [own] = [] } = issuer.issuer
  const ids = clients?.map(one => clientOf(issuer, one))
  return {
    scopes: [...scope, ...anyScope === undefined ? [] : [anyScope]],
    permissions: [...permission, ...anyPermission === undefined ? [] : [anyPermission]],
    roles: [...role, ...anyRole === undefined ? [] : [anyRole]],
    client: ids?.find(id => allowed?.includes(id) ?? true) ?? ids?.[0],
    audience: audience === undefined ? undefined : [...new Set([...own === undefined ? [] : [own], ...audience.slice(0, 1)])],
    conditions: claims,
    loginAge: maxAge === undefined ? undefined : Math.min(60, Math.floor(maxAge / 2)),
    acr: acr?.[0]
  }
}

// What damages a token must be able to: a case that writes these claims by hand would write them again.
const DAMAGED = new Set(['iss', 'aud', 'exp', 'iat', 'scope', 'scp', 'permissions', 'roles', 'realm_access', 'resource_access'])

function fromCase ({ scene: { method, target, as, issuer, wish, given }, explanation }: Played, wanted: Pick<Fitting, 'at' | 'alternative' | 'kind' | 'issuer'>): Fitting[] {
  if (issuer !== wanted.issuer || explanation.principal?.kind !== wanted.kind || !holds(explanation, wanted.at)) return []
  if (wish.claims?.some(([[name = '']]) => DAMAGED.has(name)) === true) return []
  return [{ ...wanted, request: { method, target, ...given.headers && { headers: given.headers }, ...given.address !== undefined && { address: given.address } }, as: shapeOf(as, issuer), wish }]
}
