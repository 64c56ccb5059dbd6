import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { rewrite } from '../support/settings.ts'
import { failedOf } from './load.ts'
import { startScene, until } from './scene.ts'
import { tell } from './told.ts'

const ORDERS = { match: 'GET /orders', require: 'user' }
const counted = /^countersign_config_reloads_total\{outcome="(\w+)"\} (\d+)$/gm

t.test('100 reloads under load, 20 of them bad files: no request fails, and a bad file changes nothing', async t => {
  const { replicas, load, idp } = await startScene(t)
  const [first, second] = replicas
  if (first === undefined || second === undefined) throw new Error('two replicas')
  const reloads = async (gateway: typeof first): Promise<Record<string, number>> => Object.fromEntries([...(await gateway.admin('/metrics')).text.matchAll(counted)].map(([, outcome = '', count]): [string, number] => [outcome, Number(count)]))
  const running = load()
  for (let at = 1; at <= 100; at++) {
    const gateway = at % 2 === 0 ? first : second
    const isBad = at % 5 === 0
    const before = await reloads(gateway)
    await rewrite(gateway.dir, { routes: isBad ? `routes:\n  - match: GET /orders\n    requires: user # ${at}\n` : [ORDERS, { match: `GET /new/${at}`, require: 'user' }] })
    gateway.kill('SIGHUP')
    const outcome = isBad ? 'rejected' : 'adopted'
    t.ok(await until(async () => (await reloads(gateway))[outcome] !== before[outcome]), `reload ${at}`)
    if (isBad) t.equal((await gateway.call({ path: `/new/${at - 2}`, token: idp.mint() })).status, 200, 'the policy is the one before')
  }
  await sleep(500)
  const outcome = await running.stop()
  tell('100 reloads, 20 of them bad files', outcome)
  t.equal(failedOf(outcome), 0, JSON.stringify(outcome))
  t.ok(outcome.sent > 300)
})
