import { isWithin } from './mistakes.ts'
import { isObject } from './objects.ts'
import { isListOfSecrets, isSecretPath } from './private.ts'
import { readSecret, Secret } from './secrets.ts'
import type { Source } from './yaml.ts'

export interface SecretsAround {
  readonly config: Source
  readonly env: NodeJS.ProcessEnv
  readonly folder: string
  readonly secrets: 'required' | 'optional'
  /** the files that were read are added, as absolute paths */
  readonly read: Set<string>
}

/**
 * Puts a `Secret` in the place of every secret's notation in gateway.yaml's data, and reports those that are missing or
 * can never serve. A place that holds no such notation is left for the schema to refuse.
 */
export async function putSecrets (value: unknown, around: SecretsAround, path: ReadonlyArray<string | number> = []): Promise<unknown> {
  const isList = Array.isArray(value)
  if (isSecretPath(path) && !(isList && isListOfSecrets(path))) return await secretAt(value, around, path)
  if (isList) return await Promise.all(value.map((item, at) => putSecrets(item, around, [...path, at])))
  if (!isObject(value)) return value
  const entries = Object.entries(value).map(async ([key, item]) => [key, await putSecrets(item, around, [...path, key])] as const)
  return Object.fromEntries(await Promise.all(entries))
}

async function secretAt (notation: unknown, { config, env, folder, secrets, read }: SecretsAround, path: ReadonlyArray<string | number>): Promise<unknown> {
  // The environment lacks a part of it, and that was reported.
  if (config.spoiled.some(area => isWithin(area, path))) return new Secret()
  const result = await readSecret(notation, folder, env, file => { read.add(file) })
  if (result === undefined) return notation
  if ('secret' in result) return result.secret
  config.report(path, result.problem, { severity: result.missing && secrets === 'optional' ? 'warning' : 'error' })
  return new Secret()
}
