import t from 'tap'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { IDeployment } from 'kubernetes-models/apps/v1'
import type { IHorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2'
import type { INetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1'
import type { IPodDisruptionBudget } from 'kubernetes-models/policy/v1'
import type { INamespace, ISecret, IService } from 'kubernetes-models/v1'
import type { IServiceMonitor } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1'
import { parseAllDocuments } from 'yaml'
import { buildAdmin } from '../../src/admin/admin.ts'
import type { Inspection } from '../../src/admin/inspection.ts'
import { filesIn, read, readJson, root } from '../house/repository.ts'
import { runCommand } from '../support/command.ts'
import { errorsOf } from './checked.ts'
import { runCommandLine } from './command-line.ts'
import { stageOf } from './compose.ts'
import { FOLDER, manifestsIn, readKustomization, schemaErrors, typeErrors, type Manifest } from './manifests.ts'

const kustomization = readKustomization()
const manifests = kustomization.resources.flatMap(manifestsIn)
const example = manifestsIn('secret.example.yaml')

// Each object's schema is held against it below.
const deployment = only('Deployment') as unknown as IDeployment
const { template } = deployment.spec ?? t.fail('no spec') as never
const pod = template.spec ?? t.fail('no pod') as never
const container = pod.containers[0] ?? t.fail('no container') as never
const services = manifests.filter(({ kind }) => kind === 'Service').map(({ object }) => object as unknown as IService)
const policy = (only('NetworkPolicy') as unknown as INetworkPolicy).spec ?? t.fail('no spec') as never

t.test('every object holds against the schema of its kind', async t => {
  t.ok(manifests.length > 6)
  for (const manifest of [...manifests, ...example]) t.same(schemaErrors(manifest), [], `${manifest.file}: ${manifest.kind}`)
})

t.test('no object has a field that its kind does not know', async t => {
  t.same(typeErrors([...manifests, ...example]), [])
  const misspelt: Manifest = { file: '', kind: 'Service', apiVersion: 'v1', object: { apiVersion: 'v1', kind: 'Service', spec: { ports: [{ port: 80, targetport: 1 }] } } }
  t.equal(typeErrors([misspelt]).length, 1, 'and one would be seen')
})

t.test('the list has every manifest, the generator every file, and no other', async t => {
  const here = filesIn(FOLDER, /\.yaml$/).map(file => file.slice(FOLDER.length + 1))
  const { files = [], name, options } = kustomization.configMapGenerator[0] ?? t.fail('no generator') as never
  t.same(new Set(here), new Set([...kustomization.resources, ...files, 'kustomization.yaml', 'secret.example.yaml']))
  t.equal(options?.disableNameSuffixHash, true, 'so that a change is a reload')
  t.equal(pod.volumes?.find(volume => volume.configMap !== undefined)?.configMap?.name, name)
  for (const file of files) t.ok(existsSync(join(root, FOLDER, file)), file)
})

t.test('kubectl, where there is one, makes the same objects of it', async t => {
  const { status, stdout, stderr } = await runCommandLine(['kubectl', 'kustomize', join(root, FOLDER)])
  if (status === 127) return t.comment('there is none')
  t.equal(status, 0, stderr)
  const kinds = parseAllDocuments(stdout).map(document => String(document.get('kind'))).sort()
  t.same(kinds, [...manifests.map(({ kind }) => kind), 'ConfigMap'].sort())
})

t.test('the pod runs what the image is', async t => {
  const image = await stageOf()
  t.equal(container.image, kustomization.images[0]?.name)
  t.equal(kustomization.images[0]?.newTag, readJson('package.json')['version'])
  t.equal(`${pod.securityContext?.runAsUser}:${pod.securityContext?.runAsGroup}`, image.user)
  t.same(container.ports?.map(({ containerPort }) => containerPort), image.ports)
  t.equal(container.command, undefined, 'the image\'s entrypoint stays')
  const { entrypoint } = image
  const words = [...entrypoint.slice(entrypoint.indexOf('dist/src/cli.js') + 1), ...container.args ?? []]
  t.same((await runCommand(t, [...words, '--help'])).code, 0)
  const workdir = image.steps.find(step => step.workdir !== undefined)?.workdir ?? ''
  for (const option of ['--config', '--routes']) {
    const path = join(workdir, container.args?.[container.args.indexOf(option) + 1] ?? '')
    t.ok(mountOf(path), `${option} is in a folder that is mounted`)
    t.ok(existsSync(join(root, FOLDER, 'config', path.slice((mountOf(path)?.mountPath ?? '').length))), path)
  }
})

t.test('folders are mounted, read-only, and never a file by itself', async t => {
  t.ok((container.volumeMounts ?? []).length > 0)
  for (const { name, subPath, readOnly } of container.volumeMounts ?? []) {
    t.same([subPath, readOnly], [undefined, true], name)
    t.ok(pod.volumes?.some(volume => volume.name === name), name)
  }
})

t.test('pods hold to the restricted standard, and have no token of the cluster', async t => {
  t.equal((only('Namespace') as unknown as INamespace).metadata?.labels?.['pod-security.kubernetes.io/enforce'], 'restricted')
  t.equal(pod.automountServiceAccountToken, false)
  t.match(pod.securityContext, { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } })
  t.same(container.securityContext, { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } })
  t.same([pod.hostNetwork, pod.hostPID, pod.hostIPC], [undefined, undefined, undefined])
})

