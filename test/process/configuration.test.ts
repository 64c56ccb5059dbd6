import { createServer } from 'node:net'
import { once } from 'node:events'
import t from 'tap'
import { packageVersion } from '../../src/commands/package.ts'
import { runCommand, type CommandOptions } from '../support/command.ts'
import { startErp } from '../support/erp.ts'
import { tempDir } from '../support/files.ts'
import { startIdp } from '../support/idp.ts'
import { standardGateway, writeFiles, type Settings } from '../support/settings.ts'
import type { TestContext } from '../support/teardown.ts'

// Each forks a process, and mostly waits for it.
t.jobs = 2
t.setTimeout(240_000)

const routes = 'routes:\n  - match: GET /orders\n    require: user\n'

/** The two files of a gateway that could start, and a way to run a command on them. */
async function writeGood (t: TestContext, changes: Settings = {}) {
  const idp = await startIdp(t, { alg: 'ES256' })
  const erp = await startErp(t)
  const files = await writeFiles(t, { gateway: standardGateway({ idp, erp }, changes), routes })
  const paths = ['--config', files.config, '--routes', files.routes]
  return { idp, ...files, run: async (command: string, more: readonly string[] = [], options: CommandOptions = {}) => await runCommand(t, [command, ...paths, ...more], options) }
}

const bad = {
  gateway: `listen:
  port: 0
admin:
  port: 0
issuers:
  main:
    issuer: https://idp.example.com
    audiense: https://api.example.com
upstreams:
  erp:
    url: http://erp.example.com
    credential: none
`,
  routes: `routes:
  - match: GET /orders
  - match: GET /things
    require: usr
`
}

t.test('every mistake of both files is told with its place, the status is 2, and nothing was started', { buffered: true }, async t => {
  const dir = await tempDir(t, { 'gateway.yaml': bad.gateway, 'routes.yaml': bad.routes })
  for (const command of ['start', 'check']) {
    const { code, stdout, stderr } = await runCommand(t, [command, '--config', 'gateway.yaml', '--routes', 'routes.yaml'], { cwd: dir })
    t.equal(code, 2)
    t.equal(stdout, '')
    for (const place of ['gateway.yaml:8:5', 'gateway.yaml:11:10', 'routes.yaml:2:5', 'routes.yaml:4:14']) t.ok(stderr.includes(`${place} `), `${command}: ${place}`)
    // The nearest spelling.
    t.match(stderr, 'audience')
  }
})

t.test('one mistake is enough: no IdP is asked for anything', { buffered: true }, async t => {
  const { idp, run } = await writeGood(t, { listen: { prot: 8080 } })
  const { code, stderr } = await run('start')
  t.equal(code, 2)
  t.match(stderr, /gateway\.yaml:\d+:\d+ /)
  t.same(idp.requests.lines, [])
  t.equal(idp.accepted, 0)
})

t.test('a file that is not there is named, with the way to start', { buffered: true }, async t => {
  const dir = await tempDir(t, { 'routes.yaml': routes })
  for (const command of ['start', 'check']) {
    const { code, stdout, stderr } = await runCommand(t, [command], { cwd: dir })
    t.equal(code, 2)
    t.equal(stdout, '')
    t.match(stderr, 'config/gateway.yaml:1:1')
    t.match(stderr, /^ {2}cp .*config\/gateway\.yaml/m)
    t.match(stderr, /^ {2}countersign start /m)
  }
})

t.test('a secret that is not there: start refuses, check warns', { buffered: true }, async t => {
  for (const secret of [{ env: 'ERP_SECRET_OF_TESTS' }, { file: 'nowhere' }]) {
    const { idp, run } = await writeGood(t, { upstreams: { erp: { credential: { client_credentials: { client_secret: secret } } } } })
    const started = await run('start')
    t.equal(started.code, 2)
    t.match(started.stderr, /gateway\.yaml:\d+:\d+ /)
    t.same(idp.requests.lines, [])
    const checked = await run('check')
    t.equal(checked.code, 0)
    t.match(checked.stderr, /gateway\.yaml:\d+:\d+ /)
    t.match(checked.stderr, 'warning')
    const json = await run('check', ['--json'])
    t.equal(json.code, 0)
    t.match(JSON.parse(json.stdout), { ok: true, routes: 1, mistakes: [{ severity: 'warning', line: Number, column: Number }] })
  }
})

