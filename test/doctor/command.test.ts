import t from 'tap'
import { runCommand, type CommandOptions } from '../support/command.ts'
import { NOBODY, startScene } from './scene.ts'

// Each forks a process, and mostly waits for it.
t.jobs = 2

// What it prints is searched for every token and secret of this process when the test is over: runCommand does that.
t.test('warnings leave the status at 0, a bad line makes it 1; JSON stands alone where it is wanted', { buffered: true }, async t => {
  const { idp, files } = await startScene(t)
  const run = async (...more: string[]) => await runCommand(t, ['doctor', '--config', files.config, '--routes', files.routes, '--admin', NOBODY, ...more])
  const good = await run()
  t.match(good, { code: 0, stderr: '' })
  for (const line of [/^files$/m, /^ {2}good {5}main: its document/m, /^ {2}warning {2}/m, /^ {11}→ /m, /^0 bad, \d+ warnings, \d+ good$/m]) t.match(good.stdout, line)
  t.notMatch(good.stdout, '\u001b')
  idp.discovery = { issuer: 'https://other.example.com' }
  const bad = await run('--json')
  t.match(bad, { code: 1, stderr: '' })
  const told = JSON.parse(bad.stdout) as { ok: boolean, bad: number, findings: Array<{ verdict: string, remedy?: string }> }
  t.match(told, { ok: false, bad: 2 })
  t.ok(told.findings.every(({ verdict, remedy }) => verdict === 'good' || remedy !== undefined), 'each that is not good says what to do')
})

t.test('mistakes of the files, a missing secret, and an environment that would send secrets to anyone are status 2, and nobody is asked', { buffered: true }, async t => {
  const { idp, erp, files } = await startScene(t, { changes: { upstreams: { erp: { credential: { client_credentials: { client_secret: '${NOT_SET_ANYWHERE}' } } } } } })
  const run = async (options?: CommandOptions) => await runCommand(t, ['doctor', '--config', files.config, '--routes', files.routes], options)
  t.match(await run(), { code: 2, stdout: '', stderr: /NOT_SET_ANYWHERE/ })
  t.match(await run({ env: { NOT_SET_ANYWHERE: 'a-secret-for-this', NODE_TLS_REJECT_UNAUTHORIZED: '0' } }), { code: 2, stdout: '', stderr: /NODE_TLS_REJECT_UNAUTHORIZED/ })
  t.same([idp.requests.lines, erp.accepted], [[], 0])
})
