import { once } from 'node:events'
import t from 'tap'
import { setTimeout as sleep } from 'node:timers/promises'
import { untilOutput } from '../support/command.ts'
import { answering, startErp, type ErpHandler } from '../support/erp.ts'
import * as faults from '../support/faults.ts'
import { forkGateway } from '../support/fork-gateway.ts'
import { startIdp } from '../support/idp.ts'
import { call, openConnection } from '../support/raw-http.ts'
import type { Settings } from '../support/settings.ts'
import type { TestContext } from '../support/teardown.ts'

// Each forks a process, and mostly waits for it.
t.jobs = 2

async function fork (t: TestContext, erpHandler: ErpHandler, changes: Settings = {}) {
  const idp = await startIdp(t, { alg: 'ES256' })
  const erp = await startErp(t, erpHandler)
  const gateway = await forkGateway(t, { idp, erp, routes: [{ match: 'GET /orders', require: 'user' }, { match: 'POST /orders', require: 'user' }], changes })
  return { idp, erp, gateway, ask: async () => await gateway.call({ path: '/orders', token: idp.mint() }) }
}

const slow = (ms: number): ErpHandler => async (req, res, seen) => {
  await sleep(ms)
  await answering(200, 'late')(req, res, seen)
}

const get = (token: string) => `GET /orders HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer ${token}\r\n\r\n`

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  t.test(`${signal} answers the open request, closes idle connections, takes no new ones, and ends with 0`, { buffered: true }, async t => {
    const { idp, erp, gateway, ask } = await fork(t, slow(1500), { drain_timeout: '10m' })
    const idle = await openConnection(gateway.port)
    const used = await openConnection(gateway.port)
    used.socket.write(get(idp.mint()))
    await used.until('late')
    const next = erp.next()
    const open = ask()
    await next
    gateway.kill(signal)
    await untilOutput(gateway, () => gateway.logLines().find(({ msg }) => msg === 'draining'))
    await Promise.all([idle, used].map(async ({ socket, ending }) => { if (ending === 'open') await once(socket, 'close') }))
    await t.rejects(call(gateway.port), { code: /ECONNREFUSED|ECONNRESET/ })
    t.match(await open, { status: 200, text: 'late', complete: true, headers: { connection: 'close' } })
    t.same(await gateway.exited, { code: 0, signal: null })
    // The open request's line is not lost, and comes before the end.
    const messages = gateway.logLines().map(({ msg }) => msg)
    t.ok(messages.includes('listening'))
    t.same(messages.slice(-2), ['request', 'stopped'])
  })
}

t.test('an answer that is on its way is brought to its end, and its connection does not hold the process', { buffered: true }, async t => {
  const { idp, gateway } = await fork(t, async (_req, res) => {
    res.writeHead(200, { 'content-type': 'text/plain' }).write('first ')
    await sleep(1000)
    res.end('last')
  }, { drain_timeout: '60s' })
  const connection = await openConnection(gateway.port)
  connection.socket.write(get(idp.mint()))
  await connection.until('first')
  gateway.kill()
  t.match(await connection.until('0\r\n\r\n'), 'last')
  const ended = Date.now()
  t.same(await gateway.exited, { code: 0, signal: null })
  t.ok(Date.now() - ended < 10_000)
})

t.test('a body that is on its way is brought to its end', { buffered: true }, async t => {
  const { idp, erp, gateway } = await fork(t, answering())
  const connection = await openConnection(gateway.port)
  connection.socket.write(`POST /orders HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer ${idp.mint()}\r\nContent-Length: 10\r\n\r\nhalf `)
  const seen = await erp.next()
  gateway.kill()
  await untilOutput(gateway, () => gateway.logLines().find(({ msg }) => msg === 'draining'))
  connection.socket.write('whole')
  t.match(await connection.until('"bytes":10'), /^HTTP\/1\.1 200 /)
  t.equal(await seen.received, true)
  t.same(await gateway.exited, { code: 0, signal: null })
})

t.test('a request that outlasts drain_timeout is ended, and so is the process, with 0', { buffered: true }, async t => {
  const { erp, gateway, ask } = await fork(t, () => {}, { drain_timeout: '300ms' })
  const next = erp.next()
  const open = ask()
  const seen = await next
  gateway.kill()
  await t.rejects(open)
  await seen.closed
  t.equal(seen.aborted, true)
  t.same(await gateway.exited, { code: 0, signal: null })
})

t.test('a second signal ends it at once', { buffered: true }, async t => {
  const { erp, gateway, ask } = await fork(t, () => {}, { drain_timeout: '60s' })
  const next = erp.next()
  const open = ask()
  await next
  gateway.kill()
  await untilOutput(gateway, () => gateway.logLines().find(({ msg }) => msg === 'draining'))
  const sent = Date.now()
  gateway.kill()
  await t.rejects(open)
  t.same(await gateway.exited, { code: 1, signal: null })
  t.ok(Date.now() - sent < 10_000)
})

t.test('with drain_delay new requests are taken until it is over, and /readyz says no', { buffered: true }, async t => {
  const { gateway, ask } = await fork(t, answering(200, 'ok'), { drain_delay: '3s' })
  t.equal((await ask()).status, 200)
  gateway.kill()
  await untilOutput(gateway, () => gateway.logLines().find(({ msg }) => msg === 'draining'))
  t.match(await gateway.admin('/readyz'), { status: 503, text: /draining/ })
  t.match(await ask(), { status: 200, headers: { connection: 'close' } })
  t.same(await gateway.exited, { code: 0, signal: null })
})

t.test('an IdP that is away, or hangs, does not hold the process, and does not end it', { buffered: true }, async t => {
  const { idp, gateway, ask } = await fork(t, answering())
  t.equal((await ask()).status, 200)
  await idp.stop()
  for (let n = 0; n < 5; n++) t.equal((await ask()).status, 200)
  await idp.start()
  idp.fail('jwks', faults.hang())
  const waiting = gateway.call({ path: '/orders', token: idp.mint({}, { header: { kid: 'unknown' } }) })
  while (idp.requests.jwks < 2) await sleep(10)
  gateway.kill()
  t.match(await waiting, { status: 503, code: 'issuer-keys-unavailable' })
  t.same(await gateway.exited, { code: 0, signal: null })
})

t.test('the process lives through an IdP that comes and goes, with no request at all', { buffered: true }, async t => {
  const idp = await startIdp(t, { alg: 'ES256' })
  const erp = await startErp(t)
  idp.machine.expiresIn = 1
  await idp.stop()
  // Any rejection that nobody handles would end it.
  const gateway = await forkGateway(t, { idp, erp, routes: [{ match: 'GET /orders', require: 'user' }], nodeArgs: ['--unhandled-rejections=strict'] })
  await sleep(1000)
  await idp.start()
  await untilOutput(gateway, () => gateway.logLines().find(({ msg }) => msg === 'machine token fetched'))
  await idp.stop()
  await sleep(2000)
  t.match(await gateway.admin('/livez'), { status: 200 })
  gateway.kill()
  t.same(await gateway.exited, { code: 0, signal: null })
  t.equal(gateway.stderr, '')
})
