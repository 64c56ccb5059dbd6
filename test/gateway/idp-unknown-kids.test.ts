import t from 'tap'
import * as faults from '../support/faults.ts'
import { createSigningKey } from '../support/signing-keys.ts'
import { movableClock, retriesSoon, startScene } from './idp-scene.ts'

const stranger = await createSigningKey('ES256')

t.test('a thousand tokens with invented kids at once cost two requests, and no valid caller a failure', async t => {
  const { idp, erp, gateway, ask } = await startScene(t)
  t.equal((await ask()).status, 200)
  const before = idp.requests.lines.length
  const valid = idp.mint()
  const statuses = { valid: new Set<number>(), invented: new Set<number>() }
  const callers = Array.from({ length: 50 }, async (_, caller) => {
    for (let n = 0; n < 20; n++) {
      const token = idp.mint({}, { key: { ...stranger, kid: `invented-${caller}-${n}` } })
      statuses.invented.add((await gateway.call({ path: '/orders', token })).status)
      if (n % 4 === 0) statuses.valid.add((await ask(valid)).status)
    }
  })
  await Promise.all(callers)
  t.same(statuses, { valid: new Set([200]), invented: new Set([401]) })
  t.same(idp.requests.lines.slice(before), ['GET /jwks', 'GET /jwks'])
  t.equal(erp.requests.length, 1 + 250)
})

t.test('so do a thousand one after the other', async t => {
  // Time stands still: in half a minute there would be budget for another one.
  const now = Date.now()
  const { idp, erp, ask } = await startScene(t, { clock: () => now, idp: { clock: () => now } })
  t.equal((await ask()).status, 200)
  const before = idp.requests.lines.length
  const statuses = new Set<number>()
  for (let n = 0; n < 1000; n++) {
    statuses.add((await ask(idp.mint({}, { key: { ...stranger, kid: `invented-${n}` } }))).status)
    if (n % 100 === 0) t.equal((await ask()).status, 200)
  }
  t.same(statuses, new Set([401]))
  t.same(idp.requests.lines.slice(before), ['GET /jwks', 'GET /jwks'])
  t.equal(erp.requests.length, 11)
})

t.test('a burst before the first keys are there costs the first fetch and two', async t => {
  const { idp, ask } = await startScene(t, { before: idp => { idp.fail('jwks', faults.slow(300), 1) } })
  const answers = await Promise.all(Array.from({ length: 100 }, async (_, n) => await ask(idp.mint({}, { key: { ...stranger, kid: `invented-${n}` } }))))
  t.same(new Set(answers.map(({ status }) => status)), new Set([401]))
  t.equal(idp.requests.discovery, 1)
  t.ok(idp.requests.jwks <= 3)
})

t.test('out of budget a new key is a 401 too, until there is budget again', async t => {
  const clock = movableClock()
  const { idp, ask } = await startScene(t, { clock })
  for (const kid of ['a', 'b', 'c']) t.match(await ask(idp.mint({}, { key: { ...stranger, kid } })), { status: 401, code: 'token-invalid' })
  await idp.keys.rotate()
  const token = idp.mint()
  t.match(await ask(token), { status: 401, code: 'token-invalid' })
  clock.by += 30_000
  t.equal((await ask(token)).status, 200)
})

t.test('a look-up that fails is a 503 with Retry-After, while known keys go on', async t => {
  const { idp, erp, ask } = await startScene(t)
  t.equal((await ask()).status, 200)
  const known = idp.mint()
  await idp.stop()
  await idp.keys.rotate()
  for (let n = 0; n < 10; n++) {
    const answer = await ask()
    t.match(answer, { status: 503, code: 'issuer-keys-unavailable' })
    t.ok(retriesSoon(answer))
    t.equal(answer.headers['www-authenticate'], undefined)
    t.equal((await ask(known)).status, 200)
  }
  t.equal(erp.requests.length, 11)
})
