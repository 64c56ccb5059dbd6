import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { answering } from '../support/erp.ts'
import { openConnection } from '../support/raw-http.ts'
import { noise, rawScene, scene, timed, until } from './upstream-scene.ts'

const lastLine = (gateway: { logLines (): Array<Record<string, unknown>> }) => gateway.logLines().filter(line => line['msg'] === 'request').at(-1)

t.test('an ERP that does not answer in time is a 504, and its request over', async t => {
  const { erp, gateway, token } = await scene(t, () => {}, { rule: { timeout: '300ms' } })
  for (const options of [{}, { method: 'POST', body: 'x' }, { method: 'HEAD' }]) {
    const answer = await gateway.call({ token, ...options })
    t.equal(answer.status, 504)
    if (options.method !== 'HEAD') t.equal(answer.code, 'upstream-timeout')
    await erp.requests.at(-1)?.closed
    t.match(erp.requests.at(-1), { aborted: true })
    t.match(lastLine(gateway), { status: 504, code: 'upstream-timeout' })
  }
  await until(() => erp.openSockets === 0)
})

t.test('a 100 or a hint does not put it off', async t => {
  const { gateway, token } = await rawScene(t, async socket => {
    for (let sent = 0; sent < 40 && !socket.destroyed; sent++, await sleep(50)) socket.write('HTTP/1.1 102 Processing\r\n\r\n')
  }, { rule: { timeout: '400ms' } })
  t.match(await gateway.call({ token }), { status: 504, code: 'upstream-timeout' })
})

t.test('the time counts from the end of the body', async t => {
  const { gateway, head } = await scene(t, undefined, { rule: { timeout: '500ms' } })
  const pieces = Array.from({ length: 10 }, () => ['1\r\nx\r\n', 120]).flat()
  t.match((await gateway.raw([head('POST /x', 'Transfer-Encoding: chunked'), ...pieces, '0\r\n\r\n'])).response, { status: 200 })
})

t.test('a caller whose body stands still is told 408', async t => {
  const { erp, gateway, head } = await scene(t, undefined, { rule: { idle_timeout: '300ms' } })
  for (const [framing, begun] of [['Content-Length: 10', 'abc'], ['Transfer-Encoding: chunked', '3\r\nabc\r\n'], ['Content-Length: 10', '']] as const) {
    const { response } = await gateway.raw(head('POST /x', framing) + begun)
    t.match(response, { status: 408, headers: { connection: 'close' }, complete: true })
    t.match(JSON.parse(response.body.toString()), { type: /request-timeout$/ })
    if (begun === '') continue
    await erp.requests.at(-1)?.closed
    t.match(erp.requests.at(-1), { aborted: true })
  }
  const told = await gateway.raw(head('POST /x', 'Content-Length: 10', 'Expect: 100-continue'))
  t.match(told.response, { status: 408, informational: [{ status: 100 }] })
})

t.test('one that moves on, however slowly, is not', async t => {
  const { gateway, head } = await scene(t, undefined, { rule: { idle_timeout: '400ms' } })
  const pieces = Array.from({ length: 12 }, () => ['x', 100]).flat()
  t.match((await gateway.raw([head('POST /x', 'Content-Length: 12'), ...pieces])).response, { status: 200 })
})

t.test('an ERP that takes nothing of the body is a 504', async t => {
  let readOn = (): void => {}
  const { gateway, head } = await scene(t, req => {
    req.pause()
    readOn = () => { req.resume() }
  }, { rule: { idle_timeout: '500ms' } })
  const connection = await openConnection(gateway.port)
  connection.socket.write(head('POST /x', 'Content-Length: 50000000'))
  connection.socket.write(noise(30_000_000))
  t.match(await connection.until('upstream-timeout'), /^HTTP\/1\.1 504 /)
  readOn()
  connection.socket.destroy()
})

t.test('an answer that stands still is a broken one', async t => {
  const { erp, gateway, token } = await scene(t, (_req, res) => { res.writeHead(200).write('half') }, { rule: { idle_timeout: '300ms' } })
  t.match(await gateway.call({ token }), { status: 200, complete: false, text: 'half' })
  await erp.requests[0]?.closed
  t.match(lastLine(gateway), { code: 'upstream-broken-off', upstream_status: 200 })
  erp.answerWith(async (_req, res) => {
    for (let sent = 0; sent < 8; sent++, await sleep(100)) res.write('x')
    res.end()
  })
  t.match(await gateway.call({ token }), { status: 200, complete: true, text: 'xxxxxxxx' })
})

// Longer than a busy machine may keep the ERP from sending: that would be the ERP's fault.
const STALL = '1500ms'

t.test('a caller that reads nothing is let go of, and it is not the ERP\'s fault', async t => {
  const { erp, gateway, head } = await scene(t, (_req, res) => {
    res.writeHead(200)
    const pour = (): void => { while (res.write(noise(65_536))); }
    res.on('drain', pour)
    pour()
  }, { rule: { idle_timeout: STALL } })
  const connection = await openConnection(gateway.port)
  connection.socket.write(head('GET /x'))
  connection.socket.pause()
  const seen = await erp.next()
  t.ok(await timed(async () => await seen.closed) < 5000)
  await until(() => lastLine(gateway)?.['code'] === 'client-gone')
  connection.socket.destroy()
})

t.test('so is one that does not read the end of an answer that the ERP is done with', async t => {
  const { gateway, head } = await scene(t, answering(200, noise(8_000_000)), { rule: { idle_timeout: STALL } })
  const connection = await openConnection(gateway.port)
  connection.socket.pause()
  connection.socket.write(head('GET /x'))
  await until(() => lastLine(gateway)?.['code'] === 'client-gone')
  connection.socket.destroy()
})
