import t from 'tap'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import { CallerBody } from '../../src/outbound/caller-body.ts'
import { HeldBody } from '../../src/outbound/held-body.ts'
import { readWhole } from '../../src/outbound/whole-body.ts'
import type { ProblemCode } from '../../src/policy/problems.ts'
import { openConnection, type RawConnection } from '../support/raw-http.ts'
import { serve } from '../support/server.ts'
import type { TestContext } from '../support/teardown.ts'

const HEAD = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\n'

/** A request whose body is written by hand. */
async function arriving (t: TestContext): Promise<{ incoming: IncomingMessage, caller: RawConnection }> {
  let hand: (incoming: IncomingMessage) => void = () => {}
  const handed = new Promise<IncomingMessage>(resolve => { hand = resolve })
  const { port } = await serve(t, createServer(incoming => { hand(incoming) }))
  const caller = await openConnection(port)
  t.teardown(() => { caller.socket.destroy() })
  caller.socket.write(HEAD)
  return { incoming: await handed, caller }
}

t.test('what is held is all that was added, up to its limit and not a byte further', t => {
  const held = new HeldBody(4)
  held.add(Buffer.from('ab'))
  held.add(Buffer.from('cd'))
  t.equal(Buffer.concat(held.chunks).toString(), 'abcd')
  t.equal(held.isThere, true)
  t.equal(held.isWhole, false)
  held.end()
  t.equal(held.isWhole, true)
  held.add(Buffer.from('e'))
  t.match(held, { isThere: false, isWhole: false, chunks: [] })
  held.add(Buffer.from('f'))
  t.same(held.chunks, [])
  t.end()
})

t.test('a second reading begins with what the first has read', async t => {
  const { incoming, caller } = await arriving(t)
  const held = new HeldBody(100)
  const first = new CallerBody(incoming, Infinity, () => {}, held)
  caller.socket.write('abc')
  const [chunk] = await once(first, 'data') as [Buffer]
  t.equal(chunk.toString(), 'abc')
  first.destroy()
  const second = new CallerBody(incoming, Infinity, () => {}, held)
  t.match(second, { bytes: 3, arrived: false })
  caller.socket.write('def')
  t.equal(await text(second), 'abcdef')
  t.match(held, { isWhole: true })
  const third = new CallerBody(incoming, Infinity, () => {}, held)
  t.match(third, { bytes: 6, arrived: true })
  t.equal(await text(third), 'abcdef')
})

t.test('a whole body is read to its end before anything is done with it', async t => {
  const { incoming, caller } = await arriving(t)
  const reading = readWhole(incoming, 6, 10_000)
  caller.socket.write('abc')
  caller.socket.write('def')
  const held = await reading
  t.match(held, { isWhole: true, bytes: 6 })
  t.equal(Buffer.concat(held.chunks).toString(), 'abcdef')
})

t.test('one that is too large, too slow or broken off is told so', async t => {
  const cases: ReadonlyArray<readonly [ProblemCode, number, number, (caller: RawConnection) => void]> = [
    ['body-too-large', 5, 10_000, ({ socket }) => { socket.write('abcdef') }],
    ['request-timeout', 6, 40, ({ socket }) => { socket.write('abc') }],
    ['client-gone', 6, 10_000, ({ socket }) => { socket.write('abc', () => { socket.destroy() }) }]
  ]
  for (const [code, limit, idle, act] of cases) {
    const { incoming, caller } = await arriving(t)
    const reading = readWhole(incoming, limit, idle)
    act(caller)
    await t.rejects(reading, { code }, code)
  }
})
