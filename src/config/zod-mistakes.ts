import type * as z from 'zod'
import { typeWords, type IssueHints } from './by-hand.ts'
import { formatPath, type Path } from './mistakes.ts'
import { isObject } from './objects.ts'
import { isPrivate, isSecretPath } from './private.ts'
import { allowedKeys } from './shapes.ts'
import { expectOneOf } from './spelling.ts'
import type { Source } from './yaml.ts'

// Keys that would do harm where somebody may look for them.
const ELSEWHERE: Readonly<Record<string, string>> = {
  enforce: '"enforce" stands in a rule of routes.yaml, and holds for that rule alone'
}

/** Reports each issue of a parse as one line at its place in the file. */
export function reportIssues (issues: readonly z.core.$ZodIssue[], schema: z.ZodType, source: Source): void {
  for (const issue of issues) {
    if (source.isFull()) return
    if (issue.code === 'unrecognized_keys') {
      const known = allowedKeys(schema, issue.path)
      for (const key of issue.keys) reportUnknownKey([...issue.path, key], known, source)
    } else reportIssue(issue, source)
  }
}

function reportIssue (issue: z.core.$ZodIssue, source: Source): void {
  const { path } = issue
  const found = rawAt(source.value, path)
  if (issue.code === 'custom') return reportCustom(issue.message, issue.params ?? {}, path, source)
  if (issue.code === 'invalid_key') return source.report(path, issue.issues[0]?.message ?? issue.message, { on: 'key' })
  if (found === undefined) return source.report(path, `${missingName(path)} is missing`)
  if (issue.code === 'invalid_value') return source.report(path, withFound(source, path, expectOneOf(wordOf(found), issue.values.map(String))))
  if (issue.code === 'invalid_type') return source.report(path, withFound(source, path, `expected ${typeWords(issue.expected)}`))
  source.report(path, issue.message)
}

function reportCustom (message: string, { words, knownKeys, found, key }: IssueHints, path: Path, source: Source): void {
  if (knownKeys !== undefined) return reportUnknownKey(path, knownKeys, source)
  const value = rawAt(source.value, path)
  if (value === undefined && !isInsideList(source.value, path)) return source.report(path, missing(path, words, message))
  const text = words === undefined ? message : expectOneOf(wordOf(value), words)
  source.report(path, words !== undefined || found === true ? withFound(source, path, text) : text, { on: key === true ? 'key' : 'value' })
}

function missing (path: Path, words: readonly string[] | undefined, message: string): string {
  const expected = words === undefined ? message : expectOneOf('', words)
  return `${missingName(path)} is missing; ${expected}`
}

function reportUnknownKey (path: Path, known: readonly string[], source: Source): void {
  const name = String(path.at(-1))
  const elsewhere = Object.hasOwn(ELSEWHERE, name) ? ELSEWHERE[name] : undefined
  const text = isSecretPath(path) ? 'unknown key' : `unknown key ${quoted(name)}`
  source.report(path, elsewhere ?? `${text}; ${expectOneOf(name, known, 'known are')}`, { on: 'key' })
}

function withFound (source: Source, path: Path, expected: string): string {
  const value = rawAt(source.value, path)
  const quote = expected === 'expected text' && (typeof value === 'number' || typeof value === 'boolean') ? ': quote it' : ''
  return `found ${isPrivate(path) ? kindOf(value) : shown(value)}; ${expected}${quote}`
}

/** What the file has, in a few words: never more than 60 characters of it. */
function shown (value: unknown): string {
  return typeof value === 'string' ? quoted(value) : typeof value === 'number' || typeof value === 'boolean' ? String(value) : kindOf(value)
}

function quoted (text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 59)}…` : text)
}

function kindOf (value: unknown): string {
  if (value === undefined || value === null) return 'nothing'
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list'
  if (typeof value === 'object') return Object.keys(value).length === 0 ? 'an empty mapping' : 'a mapping'
  return typeof value === 'string' ? 'text' : typeof value
}

function wordOf (value: unknown): string {
  return typeof value === 'string' ? value : ''
}

// Where a list is missing, so is its first item; what is missing within a list that is there never comes here.
function missingName (path: Path): string {
  const name = typeof path.at(-1) === 'number' ? path.slice(0, -1) : path
  return name.length === 0 ? 'the file\'s content' : formatPath(name.slice(-1))
}

/** What plain data holds at a path; one thing in place of a list stands for the list's only member. */
export function rawAt (value: unknown, path: Path): unknown {
  let at = value
  for (const part of path) {
    if (typeof part === 'number' && !Array.isArray(at)) continue
    if (Array.isArray(at)) at = typeof part === 'number' ? at[part] as unknown : undefined
    else at = isObject(at) && Object.hasOwn(at, String(part)) ? at[String(part)] : undefined
  }
  return at
}

function isInsideList (value: unknown, path: Path): boolean {
  return typeof path.at(-1) === 'number' && Array.isArray(rawAt(value, path.slice(0, -1)))
}
