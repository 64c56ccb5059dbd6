import t from 'tap'
import { runCommand, type CommandOptions } from '../support/command.ts'
import { startErp } from '../support/erp.ts'
import { startIdp, type Idp } from '../support/idp.ts'
import { standardGateway, writeFiles, type Settings } from '../support/settings.ts'
import type { TestContext } from '../support/teardown.ts'

// Each forks a process, and mostly waits for it.
t.jobs = 2

const ROUTES = 'routes:\n  - match: GET /orders\n    require: user\n'

interface Scene {
  readonly idp: Idp
  readonly run: (more?: readonly string[], options?: CommandOptions) => ReturnType<typeof runCommand>
}

// What it prints is searched for every token and secret of this process when the test is over: runCommand does that.
async function scene (t: TestContext, changes: Settings = {}, routes = ROUTES): Promise<Scene> {
  const idp = await startIdp(t, { alg: 'ES256' })
  const erp = await startErp(t)
  const written = await writeFiles(t, { gateway: standardGateway({ idp, erp }, changes), routes })
  return { idp, run: async (more = [], options = {}) => await runCommand(t, ['token', '--config', written.config, '--routes', written.routes, ...more], options) }
}

t.test('it is had: status 0, and JSON alone where JSON is wanted', { buffered: true }, async t => {
  const { idp, run } = await scene(t)
  const told = await run()
  t.match(told, { code: 0, stderr: '', stdout: `claim "iss": "${idp.issuer}"` })
  const { code, stdout, stderr } = await run(['--upstream', 'erp', '--json'])
  t.match({ code, stderr }, { code: 0, stderr: '' })
  t.match(JSON.parse(stdout), { upstream: 'erp', credential: 'client_credentials', ok: true, token: { format: 'jwt' } })
  t.equal(idp.requests.token, 2)
})

t.test('it is not had: status 1', { buffered: true }, async t => {
  const { idp, run } = await scene(t)
  await idp.stop()
  t.match(await run(), { code: 1, stdout: /refused the connection/ })
})

t.test('which upstream: the only one, or the one that is named; else status 2, and nobody is asked', { buffered: true }, async t => {
  const { idp, run } = await scene(t, { upstreams: { crm: { url: 'https://crm.example.com', credential: 'none' } } }, ROUTES.replace('require', 'upstream: erp\n    require'))
  t.match(await run(), { code: 2, stdout: '', stderr: /several upstreams.*erp, crm/ })
  t.match(await run(['--upstream', 'epr']), { code: 2, stdout: '', stderr: /did you mean "erp"/ })
  t.match(await run(['--upstream', 'crm']), { code: 0, stdout: /crm/ })
  t.equal(idp.requests.token, 0)
})

t.test('mistakes of the files, and an environment that would send secrets to anyone, are status 2, and nobody is asked', { buffered: true }, async t => {
  const { idp, run } = await scene(t, { upstreams: { erp: { timeout: '1 year' } } })
  t.match(await run(['--json']), { code: 2, stdout: '', stderr: /upstreams\.erp|timeout/ })
  const good = await scene(t)
  t.match(await good.run([], { env: { NODE_TLS_REJECT_UNAUTHORIZED: '0' } }), { code: 2, stdout: '', stderr: /NODE_TLS_REJECT_UNAUTHORIZED/ })
  t.equal(idp.requests.token + good.idp.requests.token, 0)
})
