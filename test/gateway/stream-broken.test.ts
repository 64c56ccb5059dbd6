import type { Socket } from 'node:net'
import t from 'tap'
import { sends, type RawHandler } from '../support/raw-erp.ts'
import { rawScene, until } from './upstream-scene.ts'

const begun = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n'
const length = `${begun}Content-Length: 100\r\n\r\n`
const chunks = `${begun}Transfer-Encoding: chunked\r\n\r\n`

// A moment between the two: where bytes and a reset arrive together, Node's client takes the reset for an end.
const then = (act: (socket: Socket) => unknown) => (bytes: string | Buffer): RawHandler => socket => {
  socket.write(bytes)
  setTimeout(() => { act(socket) }, 100)
}
const closes = then(socket => socket.end())
const resets = then(socket => socket.resetAndDestroy())

const BROKEN: Readonly<Record<string, RawHandler>> = {
  'a length that is not reached': closes(`${length}half`),
  'a length, and a reset': resets(`${length}half`),
  'a length, and nothing of the body': closes(length),
  'chunks without the last one': closes(`${chunks}4\r\nhalf\r\n`),
  'chunks, and a reset': resets(`${chunks}4\r\nhalf\r\n`),
  'a chunk that is cut': closes(`${chunks}9\r\nhalf`),
  'a chunk size that is none': then(socket => socket.write('zz\r\n'))(`${chunks}4\r\nhalf\r\n`),
  'no last line after the last chunk': closes(`${chunks}4\r\nhalf\r\n0\r\n`),
  'no framing, and a reset': resets(`${begun}\r\nhalf`),
  'a large part of a body': closes(Buffer.concat([Buffer.from(`${begun}Content-Length: 3000000\r\n\r\n`), Buffer.alloc(2_000_000)]))
}

for (const [name, handler] of Object.entries(BROKEN)) {
  t.test(`${name}: no caller takes it for whole`, async t => {
    const { erp, gateway, head } = await rawScene(t, handler)
    for (const [version, connection] of [['HTTP/1.1', 'keep-alive'], ['HTTP/1.1', 'close'], ['HTTP/1.0', 'close'], ['HTTP/1.0', 'keep-alive']] as const) {
      const { responses, ending } = await gateway.raw(head('GET /x', `Connection: ${connection}`).replace('HTTP/1.1', version), { timeout: 5000 })
      t.not(ending, 'open', `${version} ${connection}`)
      t.ok(responses[0]?.complete !== true, `${version} ${connection}`)
    }
    const lines = () => gateway.logLines().filter(line => line['msg'] === 'request')
    await until(() => lines().length === 4)
    for (const line of lines()) t.match(line, { code: 'upstream-broken-off', upstream_status: 200 })
    await until(() => erp.openSockets === 0)
  })
}

t.test('bytes beyond the length belong to no answer', async t => {
  const { gateway, head } = await rawScene(t, sends(`${begun}Content-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil`))
  const { responses, rest } = await gateway.raw(head('GET /1') + head('GET /2'), { responses: 2 })
  t.same([responses.map(one => one.body.toString()), rest.length], [['ok', 'ok'], 0])
})
