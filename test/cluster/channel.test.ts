import t from 'tap'
import { createChannel, type Channel, type Handlers } from '../../src/cluster/channel.ts'

/** Two ends, between which every message is copied as the system does. */
function line (one: Handlers, other: Handlers): readonly [Channel, Channel] {
  const first: Channel = createChannel(message => { queueMicrotask(() => { second.receive(structuredClone(message)) }) }, one)
  const second: Channel = createChannel(message => { queueMicrotask(() => { first.receive(structuredClone(message)) }) }, other)
  return [first, second]
}

t.test('what is asked is answered, to whom has asked, in whatever order', async t => {
  const [one, other] = line({ whoami: () => 'one' }, {
    whoami: () => 'other',
    slow: async body => await new Promise(resolve => { setTimeout(resolve, 20, ['slow', body]) }),
    nothing: () => undefined
  })
  t.same(await Promise.all([one.ask('slow', { a: 1 }, 5000), one.ask('whoami', undefined, 5000), other.ask('whoami', undefined, 5000), one.ask('nothing', undefined, 5000)]), [['slow', { a: 1 }], 'other', 'one', undefined])
})

t.test('there is no answer where it comes too late, where it fails, or where nobody knows the word', async t => {
  const [one] = line({}, {
    late: async () => await new Promise(resolve => { setTimeout(resolve, 50, 'late') }),
    fails () { throw new Error('no') },
    async rejects () { throw new Error('no') }
  })
  for (const what of ['late', 'fails', 'rejects', 'unknown', 'constructor']) t.equal(await one.ask(what, undefined, 10), undefined, what)
})

t.test('what is told is heard, and what other programs send on the same line is not', async t => {
  const heard: unknown[] = []
  const [one, other] = line({}, { word: body => { heard.push(body) } })
  one.tell('word', 'a')
  one.tell('word')
  for (const message of [undefined, null, 'word', 5, {}, { type: 'prom-client:getMetricsReq', requestId: 0 }, { what: 'word', body: 'b' }]) other.receive(message)
  other.receive({ countersign: 'answer', id: 77, body: 'to nobody' })
  await new Promise(resolve => { setImmediate(resolve) })
  t.same(heard, ['a', undefined])
})

t.test('a line that is down answers nothing, and breaks nobody', async t => {
  const channel = createChannel(() => { throw new Error('ERR_IPC_CHANNEL_CLOSED') }, { a: () => 1 })
  channel.tell('a')
  channel.receive({ countersign: 'ask', id: 0, what: 'a', body: undefined })
  t.equal(await channel.ask('a', undefined, 10), undefined)
})
