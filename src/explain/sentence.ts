import type { Route } from '../config/configuration.ts'
import type { Alternative, Conditions } from '../policy/require.ts'

/** Who a rule lets through, in words: `a user of main with scope a, or client billing of main`. */
export function sentenceOf ({ require, issuers, enforce }: Pick<Route, 'require' | 'issuers'> & Partial<Pick<Route, 'enforce'>>): string {
  if (require === 'public') return 'anybody'
  const of = issuers.length === 0 ? '' : ` of ${either(issuers)}`
  const sentence = require.map(alternative => alternativeSentence(alternative, of)).join(', or ')
  return enforce === undefined ? sentence : `${sentence}; any other user or client${of} is let through and recorded (enforce: report)`
}

/** @param of what stands behind the kind, like ` of main` */
export function alternativeSentence ({ kinds, conditions }: Alternative, of = ''): string {
  const { client_id: clients, ...others } = conditions
  const words = conditionWords(others)
  return subject(kinds, clients, of) + (words.length === 0 ? '' : ` ${all(words)}`)
}

function subject (kinds: Alternative['kinds'], clients: readonly string[] | undefined, of: string): string {
  const both = kinds.length > 1
  if (clients === undefined) return `${both ? 'a user or a client' : kinds[0] === 'user' ? 'a user' : 'a client'}${of}`
  const named = `client ${either(clients)}${of}`
  if (both) return `a user by ${named}, or that client itself,`
  return kinds[0] === 'user' ? `a user by ${named}` : named
}

function conditionWords ({ scope, any_scope, permission, any_permission, role, any_role, audience, claims, max_age, acr, where }: Omit<Conditions, 'client_id'>): string[] {
  const words: string[] = []
  if (scope) words.push(`with ${named('scope', scope)}`)
  if (any_scope) words.push(`with scope ${either(any_scope)}`)
  if (permission) words.push(`with ${named('permission', permission)}`)
  if (any_permission) words.push(`with permission ${either(any_permission)}`)
  if (role) words.push(`with ${named('role', role)}`)
  if (any_role) words.push(`with role ${either(any_role)}`)
  if (audience) words.push(`with audience ${either(audience)}`)
  for (const { name, values } of claims ?? []) words.push(`with claim ${name} ${either(values.map(value => JSON.stringify(value)))}`)
  if (max_age !== undefined) words.push(`logged in within ${max_age} s`)
  if (acr) words.push(`logged in with acr ${either(acr)}`)
  if (where !== undefined) words.push(`where ${where}`)
  return words
}

function named (word: string, names: readonly string[]): string {
  return names.length === 1 ? `${word} ${names.join()}` : `${word}s ${all(names)}`
}

function all (words: readonly string[]): string {
  return joined(words, 'and')
}

function either (words: readonly string[]): string {
  return joined(words, 'or')
}

function joined (words: readonly string[], last: string): string {
  return words.length < 2 ? words.join() : `${words.slice(0, -1).join(', ')} ${last} ${words.at(-1) ?? ''}`
}
