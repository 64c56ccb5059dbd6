import t from 'tap'
import { watchMaintenance, Maintenance } from '../../src/maintenance.ts'
import { startGatehouse } from './gatehouse.ts'
import { metric, until } from './upstream-scene.ts'

const START = Date.parse('2026-03-07T21:00:00Z')
const HOUR = 3_600_000

/** An hour, and what is at most left of it: the gateway's clock goes on by itself. */
async function inAnHour (t: Parameters<typeof startGatehouse>[0]) {
  const clock = { at: START }
  const began = Date.now()
  const house = await startGatehouse(t, {
    clock: () => clock.at + (Date.now() - began),
    routes: [{ match: 'ANY /x', require: 'user' }, { match: 'GET /scoped', require: { user: { scope: 'rare' } } }, { match: 'GET /public', require: 'public' }],
    changes: { upstreams: { erp: { maintenance: [{ cron: '0 22 * * 6', for: '2h' }, { from: '2026-03-07T23:30:00Z', to: '2026-03-08T01:30:00+01:00' }] } } }
  })
  return { clock, ...house }
}

t.test('inside a window every request is 503 with the time that is left, and the ERP sees no connection', async t => {
  const { clock, lets, refuses, erp, idp, gateway } = await inAnHour(t)
  await lets(t, { path: '/x', token: idp.mintUser() })
  t.equal(await metric(gateway, 'countersign_upstream_maintenance{upstream="erp"}'), 0)
  clock.at = START + HOUR
  const accepted = erp.accepted
  const token = idp.mintUser()
  // To the end of both windows, which overlap: 00:30.
  for (const asked of [{ path: '/x', token }, { path: '/x', method: 'POST', body: 'text', token }, { path: '/public' }]) {
    const { headers } = await refuses(t, asked, { status: 503, code: 'upstream-maintenance', granted: true, headers: { 'retry-after': /^\d+$/ } })
    const left = Number(headers['retry-after'])
    t.ok(left <= 2.5 * 3600 && left > 2.5 * 3600 - 300, `${left} s`)
  }
  t.equal(erp.accepted, accepted)
  t.equal(await metric(gateway, 'countersign_upstream_maintenance{upstream="erp"}'), 1)
  t.equal((await gateway.admin('/readyz')).status, 200)
  clock.at = START + 3.5 * HOUR
  await lets(t, { path: '/x', token: idp.mintUser() })
  t.equal(await metric(gateway, 'countersign_upstream_maintenance{upstream="erp"}'), 0)
})

t.test('who may not pass is told so, window or not', async t => {
  const { clock, refuses, idp } = await inAnHour(t)
  clock.at = START + HOUR
  await refuses(t, { path: '/x' }, { status: 401, code: 'credential-missing', challenge: {} })
  await refuses(t, { path: '/scoped', token: idp.mintUser() }, { status: 403, code: 'scope-missing', challenge: { error: 'insufficient_scope', scope: 'rare' } })
  await refuses(t, { path: '/nowhere', token: idp.mintUser() }, { status: 404, code: 'route-not-found' })
})

t.test('a request that is under way goes on', async t => {
  const { clock, erp, idp, gateway } = await inAnHour(t)
  erp.answerWith(async (_request, response, seen) => {
    await seen.received
    clock.at = START + HOUR
    response.end('done')
  })
  const { status, text } = await gateway.call({ path: '/x', token: idp.mintUser() })
  t.same([status, text], [200, 'done'])
})

t.test('the log says when a window begins and ends', async t => {
  const { clock, gateway } = await inAnHour(t)
  clock.at = START + HOUR
  await until(() => gateway.logLines().some(line => line['msg'] === 'the maintenance of an upstream has begun'))
  t.match(gateway.logLines().find(line => line['msg'] === 'the maintenance of an upstream has begun'), { upstream: 'erp', ends: '2026-03-08T00:30:00.000Z' })
  clock.at = START + 4 * HOUR
  await until(() => gateway.logLines().some(line => line['msg'] === 'the maintenance of an upstream is over'))
})

t.test('a window is looked at once, until its edge or until the clock is set back', async t => {
  let asked = 0
  let now = 1000
  const maintenance = new Maintenance(at => {
    asked++
    return at < 2000 ? { isOpen: false, until: 2000 } : { isOpen: true, until: 3000 }
  }, () => now)
  for (let count = 0; count < 100; count++) t.equal(maintenance.endsAt, undefined)
  t.equal(asked, 1)
  now = 2000
  t.equal(maintenance.endsAt, 3000)
  now = 2999
  t.equal(maintenance.endsAt, 3000)
  t.equal(asked, 2)
  now = 1500
  t.equal(maintenance.endsAt, undefined)
  t.equal(asked, 3)
})

t.test('an upstream that is gone from the configuration is told of as over', async t => {
  const lines: unknown[] = []
  let current = new Map([['erp', { get endsAt () { return 5000 } } as Maintenance]])
  const watch = watchMaintenance({ current: () => current, log: { info: (...line: unknown[]) => { lines.push(line) } }, every: 1 })
  t.teardown(() => { watch.close() })
  current = new Map()
  await until(() => lines.length === 2)
  t.same(lines, [[{ upstream: 'erp', ends: '1970-01-01T00:00:05.000Z' }, 'the maintenance of an upstream has begun'], [{ upstream: 'erp' }, 'the maintenance of an upstream is over']])
})
