import t, { type Test } from 'tap'
import { setTimeout as sleep } from 'node:timers/promises'
import { IdpError } from '../../src/idp/http.ts'
import { newKey, startRedis } from '../support/redis.ts'
import { openStore, replica, tokenSource, until } from './scene.ts'

// They wait more than they work.
t.jobs = 4

/** Replicas on one Redis, which ask one IdP. */
async function startFleet (t: Test, count: number, { clock = Date.now } = {}) {
  const redis = await startRedis(t)
  const keys = [newKey()]
  const source = tokenSource()
  const join = (more: { readonly keys?: readonly string[] } = {}) => {
    const store = openStore(t, redis, { keys, clock, ...more })
    return { store, ...replica(t, source, store, { clock }) }
  }
  return { redis, keys, source, join, fleet: Array.from({ length: count }, () => join()) }
}

t.test('ten replicas that start at once make one token request', { buffered: true }, async t => {
  const { source, fleet } = await startFleet(t, 10)
  const tokens = await Promise.all(fleet.map(async ({ cache }) => await cache.get()))
  t.equal(source.asked.length, 1)
  t.equal(new Set(tokens.map(({ value }) => value)).size, 1)
  t.equal(new Set(tokens.map(({ endsAt }) => endsAt)).size, 1)
  t.equal(fleet.reduce((sum, { shared }) => sum + shared(), 0), 9)
})

t.test('one that starts later asks nobody', { buffered: true }, async t => {
  const { source, fleet, join } = await startFleet(t, 1)
  const token = await fleet[0]?.cache.get()
  fleet[0]?.cache.close()
  fleet[0]?.store.close()
  const { cache } = join()
  t.match(await cache.get(), { value: token?.value, endsAt: token?.endsAt })
  t.equal(source.asked.length, 1)
})

t.test('a slow IdP is asked once, and all wait for its answer', { buffered: true }, async t => {
  const { source, fleet } = await startFleet(t, 5)
  source.issue = async () => {
    await sleep(3000)
    return {}
  }
  const tokens = await Promise.all(fleet.map(async ({ cache }) => await cache.get()))
  t.equal(source.asked.length, 1)
  t.equal(new Set(tokens.map(({ value }) => value)).size, 1)
})

t.test('a renewal is one request of all', { buffered: true }, async t => {
  const { source, fleet } = await startFleet(t, 5)
  source.issue = async count => {
    await sleep(50)
    return { expiresIn: count === 1 ? 4 : 300 }
  }
  const first = await Promise.all(fleet.map(async ({ cache }) => await cache.get()))
  const [{ value: old = '', endsAt = 0 } = {}] = first
  await until(async () => {
    // What is not used is not renewed.
    const now = await Promise.all(fleet.map(async ({ cache }) => await cache.get()))
    return now.every(({ value }) => value !== old)
  }, 'another token')
  t.ok(Date.now() < endsAt + 2000)
  t.equal(source.asked.length, 2)
  t.equal(new Set(await Promise.all(fleet.map(async ({ cache }) => (await cache.get()).value))).size, 1)
})

t.test('an IdP that gives the same token again is asked once by all nevertheless', { buffered: true }, async t => {
  const { source, fleet } = await startFleet(t, 5)
  source.issue = async count => await Promise.resolve(count === 1 ? { accessToken: 'always-the-same', expiresIn: 4 } : { accessToken: 'always-the-same', expiresIn: 300 })
  await Promise.all(fleet.map(async ({ cache }) => await cache.get()))
  await until(async () => {
    const now = await Promise.all(fleet.map(async ({ cache }) => await cache.get()))
    return now.every(({ endsAt }) => endsAt > Date.now() + 100_000)
  })
  t.equal(source.asked.length, 2)
})

t.test('an ERP that refuses the token has all replicas ask once, and only that token goes', { buffered: true }, async t => {
  const { source, fleet } = await startFleet(t, 6)
  const [{ value: refused = '' } = {}] = await Promise.all(fleet.map(async ({ cache }) => await cache.get()))
  const replaced = await Promise.all(fleet.map(async ({ cache }) => await cache.replace(refused)))
  t.equal(source.asked.length, 2)
  t.equal(new Set(replaced.map(one => one?.value)).size, 1)
  t.not(replaced[0]?.value, refused)
  t.match(await fleet[1]?.cache.replace(refused), { value: replaced[0]?.value }, 'who comes late gets the new one')
  t.equal(source.asked.length, 2)
})

