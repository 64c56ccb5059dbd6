// What the console costs: a gateway with it beside one without, at a number of refusals a second, in turns of one run.
//
//   npm run bench:console                          twenty turns of three seconds each, 1,000 refusals a second
//   npm run bench:console -- --turns 5 --seconds 2
//
// `without` has no console, and remembers no refusal; `with` has both, and nobody looks; `watched` is asked as an open
// page asks. What is printed is a ratio: the CPU time of the one over that of the other, for the same number of refusals,
// by the medians of the turns. On a shared machine that is uncertain by more than what it looks for; so there is a second
// figure, from profiles of both while they are loaded: the share of the samples of `with` that lie in the console's own
// functions, and by how much more of them than of `without` is the collection of garbage.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request as httpRequest, Agent } from 'node:http'
import { Session } from 'node:inspector/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'

if (process.send !== undefined) await serve()
else await compare()

/** In a process of its own: the gateway, which is asked for its CPU time and memory by the line to its parent. */
async function serve () {
  const [, , dir, kind] = process.argv
  const { run } = await import('../dist/src/run.js')
  const { PastRefusals } = await import('../dist/src/observe/decisions.js')
  if (kind === 'without') PastRefusals.prototype.keep = () => {}
  const { dataPort, adminPort } = await run({ config: join(dir, `${kind}.yaml`), routes: join(dir, 'routes.yaml'), env: {}, log: { write () {} } })
  const profiler = new Session()
  profiler.connect()
  process.on('message', async what => {
    if (what === 'profile') {
      await profiler.post('Profiler.enable')
      await profiler.post('Profiler.setSamplingInterval', { interval: 200 })
      await profiler.post('Profiler.start')
    }
    const profile = what === 'profiled' ? (await profiler.post('Profiler.stop')).profile : undefined
    process.send({ cpu: process.cpuUsage(), memory: process.memoryUsage.rss(), ...profile !== undefined && sharesOf(profile) })
  })
  process.once('disconnect', () => { process.exit() })
  process.send({ dataPort, adminPort })
}

/** Of the samples in which anything was done, the share that lies in what is there for the console, and in the collection of garbage. */
function sharesOf ({ nodes, samples }) {
  const own = new Set()
  const idle = new Set()
  const garbage = new Set()
  const byId = new Map(nodes.map(node => [node.id, node]))
  const mark = (node, isOwn) => {
    const { functionName, url } = node.callFrame
    const here = isOwn || /\/(?:decisions|console-data|console-page|traffic|history|snapshot)\.js$/.test(url) || (/\/gateway\.js$/.test(url) && /^(?:remember|pathOf)$/.test(functionName))
    if (here) own.add(node.id)
    if (functionName === '(idle)') idle.add(node.id)
    if (functionName === '(garbage collector)') garbage.add(node.id)
    for (const child of node.children ?? []) mark(byId.get(child), here)
  }
  mark(nodes[0], false)
  let [all, console, collected] = [0, 0, 0]
  // Counted, not by their times: one after which the process had to wait for a core would weigh as much as that took.
  for (const id of samples) {
    if (idle.has(id)) continue
    all++
    if (own.has(id)) console++
    if (garbage.has(id)) collected++
  }
  return { own: console / all, garbage: collected / all }
}

async function compare () {
  const { values } = parseArgs({ options: { turns: { type: 'string', default: '20' }, seconds: { type: 'string', default: '3' }, rate: { type: 'string', default: '1000' } } })
  const [turns, seconds, rate] = [Number(values.turns), Number(values.seconds), Number(values.rate)]
  const dir = mkdtempSync(join(tmpdir(), 'countersign-console-'))
  process.once('exit', () => { rmSync(dir, { recursive: true, force: true }) })
  writeFileSync(join(dir, 'routes.yaml'), JSON.stringify({ routes: Array.from({ length: 50 }, (_, at) => ({ match: `GET /orders/${at}/:id`, require: 'user' })) }))

  const subjects = new Map()
  for (const kind of ['without', 'with', 'watched']) {
    writeFileSync(join(dir, `${kind}.yaml`), JSON.stringify({
      listen: { host: '127.0.0.1', port: 0 },
      admin: { port: 0, console: kind !== 'without' },
      issuers: { main: { issuer: 'http://127.0.0.1:1/', idp: 'rfc9068', audience: 'https://api.example.com' } },
      upstreams: { erp: { url: 'http://127.0.0.1:1', credential: 'none' } }
    }))
    const child = fork(new URL(import.meta.url), [dir, kind])
    const [ports] = await once(child, 'message')
    subjects.set(kind, { child, ...ports, memory: 0, sent: 0, runs: [] })
  }

  // What Node compiles while it is warm is nobody's.
  for (const subject of subjects.values()) await load(subject, rate, 5)
  for (let turn = 0; turn < turns; turn++) {
    // Each is first once in three turns.
    const order = [...subjects].map((_, at, all) => all[(at + turn) % all.length])
    for (const [kind, subject] of order) {
      const looking = kind === 'watched' ? setInterval(() => { look(subject.adminPort) }, 2000) : undefined
      const before = await stateOf(subject)
      const sent = await load(subject, rate, seconds)
      const after = await stateOf(subject)
      clearInterval(looking)
      const cpu = after.cpu.user + after.cpu.system - before.cpu.user - before.cpu.system
      subject.sent += sent
      subject.memory = after.memory
      subject.runs.push(cpu / sent)
    }
  }

  const profiles = []
  for (const subject of [subjects.get('without'), subjects.get('with')]) {
    await stateOf(subject, 'profile')
    await load(subject, rate, turns * seconds)
    profiles.push(await stateOf(subject, 'profiled'))
  }
  const [before, after] = profiles

  const cost = kind => median(subjects.get(kind).runs)
  const base = cost('without')
  for (const [kind, { sent, memory, runs }] of subjects) {
    const more = cost(kind) / base - 1
    console.log(`${kind.padEnd(8)} ${cost(kind).toFixed(1)} µs of CPU per refusal (${Math.min(...runs).toFixed(1)} to ${Math.max(...runs).toFixed(1)}), ${(sent / turns / seconds).toFixed(0)}/s, ${(memory / 1024 / 1024).toFixed(0)} MiB${kind === 'without' ? '' : `: ${more < 0 ? '' : '+'}${(more * 100).toFixed(1)} %`}`)
  }
  const percent = share => `${(share * 100).toFixed(2)} %`
  console.log(`of the profile of \`with\`, ${percent(after.own)} is the console's own, and ${percent(after.garbage)} the collection of garbage; that is ${percent(before.garbage)} of \`without\``)
  for (const { child } of subjects.values()) child.disconnect()
}

function median (numbers) {
  const sorted = [...numbers].sort((one, other) => one - other)
  return (sorted[Math.floor((sorted.length - 1) / 2)] + sorted[Math.ceil((sorted.length - 1) / 2)]) / 2
}

async function stateOf ({ child }, what = 'state') {
  child.send(what)
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
