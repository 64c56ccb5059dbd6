import t from 'tap'
import { setTimeout as sleep } from 'node:timers/promises'
import { Agent } from 'undici'
import { createIdpClient } from '../../src/idp/http.ts'
import { createProvider } from '../../src/idp/provider.ts'
import { ALGORITHMS } from '../../src/policy/algorithms.ts'
import { createKeyStore, type KeyFetch, type KeyStoreOptions } from '../../src/inbound/key-store.ts'
import * as faults from '../support/faults.ts'
import { startIdp, type Idp } from '../support/idp.ts'
import { tearDown, type TestContext } from '../support/teardown.ts'

const minute = 60_000

/** A key store for an IdP, with a clock of the test's. */
function startStore (t: TestContext, idp: Idp, options: Partial<KeyStoreOptions> = {}) {
  const agent = new Agent()
  const client = createIdpClient(agent)
  const clock = { now: Date.now() }
  const fetches: KeyFetch[] = []
  const store = createKeyStore({
    provider: createProvider({ issuer: idp.issuer }, client, () => true),
    client,
    jwksUri: undefined,
    algorithms: ALGORITHMS,
    maxStale: 60 * minute,
    refreshEvery: 60 * minute,
    now: () => clock.now,
    onFetch: outcome => { fetches.push(outcome) },
    ...options
  })
  tearDown(t, async () => {
    store.close()
    await agent.destroy()
  })
  return {
    clock,
    fetches,
    store,
    find: async (kid: string | undefined, alg = idp.keys.current.alg) => {
      const found = await store.find(kid, ALGORITHMS.find(one => one === alg) ?? 'RS256')
      return typeof found === 'string' ? found : 'found'
    }
  }
}

t.test('whoever comes before the first fetch has ended waits for it, and all for the same', async t => {
  const idp = await startIdp(t)
  idp.fail('jwks', faults.slow(200))
  const { find, store } = startStore(t, idp)
  t.match(store.status(), { tried: false, usable: false })
  t.same(new Set(await Promise.all(Array.from({ length: 50 }, async () => await find(idp.keys.current.kid)))), new Set(['found']))
  t.match(idp.requests, { discovery: 1, jwks: 1 })
  t.match(store.status(), { tried: true, usable: true, keys: 1 })
  t.notOk(store.find(idp.keys.current.kid, 'ES256') instanceof Promise)
})

t.test('two fetches for unknown kids, then one in half a minute; out of budget there is no such key', async t => {
  const idp = await startIdp(t)
  const { find, clock } = startStore(t, idp)
  await find(idp.keys.current.kid)
  const unknown = async (count: number) => new Set(await Promise.all(Array.from({ length: count }, async (_, at) => await find(`invented-${at}`))))
  t.same(await unknown(100), new Set(['unknown']))
  t.equal(idp.requests.jwks, 3)
  const late = await idp.keys.add()
  t.equal(await find(late.kid), 'unknown')
  clock.now += 29_000
  t.equal(await find(late.kid), 'unknown')
  clock.now += 1000
  t.equal(await find(late.kid), 'found')
  t.equal(idp.requests.jwks, 4)
  t.same(await unknown(10), new Set(['unknown']))
  t.equal(idp.requests.jwks, 4)
  clock.now += 10 * minute
  t.same(await unknown(10), new Set(['unknown']))
  t.equal(idp.requests.jwks, 6)
  t.equal(await find(idp.keys.current.kid), 'found')
  t.equal(idp.requests.discovery, 1)
})

t.test('a clock that is set back takes no budget away', async t => {
  const idp = await startIdp(t)
  const { find, clock } = startStore(t, idp)
  await find(idp.keys.current.kid)
  for (const kid of ['a', 'b', 'c']) t.equal(await find(kid), 'unknown')
  clock.now -= 60 * minute
  t.equal(await find('d'), 'unknown')
  clock.now += minute / 2
  t.equal(await find('e'), 'unknown')
  t.equal(idp.requests.jwks, 4)
})

t.test('a kid that cannot be looked up is unavailable, not unknown, for as long as the IdP fails', async t => {
  const idp = await startIdp(t)
  const { find, clock, store } = startStore(t, idp)
  await find(idp.keys.current.kid)
  idp.fail('jwks', faults.answer(500))
  const late = await idp.keys.add()
  for (let second = 0; second < 10; second++) {
    t.equal(await find(late.kid), 'unavailable')
    t.equal(await find(idp.keys.current.kid), 'found')
    clock.now += 1000
  }
  // The budget limits these, too.
  t.equal(idp.requests.jwks, 3)
  t.ok(store.status().pause <= 5000)
  idp.heal()
  clock.now += 30_000
  t.equal(await find(late.kid), 'found')
})

