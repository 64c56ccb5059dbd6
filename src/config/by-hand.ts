import * as z from 'zod'
import { allowedKeys } from './shapes.ts'

/** How a custom issue tells zod-mistakes.ts what to say beside its message; zod carries it in `params`. */
export interface IssueHints {
  /** say what was found, then the message */
  readonly found?: boolean
  /** say what was found, then that one of these is expected, then the nearest of them */
  readonly words?: readonly string[]
  /** the path ends with an unknown key; these are the known ones */
  readonly knownKeys?: readonly string[]
  /** point at the key */
  readonly key?: boolean
}

/** Ends the parse with a mistake. */
export type Fail = (message: string, hints?: IssueHints & { readonly path?: PropertyKey[] }) => never

/** Parses a part by a schema of its own, and ends the parse with its mistakes. */
export type Use = <S extends z.ZodType>(schema: S, value: unknown, path?: PropertyKey[]) => z.output<S>

interface Issue {
  readonly code: 'custom'
  readonly message: string
  readonly params: IssueHints
  readonly path: PropertyKey[]
}

/**
 * A schema that parses by hand where a union would explode into a mistake per member. Editors are shown `shape`.
 * Give every mistake by `fail` or `use`; any other throw passes through.
 */
export function byHand<T> (shape: z.ZodType, parse: (value: unknown, fail: Fail, use: Use) => T) {
  return z.unknown().transform((value, context): T => {
    try {
      return parse(value, fail, use)
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      for (const issue of error.issues) context.addIssue({ ...issue, params: { ...issue.params } })
      return z.NEVER
    }
  }).meta(jsonOf(shape))
}

/** The JSON Schema of what the file may hold, as metadata for a schema that parses it otherwise. */
export function jsonOf (shape: z.ZodType): Record<string, unknown> {
  const { $schema, ...json } = z.toJSONSchema(shape, { io: 'input', unrepresentable: 'any' })
  return json
}

/** Parses every item, and only then ends the parse with the mistakes of all. */
export function all<T, R> (items: readonly T[], parse: (item: T, at: number) => R): R[] {
  const issues: Issue[] = []
  const results = items.flatMap((item, at) => {
    try {
      return [parse(item, at)]
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      issues.push(...error.issues)
      return []
    }
  })
  if (issues.length > 0) throw new Failure(issues)
  return results
}

class Failure extends Error {
  override readonly name = 'Failure'
  readonly issues: readonly Issue[]
  constructor (issues: readonly Issue[]) {
    super(issues[0]?.message)
    this.issues = issues
  }
}

const fail: Fail = (message, { path = [], ...params } = {}) => {
  throw new Failure([{ code: 'custom', message, params, path }])
}

const use: Use = (schema, value, path = []) => {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  throw new Failure(result.error.issues.flatMap(issue => asCustom(issue, schema, path)))
}

// Only here is the schema at hand that knows the keys; after this the issue is one of a larger schema.
function asCustom (issue: z.core.$ZodIssue, schema: z.ZodType, before: PropertyKey[]): Issue[] {
  const path = [...before, ...issue.path]
  if (issue.code === 'unrecognized_keys') {
    const knownKeys = allowedKeys(schema, issue.path)
    return issue.keys.map(key => ({ code: 'custom', message: '', params: { knownKeys, key: true }, path: [...path, key] }))
  }
  if (issue.code === 'invalid_value') return [{ code: 'custom', message: '', params: { words: issue.values.map(String) }, path }]
  if (issue.code === 'invalid_type') return [{ code: 'custom', message: `expected ${typeWords(issue.expected)}`, params: { found: true }, path }]
  if (issue.code === 'invalid_key') return [{ code: 'custom', message: issue.issues[0]?.message ?? issue.message, params: { key: true }, path }]
  return [{ code: 'custom', message: issue.message, params: issue.code === 'custom' ? issue.params ?? {} : {}, path }]
}

/** The operator's word for a type of zod. */
export function typeWords (expected: string): string {
  const words: Record<string, string> = { string: 'text', array: 'a list', object: 'a mapping', record: 'a mapping', int: 'a whole number', number: 'a number', boolean: 'true or false' }
  return words[expected] ?? expected
}
