// Runs the tests that setup.mjs has compiled, one suite (a folder of test/) after the other.
//
//   npm test                             all of them
//   npm test -- gateway policy           these suites
//   npm test -- gateway/stream           the files whose path contains this
//
// The last line counts assertions, read from tap's output, and this script's own checks:
// a suite over its budget, a suite without tests, a program that is missing, a secret in a log.
import { spawn } from 'node:child_process'
import { accessSync, constants, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { grepLogs, reportGrep } from './log-grep.mjs'
import { tapReader } from './read-tap.mjs'

const project = join(dirname(fileURLToPath(import.meta.url)), '..')
const runner = join(project, 'scripts/run-tap.mjs')
// Where dist is: test/house tries this script on tests of its own.
const root = process.env.COUNTERSIGN_TEST_ROOT ?? project

// Seconds, generous: they end a suite that hangs. Nothing here measures speed.
// Two files at a time; more where most of them wait for timers most of the time.
const SUITES = {
  house: { budget: 180 },
  'support-selftest': { budget: 120 },
  policy: { budget: 120 },
  config: { budget: 180 },
  inbound: { budget: 180 },
  outbound: { budget: 180 },
  cluster: { budget: 60 },
  explain: { budget: 180 },
  rehearsal: { budget: 240 },
  doctor: { budget: 300, needs: ['redis-server', 'redis-cli'] },
  openapi: { budget: 180 },
  gateway: { budget: 720, logs: true, jobs: 4 },
  erps: { budget: 300, logs: true, jobs: 3 },
  attacks: { budget: 480, logs: true, jobs: 3 },
  store: { budget: 300, logs: true, jobs: 3, needs: ['redis-server', 'redis-cli'] },
  process: { budget: 300, logs: true, jobs: 3 },
  chaos: { budget: process.env.COUNTERSIGN_CHAOS === 'full' ? 1200 : 400, logs: true, needs: ['redis-server', 'redis-cli'] },
  demo: { budget: 180 },
  deploy: { budget: 300, logs: true, needs: ['redis-server', 'redis-cli'] },
  browser: { budget: 120, needs: ['chromium'] },
  console: { budget: 180, logs: true, needs: ['chromium', 'redis-server', 'redis-cli'] },
  interop: { budget: 120, needs: ['glewlwyd', 'sqlite3'] }
}

const total = { passed: 0, failed: 0, skipped: 0 }
const logs = mkdtempSync(join(tmpdir(), 'countersign-logs-'))
const filters = process.argv.slice(2)
let running // the process group of the suite at work

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    stop(running)
    rmSync(logs, { recursive: true, force: true })
    process.exit(130)
  })
}

const suites = chosenSuites()
for (const [name, files] of suites) await runSuite(name, files)
reportGauntlet()
reportChaos()
checkLogs()

if (total.passed + total.failed === 0) failed('no test ran')
for (const { path, name, reason } of total.skips ?? []) console.log(`skipped: ${[...path, name].join(' > ')} ${reason}`)
console.log(`\nassertions, read from tap's output; node ${process.version}`)
console.log(`${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ''}`)
process.exitCode = total.failed > 0 ? 1 : 0

function chosenSuites () {
  const folder = join(root, 'dist/test')
  const files = existsSync(folder)
    ? readdirSync(folder, { recursive: true }).map(String).filter(file => file.endsWith('.test.js')).sort()
    : []
  const bySuite = new Map(Object.keys(SUITES).map(name => [name, []]))
  for (const file of files) {
    const suite = file.includes('/') ? file.slice(0, file.indexOf('/')) : '.'
    if (!bySuite.has(suite)) failed(`test/${file.replace(/\.js$/, '.ts')} is in no suite that scripts/test.mjs has a budget for`)
    bySuite.get(suite)?.push(file)
  }
  for (const filter of filters) {
    if (filter in SUITES || files.some(file => file.includes(filter))) continue
    failed(`no test file matches "${filter}"; the suites are ${Object.keys(SUITES).join(', ')}`)
  }
  if (filters.length === 0) return bySuite
  const chosen = [...bySuite].map(([name, all]) => [name, filters.includes(name) ? all : all.filter(file => filters.some(filter => !(filter in SUITES) && file.includes(filter)))])
  return new Map(chosen.filter(([name, some]) => some.length > 0 || filters.includes(name)))
}

