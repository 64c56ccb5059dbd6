import { once } from 'node:events'
import t from 'tap'
import { openConnection } from '../support/raw-http.ts'
import { noise, scene, timed, until } from './upstream-scene.ts'

/** More than the second that is promised: the machine that tests run on is busy. */
const SOON = 5000

t.test('a caller that leaves before the ERP answers ends the request', async t => {
  const { erp, gateway, head } = await scene(t, () => {})
  for (const leave of ['destroy', 'resetAndDestroy', 'end'] as const) {
    const connection = await openConnection(gateway.port)
    connection.socket.write(head('GET /x'))
    const seen = await erp.next()
    connection.socket[leave]()
    t.ok(await timed(async () => await seen.closed) < SOON, leave)
    t.equal(seen.aborted, true)
    connection.socket.destroy()
  }
  await until(() => erp.openSockets === 0)
  await until(() => gateway.logLines().filter(line => line['code'] === 'client-gone').length === 3)
})

t.test('so it does in mid-upload', async t => {
  const { erp, gateway, head } = await scene(t, () => {})
  for (const framing of ['Content-Length: 1000000', 'Transfer-Encoding: chunked']) {
    const connection = await openConnection(gateway.port)
    connection.socket.write(head('POST /x', framing))
    connection.socket.write('186a0\r\n')
    connection.socket.write(noise(50_000))
    const seen = await erp.next()
    await until(() => seen.bodyLength > 10_000)
    connection.socket.destroy()
    t.ok(await timed(async () => await seen.closed) < SOON, framing)
    t.equal(await seen.received, false)
  }
  await until(() => erp.openSockets === 0)
})

t.test('so it does while the ERP reads nothing of the upload', async t => {
  let readOn = (): void => {}
  const { erp, gateway, head } = await scene(t, req => {
    req.pause()
    readOn = () => { req.resume() }
  })
  const connection = await openConnection(gateway.port)
  connection.socket.write(head('POST /x', 'Content-Length: 100000000'))
  connection.socket.write(noise(20_000_000))
  const seen = await erp.next()
  await until(() => connection.socket.writableLength > 0)
  connection.socket.destroy()
  await until(() => gateway.logLines().some(line => line['code'] === 'client-gone'), SOON)
  // An ERP that reads nothing learns of it when it reads on.
  readOn()
  t.equal(await seen.received, false)
  t.ok(seen.bodyLength < 20_000_000)
})

t.test('so it does in mid-download', async t => {
  const { erp, gateway, head } = await scene(t, (_req, res) => {
    res.writeHead(200)
    const pour = (): void => { while (res.write(noise(65_536))); }
    res.on('drain', pour)
    pour()
  })
  for (const reads of [true, false]) {
    const connection = await openConnection(gateway.port)
    connection.socket.write(head('GET /x'))
    const seen = await erp.next()
    await connection.until('200 OK')
    if (!reads) {
      connection.socket.pause()
      await new Promise(resolve => setTimeout(resolve, 300))
    }
    connection.socket.destroy()
    t.ok(await timed(async () => await seen.closed) < SOON, reads ? 'reading' : 'not reading')
    t.equal(seen.aborted, true)
  }
  await until(() => erp.openSockets === 0)
})

t.test('so it does with every request that it has pipelined; those behind the first never reach the ERP', async t => {
  const { erp, gateway, head } = await scene(t, () => {})
  const connection = await openConnection(gateway.port)
  connection.socket.write(head('GET /1') + head('POST /2', 'Content-Length: 2') + 'ok' + head('GET /3'))
  await until(() => erp.requests.length === 1)
  connection.socket.destroy()
  t.ok(await timed(async () => await Promise.all(erp.requests.map(async seen => { await seen.closed }))) < SOON)
  t.same(erp.requests.map(one => one.aborted), [true])
  await until(() => gateway.logLines().filter(line => line['code'] === 'client-gone').length === 3)
})

t.test('a caller that leaves while the machine token is fetched costs the ERP nothing', async t => {
  const { erp, gateway, idp, head } = await scene(t)
  idp.fail('token', () => {})
  await gateway.call({ token: 'x' })
  const connection = await openConnection(gateway.port)
  connection.socket.write(head('GET /x'))
  await new Promise(resolve => setTimeout(resolve, 200))
  connection.socket.destroy()
  idp.heal()
  await new Promise(resolve => setTimeout(resolve, 300))
  t.ok(erp.requests.every(one => one.url !== '/x') || erp.requests[0]?.aborted === false)
})

t.test('a hundred callers that leave at once leave nothing behind', async t => {
  const { erp, gateway, head } = await scene(t, (_req, res) => { res.writeHead(200).write('begun') })
  const connections = await Promise.all(Array.from({ length: 100 }, async () => await openConnection(gateway.port)))
  for (const { socket } of connections) socket.write(head('GET /x'))
  await Promise.all(connections.map(async one => await one.until('begun')))
  t.equal(erp.openSockets, 100)
  await Promise.all(connections.map(async ({ socket }) => {
    socket.destroy()
    await once(socket, 'close')
  }))
  await until(() => erp.openSockets === 0, SOON)
  t.match((await gateway.admin('/metrics')).text, /^countersign_requests_in_flight 0$/m)
})
