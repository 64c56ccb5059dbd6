import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import type { Called } from '../support/call.ts'
import { assertStoredOnce, atMost, csrfScene, gate, statuses } from './csrf-scene.ts'
import { metric, until } from './upstream-scene.ts'

t.test('a thousand POSTs at once from a cold start are stored once each, after one request for a token', async t => {
  // They wait as long as it takes a busy machine to send them all.
  const scene = await csrfScene(t, { csrf: { timeout: '5m' } })
  const open = gate()
  scene.sap.fail('fetch', open.fault)
  const answers: Array<Promise<Called>> = []
  // All of them wait; a system takes only so many new connections in one moment.
  for (let at = 0; at < 1000; at++) {
    answers.push(scene.post(`BP${at}`))
    if (at % 100 === 99) await sleep(50)
  }
  await until(async () => {
    await sleep(100)
    return await metric(scene.gateway, 'countersign_requests_in_flight') === 1000
  }, 60_000)
  open.letGo()
  t.same(statuses(await Promise.all(answers)), [201])
  assertStoredOnce(t, scene, 1000)
  t.match(scene.sap, { fetches: 1, refused: 0 })
})

t.test('sessions that end in the middle of a thousand POSTs cost a request for a token each, and nobody sees it', async t => {
  const scene = await csrfScene(t)
  const { sap, gateway, post } = scene
  let written = 0
  sap.fail('write', () => {
    written += 1
    if (written === 300 || written === 700) sap.sessions.expire()
    return 'go on'
  })
  const answers = await atMost(40, 1000, async at => await post(`BP${at}`))
  t.same(statuses(answers), [201])
  assertStoredOnce(t, scene, 1000)
  t.equal(sap.fetches, 3)
  t.ok(sap.refused >= 2)
  t.equal(await metric(gateway, 'countersign_upstream_retries_total{upstream="erp",reason="csrf"}'), sap.refused)
  t.equal(await metric(gateway, 'countersign_csrf_fetches_total{upstream="erp",outcome="ok"}'), 3)
  t.equal(await metric(gateway, 'countersign_csrf_sessions{upstream="erp"}'), 1)
  t.equal(gateway.logLines().filter(({ msg }) => msg === 'a session was refused, and is dropped').length, 2)
  t.equal(gateway.logLines().filter(line => line['retried'] === true).length, sap.refused)
})