t.test('a burst of unknown kids while the IdP fails is one fetch', async t => {
  const idp = await startIdp(t)
  const { find } = startStore(t, idp)
  await find(idp.keys.current.kid)
  idp.fail('jwks', faults.answer(500))
  t.same(new Set(await Promise.all(Array.from({ length: 50 }, async (_, at) => await find(`invented-${at}`)))), new Set(['unavailable']))
  t.equal(idp.requests.jwks, 2)
})

t.test('failed fetches come further apart, never more than five seconds', async t => {
  const idp = await startIdp(t)
  idp.fail('discovery', faults.answer(503))
  const { find, clock, store } = startStore(t, idp)
  const pauses: number[] = []
  for (let attempt = 0; attempt < 12; attempt++) {
    t.equal(await find('k'), 'unavailable')
    const { pause } = store.status()
    pauses.push(pause)
    // Within the pause nobody is asked.
    const { discovery } = idp.requests
    clock.now += pause - 1
    t.equal(await find('k'), 'unavailable')
    t.equal(idp.requests.discovery, discovery)
    clock.now += 1
  }
  t.ok(pauses.every(pause => pause > 0 && pause <= 5000))
  t.ok((pauses[0] ?? 0) <= 250)
  t.ok(pauses.slice(6).every(pause => pause >= 2500))
  t.ok(new Set(pauses).size > 6)
  clock.now -= 60 * minute
  idp.heal()
  t.equal(await find(idp.keys.current.kid), 'found')
})

t.test('keys serve on while the IdP is away, until they are too old', async t => {
  const idp = await startIdp(t)
  const { find, clock, store } = startStore(t, idp, { maxStale: 10 * minute })
  await find(idp.keys.current.kid)
  await idp.stop()
  clock.now += 10 * minute
  t.equal(await find(idp.keys.current.kid), 'found')
  clock.now += 1
  t.equal(await find(idp.keys.current.kid), 'unavailable')
  t.match(store.status(), { usable: false })
  await idp.start()
  clock.now += 5000
  t.equal(await find(idp.keys.current.kid), 'found')
})

t.test('keys that may not be stale at all still serve more than one request', async t => {
  const idp = await startIdp(t)
  const { find, clock } = startStore(t, idp, { maxStale: 0 })
  for (let second = 0; second < 5; second++, clock.now += 1000) t.equal(await find(idp.keys.current.kid), 'found')
  t.equal(idp.requests.jwks, 1)
})

t.test('a key that left the set is gone with the next refresh', async t => {
  const idp = await startIdp(t)
  const { find, fetches } = startStore(t, idp, { refreshEvery: 100 })
  const old = idp.keys.current
  t.equal(await find(old.kid), 'found')
  await idp.keys.rotate()
  t.equal(await find(idp.keys.current.kid), 'found')
  idp.keys.remove(old)
  for (const seen = fetches.length; fetches.length < seen + 2;) await sleep(20)
  t.equal(await find(old.kid), 'unknown')
  t.equal(await find(idp.keys.current.kid), 'found')
})

t.test('a key that left the set is gone with the fetch for an unknown kid', async t => {
  const idp = await startIdp(t)
  const { find } = startStore(t, idp)
  const old = idp.keys.current
  await find(old.kid)
  await idp.keys.rotate()
  idp.keys.remove(old)
  t.equal(await find(old.kid), 'found')
  t.equal(await find(idp.keys.current.kid), 'found')
  t.equal(await find(old.kid), 'unknown')
})

t.test('an empty set is an answer: no key is left, and none can be had', async t => {
  const idp = await startIdp(t)
  const { find, fetches, clock } = startStore(t, idp)
  t.equal(await find(idp.keys.current.kid), 'found')
  const { published } = idp.keys
  idp.keys.published = []
  t.equal(await find('unknown'), 'unavailable')
  t.equal(await find(idp.keys.current.kid), 'unavailable')
  t.same(fetches.map(({ ok }) => ok), [true, false])
  idp.keys.published = published
  clock.now += 5000
  t.equal(await find(idp.keys.current.kid), 'found')
})

t.test('a token without a kid costs no fetch where a set is in hand', async t => {
  const idp = await startIdp(t)
  const { find } = startStore(t, idp)
  t.equal(await find(undefined), 'found')
  await idp.keys.add()
  t.equal(await find('unknown'), 'unknown')
  t.equal(await find(undefined), 'unknown')
  t.equal(idp.requests.jwks, 2)
  // Nor does it wait for somebody else's.
  idp.fail('jwks', faults.hang())
  void find('another')
  while (idp.requests.jwks < 3) await sleep(10)
  t.equal(await find(undefined), 'unknown')
})

t.test('nothing is fetched any more once it is closed', async t => {
  const idp = await startIdp(t)
  const { find, store } = startStore(t, idp, { refreshEvery: 50 })
  await find(idp.keys.current.kid)
  store.close()
  await sleep(50)
  const { jwks } = idp.requests
  await sleep(200)
  t.equal(idp.requests.jwks, jwks)
})
