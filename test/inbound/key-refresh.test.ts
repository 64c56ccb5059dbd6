// When a key store fetches, with timers and an IdP of the test's.
import { setImmediate as immediate } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { IdpError } from '../../src/idp/http.ts'
import type { ProviderMetadata } from '../../src/idp/provider.ts'
import { createKeyStore, type KeyFetch, type KeyStoreOptions } from '../../src/inbound/key-store.ts'
import { createSigningKey } from '../support/signing-keys.ts'

const ec = await createSigningKey('ES256', 'ec')
const other = await createSigningKey('ES256', 'other')
const goodSet = { keys: [ec.publicJwk] }

interface Timer {
  readonly run: () => void
  readonly ms: number
  isCleared: boolean
  unref (): Timer
}

/** A key store whose IdP answers as the test says, and whose clock and timers are the test's. */
function startStore (t: Test, options: Partial<KeyStoreOptions> = {}, metadata: ProviderMetadata = { jwks_uri: 'https://idp.example.com/keys', token_endpoint: undefined }) {
  const timers: Timer[] = []
  const stop = clearTimeout
  t.intercept(Math, 'random', { value: () => 0.5 })
  t.intercept(globalThis, 'setTimeout', {
    value (run: () => void, ms: number) {
      const timer: Timer = {
        run,
        ms,
        isCleared: false,
        // The store's are those for which no process waits; to import a key takes others.
        unref () {
          timers.push(timer)
          return timer
        }
      }
      return timer
    }
  })
  t.intercept(globalThis, 'clearTimeout', {
    value (timer: Timer | NodeJS.Timeout | undefined) {
      if (timer !== undefined && 'isCleared' in timer) timer.isCleared = true
      else stop(timer)
    }
  })
  const clock = { now: 1_000_000 }
  const asked: string[] = []
  const fetches: KeyFetch[] = []
  let answer: () => Promise<unknown> = async () => goodSet
  const store = createKeyStore({
    provider: { metadata: async () => metadata, forget () {} },
    client: {
      send: async () => { throw new IdpError('is asked for documents only') },
      json: async url => {
        asked.push(url)
        return await answer()
      }
    },
    jwksUri: undefined,
    algorithms: ['ES256'],
    maxStale: 3_600_000,
    refreshEvery: 100_000,
    now: () => clock.now,
    onFetch: outcome => { fetches.push(outcome) },
    ...options
  })
  return {
    store,
    clock,
    asked,
    fetches,
    timers,
    idp: {
      answer (document: unknown) { answer = async () => document },
      fail () { answer = async () => { throw new IdpError('answered 500') } },
      wait (document: Promise<unknown>) { answer = async () => await document }
    },
    /** Until it has told of as many fetches; a key takes some turns of the event loop to import. */
    async fetched (times = 1) { for (let turn = 0; fetches.length < times && turn < 10_000; turn++) await immediate() },
    async settled () { for (let turn = 0; turn < 5; turn++) await immediate() }
  }
}

t.test('keys are fetched again in eight to ten tenths of the time, which is half of their longest life at most', async t => {
  for (const [options, ms] of [
    [{}, 90_000],
    [{ maxStale: 60_000 }, 27_000],
    [{ maxStale: 200_000 }, 90_000],
    // A set lives for ten seconds, whatever is said.
    [{ maxStale: 0 }, 4500],
    [{ refreshEvery: 500 }, 450]
  ] as const) {
    await t.test(JSON.stringify(options), async t => {
      const { timers, settled, fetched, asked } = startStore(t, options)
      await fetched()
      await settled()
      t.match(timers, [{ ms, isCleared: false }])
      timers[0]?.run()
      await fetched(2)
      await settled()
      t.match(timers, [{}, { ms }])
      t.equal(asked.length, 2)
    })
  }
})

t.test('after a failure sooner: in four seconds, or as often as ever where that is sooner still', async t => {
  for (const [options, ms] of [[{}, 3600], [{ refreshEvery: 2000 }, 1800], [{ refreshEvery: 10 }, 187.5]] as const) {
    await t.test(JSON.stringify(options), async t => {
      const { timers, settled, fetched, idp } = startStore(t, options)
      idp.fail()
      await fetched()
      await settled()
      t.match(timers, [{ ms }], 'and never within the pause')
    })
  }
})

