import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { stringify } from 'yaml'
import { runCommand } from '../support/command.ts'
import { writeFiles } from '../support/settings.ts'
import type { TestContext } from '../support/teardown.ts'
import { GATEWAY, openapi } from './described.ts'

// Each forks a process, and mostly waits for it.
t.jobs = 2

const document = openapi({
  '/pets': { get: { security: [{ user: ['read'] }] }, post: { security: [{ bearer: [] }] } },
  '/pets/{id}': { get: { security: [{ both: ['read'] }] } }
})

async function scene (t: TestContext) {
  const files = await writeFiles(t, { gateway: GATEWAY, routes: [{ match: 'GET /other', require: 'user' }], files: { 'openapi.yaml': stringify(document), 'openapi.json': JSON.stringify(document) } })
  const at = (name: string) => join(files.dir, name)
  return { ...files, at, run: async (...words: string[]) => await runCommand(t, words) }
}

t.test('import writes a file that check takes, and coverage says what is left', { buffered: true, timeout: 100_000 }, async t => {
  const { at, config, run } = await scene(t)
  const written = await run('import', '--issuer', 'main', at('openapi.yaml'), '--output', at('new.yaml'))
  t.match(written, { code: 0, stdout: '', stderr: /2 of 3 operations in 2 rules; 1 left[^]*--who "bearer=client"/ })
  t.equal((await run('check', '--config', config, '--routes', at('new.yaml'))).code, 0)
  const covered = await run('coverage', at('openapi.yaml'), '--config', config, '--routes', at('new.yaml'))
  t.match(covered, { code: 1, stdout: /operations without a rule:\n {2}POST \/pets: method-not-allowed/ })

  t.equal((await run('import', at('openapi.yaml'), '--who', 'bearer=client', '-o', at('new.yaml'))).code, 2, 'a file that is there stays')
  t.equal((await run('import', at('openapi.json'), '--who', 'bearer=client', '-o', at('new.yaml'), '--force')).code, 0)
  t.match(await readFile(at('new.yaml'), 'utf8'), / {2}- match: POST \/pets\n {4}require: client\n/)
  t.match(await run('coverage', at('openapi.json'), '--who', 'bearer=client', '--config', config, '--routes', at('new.yaml')), { code: 0, stdout: /3 of 3 operations/ })
})

t.test('with --json, standard output holds the JSON alone', { buffered: true, timeout: 100_000 }, async t => {
  const { at, config, routes, run } = await scene(t)
  const result = await run('import', at('openapi.yaml'), '--json', '--base', '/v1/')
  t.match({ code: result.code, ...JSON.parse(result.stdout) as object }, { code: 0, operations: 3, told: 2, left: [{ operation: 'POST /pets' }], untold: [{ scheme: 'bearer', operations: 1 }], routes: /GET \/v1\/pets/ })
  const coverage = await run('coverage', at('openapi.yaml'), '--json', '--config', config, '--routes', routes)
  t.match({ code: coverage.code, ...JSON.parse(coverage.stdout) as object }, { code: 1, operations: 3, missing: [{ operation: 'GET /pets', code: 'route-not-found' }, {}, {}], unknown: [{ path: '/other' }] })
})

t.test('without -o the rules are printed, and what is to be said beside them to standard error', { buffered: true, timeout: 100_000 }, async t => {
  const { at, run } = await scene(t)
  const { code, stdout } = await run('import', at('openapi.json'))
  t.equal(code, 0)
  t.match(stdout, /^# By countersign import[^]*\nroutes:\n {2}- match: GET \/pets\n/)
})

t.test('what cannot be read, or is misspelt, is told in one line, with status 2', { buffered: true, timeout: 200_000 }, async t => {
  const { at, config, routes, run } = await scene(t)
  await writeFile(at('none.yaml'), 'openapi: [')
  for (const words of [['import', at('none.yaml')], ['import', at('openapi.yaml'), '--who', 'nobody=user'], ['import', at('openapi.yaml'), '--who', 'bearer=public'], ['import', at('openapi.yaml'), '--base', 'v1'], ['import', at('openapi.yaml'), '-o', at('no/such/folder.yaml')], ['coverage', at('none.yaml'), '--config', config, '--routes', routes], ['coverage', at('openapi.yaml'), '--config', at('none.yaml'), '--routes', routes]]) {
    const { code, stdout, stderr } = await run(...words)
    t.equal(code, 2, words.join(' '))
    t.equal(stdout, '')
    t.notMatch(stderr, /at .*\.js/)
  }
})