t.test('check takes the two files, and what they say fits the pod', async t => {
  const { gateway } = await errorsOf(t, `${FOLDER}/config`)
  if (gateway === undefined) return
  t.equal(portNamed('http'), gateway.listen.port)
  t.equal(portNamed('admin'), gateway.admin.port)
  t.equal(gateway.admin.host, '0.0.0.0', 'the kubelet does not come by loopback')

  const grace = (pod.terminationGracePeriodSeconds ?? 0) * 1000
  t.ok(grace > gateway.drain_delay + gateway.drain_timeout, 'the pod is not killed before its open requests may end')
  const { periodSeconds = 10, failureThreshold = 3, timeoutSeconds = 1 } = container.readinessProbe ?? {}
  t.ok(gateway.drain_delay > (periodSeconds * failureThreshold + timeoutSeconds) * 1000, 'the endpoints forget it before it takes no more')

  const limit = mebibytes(container.resources?.limits?.['memory'])
  const own = (gateway.listen.overload?.max_memory ?? Infinity) / 1024 / 1024
  t.ok(limit >= 2 * own, 'Node ends at a heap of half the limit: requests are turned away before')
  t.ok(mebibytes(container.resources?.requests?.['memory']) >= own)
})

const nobody = async () => await Promise.reject(new Error('none asks'))
const NOTHING_TO_SEE: Inspection = { ask: nobody, past: async () => undefined, latest: async () => [], shadow: async () => undefined, snapshot: nobody, totals: nobody, rules: async () => [] }

t.test('probes and metrics are asked where the admin port has them', async t => {
  const admin = buildAdmin({ readiness: () => ({ ready: true, degraded: [], config: '' }), metrics: async () => ({ contentType: 'text/plain', text: '' }), isDraining: () => false, inspection: NOTHING_TO_SEE, listen: { host: '0.0.0.0', port: 9090 } })
  const { livenessProbe, readinessProbe, startupProbe } = container
  for (const [probe, path] of [[livenessProbe, '/livez'], [readinessProbe, '/readyz'], [startupProbe, '/livez']] as const) {
    t.match(probe?.httpGet, { path, port: 'admin' })
    t.equal((await admin.inject(path)).statusCode, 200)
  }
  const [endpoint] = (only('ServiceMonitor') as unknown as IServiceMonitor).spec?.endpoints ?? []
  t.equal((await admin.inject(endpoint?.path ?? '')).statusCode, 200)
  const scraped = services.find(({ spec }) => spec?.ports?.some(({ name }) => name === endpoint?.port))
  t.match(scraped?.metadata?.labels, (only('ServiceMonitor') as unknown as IServiceMonitor).spec?.selector.matchLabels)
  t.equal(services.filter(({ metadata }) => metadata?.labels?.['app.kubernetes.io/component'] === 'admin').length, 1, 'and nowhere else')
})

