import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { runCommand, startCommand, untilOutput } from '../support/command.ts'
import { writePolicy, ISSUERS } from './issuers.ts'
import { readXml } from './xml.ts'

// Each is a process of its own.
t.jobs = 2

const GREEN = `cases:
  - { request: GET /a, as: user, expect: allow }
`

async function scene (t: Test) {
  const files = await writePolicy(t, { main: ISSUERS.keycloak }, `routes:
  - match: GET /a
    require: user
`)
  const cases = join(files.folder, 'routes.test.yaml')
  await writeFile(cases, GREEN)
  return { ...files, cases, words: ['test', '--config', files.config, '--routes', files.routes] }
}

t.test('the command says 0, 1 or 2, prints what was asked for alone, and writes a report beside it', { buffered: true, timeout: 100_000 }, async t => {
  const { words, cases, folder } = await scene(t)
  const report = join(folder, 'policy.xml')
  const good = await runCommand(t, [...words, '--junit', report])
  t.match(good, { code: 0, stderr: '' })
  t.match(good.stdout, /^rule[^]*GET \/a +401 +401 +allow +403[^]*cases +1 requests[^]*good\n$/)
  t.notMatch(good.stdout, /\u001b/, 'no colours where no terminal is')
  t.match(readXml(await readFile(report, 'utf8')).attributes, { failures: '0' })
  await writeFile(cases, GREEN.replace('allow', 'deny'))
  const red = await runCommand(t, [...words, '--json'])
  t.match(red, { code: 1, stderr: '' })
  t.match(JSON.parse(red.stdout), { ok: false, cases: [{ ok: false, expected: 'deny', got: 'allow' }], coverage: { required: false } })
  t.match(await runCommand(t, [...words, '--json', '--tap']), { code: 2, stdout: '', stderr: /exclude each other/ })
})

t.test('--watch tries again when a file is renamed over, as editors save, outlives a mistake, and ends with its signal', { buffered: true, timeout: 100_000 }, async t => {
  const { words, cases, routes, folder } = await scene(t)
  const save = async (file: string, text: string): Promise<void> => {
    await writeFile(join(folder, '.saving'), text)
    await rename(join(folder, '.saving'), file)
  }
  const command = startCommand(t, [...words, '--watch'])
  const runs = async (wanted: number): Promise<void> => { await untilOutput(command, () => command.stdout.split('waiting for a change').length - 1 >= wanted || undefined) }
  await runs(1)
  await save(cases, GREEN.replace('allow', 'deny'))
  await runs(2)
  t.match(command.stdout, /expected deny, got allow/)
  await save(routes, 'routes:\n  - match: GET /a\n    require: usr\n')
  await runs(3)
  t.match(command.stderr, /routes\.yaml:3:14 .*did you mean "user"/)
  await save(routes, 'routes:\n  - match: GET /a\n    require: client\n')
  await runs(4)
  t.match(command.stdout.slice(command.stdout.lastIndexOf('rule')), /good\n/)
  await writeFile(join(folder, 'other.txt'), 'x')
  await sleep(600)
  t.equal(command.stdout.split('waiting for a change').length - 1, 4, 'another file is no matter')
  command.kill('SIGINT')
  t.match(await command.exited, { signal: 'SIGINT' })
})
