import { createServer } from 'node:http'
import type { LookupAddress } from 'node:dns'
import { once } from 'node:events'
import type { AddressInfo, LookupFunction } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import type { Dispatcher } from 'undici'
import { createHostPool } from '../../src/outbound/host-pool.ts'
import { serve } from '../support/server.ts'
import { tearDown, type TestContext } from '../support/teardown.ts'

/** A name whose address can be moved. */
function moving (address: string) {
  const state = { address, asked: 0, fails: false }
  const lookup: LookupFunction = (_name, options, callback) => {
    state.asked += 1
    if (state.fails) process.nextTick(callback, Object.assign(new Error('no answer'), { code: 'EAI_AGAIN' }), '')
    else if (options.all === true) process.nextTick(callback, null, [{ address: state.address, family: 4 }] satisfies LookupAddress[])
    else process.nextTick(callback, null, state.address, 4)
  }
  return { state, lookup }
}

/** Two servers on one port of two addresses, each of which says which it is. */
async function twins (t: TestContext): Promise<{ readonly port: number, readonly open: Readonly<Record<string, number>>, readonly stop: (address: string) => Promise<void> }> {
  const open: Record<string, number> = { '127.0.0.1': 0, '127.0.0.2': 0 }
  const create = (address: string) => {
    const server = createServer(({ url }, res) => {
      if (url === '/slow') setTimeout(() => { res.end(address) }, 1500)
      else res.end(address)
    })
    server.on('connection', socket => {
      open[address] = (open[address] ?? 0) + 1
      socket.once('close', () => { open[address] = (open[address] ?? 0) - 1 })
    })
    return server
  }
  const first = await serve(t, create('127.0.0.1'))
  const second = create('127.0.0.2')
  second.listen(first.port, '127.0.0.2')
  await once(second, 'listening')
  tearDown(t, () => {
    second.close()
    second.closeAllConnections()
  })
  return { port: (second.address() as AddressInfo).port, open, stop: async () => { await first.stop() } }
}

async function ask ({ dispatcher }: { readonly dispatcher: Dispatcher }, path = '/'): Promise<string> {
  const { body } = await dispatcher.request({ origin: '', method: 'GET', path })
  return await body.text()
}

t.test('a name that moves takes new requests along, though the old address would still serve', async t => {
  const { port, open } = await twins(t)
  const { state, lookup } = moving('127.0.0.1')
  const pool = createHostPool(new URL(`http://erp.test:${port}`), { connectTimeout: 1000, lookup, resolveEvery: 50 })
  tearDown(t, async () => { await pool.close() })
  t.equal(await ask(pool), '127.0.0.1')
  const slow = ask(pool, '/slow')
  await sleep(200)
  t.equal(await ask(pool), '127.0.0.1', 'as long as it stays, so do the connections')
  const before = pool.dispatcher
  await sleep(200)
  t.equal(pool.dispatcher, before)
  state.address = '127.0.0.2'
  for (let waited = 0; pool.dispatcher === before && waited < 10_000; waited += 20) await sleep(20)
  t.equal(await ask(pool), '127.0.0.2')
  t.equal(await slow, '127.0.0.1', 'what was under way is answered')
  for (let waited = 0; open['127.0.0.1'] !== 0 && waited < 10_000; waited += 20) await sleep(20)
  t.equal(open['127.0.0.1'], 0, 'and then nothing is kept')
  const asked = state.asked
  await sleep(200)
  t.ok(state.asked > asked)
  t.equal(await ask(pool), '127.0.0.2')
})

t.test('a name server that fails changes nothing', async t => {
  const { port } = await twins(t)
  const { state, lookup } = moving('127.0.0.1')
  const pool = createHostPool(new URL(`http://erp.test:${port}`), { connectTimeout: 1000, lookup, resolveEvery: 20 })
  tearDown(t, async () => { await pool.close() })
  t.equal(await ask(pool), '127.0.0.1')
  const before = pool.dispatcher
  state.fails = true
  await sleep(200)
  t.equal(pool.dispatcher, before)
  t.equal(await ask(pool), '127.0.0.1')
})

t.test('after a connection that failed, the name is looked up again', async t => {
  const { port, stop } = await twins(t)
  const { state, lookup } = moving('127.0.0.1')
  // Never by the clock.
  const pool = createHostPool(new URL(`http://erp.test:${port}`), { connectTimeout: 1000, lookup, resolveEvery: 3_600_000 })
  tearDown(t, async () => { await pool.close() })
  t.equal(await ask(pool), '127.0.0.1')
  await stop('127.0.0.1')
  await t.rejects(ask(pool))
  state.address = '127.0.0.2'
  for (let waited = 0; await ask(pool).catch(() => '') !== '127.0.0.2' && waited < 10_000; waited += 20) await sleep(20)
  t.equal(await ask(pool), '127.0.0.2')
})

t.test('a knock is a connection, and no byte of a request', async t => {
  let bytes = 0
  const server = createServer()
  server.on('connection', socket => socket.on('data', (chunk: Buffer) => { bytes += chunk.length }))
  const { port, stop, ...rest } = await serve(t, server)
  const pool = createHostPool(new URL(`http://127.0.0.1:${port}`), { connectTimeout: 1000 })
  tearDown(t, async () => { await pool.close() })
  t.equal(await pool.knock(), true)
  t.equal(bytes, 0)
  for (let waited = 0; rest.sockets.size > 0 && waited < 5000; waited += 20) await sleep(20)
  t.equal(rest.sockets.size, 0)
  await stop()
  t.equal(await pool.knock(), false)
  t.equal(await createHostPool(new URL('http://erp.test'), { connectTimeout: 1000, lookup: (_name, _options, callback) => { callback(Object.assign(new Error(''), { code: 'ENOTFOUND' }), '') } }).knock(), false)
})
