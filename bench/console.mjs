// What the console costs while nobody looks: what it does of itself, timed, over what a refusal costs all in all; and,
// since a part that is timed by itself may miss something, gateways with it beside gateways without.
//
//   npm run bench:console                            six rounds of twenty seconds, 1,000 refusals a second
//   npm run bench:console -- --rounds 2 --seconds 10
//
// Of itself it does two things. A refusal is remembered: the same loop with and without that, in turns, so that what
// garbage it makes is collected within what is timed. And every five seconds a sample is taken of what is counted.
//
// Side by side: `without` has no console, and remembers no refusal; `with` has both, and nobody looks; `watched` is asked
// as an open page asks. A round has a new process of each, and all of them are loaded at the same time: what else the
// machine does falls on all alike. It is told as the mean of the rounds with its standard error, which on a shared
// machine is larger than what is looked for.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request as httpRequest, Agent } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { median } from './scale.mjs'

const KINDS = ['without', 'with', 'watched']

if (process.send === undefined) await compare()
else if (process.argv[2] === 'parts') await timeParts()
else await serve()

/** In a process of its own: µs of CPU for a refusal that is remembered, and for a sample; medians of turns. */
async function timeParts () {
  const { PastRefusals } = await import('../dist/src/observe/decisions.js')
  const { AuditRecord } = await import('../dist/src/observe/audit.js')
  const { createMetrics } = await import('../dist/src/observe/metrics.js')
  const { refuse } = await import('../dist/src/policy/problems.js')
  const none = () => []
  const metrics = createMetrics({ shed: () => 0, knownTokens: () => 0, rememberedWrites: () => 0, issuers: none, credentials: none, certificates: none, upstreams: none, storeIsUp: () => undefined })
  const refusals = new PastRefusals(1000)
  const configuration = {}
  const rules = Array.from({ length: 50 }, (_, at) => ({ id: `GET /orders/${at}/:id`, at: `routes.yaml:${at}` }))

  let left
  const refuseOne = (remembers, at) => {
    // About what the answering of a request leaves to be collected.
    left = Array.from({ length: 60 }, (_, n) => ({ n, name: `x${n}`, list: [n, at], below: { at } }))
    const rule = rules[at % 50]
    const record = new AuditRecord(String(at), 'GET')
    record.rule = rule
    record.refusal = refuse('credential-missing', 'An access token is needed.', { saw: 'no Authorization header' })
    metrics.request(record, 401)
    const target = `/orders/${at % 50}/17`
    const { decisionId: decision, refusal } = record
    if (remembers) refusals.keep({ decision, method: 'GET', target, rule, principal: undefined, configuration, refusal, letThrough: false })
  }
  const timed = (times, run) => {
    const before = process.cpuUsage()
    for (let at = 0; at < times; at++) run(at)
    const { user, system } = process.cpuUsage(before)
    return (user + system) / times
  }
  const costs = { with: [], without: [], sample: [] }
  for (let turn = 0; turn < 40; turn++) {
    for (const kind of turn % 2 === 0 ? ['with', 'without'] : ['without', 'with']) costs[kind].push(timed(50_000, at => { refuseOne(kind === 'with', at) }))
    costs.sample.push(timed(500, () => { left = metrics.traffic.totals() }))
  }
  // The first ones are slow with compiling.
  const [remembered, forgotten, sample] = [costs.with, costs.without, costs.sample].map(list => median(list.slice(8)))
  process.send({ remembering: remembered - forgotten, sample, left: left !== undefined })
  process.disconnect()
}

/** In a process of its own: the gateway, which tells its CPU time and memory when it is asked. */
async function serve () {
  const [, , dir, kind] = process.argv
  const { run } = await import('../dist/src/run.js')
  const { PastRefusals } = await import('../dist/src/observe/decisions.js')
  if (kind === 'without') PastRefusals.prototype.keep = () => {}
  const { dataPort, adminPort } = await run({ config: join(dir, `${kind}.yaml`), routes: join(dir, 'routes.yaml'), env: {}, log: { write () {} } })
  process.on('message', () => { process.send({ cpu: process.cpuUsage(), memory: process.memoryUsage.rss() }) })
  process.once('disconnect', () => { process.exit() })
  process.send({ dataPort, adminPort })
}

