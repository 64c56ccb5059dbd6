// What is no workload of wrk's: many rules, tokens, connections and bytes, the time to be ready, and what a caller waits.
import { createPublicKey, verify } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { Agent, createServer, request } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { cpuOf, measure, residentOf } from './measure.mjs'
import { startGateway, subjects } from './subjects.mjs'
import { ports } from './surroundings.mjs'
import { writeScript } from './workloads.mjs'

/** µs for one RSA-2048 verification by node:crypto on this machine, the bare one. */
export function bareVerification (dir) {
  const key = createPublicKey(readFileSync(join(dir, 'issuer.pem')))
  const tokens = readFileSync(join(dir, 'live.txt'), 'utf8').split('\n').map(token => {
    const at = token.lastIndexOf('.')
    return [Buffer.from(token.slice(0, at)), Buffer.from(token.slice(at + 1), 'base64url')]
  })
  const spent = []
  for (let round = 0; round < 7; round++) {
    const before = process.cpuUsage()
    for (let at = 0; at < 4000; at++) {
      const [input, signature] = tokens[at % tokens.length]
      if (!verify('RSA-SHA256', input, key, signature)) throw new Error('a genuine signature does not verify')
    }
    const { user, system } = process.cpuUsage(before)
    spent.push((user + system) / 4000)
  }
  return median(spent)
}

export async function measureScale (dir, issuing, { seconds }) {
  const [token = ''] = readFileSync(join(dir, 'live.txt'), 'utf8').split('\n')
  return {
    rules: await manyRules(dir, seconds),
    ready: { both: await timeToReady(dir, { cores: BOTH }), one: await timeToReady(dir, {}) },
    latency: await addedLatency(dir, token),
    tokens: await manyTokens(dir, issuing),
    connections: await manyConnections(dir, token),
    bytes: await manyBytes(dir, token)
  }
}

async function withGateway (dir, options, use) {
  const began = performance.now()
  const child = startGateway(dir, options)
  try {
    await untilReady(7011)
    return await use(child, performance.now() - began)
  } finally {
    child.kill('SIGKILL')
    await new Promise(resolve => child.once('exit', resolve))
  }
}

async function untilReady (port) {
  for (;;) {
    try {
      if ((await fetch(`http://127.0.0.1:${port}/readyz`)).status === 200) return
    } catch {}
    await sleep(5)
  }
}

async function manyRules (dir, seconds) {
  const script = writeScript(dir, 'a')
  const few = []
  const many = []
  const starts = []
  for (let round = 0; round < 5; round++) {
    for (const [rules, into] of [[10, few], [10_000, many]]) {
      into.push(await withGateway(dir, { rules }, async (child, took) => {
        if (rules === 10_000) starts.push(took)
        await measure({ pid: child.pid, port: 7010, script, seconds: 1 })
        return (await measure({ pid: child.pid, port: 7010, script, seconds })).cpu
      }))
    }
  }
  return { ratio: median(many) / median(few), start: await timeToReady(dir, { rules: 10_000, cores: BOTH }), startOnOne: median(starts) }
}

/** Nobody else works while it starts: it may have the cores that the machine has, as in a container without a limit. */
const BOTH = '0,1'

async function timeToReady (dir, options) {
  const took = []
  for (let round = 0; round < 9; round++) took.push(await withGateway(dir, options, (_child, ms) => ms))
  return median(took)
}

// 1,000 requests a second, direct and through the gateway in turn; the difference of the 99th percentiles. The caller
// sleeps between its calls: it shares a core with the ERP, which would have to wait for one that spins.
async function addedLatency (dir, token) {
  return await withGateway(dir, {}, async () => {
    await pace(7010, token, 2)
    const rows = []
    for (let round = 0; round < 5; round++) rows.push({ direct: await pace(ports.erp, token, 4), through: await pace(7010, token, 4) })
    const p99 = name => median(rows.map(row => row[name].p99))
    const p50 = name => median(rows.map(row => row[name].p50))
    return { p99: p99('through') - p99('direct'), p50: p50('through') - p50('direct'), direct: p99('direct'), through: p99('through') }
  })
}

async function pace (port, token, seconds) {
  const agent = new Agent({ keepAlive: true, maxSockets: 32 })
  const took = []
  const began = performance.now()
  const pending = []
  for (let sent = 0; sent < seconds * 1000; sent++) {
    const wait = began + sent - performance.now()
    if (wait > 0) await sleep(wait)
    pending.push(new Promise((resolve, reject) => {
      const at = performance.now()
      request({ port, host: '127.0.0.1', path: '/addresses/7', agent, headers: { authorization: `Bearer ${token}` } }, response => {
        response.resume()
        response.once('end', () => {
          took.push(performance.now() - at)
          resolve()
        })
      }).once('error', reject).end()
    }))
  }
  await Promise.all(pending)
  agent.destroy()
  took.sort((one, other) => one - other)
  return { p50: took[Math.floor(took.length * 0.5)], p99: took[Math.floor(took.length * 0.99)] }
}

