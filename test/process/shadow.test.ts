import { join } from 'node:path'
import t from 'tap'
import type { ShadowReport } from '../../src/observe/shadow-tally.ts'
import { runCommand, startCommand, untilOutput } from '../support/command.ts'
import { startErp } from '../support/erp.ts'
import { startIdp } from '../support/idp.ts'
import { call } from '../support/call.ts'
import { standardGateway, writeFiles } from '../support/settings.ts'

t.test('start --shadow counts in every worker what other routes would change, and countersign shadow tells it', { timeout: 100_000 }, async t => {
  const idp = await startIdp(t, { alg: 'ES256' })
  const erp = await startErp(t)
  const next = 'routes:\n  - match: GET /a\n    require: client\n'
  const { dir, config, routes } = await writeFiles(t, { gateway: standardGateway({ idp, erp }, { workers: 2 }), routes: [{ match: 'GET /a', require: 'user|client' }], files: { 'next.yaml': next, 'bad.yaml': next.replace('client', 'clinet') } })
  const files = ['--config', config, '--routes', routes]

  const bad = await runCommand(t, ['start', ...files, '--shadow', join(dir, 'bad.yaml')])
  t.equal(bad.code, 2)
  t.match(bad.stderr, /bad\.yaml:3:14.*"client"/)

  const command = startCommand(t, ['start', ...files, '--shadow', join(dir, 'next.yaml')], { cwd: dir })
  const { data, admin } = await untilOutput(command, () => command.output.lines().find(({ msg }) => msg === 'listening'))
  await untilOutput(command, () => command.output.lines().filter(({ msg }) => msg === 'a worker serves').length === 2 || undefined)
  const port = Number(new URL(String(data)).port)
  for (let at = 0; at < 20; at++) t.equal((await call(port, { path: '/a', token: at % 2 === 0 ? idp.mintUser({ client_id: 'a\u001b[2Jb' }) : idp.mintClient() })).status, 200)
  const asked = ['shadow', '--admin', String(admin)]
  const { code, stdout } = await runCommand(t, asked)
  t.equal(code, 0)
  t.match(stdout, /10 of 20 requests would now be refused\n[^]*10 +passes → principal-kind +GET \/a \(.*next\.yaml:2\)/)
  t.notMatch(stdout, '\u001b')
  const report = JSON.parse((await runCommand(t, [...asked, '--json'])).stdout) as ShadowReport
  t.match(report, { compares: true, requests: 20, outcomes: { now_refused: 10, same: 10 }, differences: [{ count: 10 }] })
  command.kill()
  t.same(await command.exited, { code: 0, signal: null })
  t.match(await runCommand(t, asked), { code: 2, stdout: '', stderr: /does not answer/ })
})
