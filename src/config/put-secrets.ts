import { Certificates, readCertificates, readPrivateKey } from './certificates.ts'
import { isWithin, type Path } from './mistakes.ts'
import { isObject } from './objects.ts'
import { isListOfSecrets, materialAt, type Material } from './private.ts'
import { readSecret, Secret, type Problem, type TextAround } from './secrets.ts'
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
 * Puts a `Secret`, or `Certificates`, in the place of every such notation in gateway.yaml's data, and reports those that
 * are missing or can never serve. A place that holds no such notation is left for the schema to refuse.
 */
export async function putSecrets (value: unknown, around: SecretsAround, path: Path = []): Promise<unknown> {
  const material = materialAt(path)
  if (material !== undefined && !(Array.isArray(value) && isListOfSecrets(path))) return await materialOf(material, value, around, path)
  if (Array.isArray(value)) return await Promise.all(value.map((item, at) => putSecrets(item, around, [...path, at])))
  if (!isObject(value)) return value
  const entries = Object.entries(value).map(async ([key, item]) => [key, await putSecrets(item, around, [...path, key])] as const)
  return Object.fromEntries(await Promise.all(entries))
}

async function materialOf (material: Material, notation: unknown, { config, env, folder, secrets, read }: SecretsAround, path: Path): Promise<unknown> {
  const placeholder = material === 'secret' || material === 'key' ? new Secret() : new Certificates('', [])
  // The environment lacks a part of it, and that was reported.
  if (config.spoiled.some(area => isWithin(area, path))) return placeholder
  const result = await readMaterial(material, notation, { env, folder, onRead: file => { read.add(file) } })
  if (result === undefined) return notation
  if (!('problem' in result)) return result
  config.report(path, result.problem, { severity: result.missing && secrets === 'optional' ? 'warning' : 'error' })
  return placeholder
}

async function readMaterial (material: Material, notation: unknown, around: TextAround): Promise<Secret | Certificates | Problem | undefined> {
  if (material === 'chain' || material === 'authorities') return await readCertificates(notation, material, around)
  if (material === 'key') return await readPrivateKey(notation, around)
  const result = await readSecret(notation, around)
  return result !== undefined && 'secret' in result ? result.secret : result
}
