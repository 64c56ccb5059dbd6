import { createServer, IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { setImmediate as immediate, setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { itsTurn } from '../../src/inbound/turn.ts'
import { Refusal } from '../../src/policy/problems.ts'
import { openConnection } from '../support/raw-http.ts'
import { serve } from '../support/server.ts'

const connected = (): Socket => Object.defineProperty(new Socket(), 'remoteAddress', { value: '192.0.2.1' })

function pairOn (socket: Socket) {
  const incoming = new IncomingMessage(socket)
  return { incoming, response: new ServerResponse(incoming) }
}

/** A request behind another one, what became of it so far, and the turn that Node gives it. */
function waitOn (socket: Socket, prepare: (response: ServerResponse) => void = () => {}) {
  const { incoming, response } = pairOn(socket)
  prepare(response)
  const waiting = { outcome: 'waits', give () { response.assignSocket(socket) }, over () { response.detachSocket(socket) } }
  itsTurn(incoming, response)?.then(() => { waiting.outcome = 'served' }, (error: unknown) => { waiting.outcome = error instanceof Refusal ? error.code : String(error) })
  return waiting
}

const manyOn = (socket: Socket, count: number) => Array.from({ length: count }, () => waitOn(socket))

t.test('the first on its connection waits for nothing', async t => {
  const socket = connected()
  const { incoming, response } = pairOn(socket)
  response.assignSocket(socket)
  t.equal(itsTurn(incoming, response), undefined)
})

t.test('a connection that has ended, or has no address any more, is a caller that is gone', async t => {
  for (const socket of [connected().end(), connected().destroy(), new Socket()]) {
    const { incoming, response } = pairOn(socket)
    t.throws(() => itsTurn(incoming, response), { name: 'Refusal', code: 'client-gone' })
    response.assignSocket(socket)
    t.throws(() => itsTurn(incoming, response), { name: 'Refusal', code: 'client-gone' })
  }
})

t.test('those behind it wait until each is given the connection, and are gone once that closes', async t => {
  const socket = connected()
  const all = manyOn(socket, 4)
  const outcomes = async () => {
    await immediate()
    return all.map(({ outcome }) => outcome)
  }
  t.same(await outcomes(), ['waits', 'waits', 'waits', 'waits'])
  all[0]?.give()
  t.same(await outcomes(), ['served', 'waits', 'waits', 'waits'])
  all[0]?.over()
  all[1]?.give()
  t.same(await outcomes(), ['served', 'served', 'waits', 'waits'])
  socket.destroy()
  t.same(await outcomes(), ['served', 'served', 'client-gone', 'client-gone'])
})

t.test('one that is taken from its connection as it gets it is gone', async t => {
  const socket = connected()
  const taken = waitOn(socket, response => response.once('socket', () => { response.detachSocket(socket) }))
  taken.give()
  await immediate()
  t.equal(taken.outcome, 'client-gone')
})

t.test('with 32 that wait no more is read, until fewer do', async t => {
  const [socket, other] = [connected(), connected()]
  const all = manyOn(socket, 31)
  manyOn(other, 31)
  await immediate()
  t.equal(socket.isPaused(), false)
  all.push(waitOn(socket))
  t.equal(socket.isPaused(), false, 'not before Node has read on by itself')
  await immediate()
  t.equal(socket.isPaused(), true)
  t.equal(other.isPaused(), false)
  all.push(...manyOn(socket, 2))
  for (const [at, paused] of [[0, true], [1, true], [2, false], [3, false]] as const) {
    all[at]?.give()
    await immediate()
    t.equal(socket.isPaused(), paused, `with ${33 - at}`)
    all[at]?.over()
  }
  all.push(...manyOn(socket, 2))
  await immediate()
  t.equal(socket.isPaused(), true, 'and again')
})

t.test('what others have paused stays so, and what is destroyed is let alone', async t => {
  const paused = connected().pause()
  const few = manyOn(paused, 2)
  await immediate()
  t.equal(paused.isPaused(), true, 'where few wait')
  few.push(...manyOn(paused, 30))
  few[0]?.give()
  await immediate()
  t.equal(paused.isPaused(), true, 'where one has had its turn before it mattered')

  const resumed = connected()
  const many = manyOn(resumed, 32)
  await immediate()
  many[0]?.give()
  await immediate()
  many[0]?.over()
  t.equal(resumed.isPaused(), false)
  resumed.pause()
  many[1]?.give()
  await immediate()
  t.equal(resumed.isPaused(), true, 'once it has been resumed')

  const destroyed = connected()
  manyOn(destroyed, 32)
  destroyed.destroy()
  await immediate()
  t.equal(destroyed.isPaused(), false)
})

t.test('a caller that pipelines is answered in order, and read on once some have had their turn', async t => {
  let answerFirst = (): void => {}
  const seen: string[] = []
  const { port } = await serve(t, createServer((incoming, response) => {
    seen.push(incoming.url ?? '')
    const answer = (): void => { response.end(`[${incoming.url}]`) }
    const turn = itsTurn(incoming, response)
    if (turn === undefined && seen.length === 1) answerFirst = answer
    else if (turn === undefined) answer()
    else turn.then(answer, () => {})
  }))
  const connection = await openConnection(port)
  const get = (at: number): string => `GET /${at} HTTP/1.1\r\nHost: a\r\n\r\n`
  const wanted = Array.from({ length: 35 }, (_one, at) => `/${at}`)
  connection.socket.write(wanted.slice(0, 33).map((_one, at) => get(at)).join(''))
  for (const deadline = Date.now() + 5000; seen.length < 33 && Date.now() < deadline;) await sleep(2)
  await immediate()
  connection.socket.write(get(33))
  await sleep(15)
  t.same(seen, wanted.slice(0, 33))
  answerFirst()
  await connection.until('[/33]')
  connection.socket.write(get(34))
  const text = await connection.until('[/34]')
  t.same([...text.matchAll(/\[(.*?)\]/g)].map(([, url]) => url), wanted)
  t.same(seen, wanted)
  connection.socket.destroy()
})
