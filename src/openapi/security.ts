import { isObject } from '../config/objects.ts'
import type { AdmittedKind, Alternative } from '../policy/require.ts'
import { resolveRef } from './reference.ts'

/** Security schemes that must all hold. Empty: nothing is asked for. */
export type Requirement = ReadonlyArray<{ readonly scheme: string, readonly scopes: readonly string[] }>

/** How callers prove who they are, as far as a description says it. */
export interface Scheme {
  /** for people: an API key in the header X-Api-Key */
  readonly words: string
  /** who gets tokens in this way, and which scopes; empty where it does not say */
  readonly flows: ReadonlyArray<{ readonly who: AdmittedKind, readonly scopes: readonly string[] }>
  /** OpenID Connect is a login, so that with a scope it speaks of users; without one it says too little */
  readonly isLogin: boolean
}

/** Who may call an operation, as far as its description tells. */
export interface Told {
  /** of which one suffices; undefined where none could be told */
  readonly require: readonly Alternative[] | undefined
  /** what the description takes beside that, in words: nobody calls by it */
  readonly left: readonly string[]
}

/** What the operator says of schemes of which the description does not tell who calls by them. */
export type Said = ReadonlyMap<string, readonly AdmittedKind[]>

export const ANYBODY = 'anybody, without a credential'

export function readSchemes (document: Record<string, unknown>): Map<string, Scheme> {
  const { components, securityDefinitions } = document
  const written = securityDefinitions ?? (isObject(components) ? components.securitySchemes : undefined)
  if (!isObject(written)) return new Map()
  return new Map(Object.entries(written).map(([name, scheme]) => {
    const referred = isObject(scheme) && scheme.$ref !== undefined ? resolveRef(document, scheme.$ref) : scheme
    return [name, isObject(referred) ? schemeOf(referred) : { words: 'which is not defined in this document', flows: [], isLogin: false }]
  }))
}

/**
 * Who may call. An alternative that cannot be told is left out, which lets in fewer than the description: never more, and
 * never anybody.
 */
export function tellWho (security: readonly Requirement[] | undefined, schemes: ReadonlyMap<string, Scheme>, said: Said): Told {
  const told: Alternative[] = []
  const left: string[] = []
  const requirements: readonly Requirement[] = security === undefined || security.length === 0 ? [[]] : security
  for (const requirement of requirements) {
    const alternative = alternativeOf(requirement, schemes, said)
    if (alternative === undefined) left.push(requirement.length === 0 ? ANYBODY : requirement.map(one => wordsOf(one, schemes)).join(' and '))
    else add(told, alternative)
  }
  return { require: told.length === 0 ? undefined : told, left: [...new Set(left)] }
}

// One token is all that a request has: two schemes are told where both are about the same callers.
function alternativeOf (requirement: Requirement, schemes: ReadonlyMap<string, Scheme>, said: Said): Alternative | undefined {
  const [first, ...others] = requirement.map(one => kindsOf(one, schemes.get(one.scheme), said))
  if (first === undefined || first.length === 0 || others.some(kinds => kinds.join() !== first.join())) return undefined
  const scopes = [...new Set(requirement.flatMap(one => one.scopes))]
  if (!scopes.every(scope => SCOPE.test(scope))) return undefined
  return { kinds: first, conditions: scopes.length === 0 ? {} : { scope: scopes } }
}

// RFC 6749 section 3.3, less what the two files would take for something else.
const SCOPE = /^(?!.*\$\{)[\x21\x23-\x5b\x5d-\x7e]{1,1000}$/

const KINDS: readonly AdmittedKind[] = ['user', 'client']

function kindsOf ({ scheme: name, scopes }: Requirement[number], scheme: Scheme | undefined, said: Said): readonly AdmittedKind[] {
  const given = said.get(name)
  if (given !== undefined) return given
  if (scheme === undefined) return []
  if (scheme.isLogin) return scopes.length > 0 ? ['user'] : []
  // A flow that does not have all of the scopes gives no such token; where none has, their list is not complete.
  const able = scheme.flows.filter(flow => scopes.every(scope => flow.scopes.includes(scope)))
  const flows = able.length > 0 ? able : scheme.flows
  return KINDS.filter(kind => flows.some(({ who }) => who === kind))
}

function add (told: Alternative[], { kinds, conditions }: Alternative): void {
  const scopes = JSON.stringify(conditions.scope?.toSorted())
  const at = told.findIndex(one => JSON.stringify(one.conditions.scope?.toSorted()) === scopes)
  const known = told[at]
  if (known === undefined) told.push({ kinds, conditions })
  else told[at] = { kinds: KINDS.filter(kind => known.kinds.includes(kind) || kinds.includes(kind)), conditions: known.conditions }
}

function wordsOf ({ scheme, scopes }: Requirement[number], schemes: ReadonlyMap<string, Scheme>): string {
  const words = schemes.get(scheme)?.words ?? 'which is not defined in this document'
  const named = scopes.filter(scope => scope !== '')
  return `${scheme} (${words}${named.length === 0 ? '' : `, with ${named.join(' ')}`})`
}

const WHO_BY_FLOW: Readonly<Record<string, AdmittedKind>> = {
  clientCredentials: 'client',
  application: 'client',
  authorizationCode: 'user',
  accessCode: 'user',
  implicit: 'user',
  password: 'user',
  deviceAuthorization: 'user'
}

function schemeOf (scheme: Record<string, unknown>): Scheme {
  const type = String(scheme.type)
  // Swagger 2.0 has one flow in a scheme, and its scopes beside it.
  if (type === 'oauth2') return { words: 'OAuth 2', flows: flowsOf(isObject(scheme.flows) ? scheme.flows : { [String(scheme.flow)]: scheme }), isLogin: false }
  if (type === 'openIdConnect') return { words: 'OpenID Connect', flows: [], isLogin: true }
  return { words: otherWords(type, scheme), flows: [], isLogin: false }
}

function flowsOf (flows: Record<string, unknown>): Scheme['flows'] {
  return Object.entries(flows).flatMap(([name, flow]) => {
    const who = Object.hasOwn(WHO_BY_FLOW, name) ? WHO_BY_FLOW[name] : undefined
    if (who === undefined || !isObject(flow)) return []
    return { who, scopes: isObject(flow.scopes) ? Object.keys(flow.scopes) : [] }
  })
}

function otherWords (type: string, scheme: Record<string, unknown>): string {
  if (type === 'apiKey') return `an API key in ${String(scheme.in)} ${String(scheme.name)}`
  if (type === 'basic' || (type === 'http' && String(scheme.scheme).toLowerCase() === 'basic')) return 'a name and a password'
  if (type === 'http' && String(scheme.scheme).toLowerCase() === 'bearer') return 'a bearer token, of whom is not said'
  if (type === 'mutualTLS') return 'a client certificate'
  return `of type ${type}`
}
