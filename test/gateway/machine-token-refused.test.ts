import t from 'tap'
import { setTimeout as sleep } from 'node:timers/promises'
import { answering, type ErpHandler } from '../support/erp.ts'
import { movableClock, retriesSoon, startScene, until } from './idp-scene.ts'

/** An ERP that takes only the tokens that were issued from the nth on. */
function takingFrom (revoked: ReadonlySet<string>): ErpHandler {
  return async (req, res, seen) => {
    const refused = revoked.has(String(seen.headers.authorization))
    await answering(refused ? 401 : 200)(req, res, seen)
  }
}

t.test('a token that was revoked is replaced by one request, however many callers meet it', async t => {
  const revoked = new Set<string>()
  const { idp, erp, gateway } = await startScene(t, { verifies: false, erp: takingFrom(revoked) })
  const ask = async () => await gateway.call({ path: '/status' })
  t.equal((await ask()).status, 200)
  revoked.add(`Bearer ${idp.tokenRequests[0]?.token}`)
  const answers = await Promise.all(Array.from({ length: 50 }, async () => await ask()))
  t.same(new Set(answers.map(({ status }) => status)), new Set([200]))
  t.equal(idp.requests.token, 2)
  t.equal(answers.some(({ headers }) => headers['www-authenticate'] !== undefined), false)
  t.same(new Set(erp.requests.slice(-5).map(({ headers }) => headers.authorization)), new Set([`Bearer ${idp.tokenRequests[1]?.token}`]))
})

t.test('an ERP that refuses every token is a 502, and costs one token in half a minute', async t => {
  const clock = movableClock()
  const { idp, erp, gateway } = await startScene(t, { clock, idp: { clock }, verifies: false, erp: answering(401, 'no', { 'www-authenticate': 'Bearer realm="erp"' }) })
  const ask = async () => await gateway.call({ path: '/status' })
  for (let n = 0; n < 20; n++) {
    const answer = await ask()
    t.match(answer, { status: 502, code: 'upstream-credential-refused' })
    t.equal(answer.headers['www-authenticate'], undefined)
    t.notMatch(answer.text, 'realm')
  }
  t.equal(idp.requests.token, 2)
  t.equal(erp.requests.length, 21)
  clock.by += 30_000
  const answers = await Promise.all(Array.from({ length: 20 }, async () => await ask()))
  t.same(new Set(answers.map(({ code }) => code)), new Set(['upstream-credential-refused']))
  t.equal(idp.requests.token, 3)
})

t.test('a revoked token with the IdP away is a 503, not a 502, and recovers by itself', async t => {
  const revoked = new Set<string>()
  const { idp, erp, gateway } = await startScene(t, { verifies: false, erp: takingFrom(revoked) })
  const ask = async () => await gateway.call({ path: '/status' })
  t.equal((await ask()).status, 200)
  revoked.add(`Bearer ${idp.tokenRequests[0]?.token}`)
  await idp.stop()
  for (let n = 0; n < 5; n++) {
    const answer = await ask()
    t.match(answer, { status: 503, code: 'machine-token-unavailable' })
    t.ok(retriesSoon(answer))
    await sleep(20)
  }
  t.equal(erp.requests.length, 2)
  await idp.start()
  t.equal((await until(200, ask)).status, 200)
})