async function compare () {
  const { values } = parseArgs({ options: { rounds: { type: 'string', default: '6' }, seconds: { type: 'string', default: '20' }, rate: { type: 'string', default: '1000' } } })
  const [rounds, seconds, rate] = [Number(values.rounds), Number(values.seconds), Number(values.rate)]
  const dir = mkdtempSync(join(tmpdir(), 'countersign-console-'))
  process.once('exit', () => { rmSync(dir, { recursive: true, force: true }) })
  writeFileSync(join(dir, 'routes.yaml'), JSON.stringify({ routes: Array.from({ length: 50 }, (_, at) => ({ match: `GET /orders/${at}/:id`, require: 'user' })) }))
  for (const kind of KINDS) {
    writeFileSync(join(dir, `${kind}.yaml`), JSON.stringify({
      listen: { host: '127.0.0.1', port: 0 },
      admin: { port: 0, console: kind !== 'without' },
      issuers: { main: { issuer: 'http://127.0.0.1:1/', idp: 'rfc9068', audience: 'https://api.example.com' } },
      upstreams: { erp: { url: 'http://127.0.0.1:1', credential: 'none' } }
    }))
  }

  const [{ remembering, sample }] = await once(fork(new URL(import.meta.url), ['parts']), 'message')
  const all = []
  console.log(`µs of CPU per refusal, ${rate} a second each\n`)
  console.log(`round ${KINDS.map(kind => kind.padStart(9)).join('')}   MiB`)
  for (let round = 1; round <= rounds; round++) {
    const figures = await oneRound(dir, rate, seconds, KINDS.map((_, at) => KINDS[(at + round) % KINDS.length]))
    all.push(figures)
    console.log(`${String(round).padStart(5)} ${KINDS.map(kind => figures[kind].cost.toFixed(1).padStart(9)).join('')}   ${KINDS.map(kind => figures[kind].memory.toFixed(0)).join(', ')}`)
  }
  const whole = median(all.map(figures => figures.without.cost))
  const own = remembering + sample / 5 / rate
  console.log(`\nof itself: ${remembering.toFixed(2)} µs to remember a refusal, ${sample.toFixed(0)} µs for a sample in five seconds; of ${whole.toFixed(1)} µs in all that is ${(own / whole * 100).toFixed(1)} %`)
  for (const kind of KINDS.slice(1)) {
    const { mean, error } = meanOf(all.map(figures => (figures[kind].cost / figures.without.cost - 1) * 100))
    console.log(`${kind.padEnd(8)} ${mean < 0 ? '' : '+'}${mean.toFixed(1)} % of CPU, standard error ${error.toFixed(1)}`)
  }
}

/** A new process of each kind, all loaded at once. @returns by kind: µs per refusal, and MiB at the end */
async function oneRound (dir, rate, seconds, order) {
  const subjects = []
  for (const kind of order) {
    const child = fork(new URL(import.meta.url), [dir, kind])
    const [ports] = await once(child, 'message')
    subjects.push({ kind, child, ...ports })
  }
  const looking = setInterval(() => { look(subjects.find(({ kind }) => kind === 'watched').adminPort) }, 2000)
  // Until Node has compiled what is warm, and as many refusals are remembered as will be.
  await Promise.all(subjects.map(subject => load(subject, rate, 5)))
  const before = await Promise.all(subjects.map(stateOf))
  const sent = await Promise.all(subjects.map(subject => load(subject, rate, seconds)))
  const after = await Promise.all(subjects.map(stateOf))
  clearInterval(looking)
  for (const { child } of subjects) {
    child.disconnect()
    await once(child, 'exit')
  }
  return Object.fromEntries(subjects.map(({ kind }, at) => {
    const cpu = after[at].cpu.user + after[at].cpu.system - before[at].cpu.user - before[at].cpu.system
    return [kind, { cost: cpu / sent[at], memory: after[at].memory / 1024 / 1024 }]
  }))
}

function meanOf (numbers) {
  const mean = numbers.reduce((sum, one) => sum + one, 0) / numbers.length
  const variance = numbers.reduce((sum, one) => sum + (one - mean) ** 2, 0) / (numbers.length - 1)
  return { mean, error: Math.sqrt(variance / numbers.length) }
}

async function stateOf ({ child }) {
  child.send('state')
  const [state] = await once(child, 'message')
  return state
}

/** Refusals at an even rate, in small bundles. @returns how many */
async function load ({ dataPort }, rate, seconds) {
  const agent = new Agent({ keepAlive: true, maxSockets: 32 })
  const [every, bundle] = [10, Math.round(rate / 100)]
  const began = performance.now()
  let sent = 0
  const open = []
  for (let tick = 0; tick < seconds * 1000 / every; tick++) {
    const late = began + tick * every - performance.now()
    if (late > 0) await sleep(late)
    for (let at = 0; at < bundle; at++) open.push(ask(agent, dataPort, `/orders/${sent++ % 50}/17`))
    if (open.length > 500) await Promise.all(open.splice(0))
  }
  await Promise.all(open)
  agent.destroy()
  return sent
}

async function ask (agent, port, path) {
  await new Promise((resolve, reject) => {
    httpRequest({ agent, port, path, host: '127.0.0.1' }, response => {
      if (response.statusCode !== 401) reject(new Error(`answered ${response.statusCode}`))
      response.resume().once('end', resolve)
    }).once('error', reject).end()
  })
}

function look (port) {
  for (const path of ['/snapshot', '/decisions?most=25']) fetch(`http://127.0.0.1:${port}${path}`).then(answer => answer.text()).catch(() => {})
}
