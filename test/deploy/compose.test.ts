import t from 'tap'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { DCLinter } from 'dclint'
import { clients } from '../../src/demo/people.ts'
import { read, root } from '../house/repository.ts'
import { runCommandLine } from './command-line.ts'
import { networksOf, readCompose, stageOf, type Service } from './compose.ts'
import { errorsOf } from './checked.ts'

// Its own types lead to files without an ending, which is no module here.
type Linter = new (config: object) => { lintFiles (paths: readonly string[], recursive: boolean): ReadonlyArray<{ readonly messages: ReadonlyArray<{ readonly type: string, readonly line: number, readonly message: string }> }> }

const { services, networks, secrets } = readCompose()
const all = Object.entries(services)
const serviceNamed = (name: string): Service => services[name] ?? t.fail(`no service ${name}`) as never

t.test('it holds against the schema of the compose specification', async t => {
  t.same(complaints('deploy/compose.yaml'), [])
})

t.test('Docker, where it has compose, takes it', async t => {
  if ((await runCommandLine(['docker', 'compose', 'version'])).status !== 0) return t.comment('there is none')
  const { status, stderr } = await runCommandLine(['docker', 'compose', '--file', join(root, 'deploy/compose.yaml'), 'config', '--quiet'])
  t.equal(status, 0, stderr)
})

t.test('each service can do no more than it has to', async t => {
  for (const [name, service] of all) {
    t.equal(service.read_only, true, name)
    t.same(service.cap_drop, ['ALL'], name)
    t.same([service.cap_add, service.privileged], [undefined, undefined], name)
    t.same(service.security_opt, ['no-new-privileges:true'], name)
    t.ok(service.pids_limit !== undefined && service.mem_limit !== undefined, `${name}: bounds`)
    const user = service.user ?? (await stageOf(service.build?.target)).user
    t.match(user, /^[1-9]\d*:[1-9]\d*$/, `${name} is not root`)
    t.equal(service.healthcheck.test[0], 'CMD', name)
  }
})

t.test('gateway, SaaS and login page can be reached from this machine, and nothing else from anywhere', async t => {
  const published = all.flatMap(([name, { ports = [] }]) => ports.map(port => `${name} ${port}`))
  t.same(published.sort(), ['gateway 127.0.0.1:8080:8080', 'idp 127.0.0.1:8081:8081', 'saas 127.0.0.1:3000:3000'])
})

t.test('the ERP and Redis share a network with the gateway alone, and have no way out', async t => {
  const on = (network: string) => all.filter(([, service]) => networksOf(service).includes(network)).map(([name]) => name).sort()
  t.same(on('erp'), ['erp', 'gateway'])
  t.same(on('redis'), ['gateway', 'redis'])
  t.same(networksOf(serviceNamed('redis')), ['redis'])
  for (const name of ['erp', 'redis']) {
    for (const network of networksOf(serviceNamed(name))) t.equal(networks[network]?.internal, true, `${name} on ${network}`)
  }
  t.same(new Set(all.flatMap(([, service]) => networksOf(service))), new Set(Object.keys(networks)), 'every network is there, and used')
})

t.test('nobody waits for a service that is not there, or never healthy', async t => {
  for (const [name, { depends_on: before = {} }] of all) {
    for (const [other, { condition }] of Object.entries(before)) {
      t.ok(services[other]?.healthcheck, `${name} waits for ${other}`)
      t.equal(condition, 'service_healthy')
    }
  }
})

t.test('every image can be had: built from a stage that there is, or pinned to the digit', async t => {
  for (const [name, { image, build }] of all) {
    if (build === undefined) t.match(image, /:\d+\.\d+\.\d+-/, name)
    else t.ok(await stageOf(build.target), name)
    if (build !== undefined) t.ok(existsSync(join(root, 'deploy', build.context, 'Dockerfile')), `${name}: the context has the Dockerfile`)
  }
})

t.test('every file that is mounted is there, and every secret that is used is mounted', async t => {
  for (const [name, { file }] of Object.entries(secrets)) t.ok(existsSync(join(root, 'deploy', file)), name)
  for (const [name, service] of all) {
    for (const secret of service.secrets ?? []) t.ok(secrets[secret], `${name}: ${secret}`)
    for (const { source, target, type, read_only: readOnly } of service.volumes ?? []) {
      t.same([type, readOnly], ['bind', true], `${name}: ${source}`)
      t.ok(existsSync(join(root, 'deploy', source)), source)
      t.match(target, /^\/app\//, 'below the image\'s WORKDIR')
    }
  }
  const used = [...read('deploy/demo/config/gateway.yaml').matchAll(/\/run\/secrets\/(\w+)/g)].map(found => found[1])
  t.same(new Set(serviceNamed('gateway').secrets), new Set(used))
})

t.test('the secrets fit each other, and are none: they open the demo alone', async t => {
  const secret = (name: string) => read(`deploy/demo/secrets/${name}`).trim()
  t.equal(secret('erp_client_secret'), clients.middleware.secret)
  t.ok(read('deploy/demo/secrets/redis_users').includes(`#${createHash('sha256').update(secret('redis_password')).digest('hex')} `))
  t.match(Buffer.from(secret('redis_key'), 'base64').toString(), /^no secret/)
})

t.test('check takes the two files', async t => {
  const { gateway } = await errorsOf(t, 'deploy/demo/config')
  t.equal(gateway?.listen.port, 8080)
  t.same([gateway?.admin.host, gateway?.admin.port], ['127.0.0.1', 9090], 'where the healthcheck looks')
  const { drain_timeout: timeout = Infinity, drain_delay: delay = Infinity } = gateway ?? {}
  t.ok(Number.parseInt(serviceNamed('gateway').stop_grace_period ?? '0') * 1000 > timeout + delay, 'Docker waits for the open requests')
})

t.test('the demo\'s routes are those that ship, with limits', async t => {
  const matches = (path: string) => [...read(path).matchAll(/- match: (.+)\n\s+require: (.+?)\s*(?:#.*)?$/gm)].map(([, match, require]) => [match, require])
  t.ok(matches('routes.yaml').length > 3)
  t.same(matches('deploy/demo/config/routes.yaml'), matches('routes.yaml'))
})

/** What the linter calls errors, its schema's among them; its warnings are about order. A name for what is built is wanted here. */
function complaints (file: string): readonly string[] {
  const linter = new (DCLinter as unknown as Linter)({ rules: { 'no-build-and-image': 0, 'service-image-require-explicit-tag': 0 }, quiet: true, debug: false, exclude: [] })
  const results = linter.lintFiles([join(root, file)], false)
  return results.flatMap(({ messages }) => messages).filter(({ type }) => type === 'error').map(({ line, message }) => `${line}: ${message}`)
}