t.test('once it is closed no timer is left, and none is set by what was under way', async t => {
  const { store, timers, settled, fetched } = startStore(t)
  await fetched()
  await settled()
  store.close()
  t.match(timers, [{ isCleared: true }])
  await t.test('under way', async t => {
    const { store, timers, settled, idp, asked } = startStore(t)
    let give = (_document: unknown): void => {}
    idp.wait(new Promise(resolve => { give = resolve }))
    await settled()
    t.equal(asked.length, 1)
    store.close()
    give(goodSet)
    await settled()
    t.match(store.status(), { tried: true, usable: true })
    t.same(timers, [])
  })
})

t.test('where no document says where the keys are, nobody is asked', async t => {
  const { store, asked, fetched, fetches } = startStore(t, {}, { jwks_uri: undefined, token_endpoint: undefined })
  await fetched()
  t.same(asked, [])
  t.match(fetches, [{ ok: false, error: { name: 'IdpError' } }])
  t.equal(await store.find('ec', 'ES256'), 'unavailable')
})

t.test('what signed a token is held while its key is in the set, and the set not too old', async t => {
  const { store, clock, idp, timers, fetched, settled } = startStore(t, { maxStale: 60_000 })
  const early = { kid: 'ec', algorithms: ['ES256'], id: 'x', verifies: () => true } as const
  t.equal(store.holds(early), false, 'before there is a set')
  await fetched()
  await settled()
  const key = await store.find('ec', 'ES256')
  if (typeof key === 'string') throw new Error(key)
  t.equal(store.holds(key), true)
  t.equal(store.holds({ ...key }), false, 'the very key, not one like it')
  clock.now += 60_000
  t.equal(store.holds(key), true)
  clock.now += 1
  t.equal(store.holds(key), false)
  clock.now -= 1
  idp.answer({ keys: [other.publicJwk] })
  timers[0]?.run()
  await fetched(2)
  t.equal(store.holds(key), false)
})

t.test('a set without a usable key is told with its reasons, five of them, and is no set to serve by', async t => {
  const { store, idp, timers, fetches, fetched, settled } = startStore(t)
  await fetched()
  await settled()
  idp.answer({ keys: Array.from({ length: 7 }, () => ({ ...ec.publicJwk, use: 'enc' })) })
  timers[0]?.run()
  await fetched(2)
  await settled()
  const error = fetches[1]?.ok === false ? fetches[1].error : undefined
  t.match(error, { name: 'IdpError' })
  const said = error instanceof Error ? error.message.split('; ') : []
  t.same(said.slice(1).map(reason => /\bkey \d+\b/.exec(reason)?.[0]), ['key 0', 'key 1', 'key 2', 'key 3', 'key 4'])
  t.match(store.status(), { tried: true, usable: false, keys: 0 })
  for (const kid of ['ec', 'invented', undefined]) t.equal(await store.find(kid, 'ES256'), 'unavailable', kid ?? 'no kid')
})

t.test('without a kid, too, an outage is nobody\'s unknown key', async t => {
  const { store, idp, fetched, settled, clock } = startStore(t)
  idp.fail()
  t.equal(await store.find(undefined, 'ES256'), 'unavailable')
  await fetched()
  await settled()
  t.equal(await store.find(undefined, 'ES256'), 'unavailable', 'within the pause')
  idp.answer(goodSet)
  clock.now += 5000
  t.match(await store.find(undefined, 'ES256'), { kid: 'ec' })
})

t.test('without a kid the set that comes is asked, and no second one', async t => {
  const { store, idp, asked } = startStore(t)
  idp.answer({ keys: [ec.publicJwk, other.publicJwk] })
  t.equal(await store.find(undefined, 'ES256'), 'unknown')
  t.equal(asked.length, 1)
})

t.test('whoever asks within the pause costs nothing of what may be fetched for unknown kids', async t => {
  const { store, idp, clock, asked, fetched, settled } = startStore(t)
  await fetched()
  await settled()
  idp.fail()
  for (let at = 0; at < 10; at++) t.equal(await store.find(`invented-${at}`, 'ES256'), 'unavailable')
  t.equal(asked.length, 2)
  idp.answer({ keys: [ec.publicJwk, other.publicJwk] })
  clock.now += 5000
  t.match(await store.find('other', 'ES256'), { kid: 'other' })
  t.equal(asked.length, 3)
})
