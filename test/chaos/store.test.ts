import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { newKey, startRedis } from '../support/redis.ts'
import { failedOf } from './load.ts'
import { startScene, until } from './scene.ts'
import { tell } from './told.ts'

const LIMIT = 50

t.test('Redis is killed, started again, and frozen: no request fails, and limits hold within twice what they say', async t => {
  const redis = await startRedis(t)
  const limited = { match: 'GET /limited', require: 'user', rate_limit: { max: LIMIT, per: '1h', by: 'user' } }
  const { idp, replicas, load } = await startScene(t, { redis: { url: redis.url, keys: [newKey()] } }, {
    routes: [{ match: 'GET /orders', require: 'user', rate_limit: { max: 1_000_000, per: '1h', by: 'user' } }, limited]
  })
  const isUp = async (wanted: 0 | 1): Promise<boolean> => (await Promise.all(replicas.map(async one => (await one.admin('/metrics')).text.includes(`countersign_store_up{engine="redis"} ${wanted}`)))).every(Boolean)
  t.ok(await until(async () => await isUp(1)))
  /** How many of twice as many requests as two limits are let through, at both replicas in turn. */
  const let_through = async (user: string): Promise<number> => {
    const token = idp.mint({ sub: user })
    let passed = 0
    for (let at = 0; at < 4 * LIMIT; at++) {
      const status = (await replicas[at % 2]?.call({ path: '/limited', token }))?.status
      if (status === 200) passed++
      else if (status !== 429) t.fail(`${status}`)
    }
    return passed
  }
  const running = load()
  const counts: Record<string, number> = {}
  counts['there'] = await let_through('there')
  t.equal(counts['there'], LIMIT, 'both count together')
  await redis.kill()
  t.ok(await until(async () => await isUp(0)))
  counts['killed'] = await let_through('killed')
  await redis.start()
  t.ok(await until(async () => await isUp(1)))
  redis.freeze()
  const frozen = Date.now()
  t.ok(await until(async () => await isUp(0)))
  counts['frozen'] = await let_through('frozen')
  await sleep(Math.max(0, frozen + 10_000 - Date.now()))
  redis.thaw()
  t.ok(await until(async () => await isUp(1)))
  counts['back'] = await let_through('back')
  const outcome = await running.stop()
  tell('Redis killed, started, frozen for 10 s', outcome, `of ${4 * LIMIT} with a limit of ${LIMIT}: ${Object.entries(counts).map(([what, count]) => `${count} ${what}`).join(', ')}`)
  t.equal(failedOf(outcome), 0, JSON.stringify(outcome))
  for (const what of ['killed', 'frozen']) t.ok((counts[what] ?? 0) >= LIMIT && (counts[what] ?? 0) <= 2 * LIMIT, `${what}: ${counts[what]}`)
  t.equal(counts['back'], LIMIT)
})
