import t, { type Test } from 'tap'
import { setTimeout as sleep } from 'node:timers/promises'
import type { TestGateway } from '../support/gateway.ts'
import { startFleet, startLoad, storeLines, untilStore, type Fleet } from './fleet.ts'

// They wait more than they work.
t.jobs = 3

const MINUTE = { max: 6, per: '60s' }
const one = { match: 'GET /status', require: 'public' }

/** So many requests, to the replicas in turn: their statuses. */
async function statuses (gateways: readonly TestGateway[], times: number, options: Parameters<TestGateway['call']>[0] = { path: '/status' }): Promise<number[]> {
  const found = []
  for (let n = 0; n < times; n++) found.push((await gateways[n % gateways.length]?.call(options))?.status ?? 0)
  return found
}

const times = (status: number, count: number): number[] => Array.from({ length: count }, () => status)

async function limitedFleet (t: Test, limit: object, changes: Record<string, unknown> = {}): Promise<Fleet> {
  const fleet = await startFleet(t, { routes: [{ ...one, rate_limit: { ...limit, by: 'address' } }], changes })
  await untilStore('up', fleet.gateways)
  return fleet
}

t.test('a limit counts what all replicas take, and one that starts later goes on with it', { buffered: true }, async t => {
  const { gateways, erp, join, redis } = await limitedFleet(t, MINUTE)
  t.same(await statuses(gateways, 8), [...times(200, 6), 429, 429])
  t.equal(erp.requests.length, 6)
  const refused = await gateways[0]?.call({ path: '/status' })
  t.match(refused, { code: 'rate-limited', headers: { 'ratelimit-limit': '6', 'ratelimit-remaining': '0', 'retry-after': /^(?:[1-5]?\d|60)$/ } })
  t.equal(refused?.headers['ratelimit-reset'], refused?.headers['retry-after'])
  const late = await join()
  await untilStore('up', [late])
  t.same(await statuses([late], 1), [429])
  for (const key of (await redis.keys()).filter(one => one.includes(':limit:'))) {
    const ttl = Number(await redis.cli('PTTL', key))
    t.ok(ttl > 0 && ttl <= 60_000, 'it ends with its window')
  }
})

t.test('the limit is over when it says so, for all', { buffered: true }, async t => {
  const { gateways } = await limitedFleet(t, { max: 4, per: '3s' })
  t.same(await statuses(gateways, 6), [...times(200, 4), 429, 429])
  const refused = await gateways[1]?.call({ path: '/status' })
  await sleep(Number(refused?.headers['retry-after']) * 1000 + 50)
  t.same(await statuses(gateways, 6), [...times(200, 4), 429, 429])
})

t.test('listen, defaults, rules and the places in a list are counted apart, and by whom', { buffered: true }, async t => {
  const limit = (max: number, by: string) => ({ max, per: '60s', by })
  const { gateways, idp } = await startFleet(t, {
    routes: {
      defaults: { rate_limit: limit(4, 'user') },
      routes: [{ match: 'GET /a', require: 'user' }, { match: 'GET /b', require: 'user' }, { match: 'GET /c', require: 'user', rate_limit: [limit(2, 'user'), limit(3, 'client')] }]
    },
    changes: { listen: { rate_limit: { max: 100, per: '60s' } } }
  })
  await untilStore('up', gateways)
  const [mine, other] = [idp.mintUser(), idp.mintUser({ sub: 'user-2' })]
  t.same(await statuses(gateways, 2, { path: '/a', token: mine }), [200, 200])
  t.same(await statuses(gateways, 3, { path: '/b', token: mine }), [200, 200, 429])
  t.same(await statuses(gateways, 1, { path: '/b', token: other }), [200])
  t.same(await statuses(gateways, 3, { path: '/c', token: mine }), [200, 200, 429])
  // Who is refused by the first limit is not counted by the second.
  t.same(await statuses(gateways, 2, { path: '/c', token: other }), [200, 429])
})

t.test('while the store is away each replica counts for itself, from what it knows: at most twice as much passes', { buffered: true }, async t => {
  for (const away of ['kill', 'freeze'] as const) {
    const fleet = await limitedFleet(t, { max: 20, per: '60s' })
    const { gateways, redis, erp } = fleet
    t.same(await statuses(gateways, 10), times(200, 10))
    await redis[away]()
    const during = await statuses(gateways, 80)
    t.same(new Set(during), new Set([200, 429]), away)
    t.ok(erp.requests.length >= 20 && erp.requests.length <= 40, `${away}: ${erp.requests.length} of 20`)
    // What came back has forgotten, or knows too little: the replicas have not, and do not.
    await (away === 'kill' ? redis.start() : redis.thaw())
    await untilStore('up', gateways)
    const after = await statuses(gateways, 40)
    t.same(new Set(after), new Set([429]), away)
    t.ok(erp.requests.length <= 40, `${away}: ${erp.requests.length} of 20`)
    for (const gateway of gateways) t.equal(storeLines(gateway).length, 3, storeLines(gateway).join())
  }
})

