import { join } from 'node:path'
import { ServiceMonitor } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1'
import { Deployment } from 'kubernetes-models/apps/v1'
import { HorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2'
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1'
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1'
import { Namespace, Secret, Service } from 'kubernetes-models/v1'
import ts from 'typescript'
import { parse, parseAllDocuments } from 'yaml'
import { read, root } from '../house/repository.ts'

export const FOLDER = 'deploy/kubernetes'

/** One object of a manifest, with the file that it is in. */
export interface Manifest {
  readonly file: string
  readonly kind: string
  readonly apiVersion: string
  readonly object: Readonly<Record<string, unknown>>
}

export interface Kustomization {
  readonly resources: readonly string[]
  readonly configMapGenerator: ReadonlyArray<{ readonly name: string, readonly files: readonly string[], readonly options?: { readonly disableNameSuffixHash?: boolean } }>
  readonly images: ReadonlyArray<{ readonly name: string, readonly newName: string, readonly newTag: string }>
}

/** Kubernetes' own schemas, and the Prometheus operator's, by what the manifests are of. */
const MODELS = { Deployment, HorizontalPodAutoscaler, Namespace, NetworkPolicy, PodDisruptionBudget, Secret, Service, ServiceMonitor }
const PACKAGES: Readonly<Record<string, string>> = { 'monitoring.coreos.com/v1': '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1' }

export function readKustomization (): Kustomization {
  return parse(read(`${FOLDER}/kustomization.yaml`)) as Kustomization
}

export function manifestsIn (file: string): readonly Manifest[] {
  return parseAllDocuments(read(`${FOLDER}/${file}`)).map(document => {
    const object = document.toJS() as Record<string, unknown>
    return { file, kind: String(object['kind']), apiVersion: String(object['apiVersion']), object }
  })
}

/** What the schema of its kind has against an object: types, what is required, formats. */
export function schemaErrors ({ kind, apiVersion, object }: Manifest): readonly string[] {
  // Which of them it is, is looked at just here.
  const Model = MODELS[kind as keyof typeof MODELS] as (new (data: never) => { apiVersion: string, validate (): void }) | undefined
  if (Model === undefined) return [`no schema for the kind ${kind}`]
  const model = new Model(object as never)
  if (model.apiVersion !== apiVersion) return [`${kind} is not of ${apiVersion}`]
  try {
    model.validate()
    return []
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)]
  }
}

/**
 * What the compiler has against objects as literals of their kinds' types. Those schemas let a field pass that nobody
 * knows (a server would refuse it, or drop it); of a literal the compiler lets none.
 */
export function typeErrors (manifests: readonly Manifest[]): readonly string[] {
  const name = join(root, 'manifests.ts')
  const text = manifests.map(({ kind, apiVersion, object }, at) => {
    const from = PACKAGES[apiVersion] ?? `kubernetes-models/${apiVersion}`
    return `import type { I${kind} as K${at} } from '${from}'\nexport const m${at}: K${at} = ${JSON.stringify(object, null, 1)}\n`
  }).join('')
  const options: ts.CompilerOptions = { strict: true, noEmit: true, skipLibCheck: true, types: [], module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext, target: ts.ScriptTarget.ES2023 }
  const host = ts.createCompilerHost(options)
  const { getSourceFile, fileExists, readFile } = host
  host.getSourceFile = (file, ...rest) => file === name ? ts.createSourceFile(file, text, ts.ScriptTarget.ES2023) : getSourceFile.call(host, file, ...rest)
  host.fileExists = file => file === name || fileExists.call(host, file)
  host.readFile = file => file === name ? text : readFile.call(host, file)
  const program = ts.createProgram([name], options, host)
  return ts.getPreEmitDiagnostics(program).map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '))
}
