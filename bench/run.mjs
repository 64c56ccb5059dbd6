// npm run bench: every subject, every workload, side by side in one run.
//   --rounds N (5)   --seconds S (4)   --only name,name   --workloads a,b   --quick   --no-scale   --keep   --no-write
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { measure, peakOf } from './measure.mjs'
import { needPrograms } from './programs.mjs'
import { writeReport } from './report.mjs'
import { bareVerification, measureScale } from './scale.mjs'
import { subjects } from './subjects.mjs'
import { startErp, startIssuer, writeTokens } from './surroundings.mjs'
import { workloads, writeScript } from './workloads.mjs'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '4' },
    only: { type: 'string' },
    workloads: { type: 'string' },
    quick: { type: 'boolean', default: false },
    'no-scale': { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
    'no-write': { type: 'boolean', default: false }
  }
})
const rounds = values.quick ? 1 : Number(values.rounds)
const seconds = values.quick ? 1 : Number(values.seconds)
/** Seconds of load before a sample: shorter ones measure the compiler. */
const WARM = values.quick ? 4 : 8
const names = values.only?.split(',') ?? Object.keys(subjects)
const chosen = values.workloads?.split(',').filter(name => name !== 'none') ?? Object.keys(workloads)

needPrograms(names)
const dir = mkdtempSync(join(tmpdir(), 'countersign-bench-'))
const children = new Set()
process.once('exit', () => {
  // Workers of nginx and Apache outlive a master that is killed.
  for (const child of children) child.kill('SIGTERM')
  rmSync(dir, { recursive: true, force: true })
})
process.once('SIGINT', () => process.exit(130))

const issuer = await startIssuer(dir)
const fresh = Math.ceil(seconds * 11_000)
console.log(`minting ${fresh + 4001} tokens …`)
writeTokens(dir, issuer, fresh)
const erp = await startErp(dir)
children.add(erp)
await sleep(300)
if (erp.exitCode !== null) throw new Error(`nginx does not start: ${readFileSync(join(dir, 'nginx.err'), 'utf8')}`)

// With --keep, what is not measured now is what the run before has written.
const earlier = values.keep ? JSON.parse(readFileSync(new URL('results.json', import.meta.url), 'utf8')) : undefined
const results = (earlier?.results ?? []).filter(({ subject, workload }) => !names.includes(subject) || !chosen.includes(workload))
for (const workload of chosen) {
  const script = writeScript(dir, workload)
  const taking = names.filter(name => takes(subjects[name], workload)).flatMap(subject => subjects[subject].logs ? [{ subject, log: false }, { subject, log: true }] : [{ subject, log: false }])
  const samples = taking.map(one => ({ ...one, workload, rows: [] }))
  for (let round = 0; round < rounds; round++) {
    for (const { subject, log, rows } of samples) rows.push(await once(subject, { workload, script, log }))
  }
  results.push(...samples)
}
const verification = earlier?.verification ?? bareVerification(dir)
const again = earlier === undefined || chosen.length === 0 ? earlier?.again : [...new Set([...earlier.again ?? [], ...chosen])]
const run = { results, again, verification, scale: earlier?.scale, rounds: earlier?.rounds ?? rounds, seconds: earlier?.seconds ?? seconds, write: !values['no-write'] && !values.quick }
writeReport(run)
if (!values['no-scale']) writeReport({ ...run, scale: await measureScale(dir, issuer, { seconds }) })
process.exit(0)

function takes ({ auth, scopes }, workload) {
  if (workload === 'f-scope') return auth && scopes !== false
  return auth || (workload !== 'c' && !workload.startsWith('f-'))
}

// Each sample has a process of its own: none profits from, or suffers for, what came before.
async function once (name, { workload, script, log }) {
  const { start, port } = subjects[name]
  const child = start(dir, { log })
  children.add(child)
  try {
    await untilServing(port)
    const { fresh: neverSeen, status } = workloads[workload]
    // Warm: compiled code, open connections, and (but for tokens that must be new) the tokens seen once.
    await measure({ pid: child.pid, port, script: neverSeen ? writeScript(dir, workload, 'warm') : script, seconds: WARM })
    if (neverSeen) writeScript(dir, workload)
    const sample = await measure({ pid: child.pid, port, script, seconds })
    const refused = sample.errors > 0
    if (refused !== (status >= 400) && name.includes('haproxy-pass') === false) console.warn(`  ! ${name} ${workload}: ${sample.errors} of ${sample.requests} answers were errors`)
    const peak = peakOf(child.pid)
    console.log(`${workload.padEnd(10)} ${(log ? 'log ' : '').padEnd(4)}${name.padEnd(16)} ${sample.cpu.toFixed(1).padStart(7)} µs ${Math.round(sample.rate).toString().padStart(7)}/s  p50 ${sample.p50} p99 ${sample.p99} µs  ${Math.round(peak / 1024)} MiB`)
    return { ...sample, peak }
  } finally {
    children.delete(child)
    await end(child)
  }
}

// Apache's workers outlive a parent that is killed, and keep its port.
async function end (child) {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise(resolve => child.once('exit', resolve))
  child.kill('SIGTERM')
  await Promise.race([ended, sleep(3000).then(() => child.kill('SIGKILL'))])
  await ended
}

async function untilServing (port) {
  for (let tries = 0; tries < 100; tries++) {
    try {
      await fetch(`http://127.0.0.1:${port}/addresses/7`)
      return
    } catch {
      await sleep(50)
    }
  }
  throw new Error(`nothing serves on port ${port}`)
}