t.test('an ERP that refuses every token costs one in half a minute, however many replicas meet it', { buffered: true }, async t => {
  const { source, fleet, join } = await startFleet(t, 4)
  const all = [...fleet]
  for (let round = 0; round < 4; round++) {
    await Promise.all(all.map(async ({ cache }) => {
      const { value } = await cache.get()
      await cache.replace(value)
    }))
    // One more that has refused nothing yet.
    all.push(join())
  }
  t.equal(source.asked.length, 2)
  for (const { cache } of all) t.match(await cache.get(), { value: /^token-2-/ }, 'the token is kept')
})

t.test('where the IdP fails one asks and the others do not, until it is well; nobody waits in vain', { buffered: true }, async t => {
  const { source, fleet } = await startFleet(t, 8)
  let down = true
  source.issue = async () => {
    await sleep(20)
    if (down) throw new IdpError('answered 500')
    return {}
  }
  const ask = async () => await Promise.allSettled(fleet.map(async ({ cache }) => await cache.get()))
  const began = Date.now()
  while (Date.now() < began + 4000) {
    const failures = await ask()
    t.ok(failures.every(one => one.status === 'rejected' && (one.reason as Error).name === 'IdpError'))
    await sleep(50)
  }
  // By themselves the eight would have asked some five times each.
  t.ok(source.asked.length <= 20, `${source.asked.length} token requests`)
  const before = source.asked.length
  down = false
  await until(async () => (await ask()).every(one => one.status === 'fulfilled'))
  t.equal(source.asked.length, before + 1)
})

t.test('who dies with the lock keeps nobody without a token', { buffered: true }, async t => {
  const { source, fleet, join, redis } = await startFleet(t, 0)
  source.issue = async count => {
    if (count === 1) await new Promise(() => {})
    return {}
  }
  const dead = join()
  void Promise.resolve(dead.cache.get()).catch(() => {})
  await until(() => source.asked.length === 1)
  t.equal((await redis.keys()).filter(key => key.includes(':lock:')).length, 1)
  dead.store.close()
  fleet.push(join(), join())
  const tokens = await Promise.all(fleet.map(async ({ cache }) => await cache.get()))
  t.equal(new Set(tokens.map(({ value }) => value)).size, 1)
  t.equal(source.asked.length, 2)
})

t.test('a lock that somebody else has put there for ever delays a token, and does not prevent it', { buffered: true }, async t => {
  const { source, join, redis } = await startFleet(t, 0)
  const first = join()
  await first.cache.get()
  const [place = ''] = (await redis.keys()).filter(key => key.includes(':token:'))
  await redis.cli('DEL', place)
  await redis.cli('SET', place.replace(':token:', ':lock:'), 'nobody')
  t.match(await join().cache.get(), { value: /^token-2-/ })
  t.equal(source.asked.length, 2)
})

