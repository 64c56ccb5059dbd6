import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { setTimeout as sleep } from 'node:timers/promises'
import { Secret } from '../../src/config/secrets.ts'
import { projectRoot } from '../support/files.ts'
import { newKey, startRedis } from '../support/redis.ts'
import { registerSecret } from '../support/secrets.ts'
import { openStore, replica, tokenSource, until } from './scene.ts'

const WINDOW = 60_000
/** As docs/reference-gateway.md has it. */
const NEEDED = '+eval +get +mget +set +del +incr +pttl +pexpire +select'

t.test('a window begins with its first request, for all replicas, and is gone when it ends', async t => {
  const redis = await startRedis(t)
  const [one, other] = [openStore(t, redis), openStore(t, redis)]
  await Promise.all([one.whenUp(), other.whenUp()])
  const counts = [one.counters.of('a limit'), other.counters.of('a limit')]
  const found = []
  for (let n = 0; n < 6; n++) found.push(await counts[n % 2]?.('someone', 1000))
  t.same(found.map(counted => counted?.current), [1, 2, 3, 4, 5, 6])
  const ttls = found.map(counted => counted?.ttl ?? NaN)
  t.ok(ttls.every((ttl, at) => ttl > 0 && ttl <= (ttls[at - 1] ?? 1000)), ttls.join())
  t.match(await one.counters.of('another limit')('someone', WINDOW), { current: 1, ttl: WINDOW })
  t.match(await counts[0]?.('someone else', WINDOW), { current: 1 })
  await sleep(1100)
  t.match(await counts[0]?.('someone', 1000), { current: 1, ttl: 1000 })
})

t.test('counts that lost their end get another one', async t => {
  const redis = await startRedis(t)
  const store = openStore(t, redis)
  await store.whenUp()
  const count = store.counters.of('a limit')
  await count('someone', WINDOW)
  const [key = ''] = (await redis.keys()).filter(one => one.includes(':limit:'))
  await redis.cli('PERSIST', key)
  t.match(await count('someone', WINDOW), { current: 2, ttl: WINDOW })
  t.ok(Number(await redis.cli('PTTL', key)) > 0)
})

t.test('what is counted at once is counted once each', async t => {
  const redis = await startRedis(t)
  const stores = [openStore(t, redis), openStore(t, redis), openStore(t, redis)]
  await Promise.all(stores.map(async store => { await store.whenUp() }))
  const found = await Promise.all(Array.from({ length: 300 }, async (_, n) => await stores[n % 3]?.counters.of('a limit')('someone', WINDOW)))
  t.same(found.map(counted => counted?.current ?? 0).sort((a, b) => a - b), Array.from({ length: 300 }, (_, n) => n + 1))
})

t.test('a killed Redis is away at once, and nothing is asked of it until a probe finds it again', async t => {
  const redis = await startRedis(t)
  const store = openStore(t, redis)
  await store.whenUp()
  const count = store.counters.of('a limit')
  await redis.kill()
  await until(() => !store.isUp())
  t.equal(count('someone', WINDOW), undefined, 'no promise: nobody waits')
  t.ok((store.operations.get('count away') ?? 0) >= 1)
  await redis.start()
  await store.whenUp()
  t.match(await count('someone', WINDOW), { current: 1 })
  t.equal(store.changes.length, 3)
  t.equal(store.changes.filter(change => change === 'up').length, 2)
})

t.test('a frozen Redis costs one time limit; then nobody waits until it is thawed', async t => {
  const redis = await startRedis(t)
  const store = openStore(t, redis, { command_timeout: 200 })
  await store.whenUp()
  const count = store.counters.of('a limit')
  redis.freeze()
  const found = await Promise.all(Array.from({ length: 20 }, async () => await count('someone', WINDOW)))
  t.same(new Set(found), new Set([undefined]))
  t.ok((store.operations.get('count timeout') ?? 0) >= 1)
  for (let n = 0; n < 1000; n++) t.equal(count('someone', WINDOW), undefined)
  // Longer than a connection without an answer is kept.
  await sleep(7000)
  t.equal(store.isUp(), false)
  redis.thaw()
  await store.whenUp()
  t.match(await count('someone', WINDOW), { current: Number })
  t.same(store.changes, ['up', 'does not answer in time', 'up'])
  t.ok((store.operations.get('probe timeout') ?? 0) >= 1)
})

