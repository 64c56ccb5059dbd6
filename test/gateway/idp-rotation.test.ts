import t from 'tap'
import { setTimeout as sleep } from 'node:timers/promises'
import { movableClock, retriesSoon, startScene, until } from './idp-scene.ts'

t.test('a new key is in use with the first token that it signed', async t => {
  const { idp, ask } = await startScene(t)
  t.equal((await ask()).status, 200)
  const old = idp.mint()
  for (const alg of ['RS256', 'EdDSA']) {
    await idp.keys.rotate(alg)
    t.equal((await ask()).status, 200)
    t.equal((await ask(old)).status, 200)
  }
  t.equal(idp.requests.jwks, 3)
})

t.test('a key that is published only after its first tokens is in use once it is', async t => {
  const { idp, ask } = await startScene(t)
  await idp.keys.rotate()
  const { published } = idp.keys
  idp.keys.published = published.slice(0, 1)
  const token = idp.mint()
  t.equal((await ask(token)).status, 401)
  idp.keys.published = published
  t.equal((await ask(token)).status, 200)
})

t.test('a key that left the set stops working with the next refresh', async t => {
  const { idp, erp, ask } = await startScene(t, { keyRefresh: 500 })
  const token = idp.mint()
  const old = idp.keys.current
  await idp.keys.rotate()
  t.equal((await ask(token)).status, 200)
  idp.keys.remove(old)
  t.match(await until(401, async () => await ask(token)), { status: 401, code: 'token-invalid' })
  const seen = erp.requests.length
  await sleep(600)
  t.equal((await ask(token)).status, 401)
  t.equal(erp.requests.length, seen)
  t.equal((await ask()).status, 200)
})

t.test('it stops working with the fetch for an unknown kid, too', async t => {
  const { idp, ask } = await startScene(t)
  const token = idp.mint()
  const old = idp.keys.current
  t.equal((await ask(token)).status, 200)
  await idp.keys.rotate()
  idp.keys.remove(old)
  t.equal((await ask()).status, 200)
  t.match(await ask(token), { status: 401, code: 'token-invalid' })
})

t.test('keys serve through an outage for keys_max_stale, then it is a 503, and it recovers by itself', async t => {
  const clock = movableClock()
  // The machine token's life is another test's.
  const { idp, erp, ask } = await startScene(t, { clock, idp: { clock }, changes: { issuers: { main: { keys_max_stale: '1h' } }, upstreams: { erp: { credential: { client_credentials: undefined, headers: { 'X-Erp-Key': 'a key for tests' } } } } }, verifies: false })
  t.equal((await ask()).status, 200)
  await idp.stop()
  clock.by += 3_590_000
  t.equal((await ask()).status, 200)
  clock.by += 20_000
  const answer = await ask()
  t.match(answer, { status: 503, code: 'issuer-keys-unavailable' })
  t.ok(retriesSoon(answer))
  t.equal(erp.requests.length, 2)
  await idp.start()
  t.equal((await until(200, async () => await ask())).status, 200)
})

t.test('a token without a kid is good where the set has one key', async t => {
  const { idp, ask } = await startScene(t)
  const nameless = () => idp.mint({}, { header: { kid: undefined } })
  t.equal((await ask(nameless())).status, 200)
  await idp.keys.add()
  // What the set holds is known with the next fetch.
  t.equal((await ask(idp.mint({}, { header: { kid: 'unknown' } }))).status, 401)
  t.match(await ask(nameless()), { status: 401, code: 'token-invalid' })
  t.equal((await ask()).status, 200)
})

for (const alg of ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA']) {
  t.test(`${alg} from end to end, and refused where the configuration has other algorithms`, async t => {
    const { idp, ask } = await startScene(t, { idp: { alg } })
    t.equal((await ask()).status, 200)
    const other = await startScene(t, { idp: { alg }, changes: { issuers: { main: { algorithms: alg === 'RS256' ? ['PS256', 'ES256'] : ['RS256'] } } } })
    t.match(await other.ask(), { status: 401, code: 'token-invalid' })
    t.equal(other.erp.requests.length, 0)
    t.match(await ask(idp.mint({}, { header: { alg: alg === 'RS256' ? 'RS384' : 'RS256' } })), { status: 401 })
  })
}
