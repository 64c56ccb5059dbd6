import * as z from 'zod'
import type { AdmittedKind, Alternative, Conditions, Require } from '../policy/require.ts'
import { compileWhere } from '../policy/where.ts'
import { all, byHand, type Fail, type Use } from './by-hand.ts'
import { claimConditions, oneOrMany, text } from './notation.ts'
import { isObject } from './objects.ts'
import { parseDuration } from './units.ts'

const list = () => oneOrMany(text())

// Scopes never hold a blank (RFC 6749 section 3.3), so that "a b" can only mean two.
const scopes = () => list().transform(given => given.flatMap(one => one.split(/ +/)))

const maxAge = byHand(z.union([z.int().min(1), z.string()]), (value, fail) => {
  const seconds = typeof value === 'string' ? (parseDuration(value) ?? NaN) / 1000 : value
  if (typeof seconds === 'number' && Number.isSafeInteger(seconds) && seconds >= 1) return seconds
  return fail('expected whole seconds, from 1, such as 300 (or 5m)', { found: true })
})

const where = byHand(z.string().min(1), (value, fail) => {
  if (typeof value !== 'string') return fail('expected a CEL expression in quotes', { found: true })
  if (value.trim() === '') return fail('must not be empty: that would be no check')
  try {
    compileWhere(value)
    return value
  } catch (error) {
    return fail(error instanceof Error ? error.message : 'is no CEL expression')
  }
})

/** The conditions of an alternative; all that are given must hold. */
export const conditionsSchema = z.strictObject({
  scope: scopes().optional().describe('Scopes: all of those listed.'),
  any_scope: scopes().optional().describe('Scopes: one of them.'),
  permission: list().optional().describe('Permissions: all of those listed.'),
  any_permission: list().optional().describe('Permissions: one of them.'),
  role: list().optional().describe('Roles: all of those listed; at Keycloak a realm role, or my-api:clerk for a client\'s.'),
  any_role: list().optional().describe('Roles: one of them.'),
  client_id: list().optional().describe('The calling client, one of: ids, or names from the issuer\'s `clients`.'),
  audience: list().optional().describe('The token\'s audience, one of, beyond what its issuer asks for.'),
  claims: claimConditions().optional().describe('Claims, path to value or list of values (one of; types compare strictly).'),
  max_age: maxAge.optional().describe('The login is at most so old, in seconds; by `auth_time`.'),
  acr: list().optional().describe('The login\'s `acr`, one of.'),
  where: where.optional().describe('A CEL expression over claims, principal {kind, subject, client, issuer, scopes} and request {method, path, params, address}.')
}).meta({ title: 'conditions' })

const KINDS: Readonly<Record<string, readonly AdmittedKind[]>> = {
  user: ['user'],
  client: ['client'],
  'user|client': ['user', 'client'],
  'client|user': ['user', 'client']
}

const WORDS = ['user', 'client', 'user|client']
const NO_CHECK = 'must not be empty: that would be no check; write the plain word if any token of this kind will do'

const oneShape = z.union([
  z.enum(['user', 'client', 'user|client', 'client|user']),
  z.strictObject({ user: conditionsSchema }),
  z.strictObject({ client: conditionsSchema }),
  z.strictObject({ 'user|client': conditionsSchema }),
  z.strictObject({ 'client|user': conditionsSchema })
])

/** `require` of a rule, in its normal form: public, or alternatives of which one suffices. */
export const requireSchema = byHand(z.union([z.literal('public'), oneShape, z.array(oneShape).min(1)]), (value, fail, use): Require => {
  if (value === 'public') return value
  if (!Array.isArray(value)) return [alternative(value, [], ['public', ...WORDS], fail, use)]
  const given: readonly unknown[] = value
  if (given.length === 0) return fail('must not be empty: write public, user, client, …')
  const open = given.indexOf('public')
  if (open !== -1) return fail('public stands alone: beside it every other word would be no check', { path: [open] })
  return all(given, (one, at) => alternative(one, [at], WORDS, fail, use))
}).describe('Who may call: public, user, client, user|client, one of the last three with conditions, or a list of these, of which one suffices.')

function alternative (value: unknown, path: PropertyKey[], words: readonly string[], fail: Fail, use: Use): Alternative {
  if (typeof value === 'string') {
    const kinds = Object.hasOwn(KINDS, value) ? KINDS[value] : undefined
    return kinds === undefined ? fail('', { words, path }) : { kinds, conditions: {} }
  }
  if (!isObject(value)) return fail('', { words, path })
  const [word, ...more] = Object.keys(value)
  if (word === undefined) return fail(NO_CHECK, { path })
  if (more.length > 0 && Object.keys(value).every(key => Object.hasOwn(KINDS, key))) {
    return fail('holds two words in one mapping: write a list, of which one suffices, or user|client', { path })
  }
  const wrong = Object.keys(value).find(key => !Object.hasOwn(KINDS, key))
  if (wrong === 'public') return fail('public takes no conditions', { path: [...path, wrong], key: true })
  if (wrong !== undefined) return fail('', { knownKeys: WORDS, path: [...path, wrong], key: true })
  return { kinds: KINDS[word] ?? [], conditions: conditions(value[word], [...path, word], fail, use) }
}

function conditions (value: unknown, path: PropertyKey[], fail: Fail, use: Use): Conditions {
  if (!isObject(value)) return fail('expected conditions such as { scope: read:address }', { found: true, path })
  if (Object.keys(value).length === 0) return fail(NO_CHECK, { path })
  return use(conditionsSchema, value, path)
}
