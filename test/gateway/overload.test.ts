import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { openConnection } from '../support/raw-http.ts'
import { startGatehouse } from './gatehouse.ts'

const routes = [{ match: 'GET /a', require: 'public' }, { match: 'POST /a', require: 'public' }]

t.test('past a limit of listen.overload requests are turned away unread, /livez lives, and it ends by itself', async t => {
  const { gateway, erp } = await startGatehouse(t, { routes, changes: { listen: { overload: { max_event_loop_delay: '20ms' } } } })
  // This process is the gateway's: what holds it up is its overload.
  const busy = setInterval(() => { for (const until = Date.now() + 150; Date.now() < until;); }, 1)
  const answers: Array<Awaited<ReturnType<typeof gateway.call>>> = []
  while (!answers.some(({ status }) => status === 503)) answers.push(await gateway.call({ path: '/a' }))
  t.match(answers.at(-1), { code: 'overloaded', headers: { 'retry-after': '1', 'cache-control': 'no-store' } })
  t.equal(erp.requests.length, answers.filter(({ status }) => status === 200).length, 'the ERP saw none of those')
  t.equal((await gateway.admin('/livez')).status, 200)
  t.match((await gateway.admin('/readyz')).json(), { degraded: ['overload'] })
  t.match((await gateway.admin('/metrics')).text, /^countersign_shed_ratio 0?\.\d+$|^countersign_shed_ratio 1$/m)
  t.match(gateway.logLines().find(({ state }) => state === 'overloaded'), { level: 40 })
  t.match(gateway.logLines().findLast(({ code }) => code === 'overloaded'), { msg: 'request', status: 503, granted: false })
  clearInterval(busy)
  for (const until = Date.now() + 60_000; !gateway.logLines().some(({ state }) => state === 'relieved') && Date.now() < until;) await sleep(50)
  t.equal((await gateway.call({ path: '/a' })).status, 200)
  t.same({ ...(await gateway.admin('/readyz')).json() as object, config: '' }, { status: 'ready', degraded: [], config: '' })
})

t.test('connections past listen.max_connections are closed as they come, and counted', async t => {
  const { gateway } = await startGatehouse(t, { routes, changes: { listen: { max_connections: 2 } } })
  const held = [await openConnection(gateway.port), await openConnection(gateway.port)]
  const third = connect(gateway.port, '127.0.0.1')
  third.on('error', () => {})
  third.resume()
  await once(third, 'close')
  t.match((await gateway.admin('/metrics')).text, /^countersign_connections_dropped_total 1$/m)
  for (const { socket } of held) socket.destroy()
  for (const until = Date.now() + 20_000; Date.now() < until;) {
    try {
      t.equal((await gateway.call({ path: '/a' })).status, 200)
      return
    } catch {
      // Its two are not closed on the gateway's side yet.
      await sleep(20)
    }
  }
  t.fail('a connection that ended makes room for no other')
})

t.test('a request that takes longer to arrive than request_timeout is 408, however steadily it comes', async t => {
  const { gateway, erp } = await startGatehouse(t, { routes, changes: { listen: { request_timeout: '1s', header_timeout: '300ms' } } })
  const { socket, until } = await openConnection(gateway.port)
  socket.write('POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n')
  const drip = setInterval(() => { socket.write('x') }, 100)
  const answer = await until('request-timeout')
  clearInterval(drip)
  t.match(answer, /^HTTP\/1\.1 408 /)
  t.equal(erp.requests.length, 1)
  await erp.requests[0]?.closed
  t.equal(erp.requests[0]?.aborted, true)
  t.equal((await gateway.call({ path: '/a', method: 'POST', body: 'whole' })).status, 200)
})

t.test('a connection without a request is closed after keep_alive_timeout', async t => {
  const { gateway } = await startGatehouse(t, { routes, changes: { listen: { keep_alive_timeout: '1s' } } })
  const { socket, until } = await openConnection(gateway.port)
  socket.write('GET /a HTTP/1.1\r\nHost: a\r\n\r\n')
  t.match(await until('\r\n\r\n'), /^HTTP\/1\.1 200 /)
  const answered = Date.now()
  await once(socket, 'close')
  t.ok(Date.now() - answered > 500)
})
