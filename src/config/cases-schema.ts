import * as z from 'zod'
import { METHODS, type Method } from '../policy/pattern.ts'
import { PROBLEMS, type ProblemCode } from '../policy/problems.ts'
import { PROFILE_NAMES } from '../policy/profiles/index.ts'
import { MAX_TARGET } from '../policy/target.ts'
import { byHand } from './by-hand.ts'
import { duration, flag, oneOrMany, splitPath, text } from './notation.ts'
import { isObject } from './objects.ts'
import { expectOneOf } from './spelling.ts'

/** Requests of one case: `PUT|PATCH /addresses/17`. */
export interface CaseRequest {
  readonly methods: readonly Method[]
  /** path and query */
  readonly target: string
}

/** What a case expects. */
export type Expectation =
  | { readonly allows: true }
  /** undefined is any: a status of 401 or 403, by any code */
  | { readonly allows: false, readonly status: number | undefined, readonly code: ProblemCode | undefined }

/** The principals that every IdP has a token for, and nobody. */
export const PRINCIPALS = ['nobody', 'user', 'client', 'id_token', 'agent'] as const

const requestSchema = byHand(z.string().regex(/^[A-Z|]+ \//), (value, fail): CaseRequest => {
  const [, head, target] = typeof value === 'string' ? /^([A-Z|]+) (\/\S*)$/.exec(value.trim()) ?? [] : []
  if (head === undefined || target === undefined) return fail('expected methods, one space and a path, such as PUT|PATCH /addresses/17', { found: true })
  if (target.length > MAX_TARGET) return fail('is longer than any target that is served')
  if (head === 'ANY') return { methods: METHODS, target }
  const methods = head.split('|').map(name => METHODS.find(one => one === name) ?? fail(`"${name}" is no method; ${expectOneOf(name, [...METHODS, 'ANY'], 'allowed are')}`))
  return { methods, target }
})

// A shape is looked up where the issuers are played: here it is a word that one could have.
const shapeName = new RegExp(`^(?:${PROFILE_NAMES.join('|')})-[a-z0-9-]+$`)
const principalSchema = byHand(z.union([z.enum(PRINCIPALS), z.string().regex(shapeName)]), (value, fail) => {
  if (typeof value === 'string' && (PRINCIPALS.some(one => one === value) || shapeName.test(value))) return value
  return fail('', { words: PRINCIPALS })
})

const CODES = Object.keys(PROBLEMS) as ProblemCode[]

const expectSchema = byHand(z.string().regex(/^(?:allow|deny(?: [1-5]\d\d)?(?: [a-z-]+)?)$/), (value, fail): Expectation => {
  const words = typeof value === 'string' ? value.split(/ +/) : []
  if (words[0] === 'allow' && words.length === 1) return { allows: true }
  const [, status, ...rest] = /^\d+$/.test(words[1] ?? '') ? words : [words[0], undefined, ...words.slice(1)]
  if (words[0] !== 'deny' || rest.length > 1) return fail('expected allow, deny, or such as deny 403 scope-missing', { found: true })
  const [name] = rest
  const code = CODES.find(one => one === name)
  if (name !== undefined && code === undefined) return fail(nearestCode(name), { found: true })
  const known = new Set<number>(Object.values(PROBLEMS).map(one => one.status))
  if (status !== undefined && !known.has(Number(status))) return fail(`no refusal has status ${status}`)
  if (code !== undefined && status !== undefined && PROBLEMS[code].status !== Number(status)) return fail(`${code} has status ${PROBLEMS[code].status}`)
  return { allows: false, status: status === undefined ? undefined : Number(status), code }
})

function nearestCode (name: string): string {
  const [, guess] = /did you mean (".*")\?$/.exec(expectOneOf(name, CODES)) ?? []
  return `expected a code of docs/problems.md${guess === undefined ? '' : `; did you mean ${guess}?`}`
}

// Scopes never hold a blank, so that "a b" can only mean two; none at all is written [].
const grants = () => oneOrMany(text(), { least: 0 })

const claimsSchema = byHand(z.record(z.string(), z.unknown()).meta({ title: 'claims-laid-over' }), (value, fail) => {
  if (!isObject(value)) return fail('expected a mapping such as { tenant: acme }', { found: true })
  return Object.entries(value).map(([name, claim]) =>
    [splitPath(name, message => fail(message, { path: [name], key: true })), claim === null ? undefined : claim] as const)
})

const headersSchema = byHand(z.record(z.string(), z.string()), (value, fail) => {
  if (!isObject(value)) return fail('expected a mapping of header to value', { found: true })
  return Object.entries(value).map(([name, one]) => {
    if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name)) return fail('is no name of a header', { path: [name], key: true })
    if (/^authorization$/i.test(name)) return fail('the token of `as` stands there', { path: [name], key: true })
    return typeof one === 'string' && /^[\x20-\x7e]*$/.test(one) ? [name, one] as const : fail('expected text of visible ASCII', { found: true, path: [name] })
  })
})

export const caseSchema = z.strictObject({
  request: oneOrMany(requestSchema).describe('Methods joined by |, one space, a path with its query: PUT|PATCH /addresses/17. ANY is every method. Or a list.'),
  as: oneOrMany(principalSchema).describe('Who asks, one or a list: nobody (no token), user, client, id_token, agent, or an IdP\'s shape by name, such as entra-v1-client.'),
  expect: expectSchema.describe('allow; deny (401 or 403); or with a status, a code, or both: deny 403 scope-missing.'),
  rule: text().optional().describe('The rule that is to take it, by id or match as routes.yaml has them.'),
  name: text(200).optional().describe('For people: what the case is about.'),
  issuer: oneOrMany(text(64)).optional().describe('Whose token it is, a name of gateway.yaml or a list; needed where there are several.'),
  scope: grants().transform(given => given.flatMap(one => one.split(/ +/))).optional().describe('The scopes that the token has, and no others; [] is none. A login\'s usual ones when left out.'),
  permission: grants().optional().describe('The permissions that it has.'),
  role: grants().optional().describe('The roles that it has; my-api:clerk is a client\'s, at Keycloak.'),
  client_id: text().optional().describe('The calling client: an id, or a name from the issuer\'s `clients`.'),
  audience: oneOrMany(text()).optional().describe('The token\'s audience, in place of the issuer\'s own.'),
  acr: text().optional().describe('How the user logged in.'),
  login_age: duration('0s', '8760h').optional().describe('How long ago the user logged in, for `max_age`.'),
  expired: flag().optional().describe('true: the token ended an hour ago.'),
  claims: claimsSchema.optional().describe('Claims that are laid over the token, path to value; null takes one away.'),
  headers: headersSchema.optional().describe('Further headers of the request.'),
  address: text(100).optional().describe('The caller\'s address, for `where`; 127.0.0.1 when left out.')
})

/** routes.test.yaml: what routes.yaml is to say. */
export const casesSchema = z.strictObject({
  coverage: z.enum(['required', 'reported']).prefault('reported').describe('required: a rule, alternative or method that no case is let through by, and a weaker rule that no case would notice, fail the test. reported: they are told.'),
  issuer: oneOrMany(text(64)).optional().describe('Whose tokens, where a case says none; needed where gateway.yaml has several.'),
  cases: z.array(caseSchema).min(1, 'must not be empty').describe('Requests, who makes them, and what becomes of them.')
}).meta({ title: 'Countersign: routes.test.yaml', description: 'What routes.yaml is to say, as cases.' })

export type CasesFile = z.output<typeof casesSchema>
export type Case = z.output<typeof caseSchema>
