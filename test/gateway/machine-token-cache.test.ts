import t from 'tap'
import { setTimeout as sleep } from 'node:timers/promises'
import { IdpError } from '../../src/idp/http.ts'
import { createMachineTokenCache, type MachineTokenCache } from '../../src/outbound/machine-token.ts'
import type { IssuedToken } from '../../src/outbound/token-endpoint.ts'
import { tearDown, type TestContext } from '../support/teardown.ts'

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** A cache whose token requests are answered by `issue`, and a clock of the test's. */
function startCache (t: TestContext, issue: (count: number) => Partial<IssuedToken> | Promise<Partial<IssuedToken>>) {
  const clock = { now: 1_700_000_000_000 }
  const asked: number[] = []
  const cache = createMachineTokenCache({
    async fetch () {
      asked.push(Date.now())
      await sleep(10)
      return { accessToken: `token-${asked.length}`, expiresIn: undefined, secret: 1, ...await issue(asked.length) }
    },
    now: () => clock.now,
    onFetch () {}
  })
  tearDown(t, () => { cache.close() })
  return { cache, clock, asked }
}

async function endOf (cache: MachineTokenCache, { now }: { now: number }): Promise<number> {
  return (await cache.get()).endsAt - now
}

t.test('the end is the earlier of what the answer and the token say, else five minutes', async t => {
  const seconds = 1_700_000_000
  const jwt = (exp: unknown) => `${encode({ alg: 'RS256' })}.${encode({ exp })}.sig`
  const table: Array<[Partial<IssuedToken>, number]> = [
    [{ expiresIn: 60 }, 60_000],
    [{ expiresIn: 0.5 }, 500],
    [{}, 300_000],
    [{ expiresIn: 60, accessToken: jwt(seconds + 30) }, 30_000],
    [{ expiresIn: 60, accessToken: jwt(seconds + 90) }, 60_000],
    [{ accessToken: jwt(seconds + 90) }, 90_000],
    [{ accessToken: jwt(String(seconds + 90)) }, 300_000],
    [{ accessToken: jwt(null) }, 300_000],
    [{ accessToken: jwt(undefined) }, 300_000],
    [{ expiresIn: 60, accessToken: `${encode({})}.bm8gSlNPTg.sig` }, 60_000],
    [{ expiresIn: 60, accessToken: 'opaque' }, 60_000],
    [{ expiresIn: 1e9, accessToken: 'opaque' }, 1e12]
  ]
  for (const [issued, expected] of table) {
    const { cache, clock } = startCache(t, () => issued)
    t.equal(await endOf(cache, clock), expected)
  }
})

t.test('one that has ended when it arrives is none', async t => {
  for (const issued of [{ expiresIn: 0 }, { accessToken: `${encode({})}.${encode({ exp: 1_700_000_000 })}.sig` }, { accessToken: `${encode({})}.${encode({ exp: -1 })}.sig` }]) {
    const { cache } = startCache(t, () => issued)
    await t.rejects(async () => await cache.get(), { name: 'IdpError' })
    t.match(cache.status(), { tried: true, failing: true, token: undefined })
  }
})

t.test('it is shown until its end, and never after', async t => {
  const { cache, clock, asked } = startCache(t, count => ({ expiresIn: count === 1 ? 60 : 90 }))
  await cache.get()
  clock.now += 59_999
  t.match(cache.get(), { value: 'token-1' })
  clock.now += 1
  const next = cache.get()
  t.ok(next instanceof Promise)
  t.match(await next, { value: 'token-2' })
  t.equal(asked.length, 2)
})

t.test('renewals come after seven tenths of a life, and not all at one time', async t => {
  const began = Date.now()
  const caches = Array.from({ length: 30 }, () => startCache(t, () => ({ expiresIn: 1.5 })))
  await Promise.all(caches.map(async ({ cache }) => await cache.get()))
  for (const deadline = Date.now() + 10_000; caches.some(({ asked }) => asked.length < 2) && Date.now() < deadline;) await sleep(50)
  const renewals = caches.map(({ asked }) => (asked[1] ?? NaN) - began)
  t.ok(renewals.every(at => at >= 1000), renewals.join())
  t.ok(Math.max(...renewals) - Math.min(...renewals) > 50)
})

t.test('fifty whose token was refused get one new one, and those that come late the same', async t => {
  const { cache, asked } = startCache(t, () => ({ expiresIn: 60 }))
  const { value } = await cache.get()
  const replaced = await Promise.all(Array.from({ length: 50 }, async () => await cache.replace(value)))
  t.same(new Set(replaced.map(one => one?.value)), new Set(['token-2']))
  t.match(await cache.replace(value), { value: 'token-2' })
  t.equal(asked.length, 2)
})

t.test('nobody is shown a token that was refused while a new one is on its way', async t => {
  const { cache } = startCache(t, () => ({ expiresIn: 60 }))
  const { value } = await cache.get()
  const replacing = cache.replace(value)
  t.match(await cache.get(), { value: 'token-2' })
  await replacing
})

t.test('a new token that is refused too is kept, and asks for none for half a minute', async t => {
  const { cache, clock, asked } = startCache(t, () => ({ expiresIn: 300 }))
  await cache.get()
  await cache.replace('token-1')
  for (let second = 0; second < 30; second++, clock.now += 1000) {
    t.equal(await cache.replace('token-2'), undefined)
    t.match(cache.get(), { value: 'token-2' })
  }
  t.equal(asked.length, 2)
  t.match(await cache.replace('token-2'), { value: 'token-3' })
  t.equal(asked.length, 3)
})

t.test('an IdP that gives the same token again does not make it another one', async t => {
  const { cache, asked } = startCache(t, () => ({ accessToken: 'always', expiresIn: 300 }))
  await cache.get()
  t.equal(await cache.replace('always'), undefined)
  t.equal(await cache.replace('always'), undefined)
  t.match(cache.get(), { value: 'always' })
  t.equal(asked.length, 2)
})

t.test('a refused token for which no new one can be had is dropped: that is an outage, and ends with it', async t => {
  let down = false
  const { cache, clock, asked } = startCache(t, () => {
    if (down) throw new IdpError('answered 500')
    return { expiresIn: 300 }
  })
  await cache.get()
  down = true
  await t.rejects(async () => await cache.replace('token-1'), { name: 'IdpError' })
  await t.rejects(async () => await cache.get(), { name: 'IdpError' })
  t.equal(asked.length, 2)
  down = false
  clock.now += 5000
  t.match(await cache.get(), { value: 'token-3' })
})

t.test('a token that ended on its way is not a refusal: the next one is a request away', async t => {
  const { cache, clock, asked } = startCache(t, () => ({ expiresIn: 60 }))
  await cache.get()
  clock.now += 60_000
  t.match(await cache.replace('token-1'), { value: 'token-2' })
  t.match(await cache.replace('token-2'), { value: 'token-3' })
  t.equal(asked.length, 3)
})

t.test('once closed it asks for nothing', async t => {
  const { cache, asked } = startCache(t, () => ({ expiresIn: 0.3 }))
  await cache.get()
  cache.close()
  await sleep(500)
  t.equal(asked.length, 1)
})