t.test('on_store_failure: allow does not count, deny does not let through, either for what has a limit', { buffered: true }, async t => {
  for (const [word, limited] of [['local', [200, 429]], ['allow', [200, 200]], ['deny', [503, 503]]] as const) {
    const { gateways: [gateway], redis, erp } = await startFleet(t, {
      count: 1, routes: [{ ...one, rate_limit: { max: 2, per: '60s', by: 'address', on_store_failure: word } }, { match: 'GET /free', require: 'public' }]
    })
    if (gateway === undefined) throw new Error('no gateway')
    await untilStore('up', [gateway])
    t.same(await statuses([gateway], 1), [200], word)
    await redis.kill()
    await untilStore('away', [gateway])
    t.same(await statuses([gateway], 2), limited, word)
    t.same(await statuses([gateway], 1, { path: '/free' }), [200], word)
    if (word === 'deny') {
      t.match(await gateway.call({ path: '/status' }), { code: 'store-unavailable', headers: { 'retry-after': /^[1-9]$/ } })
      t.equal(erp.requests.length, 2)
    }
    await redis.start()
    await untilStore('up', [gateway])
    t.same(await statuses([gateway], 1), [word === 'local' ? 429 : 200], word)
  }
})

t.test('deny holds for listen, and from the start', { buffered: true }, async t => {
  const { gateways: [gateway], redis } = await startFleet(t, { count: 1, changes: { listen: { rate_limit: { max: 100, per: '60s', on_store_failure: 'deny' } } }, before: async (_idp, redis) => { await redis.kill() } })
  if (gateway === undefined) throw new Error('no gateway')
  t.match(await gateway.call({ path: '/nowhere' }), { status: 503, code: 'store-unavailable' })
  await redis.start()
  await untilStore('up', [gateway])
  t.match(await gateway.call({ path: '/nowhere' }), { status: 404 })
})

t.test('two limits of one rule, each with its own word', { buffered: true }, async t => {
  const limit = (max: number, word: string) => ({ max, per: '60s', by: 'address', on_store_failure: word })
  const { gateways: [gateway], redis, erp } = await startFleet(t, {
    count: 1,
    routes: [
      { match: 'GET /counted', require: 'public', rate_limit: [limit(1, 'allow'), limit(3, 'local')] },
      { match: 'GET /refused', require: 'public', rate_limit: [limit(100, 'local'), limit(100, 'deny')] },
      { match: 'GET /passing', require: 'public', rate_limit: [limit(1, 'allow'), limit(1, 'allow')] }
    ]
  })
  if (gateway === undefined) throw new Error('no gateway')
  await untilStore('up', [gateway])
  const ask = async (path: string, count: number) => await statuses([gateway], count, { path })
  t.same([await ask('/counted', 2), await ask('/refused', 2), await ask('/passing', 2)], [[200, 429], [200, 200], [200, 429]])
  await redis.kill()
  await untilStore('away', [gateway])
  erp.requests.length = 0
  // What the second limit counted before is one: the first had refused the other.
  t.same(await ask('/counted', 4), [200, 200, 429, 429], 'the one that counts by itself still limits, the other has no say')
  t.same(await ask('/passing', 4), times(200, 4))
  t.equal(erp.requests.length, 6)
  t.same(await ask('/refused', 2), [503, 503])
  t.match(await gateway.call({ path: '/refused' }), { code: 'store-unavailable' })
  t.equal(erp.requests.length, 6, 'what is refused never comes there')
})

t.test('with deny, a start whose Redis is there begins with no refusal', { buffered: true }, async t => {
  const { gateways } = await startFleet(t, { count: 3, changes: { listen: { rate_limit: { max: 100, per: '60s', on_store_failure: 'deny' } } } })
  t.same(await statuses(gateways, 3), [200, 200, 200])
})

t.test('where one limit of one rule denies, the start waits for a Redis that is slow', { buffered: true }, async t => {
  const limit = { max: 100, per: '60s', by: 'address' }
  const { redis, join } = await startFleet(t, { count: 0, routes: [{ match: 'GET /other', require: 'public' }, { ...one, rate_limit: [limit, { ...limit, on_store_failure: 'deny' }] }] })
  redis.freeze()
  const starting = join({ redis: { url: redis.url, connect_timeout: '30s', command_timeout: '5s' } })
  t.equal(await Promise.race([starting.then(() => 'started'), sleep(2500)]), undefined)
  redis.thaw()
  t.same(await statuses([await starting], 3), times(200, 3))
})

t.test('a Redis that is killed, restarted, frozen and thawed under load costs no request', { buffered: true }, async t => {
  const { gateways, redis } = await startFleet(t, {
    routes: [{ ...one, rate_limit: { max: 1_000_000, per: '60s', by: 'address' } }], changes: { listen: { rate_limit: { max: 1_000_000, per: '60s' } } }
  })
  await untilStore('up', gateways)
  const load = startLoad(gateways, { path: '/status' })
  await sleep(500)
  await redis.kill()
  await untilStore('away', gateways)
  await sleep(500)
  await redis.start()
  await untilStore('up', gateways)
  await sleep(500)
  redis.freeze()
  await untilStore('away', gateways)
  await sleep(10_000)
  redis.thaw()
  await untilStore('up', gateways)
  await sleep(500)
  const found = await load.stop()
  t.same(Object.keys(found), ['200'])
  t.ok((found[200] ?? 0) > 500, `${found[200]} requests`)
  for (const gateway of gateways) {
    const lines = storeLines(gateway)
    t.equal(lines.length, 5, lines.join())
    t.same([lines[0], lines[2], lines[4]], ['there', 'there', 'there'])
    t.equal(lines[3], 'does not answer in time')
  }
})
