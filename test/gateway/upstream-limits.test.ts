import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { answering } from '../support/erp.ts'
import { openConnection } from '../support/raw-http.ts'
import { serve } from '../support/server.ts'
import { lastRequest, noise, scene, timed, until } from './upstream-scene.ts'

const erpWith = (settings: object) => ({ changes: { upstreams: { erp: settings } } })

t.test('an answer that is not whole in total_timeout is a 504, or broken where it has begun', async t => {
  const { erp, gateway, token } = await scene(t, () => {}, erpWith({ total_timeout: '400ms' }))
  t.match(await gateway.call({ token }), { status: 504, code: 'upstream-timeout', complete: true })
  t.match(lastRequest(gateway), { saw: 'not done within total_timeout' })
  await erp.requests[0]?.closed
  erp.answerWith(async (_req, res) => {
    for (let sent = 0; sent < 100 && !res.destroyed; sent++, await sleep(50)) res.write('x')
  })
  const broken = await gateway.call({ token })
  t.match(broken, { status: 200, complete: false })
  t.match(lastRequest(gateway), { code: 'upstream-broken-off', upstream_status: 200 })
  await until(() => erp.openSockets === 0)
})

t.test('tries and the pauses between them are within it', async t => {
  const { erp, gateway, token } = await scene(t, () => {}, { ...erpWith({ total_timeout: '700ms' }), rule: { timeout: '300ms', retry: { attempts: 10, on: ['timeout'], backoff: '0ms' } } })
  const ms = await timed(async () => { t.match(await gateway.call({ token }), { status: 504, code: 'upstream-timeout' }) })
  t.ok(ms < 5000, `${ms} ms`)
  t.ok(erp.requests.length >= 2 && erp.requests.length <= 3, `${erp.requests.length} tries`)
})

t.test('so is the wait for a place, for which it is a 503', async t => {
  const { erp, gateway, token } = await scene(t, async (_req, res) => {
    await sleep(1000)
    res.end('ok')
  }, erpWith({ total_timeout: '2s', concurrency: { max: 1, queue_timeout: '1m' } }))
  const first = gateway.call({ token })
  await until(() => erp.requests.length === 1)
  const [second, third] = [gateway.call({ token }), sleep(50).then(async () => await gateway.call({ token }))]
  t.equal((await first).status, 200)
  const others = await Promise.all([second, third])
  t.equal(others.filter(({ status }) => status === 200).length <= 1, true)
  for (const { status, code } of others) if (status !== 200) t.match([status, code].join(), /^50[34],upstream-(busy|timeout)$/)
})

t.test('a caller that is slow with its body is told 408, and one that does not read is let go', async t => {
  const { gateway, head } = await scene(t, undefined, erpWith({ total_timeout: '500ms' }))
  const pieces = Array.from({ length: 30 }, () => ['x', 50]).flat()
  t.match((await gateway.raw([head('POST /x', 'Content-Length: 100'), ...pieces])).response, { status: 408 })
  const other = await scene(t, answering(200, noise(8_000_000)), erpWith({ total_timeout: '500ms' }))
  const connection = await openConnection(other.gateway.port)
  connection.socket.pause()
  connection.socket.write(other.head('GET /x'))
  await until(() => other.gateway.logLines().some(line => line['code'] === 'client-gone'))
  connection.socket.destroy()
})

t.test('the upstream\'s timeout and idle_timeout hold where a rule and defaults say none', async t => {
  const { gateway, token } = await scene(t, (req, res) => { if (req.url?.startsWith('/idle') === true) res.writeHead(200).write('x') }, {
    ...erpWith({ timeout: '300ms', idle_timeout: '300ms' }),
    routes: [{ match: 'ANY /*', require: 'user' }, { match: 'GET /idle/own', require: 'user', idle_timeout: '1s' }]
  })
  t.match(await gateway.call({ token }), { status: 504, code: 'upstream-timeout' })
  t.match(await gateway.call({ token, path: '/idle' }), { status: 200, complete: false })
  const ms = await timed(async () => { t.match(await gateway.call({ token, path: '/idle/own' }), { status: 200, complete: false }) })
  t.ok(ms >= 900)
})

t.test('a handshake that takes longer than connect_timeout is a 504, and is tried elsewhere where that is written', async t => {
  // It takes connections, and never says a word of TLS.
  const { port } = await serve(t, createServer(() => {}))
  const silent = `https://127.0.0.1:${port}`
  const { gateway, token } = await scene(t, undefined, erpWith({ url: silent, connect_timeout: '300ms' }))
  const ms = await timed(async () => { t.match(await gateway.call({ token }), { status: 504, code: 'upstream-timeout' }) })
  t.ok(ms < 9000, `${ms} ms`)
  t.match(lastRequest(gateway), { saw: 'UND_ERR_CONNECT_TIMEOUT' })
})
