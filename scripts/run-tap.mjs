// Runs test files, so many at a time, each in a process of its own, and writes one TAP stream: what `tap` itself does, but for
// the hooks that it loads into each test and whatever a test starts (which file loads which, for coverage and mocks):
// nothing here is covered or mocked, and they cost more than most tests do.
//
//   node scripts/run-tap.mjs 2 dist/test/policy/claims.test.js …
import t from 'tap'

const [jobs, ...files] = process.argv.slice(2)

// For each file that does not ask for more (t.setTimeout); scripts/test.mjs has a budget for all of a suite.
const SECONDS = 120

t.jobs = Number(jobs)
t.setTimeout(0)
for (const file of files) {
  void t.spawn(process.execPath, ['--enable-source-maps', file], {
    buffered: true,
    stdio: 'inherit',
    timeout: SECONDS * 1000,
    env: { ...process.env, TAP_TIMEOUT: String(SECONDS) }
  }, file)
}
