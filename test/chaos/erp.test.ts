import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { answering, startErp, type ErpHandler } from '../support/erp.ts'
import { failedOf } from './load.ts'
import { startScene } from './scene.ts'
import { tell } from './told.ts'

const MAX = 10
const TAKES = 200

t.test('ten times what the ERP can do at once: it never sees more than max, and all is well again when it is over', async t => {
  let open = 0
  let most = 0
  const handler: ErpHandler = async (req, res, seen) => {
    most = Math.max(most, ++open)
    res.once('close', () => { open-- })
    await sleep(TAKES)
    await answering()(req, res, seen)
  }
  // One replica: the ceiling is each one's own.
  const { load, replicas: [gateway], idp } = await startScene(t, { upstreams: { erp: { concurrency: { max: MAX, queue: 20, queue_timeout: '1s' } } } }, { erpHandler: handler, replicas: 1 })
  if (gateway === undefined) throw new Error('one replica')
  // What it can do is MAX / TAKES: 50 requests a second; this is ten times as many.
  const running = load({ rate: 10 * MAX * 1000 / TAKES, sockets: 1000 })
  await sleep(6000)
  const flood = await running.stop()
  const relieved = Date.now()
  let recovered = NaN
  while (Date.now() < relieved + 20_000) {
    const began = Date.now()
    const { status } = await gateway.call({ path: '/orders', token: idp.mint() })
    if (status === 200 && Date.now() - began < 2 * TAKES) {
      recovered = Date.now() - relieved
      break
    }
  }
  const after = load({ rate: 20 })
  await sleep(2000)
  const calm = await after.stop()
  tell('ERP at 10 × its concurrency', flood, `at most ${most} at once of ${MAX}, well again after ${recovered} ms`)
  t.ok(most <= MAX, `${most}`)
  t.ok(most >= MAX - 1, 'and it was made use of')
  t.same(Object.keys(flood.others), ['503'], JSON.stringify(flood))
  t.ok(flood.ok > 100)
  t.ok(recovered < 20_000)
  t.equal(failedOf(calm), 0, JSON.stringify(calm))
})

t.test('one of three hosts of the ERP is killed, and comes back', async t => {
  const others = [await startErp(t), await startErp(t)]
  const { erp, load } = await startScene(t, {
    upstreams: { erp: { connect_timeout: '1s', retry: { attempts: 2, on: ['connect', 'reset'] } } }
  }, { hosts: others.map(({ origin }) => origin) })
  const running = load()
  await sleep(2000)
  const used = others.map(({ requests }) => requests.length)
  t.ok(used.every(count => count > 50), `${used.join(', ')} of the others`)
  await erp.stop()
  await sleep(1500)
  const ejected = running.outcome()
  await sleep(5000)
  const out = running.outcome()
  const before = erp.requests.length
  await erp.start()
  const back = Date.now()
  while (erp.requests.length === before && Date.now() < back + 30_000) await sleep(20)
  const returned = Date.now() - back
  await sleep(1000)
  const outcome = await running.stop()
  tell('one of three ERP hosts killed', outcome, `${failedOf(out) - failedOf(ejected)} failed after ejection, in use again ${returned} ms after its return`)
  t.ok(failedOf(outcome) <= outcome.sent / 1000, JSON.stringify(outcome))
  t.equal(failedOf(out), failedOf(ejected), 'none after it was taken out')
  t.ok(erp.requests.length > before, 'it is in use again')
})