async function runSuite (name, files) {
  const { budget, needs = [], jobs = 2 } = SUITES[name]
  if (files.length === 0) return failed(`${name}: a suite without tests`)
  const missing = needs.filter(program => !onPath(program))
  if (missing.length > 0) return failed(`${name}: ${missing.join(' and ')} missing; npm run pretest says how to have it`)

  console.log(`\n${name}`)
  const started = Date.now()
  const reader = tapReader(file => {
    const place = file.name.replace(/^dist\//, '').replace(/\.js$/, '.ts')
    console.log(`  ${file.ok ? 'ok    ' : 'not ok'} ${place}: ${counts(file)}${file.seconds === undefined ? '' : ` (${file.seconds.toFixed(1)} s)`}`)
  })
  const { status, late } = await runTap(files, { budget, jobs }, line => reader.line(line))
  const read = reader.result()

  for (const failure of read.failures) explain(failure)
  total.passed += read.passed
  total.failed += read.failed + read.todo
  total.skipped += read.skipped
  total.skips = [...total.skips ?? [], ...read.skips]
  if (late) failed(`${name}: over its budget of ${budget} s, stopped${read.open === undefined ? '' : ` in ${read.open}`}`)
  else if (!read.whole && read.failed === 0) failed(`${name}: tap ended with status ${status}, and its output is not whole`)
  else if (status !== 0 && read.failed + read.todo === 0) failed(`${name}: tap ended with status ${status}`)
  else if (read.passed + read.failed === 0) failed(`${name}: not one assertion`)
  console.log(`  ${counts(read)} in ${((Date.now() - started) / 1000).toFixed(1)} s`)
}

async function runTap (files, { budget, jobs }, onLine) {
  const child = spawn(process.execPath, [runner, String(jobs), ...files.map(file => join('dist/test', file))], {
    cwd: root,
    // Its own process group: what a test forked ends with it.
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      // A tap around this one must not speak to the tap inside.
      ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('TAP') && !name.startsWith('_TAPJS'))),
      // A test's `node` is the one that runs the suite.
      PATH: [dirname(process.execPath), process.env.PATH].join(delimiter),
      COUNTERSIGN_TEST_LOG_DIR: logs
    }
  })
  running = child.pid
  let late = false
  const deadline = setTimeout(() => {
    late = true
    stop(child.pid)
  }, budget * 1000)
  const lines = createInterface({ input: child.stdout })
  lines.on('line', onLine)
  const ended = new Promise(resolve => lines.once('close', resolve))
  const status = await new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) => resolve(code ?? signal))
  })
  clearTimeout(deadline)
  // Whatever a test left behind holds the pipe open, too.
  stop(child.pid)
  running = undefined
  await ended
  return { status, late }
}

function stop (group) {
  if (group === undefined) return
  try {
    process.kill(-group, 'SIGKILL')
  } catch {
    // All of it has ended already.
  }
}

// What the attacks wrote about themselves (test/attacks/gauntlet.ts), by part and in all.
function reportGauntlet () {
  const file = join(logs, 'gauntlet.jsonl')
  if (!existsSync(file)) return
  const parts = new Map()
  for (const { part, of, held, notApplicable = 0 } of readFileSync(file, 'utf8').trim().split('\n').map(line => JSON.parse(line))) {
    const sum = parts.get(part) ?? { of: 0, held: 0, notApplicable: 0 }
    parts.set(part, { of: sum.of + of, held: sum.held + held, notApplicable: sum.notApplicable + notApplicable })
  }
  const all = [...parts.values()]
  const sum = pick => all.reduce((total, one) => total + one[pick], 0)
  const text = ({ of, held, notApplicable }) => `${held} of ${of - notApplicable}${notApplicable > 0 ? ` (${notApplicable} do not apply)` : ''}`
  console.log('')
  for (const [part, counts] of [...parts].sort(([one], [other]) => one.localeCompare(other))) console.log(`  ${part}: ${text(counts)}`)
  console.log(`gauntlet: ${text({ of: sum('of'), held: sum('held'), notApplicable: sum('notApplicable') })}`)
  if (sum('held') + sum('notApplicable') < sum('of')) failed('gauntlet: not every attack was held')
  rmSync(file)
}

function reportChaos () {
  const file = join(logs, 'chaos.jsonl')
  if (!existsSync(file)) return
  const rows = readFileSync(file, 'utf8').trim().split('\n').map(line => JSON.parse(line))
  const cells = rows.map(({ what, requests = '', failed: bad = '', reconnected = '', p99 = '', more }) => [what, requests, bad, reconnected, p99, more].map(String))
  const table = [['chaos', 'requests', 'failed', 'sent again', 'p99 ms', ''], ...cells]
  const widths = table[0].map((_, at) => Math.max(...table.map(row => row[at].length)))
  console.log('')
  for (const row of table) console.log(`  ${row.map((cell, at) => at > 0 && at < 5 ? cell.padStart(widths[at]) : cell.padEnd(widths[at])).join('  ')}`.trimEnd())
  rmSync(file)
}

function checkLogs () {
  const found = grepLogs(logs)
  total.failed += reportGrep(found)
  // A grep of nothing finds nothing: suites that start gateways must have left something to look at.
  const expected = [...suites.keys()].some(name => SUITES[name].logs && (filters.length === 0 || filters.includes(name)))
  if (expected && (found.files === 0 || found.secrets === 0)) failed('log grep: the suites left no logs or no secrets to look for')
  else if (found.files > 0 && found.found.length === 0) total.passed += 1
  if (found.found.length === 0) rmSync(logs, { recursive: true })
  else console.log(`log grep: the logs are kept in ${logs}`)
}

function explain ({ path, name, lines }) {
  console.log(`\n  not ok: ${[...path, name].join(' > ')}`)
  for (const line of lines.slice(0, 60)) console.log(`    ${line}`)
}

function failed (line) {
  total.failed += 1
  console.log(`not ok: ${line}`)
}

function counts ({ passed, failed: bad, skipped }) {
  return [`${passed} passed`, ...(bad > 0 ? [`${bad} failed`] : []), ...(skipped > 0 ? [`${skipped} skipped`] : [])].join(', ')
}

function onPath (program) {
  return [...(process.env.PATH ?? '').split(delimiter), '/usr/bin'].some(folder => {
    try {
      accessSync(join(folder, program), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}
