import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { startCommand, untilOutput } from '../support/command.ts'
import { startErp } from '../support/erp.ts'
import { tempDir } from '../support/files.ts'
import { forkGateway, type ForkedGateway } from '../support/fork-gateway.ts'
import { startIdp } from '../support/idp.ts'
import { rewrite, standardGateway } from '../support/settings.ts'
import { stringify } from 'yaml'

// Each forks a process, and mostly waits for it.
t.jobs = 2

const rule = (require: string) => ({ match: 'GET /orders', require })

async function fork (t: Test) {
  const idp = await startIdp(t, { alg: 'ES256' })
  const erp = await startErp(t)
  const gateway = await forkGateway(t, { idp, erp, routes: [rule('user')] })
  const ask = async () => (await gateway.call({ path: '/orders', token: idp.mint() })).status
  return { idp, erp, gateway, ask }
}

const reloads = (gateway: ForkedGateway, msg = 'configuration reloaded'): number => gateway.logLines().filter(line => line['msg'] === msg).length
const untilReloads = async (gateway: ForkedGateway, wanted: number, msg?: string): Promise<void> => { await untilOutput(gateway, () => reloads(gateway, msg) >= wanted || undefined) }

t.test('SIGHUP reads the files again, and nothing else does it to the process', { buffered: true }, async t => {
  const { gateway, ask } = await fork(t)
  t.equal(await ask(), 200)
  gateway.kill('SIGHUP')
  await untilReloads(gateway, 1, 'the configuration is what it was')
  await rewrite(gateway.dir, { routes: [rule('client')] })
  gateway.kill('SIGHUP')
  await untilReloads(gateway, 1)
  t.equal(await ask(), 403)
  gateway.kill()
  t.same(await gateway.exited, { code: 0, signal: null })
})

t.test('a file that changes is read by itself: written in place, or renamed over', { buffered: true }, async t => {
  const { gateway, ask } = await fork(t)
  const file = join(gateway.dir, 'routes.yaml')
  await writeFile(file, stringify({ routes: [rule('client')] }))
  await untilReloads(gateway, 1)
  t.equal(await ask(), 403)
  await rewrite(gateway.dir, { routes: [rule('user')] })
  await untilReloads(gateway, 2)
  t.equal(await ask(), 200)
  // As an editor does that moves the old one out of the way first.
  await rename(file, `${file}~`)
  await writeFile(file, stringify({ routes: [rule('client')] }))
  await untilReloads(gateway, 3)
  t.equal(await ask(), 403)
  await rm(file)
  await untilOutput(gateway, () => gateway.log.includes('not reloaded') || undefined)
  t.equal(await ask(), 403)
  await rewrite(gateway.dir, { routes: [rule('user')] })
  await untilReloads(gateway, 4)
  t.equal(await ask(), 200)
})

t.test('a volume that Kubernetes swaps is read: symbolic links to links', { buffered: true }, async t => {
  const idp = await startIdp(t, { alg: 'ES256' })
  const erp = await startErp(t)
  const dir = await tempDir(t)
  const volume = async (at: string, require: string): Promise<void> => {
    await mkdir(join(dir, at))
    await writeFile(join(dir, at, 'routes.yaml'), stringify({ routes: [rule(require)] }))
    await writeFile(join(dir, at, 'gateway.yaml'), stringify(standardGateway({ idp, erp })))
    await symlink(at, join(dir, '..data_tmp'))
    await rename(join(dir, '..data_tmp'), join(dir, '..data'))
  }
  await volume('..2026_01', 'user')
  for (const name of ['routes.yaml', 'gateway.yaml']) await symlink(join('..data', name), join(dir, name))
  const command = startCommand(t, ['start', '--config', join(dir, 'gateway.yaml'), '--routes', join(dir, 'routes.yaml')], { cwd: dir })
  await untilOutput(command, () => command.output.lines().find(line => line['msg'] === 'listening'))
  for (const [at, require] of [['..2026_02', 'client'], ['..2026_03', 'user']] as const) {
    await volume(at, require)
    await untilOutput(command, () => command.output.lines().filter(line => line['msg'] === 'configuration reloaded').length === Number(at.slice(-1)) - 1 || undefined)
  }
  t.match(command.output.lines().findLast(line => line['msg'] === 'configuration reloaded'), { changed: [/: require$/] })
})

t.test('a secret\'s file that changes is read, and the next token is asked for with it', { buffered: true }, async t => {
  const idp = await startIdp(t, { alg: 'ES256' })
  const erp = await startErp(t)
  const [[id = '', client] = []] = Object.entries(idp.clients)
  const settings = standardGateway({ idp, erp }, { upstreams: { erp: { credential: { client_credentials: { client_secret: { file: 'secret' } } } } } })
  const gateway = await forkGateway(t, { gateway: settings, routes: [rule('user')], files: { secret: `${client?.secret}\n` } })
  const ask = async () => (await gateway.call({ path: '/orders', token: idp.mint() })).status
  t.equal(await ask(), 200)
  const asked = idp.requests.token
  idp.clients[id] = { secret: `${client?.secret}-2` }
  await rewrite(gateway.dir, { files: { secret: `${client?.secret}-2\n` } })
  await untilReloads(gateway, 1)
  t.match(gateway.logLines().findLast(({ msg }) => msg === 'configuration reloaded'), { settings: ['upstreams.erp.credential.client_secret'] })
  t.equal(idp.requests.token, asked + 1)
  t.equal(await ask(), 200)
  t.equal(idp.requests.token, asked + 1)
})
