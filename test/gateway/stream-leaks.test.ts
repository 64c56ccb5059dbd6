import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { Pool } from 'undici'
import { scene, until } from './upstream-scene.ts'

setFlagsFromString('--expose-gc')
// What the flag adds to a context that is made after it.
const collectGarbage = runInNewContext('gc') as () => void

async function heapAfterCollection (): Promise<number> {
  for (let round = 0; round < 3; round++) {
    collectGarbage()
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  return process.memoryUsage().heapUsed
}

const timers = () => process.getActiveResourcesInfo().filter(name => name === 'Timeout').length

t.test('ten thousand requests leave neither memory nor timers nor connections behind', async t => {
  const { erp, gateway, token } = await scene(t, async (req, res, seen) => {
    if (req.url === '/reset') req.socket.resetAndDestroy()
    else if (req.url === '/early') res.writeHead(400, { 'content-length': 0 }).end()
    else if (req.url === '/204') res.writeHead(204).end()
    else if (await seen.received) res.end('ok')
  }, { rule: { body_limit: '1MiB' }, changes: { log: { level: 'silent', requests: false } }, keepBodies: false })
  const pool = new Pool(`http://127.0.0.1:${gateway.port}`, { connections: 20 })
  const authorization = `Bearer ${token}`
  const KINDS = [
    { path: '/get', method: 'GET', status: 200 },
    { path: '/post', method: 'POST', body: 'x'.repeat(2000), status: 200 },
    { path: '/204', method: 'DELETE', status: 204 },
    { path: '/reset', method: 'GET', status: 502 },
    { path: '/get', method: 'HEAD', status: 200 },
    { path: '/a//b', method: 'GET', status: 400 },
    { path: '/early', method: 'POST', body: 'x'.repeat(70_000), status: 400 },
    { path: '/large', method: 'POST', body: 'x'.repeat(1_100_000), status: 413 }
  ] as const

  async function requests (count: number): Promise<void> {
    let next = 0
    await Promise.all(Array.from({ length: 20 }, async () => {
      for (let at = next++; at < count; at = next++) {
        // The costly ones now and then.
        const kind = KINDS[at % 50 === 0 ? 6 + at / 50 % 2 : at % 6]
        if (kind === undefined) continue
        const { path, method, status } = kind
        const answer = await pool.request({ path, method, headers: { authorization }, body: 'body' in kind ? kind.body : null }).catch((error: unknown) => error)
        const got = answer instanceof Error ? answer.message : (answer as Awaited<ReturnType<typeof pool.request>>).statusCode
        if (got !== status) t.fail(`${method} ${path}: ${String(got)}`)
        if (!(answer instanceof Error)) await (answer as Awaited<ReturnType<typeof pool.request>>).body.dump()
        // What the test itself remembers.
        erp.requests.length = 0
      }
    }))
  }

  // Until a thousand refusals are remembered: no more are.
  await requests(4000)
  const before = await heapAfterCollection()
  const timersBefore = timers()
  await requests(10_000)
  const grown = await heapAfterCollection() - before
  t.ok(grown < 5 * 1024 * 1024, `${Math.round(grown / 1024)} KiB`)
  await until(() => timers() <= timersBefore + 5)
  t.match((await gateway.admin('/metrics')).text, /^countersign_requests_in_flight 0$/m)
  await pool.destroy()
  await until(() => erp.openSockets <= 20)
})
