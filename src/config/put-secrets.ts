import { isWithin } from './mistakes.ts'
import { isObject } from './objects.ts'
import { isListOfSecrets, isSecretPath } from './private.ts'
import { readSecret, Secret } from './secrets.ts'
import type { Source } from './yaml.ts'

interface Around {
  readonly config: Source
  readonly env: NodeJS.ProcessEnv
  readonly folder: string
  readonly secrets: 'required' | 'optional'
}

/**
 * Puts a `Secret` in the place of every secret's notation in gateway.yaml's data, and reports those that are missing or
 * can never serve. A place that holds no such notation is left for the schema to refuse.
 */
export async function putSecrets (value: unknown, around: Around, path: ReadonlyArray<string | number> = []): Promise<unknown> {
  const isList = Array.isArray(value)
  if (isSecretPath(path) && !(isList && isListOfSecrets(path))) return await secretAt(value, around, path)
  if (isList) return await Promise.all(value.map((item, at) => putSecrets(item, around, [...path, at])))
  if (!isObject(value)) return value
  const entries = Object.entries(value).map(async ([key, item]) => [key, await putSecrets(item, around, [...path, key])] as const)
  return Object.fromEntries(await Promise.all(entries))
}

async function secretAt (notation: unknown, { config, env, folder, secrets }: Around, path: ReadonlyArray<string | number>): Promise<unknown> {
  // The environment lacks a part of it, and that was reported.
  if (config.spoiled.some(area => isWithin(area, path))) return new Secret()
  const result = await readSecret(notation, folder, env)
  if (result === undefined) return notation
  if ('secret' in result) return result.secret
  config.report(path, result.problem, { severity: result.missing && secrets === 'optional' ? 'warning' : 'error' })
  return new Secret()
}
