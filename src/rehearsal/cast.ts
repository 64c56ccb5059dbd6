import type { BuiltInIssuer, Kind, Wish } from '../built-in-issuer/built-in-issuer.ts'
import type { Shape } from '../built-in-issuer/shape.ts'
import { SHAPES, SHAPES_BY_NAME } from '../built-in-issuer/shapes/index.ts'
import type { Case, CasesFile } from '../config/cases-schema.ts'
import type { Question } from '../explain/explain.ts'
import type { Method } from '../policy/pattern.ts'
import { clientOf } from './check-cases.ts'
import type { Stage } from './stage.ts'

/** One request of one principal: a case with two methods and three principals makes six. */
export interface Scene {
  /** `routes.test.yaml:12` */
  readonly at: string
  readonly method: Method
  readonly target: string
  /** as it is written: `client` */
  readonly as: string
  /** what is said of the token, in words, like `scope read:address`; empty where nothing is */
  readonly holding: string
  /** undefined where it shows no token */
  readonly issuer: BuiltInIssuer | undefined
  readonly wish: Wish
  readonly given: Case
}

/** The scenes of a file that was checked, in its order. */
export function scenesOf ({ cases, issuer: usual }: CasesFile, places: readonly string[], { issuers }: Pick<Stage, 'issuers'>): Scene[] {
  return cases.flatMap((given, at) => given.request.flatMap(({ methods, target }) => methods.flatMap(method => given.as.flatMap(as => {
    const names = as === 'nobody' ? [undefined] : given.issuer ?? usual ?? [...issuers.keys()]
    return names.map(name => {
      const issuer = name === undefined ? undefined : issuers.get(name)
      return { at: places[at] ?? '', method, target, as, holding: as === 'nobody' ? '' : holding(given, issuers.size > 1 ? name : undefined), issuer, wish: issuer === undefined ? {} : wishOf(given, issuer), given }
    })
  }))))
}

/** The request of a scene, with its token minted. */
export function questionOf ({ method, target, as, issuer, wish, given: { headers, address } }: Scene): Question {
  const shown = issuer === undefined ? undefined : { token: issuer.sign(issuer.draft(shapeOf(as, issuer), wish)) }
  return { method, target, shown, ...headers && { headers }, ...address !== undefined && { address } }
}

/** The shape that a word of `as` means at an issuer. */
export function shapeOf (as: string, { issuer: { idp } }: BuiltInIssuer): Kind | Shape {
  if (as === 'agent') return agentOf(idp)
  if (as === 'id_token') return 'id-token'
  return SHAPES_BY_NAME.get(as) ?? (as === 'client' ? 'client' : 'user')
}

// RFC drafts and Auth0 agree on sub_profile; elsewhere an agent is a user's token that says so.
function agentOf (idp: BuiltInIssuer['issuer']['idp']): Shape {
  const { agent, user } = SHAPES[idp]
  return agent ?? { of: 'agent', write: facts => { const { header, claims } = user.write(facts); return { header, claims: { ...claims, sub_profile: 'ai_agent' } } } }
}

function wishOf ({ scope, permission, role, client_id: client, audience, acr, login_age: age, expired, claims }: Case, issuer: BuiltInIssuer): Wish {
  return {
    scopes: scope,
    permissions: permission,
    roles: role,
    client: client === undefined ? undefined : clientOf(issuer, client),
    audience,
    acr,
    loginAge: age === undefined ? undefined : Math.floor(age / 1000),
    lifetime: expired === true ? -ONE_HOUR : undefined,
    claims
  }
}

/** Beyond every clock_tolerance. */
export const ONE_HOUR = 3600

function holding ({ scope, permission, role, client_id: client, audience, acr, login_age: age, expired, claims }: Case, issuer: string | undefined): string {
  const words: string[] = []
  const say = (word: string, value: string | readonly string[] | undefined): void => {
    if (value !== undefined) words.push(value.length === 0 ? `no ${word}` : `${word} ${[value].flat().join(' ')}`)
  }
  if (expired === true) words.push('expired')
  say('scope', scope)
  say('permission', permission)
  say('role', role)
  say('client_id', client)
  say('audience', audience)
  say('acr', acr)
  if (age !== undefined) words.push(`logged in ${age / 1000} s ago`)
  if (claims !== undefined) for (const [path, value] of claims) words.push(value === undefined ? `without claim ${path.join('.')}` : `claim ${path.join('.')} ${JSON.stringify(value)}`)
  if (issuer !== undefined) words.push(`of ${issuer}`)
  return words.join(', ')
}