t.test('what was written over, moved or sealed by another key is not used, and told once', { buffered: true }, async t => {
  const { source, join, redis } = await startFleet(t, 1)
  const one = join()
  await one.cache.get()
  const [place = ''] = (await redis.keys()).filter(key => key.includes(':token:'))
  const good = await redis.cli('--raw', 'GET', place)
  const other = openStore(t, redis, { keys: [newKey()] })
  const foreign = replica(t, tokenSource(), other, {})
  await foreign.cache.get()
  const [theirs = ''] = (await redis.keys()).filter(key => key.includes(':token:') && key !== place)
  for (const bad of ['', 'x', '{"value":"token","askedAt":0,"endsAt":9e15}', good.slice(0, -3), `${good.slice(0, -6)}AAAAAA`, await redis.cli('--raw', 'GET', theirs)]) {
    await redis.cli('SET', place, bad)
    const before = source.asked.length
    const next = join()
    t.match(await next.cache.get(), { value: new RegExp(`^token-${before + 1}-`) }, bad.slice(0, 12))
    t.equal(next.store.unreadable(), 1)
    t.ok((next.store.operations.get('token unreadable') ?? 0) >= 1)
  }
  // Moved: the value of one request in the place of another.
  const store = openStore(t, redis, { keys: [newKey()] })
  const tokens = async () => (await redis.keys()).filter(key => key.includes(':token:'))
  const before = await tokens()
  await replica(t, tokenSource(), store, { request: 'mine' }).cache.get()
  const [mine = ''] = (await tokens()).filter(key => !before.includes(key))
  await replica(t, tokenSource(), store, { request: 'theirs' }).cache.get()
  const [moved = ''] = (await tokens()).filter(key => !before.includes(key) && key !== mine)
  await redis.cli('SET', moved, await redis.cli('--raw', 'GET', mine))
  t.equal(store.unreadable(), 0)
  const again = replica(t, tokenSource(), store, { request: 'theirs' })
  t.match(await again.cache.get(), { value: /^token-1-/ })
  t.equal(again.shared(), 0)
  t.equal(store.unreadable(), 1)
})

t.test('a token of another request is another token', { buffered: true }, async t => {
  const { source, join } = await startFleet(t, 0)
  const { store, cache } = join()
  const other = replica(t, source, store, { request: 'another request' })
  t.not((await cache.get()).value, (await other.cache.get()).value)
  t.equal(source.asked.length, 2)
})

t.test('keys are rotated without a token request', { buffered: true }, async t => {
  const { source, join, keys } = await startFleet(t, 0)
  const next = newKey()
  const { value } = await join().cache.get()
  for (const step of [[...keys, next], [next, ...keys]]) t.equal((await join({ keys: step }).cache.get()).value, value)
  t.equal(source.asked.length, 1)
})

t.test('a token at its end is not begun with, and goes from the store', { buffered: true }, async t => {
  const { source, join, redis } = await startFleet(t, 0)
  source.issue = async count => await Promise.resolve({ expiresIn: count === 1 ? 2 : 300 })
  await join().cache.get()
  await sleep(1950)
  t.match(await join().cache.get(), { value: /^token-2-/ })
  const ttl = Number(await redis.cli('PTTL', (await redis.keys()).find(key => key.includes(':token:')) ?? ''))
  t.ok(ttl > 250_000 && ttl <= 300_000, String(ttl))
})

t.test('without Redis each asks for itself, at once; when it comes it is used', { buffered: true }, async t => {
  const { source, join, redis } = await startFleet(t, 0)
  await redis.kill()
  const fleet = [join(), join(), join()]
  await Promise.all(fleet.map(async ({ cache }) => await cache.get()))
  t.equal(source.asked.length, 3)
  await redis.start()
  await Promise.all(fleet.map(async ({ store }) => { await store.whenUp() }))
  for (const { store } of fleet) t.same(store.changes, ['refuses the connection', 'up'])
  const [late, later] = [join(), join()]
  t.equal((await late.cache.get()).value, (await later.cache.get()).value)
  t.equal(source.asked.length, 4)
})

t.test('a Redis that dies while replicas wait for one of them keeps none of them waiting', { buffered: true }, async t => {
  const { source, fleet, redis } = await startFleet(t, 3)
  source.issue = async () => {
    await sleep(1500)
    return {}
  }
  const got = Promise.all(fleet.map(async ({ cache }) => await cache.get()))
  await until(() => source.asked.length === 1)
  await sleep(200)
  await redis.kill()
  t.equal((await got).length, 3)
  t.equal(source.asked.length, 3)
})

t.test('a Redis that is frozen from the start keeps nobody from a token', { buffered: true }, async t => {
  const { source, join, redis } = await startFleet(t, 0)
  redis.freeze()
  const { cache, store } = join()
  t.match(await cache.get(), { value: /^token-1-/ })
  t.equal(source.asked.length, 1)
  t.same(store.changes, ['does not answer in time'])
  redis.thaw()
  await store.whenUp()
  t.match(await cache.get(), { value: /^token-1-/ })
})
