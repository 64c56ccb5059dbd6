import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import * as faults from '../support/faults.ts'
import { newKey, startRedis } from '../support/redis.ts'
import { failedOf } from './load.ts'
import { isFull, startScene, until } from './scene.ts'
import { tell } from './told.ts'

const DOWN = isFull ? 60_000 : 20_000
/** s: a machine token is renewed every four or so */
const LIFE = 6

t.test('the IdP is down, and rotates its key meanwhile: live tokens pass, and each renewal is one request of the fleet', async t => {
  const redis = await startRedis(t)
  const { idp, replicas, load } = await startScene(t, { redis: { url: redis.url, keys: [newKey()] } }, { machineLife: LIFE })
  t.ok(await until(async () => (await Promise.all(replicas.map(async one => (await one.admin('/readyz')).text.includes('"ready"')))).every(Boolean)))
  const running = load()
  await sleep(8000)
  const renewals = idp.tokenRequests.length
  t.ok(renewals >= 2 && renewals <= 5, `${renewals} requests for a token of ${LIFE} s in 8 s`)
  // From here on a token has to last for longer than the IdP is away.
  idp.machine.expiresIn = 600
  t.ok(await until(() => idp.tokenRequests.length > renewals))
  await sleep(6000)
  const before = idp.tokenRequests.length
  t.equal(before, renewals + 1, 'the next renewal, once for both')
  await idp.stop()
  await sleep(DOWN / 2)
  await idp.keys.rotate()
  await sleep(DOWN / 2)
  await idp.start()
  for (const endpoint of ['jwks', 'discovery'] as const) idp.fail(endpoint, faults.slow(500), 2)
  const statuses = await Promise.all(replicas.map(async one => (await one.call({ path: '/orders', token: idp.mint() })).status))
  const outcome = await running.stop()
  tell(`IdP down for ${DOWN / 1000} s, its key rotated`, outcome, `${idp.tokenRequests.length} token requests by 2 replicas`)
  t.same(statuses, [200, 200], 'a token of the new key passes when the IdP is back')
  t.equal(failedOf(outcome), 0, JSON.stringify(outcome))
  t.equal(idp.tokenRequests.length, before)
})
