// bench/RESULTS.md, bench/results.json and bench/results.svg from one run.
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { plot } from './plot.mjs'
import { median } from './scale.mjs'
import { subjects } from './subjects.mjs'
import { workloads } from './workloads.mjs'

const here = dirname(fileURLToPath(import.meta.url))

/** @param run { results, verification, scale, rounds, seconds, write } */
export function writeReport (run) {
  const cpuOf = (subject, workload, log = false) => {
    const rows = run.results.find(one => one.subject === subject && one.workload === workload && one.log === log)?.rows
    return rows === undefined ? undefined : median(rows.map(({ cpu }) => cpu))
  }
  const text = [
    '# Results', '',
    `${surroundings()}; ${run.rounds} rounds of ${run.seconds} s, interleaved, each of a fresh process after a warm-up. CPU is user and`,
    'system time of the whole process tree over the requests that it served; what is measured has one core, wrk and nginx',
    '(the ERP) the other. Absolute figures are for the eye: the machine is shared. Ratios are what to look at.',
    ...run.again === undefined ? [] : [`Measured again after the rest: ${run.again.join(', ')}.`], '',
    '## Targets', '', ...targets(run, cpuOf), '', readFileSync(join(here, 'missed.md'), 'utf8').trim(), '',
    '![µs of CPU per request](results.svg)', '',
    '## All of it', '',
    ...[false, true].flatMap(log => Object.keys(workloads).flatMap(workload => section(run, workload, log)))
  ].join('\n')
  console.log(`\n${text}`)
  if (!run.write) return
  writeFileSync(join(here, 'RESULTS.md'), `${text.trimEnd()}\n`)
  writeFileSync(join(here, 'results.svg'), plot(run.results))
  writeFileSync(join(here, 'results.json'), `${JSON.stringify(run, undefined, 1)}\n`)
}

function surroundings () {
  const packages = ['haproxy', 'nginx', 'wrk', 'apache2', 'libapache2-mod-auth-openidc']
  const installed = execFileSync('dpkg-query', ['-W', '-f', '${Package} ${Version}, ', ...packages], { encoding: 'utf8' })
  const kernel = readFileSync('/proc/sys/kernel/osrelease', 'utf8').trim()
  return `${new Date().toISOString().slice(0, 10)}; ${cpus().length} cores (${cpus()[0]?.model ?? 'unknown'}), ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${kernel}, Node ${process.versions.node}, ${installed}${peers()}`
}

function peers () {
  const { dependencies } = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8'))
  return Object.entries(dependencies).map(([name, version]) => `${name} ${version}`).join(', ')
}

function targets ({ verification, scale }, cpu) {
  const ours = (workload, log) => cpu('countersign', workload, log)
  const ratio = (one, other) => one === undefined || other === undefined ? undefined : one / other
  const a = ours('a')
  const rows = [
    ['(a) ÷ HAProxy `jwt_verify`', ratio(a, cpu('haproxy-jwt', 'a')), 0.95],
    ['(a) ÷ bare node + undici', ratio(a, cpu('bare', 'a')), 1.2],
    ['(a) ÷ express stack', ratio(a, cpu('express', 'a')), 0.15],
    ['(a) with the JSON line ÷ without', ratio(ours('a', true), a), 1.2],
    [`(c) ÷ ((a) + one bare RSA-2048 verification, ${verification.toFixed(1)} µs)`, ratio(ours('c'), a === undefined ? undefined : a + verification), 1.25],
    ...['expired', 'scope', 'kid'].map(kind => [`(f) ${workloads[`f-${kind}`].title} ÷ (a)`, ratio(ours(`f-${kind}`), a), 1]),
    ...scale === undefined
      ? []
      : [
          ['(a) with 10,000 rules ÷ with 10', scale.rules.ratio, 1.05],
          [`start-up with 10,000 rules, s (on one core ${(scale.rules.startOnOne / 1000).toFixed(2)})`, scale.rules.start / 1000, 2],
          ['memory of 100,000 live tokens, MiB', scale.tokens.growth, 200],
          ['1 GiB down: growth of memory, MiB', scale.bytes.down.growth, 48],
          ['1 GiB up: growth of memory, MiB', scale.bytes.up.growth, 48],
          ['1 GiB down: CPU ÷ bare node', scale.bytes.down.ratio, 1.3],
          ['1 GiB up: CPU ÷ bare node', scale.bytes.up.ratio, 1.3],
          [`time to ready, s (on one core ${(scale.ready.one / 1000).toFixed(2)})`, scale.ready.both / 1000, 0.6],
          ['p99 added to a direct call at 1,000 req/s, ms', scale.latency.p99, 2],
          [`of ${scale.connections.count} open connections, not answered (growth ${Math.round(scale.connections.growth)} MiB)`, scale.connections.count - scale.connections.answered, 0]
        ]
  ].filter(([, value]) => value !== undefined)
  return ['| what | measured | at most | |', '| --- | --- | --- | --- |', ...rows.map(([what, value, most]) => `| ${what} | ${value.toFixed(2)} | ${most.toFixed(2)} | ${value <= most ? 'reached' : '**missed**'} |`)]
}

function section ({ results }, workload, log) {
  const order = Object.keys(subjects)
  const rows = results.filter(one => one.workload === workload && one.log === log).sort((one, other) => order.indexOf(one.subject) - order.indexOf(other.subject))
  if (rows.length === 0) return []
  const line = ({ subject, rows: samples }) => {
    const of = name => samples.map(sample => sample[name])
    const spread = `${Math.min(...of('cpu')).toFixed(1)}–${Math.max(...of('cpu')).toFixed(1)}`
    return `| ${subjects[subject].title} | ${median(of('cpu')).toFixed(1)} | ${spread} | ${Math.round(median(of('rate')))} | ${(median(of('p50')) / 1000).toFixed(2)} | ${(median(of('p99')) / 1000).toFixed(2)} | ${Math.round(median(of('peak')) / 1024)} |`
  }
  return [
    `### (${workload}) ${workloads[workload].title}${log ? ', one log line per request' : ''}`, '',
    '| | µs CPU per request | spread | requests/s | p50 ms | p99 ms | peak MiB |', '| --- | --- | --- | --- | --- | --- | --- |',
    ...rows.map(line), ''
  ]
}