t.test('passwords, users and databases: right ones, and what is said of wrong ones', async t => {
  const password = registerSecret('a-password-of-redis')
  const redis = await startRedis(t, { password, lines: [`user gateway on >another-password-of-redis ~countersign:* ${NEEDED}`, 'user reader on >another-password-of-redis ~* +@read +@connection'] })
  const other = new Secret(registerSecret('another-password-of-redis'))
  const right = openStore(t, redis, { password: new Secret(password) })
  await right.whenUp()
  const user = openStore(t, redis, { username: 'gateway', password: other, keys: [newKey()], url: { host: '127.0.0.1', port: redis.port, database: 1, tls: false } })
  await user.whenUp()
  t.match(await user.counters.of('a limit')('someone', WINDOW), { current: 1 })
  const source = tokenSource()
  const machine = replica(t, source, user)
  const { value } = await machine.cache.get()
  t.ok(await machine.cache.replace(value))
  t.equal((await replica(t, source, user).cache.get()).value, (await machine.cache.get()).value)
  t.equal(source.asked.length, 2)
  t.same(user.changes, ['up'], 'it may all that it needs')
  const database = openStore(t, redis, { password: new Secret(password), url: { host: '127.0.0.1', port: redis.port, database: 3, tls: false } })
  await database.whenUp()
  t.match(await database.counters.of('a limit')('someone', WINDOW), { current: 1 })
  for (const [options, problem] of [
    [{}, 'wants a password'],
    [{ password: other }, 'refuses the password'],
    [{ username: 'nobody', password: other }, 'refuses the password'],
    [{ username: 'reader', password: other }, 'does not allow this user a command, or these keys'],
    [{ username: 'gateway', password: other, key_prefix: 'elsewhere' }, 'does not allow this user a command, or these keys'],
    [{ password: new Secret(password), url: { host: '127.0.0.1', port: redis.port, database: 99, tls: false } }, 'answers with an error']
  ] as const) {
    const store = openStore(t, redis, options)
    await until(() => store.changes.length > 0, problem)
    t.same(store.changes, [problem])
    t.equal(store.isUp(), false)
  }
})

t.test('a Redis that is full or read-only is away, and back when it is not', async t => {
  const redis = await startRedis(t)
  const store = openStore(t, redis)
  await store.whenUp()
  const count = store.counters.of('a limit')
  await redis.cli('CONFIG', 'SET', 'maxmemory', '1')
  t.equal(await count('someone', WINDOW), undefined)
  await redis.cli('CONFIG', 'SET', 'maxmemory', '0')
  await store.whenUp()
  await redis.cli('REPLICAOF', '127.0.0.1', '1')
  t.equal(await count('someone', WINDOW), undefined)
  await redis.cli('REPLICAOF', 'NO', 'ONE')
  await store.whenUp()
  t.match(await count('someone', WINDOW), { current: Number })
  t.match(store.changes, ['up', 'is full', 'up', 'is read-only', 'up'])
})

t.test('a name that is nobody\'s, a port that nobody listens on', async t => {
  const redis = await startRedis(t)
  await redis.kill()
  for (const [host, problem] of [['127.0.0.1', 'refuses the connection'], ['redis.invalid', 'has a name that does not resolve']] as const) {
    const store = openStore(t, redis, { url: { host, port: redis.port, database: 0, tls: false } })
    await until(() => store.changes.length > 0, problem)
    t.same(store.changes, [problem])
  }
})

t.test('once closed it does nothing more, and holds nothing', async t => {
  const redis = await startRedis(t)
  const [one, frozen] = [openStore(t, redis), openStore(t, redis)]
  await Promise.all([one.whenUp(), frozen.whenUp()])
  const clients = async () => (await redis.cli('CLIENT', 'LIST')).split('\n').length
  t.equal(await clients(), 3)
  one.close()
  await until(async () => await clients() === 2, 'the end of the connection')
  redis.freeze()
  frozen.close()
  redis.thaw()
  await until(async () => await clients() === 1, 'the end of the connection')
  t.same([one.changes, frozen.changes], [['up'], ['up']])
  t.equal(await one.counters.of('a limit')('someone', WINDOW), undefined)
})

t.test('a process that was busy finds the answers that came meanwhile, and takes them for no outage', async t => {
  const redis = await startRedis(t)
  const store = openStore(t, redis, { command_timeout: 100 })
  await store.whenUp()
  await sleep(0)
  const counted = store.counters.of('a limit')('someone', WINDOW)
  const until = performance.now() + 500
  while (performance.now() < until);
  t.match(await counted, { current: 1 })
  t.same(store.changes, ['up'])
})

t.test('a Redis that comes and goes is asked less and less often, and so is the log', async t => {
  const redis = await startRedis(t)
  const store = openStore(t, redis)
  await store.whenUp()
  await redis.cli('SET', 'countersign:limit:x', 'x')
  const ends = Date.now() + 4000
  while (Date.now() < ends) {
    // What no probe finds: one key of which Redis says that it is no number.
    const count = store.counters.of('a limit')
    for (const key of (await redis.keys()).filter(one => one.includes(':limit:'))) await redis.cli('SET', key, 'no number')
    await count('someone', WINDOW)
  }
  const away = store.changes.filter(change => change === 'answers with an error').length
  t.ok(away >= 2 && away <= 9, `${away} times`)
})

t.test('the documentation names what a user needs', async t => {
  t.ok((await readFile(join(projectRoot, 'docs/reference-gateway.md'), 'utf8')).replace(/\s+/g, ' ').includes(NEEDED))
})
