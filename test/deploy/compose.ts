import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parse } from 'yaml'
import { read, root } from '../house/repository.ts'

/** A service of compose.yaml, as far as it is looked at. */
export interface Service {
  readonly image: string
  readonly build?: { readonly context: string, readonly target?: string }
  readonly command: readonly string[]
  readonly environment?: unknown
  readonly user?: string
  readonly read_only?: boolean
  readonly privileged?: boolean
  readonly cap_add?: readonly string[]
  readonly cap_drop?: readonly string[]
  readonly security_opt?: readonly string[]
  readonly pids_limit?: number
  readonly mem_limit?: string
  readonly stop_grace_period?: string
  readonly tmpfs?: readonly string[]
  readonly ports?: readonly string[]
  readonly volumes?: ReadonlyArray<{ readonly type: string, readonly source: string, readonly target: string, readonly read_only?: boolean }>
  readonly secrets?: readonly string[]
  readonly networks: readonly string[] | Readonly<Record<string, { readonly aliases?: readonly string[] }>>
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>
  readonly healthcheck: { readonly test: readonly string[] }
}

export interface Compose {
  readonly services: Readonly<Record<string, Service>>
  readonly networks: Readonly<Record<string, { readonly internal?: boolean }>>
  readonly secrets: Readonly<Record<string, { readonly file: string }>>
}

/** A stage of the Dockerfile. */
export interface Stage {
  readonly name?: string
  readonly entrypoint: readonly string[]
  readonly command: readonly string[]
  readonly user: string
  readonly env: Readonly<Record<string, string>>
  readonly ports: readonly number[]
  readonly healthcheck?: readonly string[]
  readonly steps: ReadonlyArray<{ readonly workdir?: string }>
}

/** deploy/compose.yaml; the schema is another test's. */
export function readCompose (): Compose {
  return parse(read('deploy/compose.yaml'), { merge: true }) as Compose
}

export function networksOf ({ networks }: Service): readonly string[] {
  return Array.isArray(networks) ? networks.map(String) : Object.keys(networks)
}

/** All names that a service is found by. */
export function namesOf (name: string, { networks }: Service): readonly string[] {
  const aliases = Array.isArray(networks) ? [] : Object.values(networks as Record<string, { aliases?: readonly string[] }>).flatMap(one => one.aliases ?? [])
  return [...new Set([name, ...aliases])]
}

/** The stage that an image is built to: the last one, where no target is named. */
export async function stageOf (target?: string): Promise<Stage> {
  const { readDockerfile } = await import(pathToFileURL(join(root, 'scripts/read-dockerfile.mjs')).href) as { readDockerfile: (text: string) => Stage[] }
  const stages = readDockerfile(read('Dockerfile'))
  const stage = target === undefined ? stages.at(-1) : stages.find(({ name }) => name === target)
  if (stage === undefined) throw new Error(`the Dockerfile has no stage ${target ?? ''}`)
  return stage
}
