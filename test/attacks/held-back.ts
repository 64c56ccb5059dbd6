import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { noise, pour, until } from '../gateway/upstream-scene.ts'
import { startErp } from '../support/erp.ts'
import { forkGateway } from '../support/fork-gateway.ts'
import { startIdp } from '../support/idp.ts'
import { openConnection } from '../support/raw-http.ts'

const MiB = 1024 * 1024
const PIECE = noise(256 * 1024)

/** Callers that ask for a gigabyte and read nothing, or a little now and then, of a gateway in a process of its own. */
export async function heldBack (t: Test): Promise<void> {
  let poured = 0
  const idp = await startIdp(t, { alg: 'ES256' })
  const erp = await startErp(t, (req, res) => {
    if (req.url === '/alive') {
      res.end('ok')
      return
    }
    res.writeHead(200, { 'content-length': 1024 * MiB })
    pour(res, PIECE, bytes => { poured += bytes })
  })
  const gateway = await forkGateway(t, { idp, erp, routes: [{ match: 'GET /*', require: 'user' }] })
  const token = idp.mintUser()
  const alive = async (): Promise<void> => { t.equal((await gateway.call({ path: '/alive', token })).status, 200) }
  await alive()
  const before = await gateway.memory()
  const callers = await Promise.all(Array.from({ length: 6 }, async () => await openConnection(gateway.port)))
  for (const { socket } of callers) {
    socket.pause()
    socket.write(`GET /huge HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${token}\r\n\r\n`)
  }
  await until(() => poured > 6 * PIECE.length)
  let most = 0
  for (let last = -1; last !== poured; await sleep(300)) {
    last = poured
    most = Math.max(most, await gateway.memory())
  }
  t.ok(poured < 256 * MiB, `the ERP is held back after ${Math.round(poured / MiB)} MiB`)
  t.ok(most - before < 100 * MiB, `the gateway grew by ${Math.round((most - before) / MiB)} MiB`)
  await alive()
  for (const { socket } of callers) socket.destroy()
  await until(() => erp.requests.every(({ pending }) => !pending))
  await alive()
}
