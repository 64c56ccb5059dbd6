import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { Readable } from 'node:stream'
import t from 'tap'
import { startErp, type ErpHandler } from '../support/erp.ts'
import { forkGateway, type ForkedGateway } from '../support/fork-gateway.ts'
import { startIdp } from '../support/idp.ts'
import { openConnection } from '../support/raw-http.ts'
import type { TestContext } from '../support/teardown.ts'
import { noise, pour, until } from './upstream-scene.ts'

const MiB = 1024 * 1024
const LARGE = 256 * MiB
/** What the gateway may grow by, however much goes through it. */
const MOST = 64 * MiB
const PIECE = noise(256 * 1024)

function * pieces (bytes: number): Generator<Buffer> {
  for (let left = bytes; left > 0; left -= PIECE.length) yield PIECE.subarray(0, Math.min(left, PIECE.length))
}

async function forked (t: TestContext, handler: ErpHandler) {
  const idp = await startIdp(t)
  const erp = await startErp(t, handler, { keepBodies: false })
  const gateway = await forkGateway(t, { idp, erp, routes: [{ match: 'ANY /*', require: 'user' }] })
  const token = idp.mintUser()
  // The first requests compile code and open connections: that growth is none.
  for (let round = 0; round < 20; round++) await gateway.call({ method: 'POST', path: '/warm', token, body: noise(100_000) })
  // Later releases let the buffers of a first large body lie until 64 MiB of them are worth a collection: one step up,
  // whatever comes after it, and it is taken here.
  if (!process.version.startsWith('v20.')) await gateway.call({ method: 'POST', path: '/warm', token, body: Readable.from(pieces(LARGE), { objectMode: false }), onData () {}, timeout: 90_000 })
  return { erp, gateway, token, head: `Host: gateway.test\r\nAuthorization: Bearer ${token}\r\n` }
}

/** The most that it grows by while this runs, in bytes. */
async function growth (gateway: ForkedGateway, act: () => Promise<unknown>): Promise<number> {
  const before = await gateway.memory()
  let most = before
  const over = new AbortController()
  const watching = (async () => {
    for (; !over.signal.aborted; await sleep(20)) most = Math.max(most, await gateway.memory())
  })()
  try {
    await act()
  } finally {
    over.abort()
    await watching
  }
  return most - before
}

t.test('256 MiB each way cost less than 64 MiB', async t => {
  const { erp, gateway, token } = await forked(t, async (req, res, seen) => {
    if (req.url === '/down') {
      res.writeHead(200, { 'content-length': LARGE })
      Readable.from(pieces(LARGE), { objectMode: false }).pipe(res)
    } else if (await seen.received) res.end('ok')
  })
  for (const headers of [{ 'content-length': String(LARGE) }, undefined]) {
    const up = await growth(gateway, async () => {
      const answer = await gateway.call({ method: 'POST', path: '/up', token, body: Readable.from(pieces(LARGE), { objectMode: false }), timeout: 90_000, ...(headers && { headers }) })
      t.match(answer, { status: 200, complete: true })
    })
    t.equal(erp.requests.at(-1)?.bodyLength, LARGE)
    t.ok(up < MOST, `up: ${Math.round(up / MiB)} MiB`)
  }
  let bytes = 0
  const down = await growth(gateway, async () => {
    t.match(await gateway.call({ path: '/down', token, timeout: 90_000, onData: chunk => { bytes += chunk.length } }), { status: 200, complete: true })
  })
  t.equal(bytes, LARGE)
  t.ok(down < MOST, `down: ${Math.round(down / MiB)} MiB`)
})

t.test('so do both at once: an echo', async t => {
  const { gateway, token } = await forked(t, (req, res) => { req.pipe(res) })
  const [sent, received] = [createHash('sha256'), createHash('sha256')]
  let bytes = 0
  const grown = await growth(gateway, async () => {
    const body = Readable.from((function * () {
      for (const piece of pieces(LARGE / 4)) {
        sent.update(piece)
        yield piece
      }
    })(), { objectMode: false })
    const answer = await gateway.call({
      method: 'POST', token, body, timeout: 90_000, onData: chunk => {
        bytes += chunk.length
        received.update(chunk)
      }
    })
    t.match(answer, { status: 200, complete: true })
  })
  t.equal(bytes, LARGE / 4)
  t.equal(received.digest('hex'), sent.digest('hex'))
  t.ok(grown < MOST, `${Math.round(grown / MiB)} MiB`)
})

t.test('a side that does not read holds the other back, not the gateway\'s memory', async t => {
  let poured = 0
  const { gateway, head } = await forked(t, async (req, res, seen) => {
    if (req.url === '/warm') {
      if (await seen.received) res.end()
    } else if (req.method === 'GET') {
      res.writeHead(200)
      pour(res, PIECE, bytes => { poured += bytes })
    } else req.pause()
  })
  const callers = await Promise.all(Array.from({ length: 8 }, async () => await openConnection(gateway.port)))
  const grown = await growth(gateway, async () => {
    for (const [at, { socket }] of callers.entries()) {
      socket.pause()
      socket.write(at % 2 === 0 ? `GET /x HTTP/1.1\r\n${head}\r\n` : `POST /x HTTP/1.1\r\n${head}Content-Length: ${LARGE}\r\n\r\n`)
      if (at % 2 === 1) for (let sent = 0; sent < 64 * MiB; sent += PIECE.length) socket.write(PIECE)
    }
    await until(() => poured > 4 * MiB)
    for (let last = -1; last !== poured; await sleep(400)) last = poured
    t.ok(poured < LARGE, 'the ERP is held back')
    t.ok(callers.filter(({ socket }) => socket.writableLength > 16 * MiB).length === 4, 'and the callers')
  })
  t.ok(grown < MOST, `${Math.round(grown / MiB)} MiB`)
  for (const { socket } of callers) socket.destroy()
})