t.test('every secret that gateway.yaml names has its place, and no other', async t => {
  const { stringData = {}, metadata } = (example[0]?.object ?? {}) as unknown as ISecret
  const volume = pod.volumes?.find(({ secret }) => secret !== undefined)
  t.equal(volume?.secret?.secretName, metadata?.name)
  const folder = container.volumeMounts?.find(({ name }) => name === volume?.name)?.mountPath ?? ''
  const used = [...read(`${FOLDER}/config/gateway.yaml`).matchAll(/file: ([^\s}]+)/g)].map(found => found[1] ?? '')
  t.same(new Set(used), new Set(Object.keys(stringData).map(key => `${folder}/${key}`)))
  t.notOk(kustomization.resources.includes('secret.example.yaml'), 'the example is not applied')
  t.ok(Object.values(stringData).every(value => value.includes('here')), 'and holds words')
})

t.test('all of them speak of the same pods', async t => {
  const labels = template.metadata?.labels
  t.match(labels, deployment.spec?.selector.matchLabels)
  for (const { metadata, spec } of services) {
    t.match(labels, spec?.selector, String(metadata?.name))
    for (const { targetPort } of spec?.ports ?? []) t.ok(container.ports?.some(({ name }) => name === targetPort), String(targetPort))
  }
  for (const { labelSelector } of pod.topologySpreadConstraints ?? []) t.match(labels, labelSelector?.matchLabels)
  t.match(labels, (only('PodDisruptionBudget') as unknown as IPodDisruptionBudget).spec?.selector?.matchLabels)
  t.match(labels, policy.podSelector?.matchLabels)
  const { scaleTargetRef, minReplicas = 1 } = (only('HorizontalPodAutoscaler') as unknown as IHorizontalPodAutoscaler).spec ?? t.fail('no spec') as never
  t.same(scaleTargetRef, { apiVersion: deployment.apiVersion, kind: 'Deployment', name: deployment.metadata?.name })
  t.ok(minReplicas > 1, 'one may be moved')
  t.equal(deployment.spec?.replicas, undefined, 'which is the autoscaler\'s to say')
})

t.test('callers come by the ingress alone, metrics go to Prometheus alone, and the way out leads where gateway.yaml does', async t => {
  t.same(policy.policyTypes, ['Ingress', 'Egress'])
  const way = ({ from, ports }: NonNullable<typeof policy.ingress>[number]) => [from?.map(({ namespaceSelector }) => namespaceSelector?.matchLabels?.['kubernetes.io/metadata.name']), ports?.map(({ port }) => port)]
  t.same(policy.ingress?.map(way), [[['ingress-nginx'], ['http']], [['monitoring'], ['admin']]])

  const out = policy.egress ?? []
  t.ok(out.every(({ to, ports }) => (to ?? []).length > 0 && (ports ?? []).length > 0), 'no rule is open to all')
  const urls = [...read(`${FOLDER}/config/gateway.yaml`).matchAll(/(?:url|issuer): ((?:https|rediss):\S+)/g)].map(([, url = '']) => new URL(url))
  const wanted = urls.map(({ protocol, port }) => port !== '' ? Number(port) : protocol === 'rediss:' ? 6379 : 443)
  t.same(new Set(out.flatMap(({ ports = [] }) => ports.map(({ port }) => port))), new Set([53, ...wanted]))
  const blocks = out.flatMap(({ to = [] }) => to.flatMap(({ ipBlock }) => ipBlock ?? []))
  t.same(blocks.map(({ cidr, except }) => [cidr, except]), [['0.0.0.0/0', ['169.254.0.0/16']], ['::/0', ['fe80::/10']]], 'never link-local')
})

function only (kind: string): Readonly<Record<string, unknown>> {
  const [one, ...others] = manifests.filter(manifest => manifest.kind === kind)
  if (one === undefined || others.length > 0) throw new Error(`one ${kind} was expected`)
  return one.object
}

function mountOf (path: string) {
  return container.volumeMounts?.find(({ mountPath }) => path.startsWith(`${mountPath}/`))
}

function portNamed (wanted: string): number | undefined {
  return container.ports?.find(({ name }) => name === wanted)?.containerPort
}

function mebibytes (quantity: unknown): number {
  return Number(/^(\d+)Mi$/.exec(String(quantity))?.[1])
}