// Each of 100,000 live tokens is called with once; what the process then holds more than after as many requests with
// 1,000: those have filled what is there for young objects, and compiled the code.
async function manyTokens (dir, { mint }) {
  const count = 100_000
  console.log(`minting ${count} tokens …`)
  const file = join(dir, 'many.txt')
  writeFileSync(file, Array.from({ length: count }, (_, at) => mint(1_000_000 + at)).join('\n'))
  return await withGateway(dir, {}, async child => {
    const tokens = readFileSync(file, 'utf8').split('\n')
    for (let round = 0; round < count / 1000; round++) await callWithEach(tokens.slice(0, 1000))
    await sleep(3000)
    const before = residentOf(child.pid)
    await callWithEach(tokens)
    await sleep(3000)
    return { growth: (residentOf(child.pid) - before) / 1024, entries: await metric('countersign_tokens_known') }
  })
}

async function callWithEach (tokens) {
  const agent = new Agent({ keepAlive: true, maxSockets: 32 })
  let next = 0
  await Promise.all(Array.from({ length: 32 }, async () => {
    while (next < tokens.length) {
      const token = tokens[next++]
      await new Promise((resolve, reject) => {
        request({ port: 7010, host: '127.0.0.1', path: '/addresses/7', agent, headers: { authorization: `Bearer ${token}` } }, response => {
          if (response.statusCode !== 200) reject(new Error(`answered ${response.statusCode}`))
          response.resume()
          response.once('end', resolve)
        }).once('error', reject).end()
      })
    }
  }))
  agent.destroy()
}

async function metric (name) {
  const text = await (await fetch('http://127.0.0.1:7011/metrics')).text()
  return Number(new RegExp(`^${name} (\\S+)`, 'm').exec(text)?.[1] ?? NaN)
}

async function manyConnections (dir, token) {
  const count = 10_000
  return await withGateway(dir, {}, async child => {
    const before = residentOf(child.pid)
    const sockets = []
    let answered = 0
    let failed = 0
    for (let at = 0; at < count; at += 200) {
      await Promise.all(Array.from({ length: 200 }, () => new Promise(resolve => {
        const socket = connect(7010, '127.0.0.1', () => { socket.write(`GET /addresses/7 HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer ${token}\r\n\r\n`) })
        socket.once('data', data => {
          if (data.toString().startsWith('HTTP/1.1 200')) answered++
          resolve()
        })
        socket.once('error', () => {
          failed++
          resolve()
        })
        sockets.push(socket)
      })))
    }
    const growth = (residentOf(child.pid) - before) / 1024
    for (const socket of sockets) socket.destroy()
    return { count, answered, failed, growth }
  })
}

// 1 GiB down and up, through the gateway and through bare node in turn.
async function manyBytes (dir, token) {
  const size = 1024 ** 3
  const block = Buffer.alloc(65_536, 120)
  const sink = createServer((incoming, response) => {
    if (incoming.method === 'POST') {
      incoming.resume()
      incoming.once('end', () => { response.end('{}') })
      return
    }
    response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': size })
    pump(response, size, block)
  })
  await new Promise(resolve => sink.listen(7003, '127.0.0.1', resolve))
  const rows = { down: [], up: [] }
  for (let round = 0; round < 3; round++) {
    for (const [who, start, port] of [['gateway', () => startGateway(dir, { erp: 'http://127.0.0.1:7003' }), 7010], ['bare', () => subjects.bare.start(dir, { erp: 'http://127.0.0.1:7003' }), 7040]]) {
      const child = start()
      await untilServing(port)
      await transfer(port, token, 'GET', 32 * 1024 ** 2, block)
      for (const [name, method] of [['down', 'GET'], ['up', 'POST']]) {
        const cpu = cpuOf(child.pid)
        const resident = residentOf(child.pid)
        let most = resident
        const watch = setInterval(() => { most = Math.max(most, residentOf(child.pid)) }, 50)
        await transfer(port, token, method, size, block)
        clearInterval(watch)
        rows[name].push({ who, cpu: cpuOf(child.pid) - cpu, growth: (most - resident) / 1024 })
      }
      child.kill('SIGKILL')
      await new Promise(resolve => child.once('exit', resolve))
    }
  }
  sink.close()
  sink.closeAllConnections()
  const of = (name, who, what) => median(rows[name].filter(row => row.who === who).map(row => row[what]))
  const result = name => ({ growth: of(name, 'gateway', 'growth'), ratio: of(name, 'gateway', 'cpu') / of(name, 'bare', 'cpu'), seconds: of(name, 'gateway', 'cpu') / 1e6 })
  return { down: result('down'), up: result('up') }
}

async function untilServing (port) {
  for (let tries = 0; tries < 200; tries++) {
    const up = await new Promise(resolve => {
      const socket = connect(port, '127.0.0.1', () => resolve(true))
      socket.once('error', () => resolve(false))
      socket.once('connect', () => socket.destroy())
    })
    if (up) return
    await sleep(25)
  }
}

function transfer (port, token, method, size, block) {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}`, ...(method === 'POST' && { 'content-length': size, 'content-type': 'application/octet-stream' }) }
    const outgoing = request({ port, host: '127.0.0.1', method, path: method === 'POST' ? '/addresses' : '/large', headers }, response => {
      if (response.statusCode !== 200) reject(new Error(`answered ${response.statusCode}`))
      response.resume()
      response.once('end', resolve)
    })
    outgoing.once('error', reject)
    pump(outgoing, method === 'POST' ? size : 0, block)
  })
}

function pump (stream, size, block) {
  let left = size
  const on = () => {
    while (left > 0) {
      left -= block.length
      if (!stream.write(block)) {
        stream.once('drain', on)
        return
      }
    }
    stream.end()
  }
  on()
}

export function median (values) {
  const sorted = [...values].sort((one, other) => one - other)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}