t.test('a good configuration is good, and a secret in it is not shown', { buffered: true }, async t => {
  const { idp, run } = await writeGood(t)
  const { code, stdout, stderr } = await run('check')
  t.equal(code, 0)
  t.match(stdout, /1 rule/)
  t.notOk(`${stdout}${stderr}`.includes(idp.clients['middleware']?.secret ?? 'none'))
  t.same(idp.requests.lines, [])
})

t.test('check --json prints JSON and nothing else, good or bad', { buffered: true }, async t => {
  const { run } = await writeGood(t)
  const good = await run('check', ['--json'])
  t.match([good.code, JSON.parse(good.stdout), good.stderr], [0, { ok: true, routes: 1, mistakes: [], rules: [{ match: 'GET /orders', who: 'a user of main', at: /routes\.yaml:2$/ }] }, ''])
  const dir = await tempDir(t, { 'gateway.yaml': bad.gateway, 'routes.yaml': bad.routes })
  const { code, stdout, stderr } = await runCommand(t, ['check', '--json', '--config', 'gateway.yaml', '--routes', 'routes.yaml'], { cwd: dir })
  t.equal(code, 2)
  t.equal(stderr, '')
  // What it promises.
  const { ok, mistakes } = JSON.parse(stdout) as { ok: boolean, mistakes: Array<{ line: number, column: number }> }
  t.equal(ok, false)
  t.match(mistakes.find(({ line, column }) => line === 8 && column === 5), { file: 'gateway.yaml', severity: 'error', message: String })
})

t.test('what the command does not know is bad usage', { buffered: true, timeout: 100_000 }, async t => {
  for (const args of [['start', '--confg', 'x'], ['start', 'more'], ['check', '--config'], ['strat'], ['--nothing'], []]) {
    const { code, stdout, stderr } = await runCommand(t, args)
    t.equal(code, 2, args.join(' '))
    t.equal(stdout, '', args.join(' '))
    t.not(stderr, '', args.join(' '))
  }
})

t.test('--version and --help, each with an example', { buffered: true }, async t => {
  t.match(await runCommand(t, ['--version']), { code: 0, stdout: `${packageVersion()}\n`, stderr: '' })
  t.match(await runCommand(t, ['--help']), { code: 0, stdout: /start[^]*check[^]*demo/, stderr: '' })
  for (const command of ['start', 'check', 'demo']) {
    t.match(await runCommand(t, [command, '--help']), { code: 0, stdout: new RegExp(`Examples?:[^]*countersign ${command}`), stderr: '' })
  }
})

t.test('certificates that are not verified are no start', { buffered: true }, async t => {
  const { idp, run } = await writeGood(t)
  const { code, stdout, stderr } = await run('start', [], { env: { NODE_TLS_REJECT_UNAUTHORIZED: '0' } })
  t.equal(code, 2)
  t.equal(stdout, '')
  t.match(stderr, 'NODE_TLS_REJECT_UNAUTHORIZED')
  t.same(idp.requests.lines, [])
})

t.test('a port in use is said in words, whichever it is, and ends the process', { buffered: true }, async t => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  t.teardown(() => { taken.close() })
  const address = taken.address()
  const port = typeof address === 'object' ? address?.port : 0
  for (const which of ['listen', 'admin']) {
    const { run } = await writeGood(t, { [which]: { port } })
    const { code, stderr } = await run('start')
    t.equal(code, 1)
    t.match(stderr, new RegExp(`port ${port} is in use`))
    t.notMatch(stderr, /at .*\.js/)
  }
})
