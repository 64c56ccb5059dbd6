import t from 'tap'
import { createChannel, type Channel } from '../../src/cluster/channel.ts'
import { createSharedState } from '../../src/cluster/shared-state.ts'
import { createSiblings } from '../../src/cluster/siblings.ts'
import { IdpError } from '../../src/idp/http.ts'
import { QUIET, type MachineToken } from '../../src/outbound/token-store.ts'

/** So many workers of one leader, and the IdP that they ask. */
function scene (workers: number) {
  const clock = { now: 1_000_000 }
  const state = createSharedState(() => clock.now)
  const asked: number[] = []
  const idp = { fails: false, wait: Promise.resolve() }
  const siblings = Array.from({ length: workers }, () => {
    const leader: Channel = createChannel(message => { queueMicrotask(() => { worker.receive(structuredClone(message)) }) }, state)
    const worker: Channel = createChannel(message => { queueMicrotask(() => { leader.receive(structuredClone(message)) }) }, {})
    return createSiblings(worker)
  })
  const askAs = (at: number) => async (): Promise<MachineToken> => {
    asked.push(at)
    const askedAt = clock.now
    await idp.wait
    if (idp.fails) throw new IdpError('answered 500')
    return { value: `token ${asked.length}`, askedAt, endsAt: askedAt + 300_000 }
  }
  const obtain = async (at: number, { request = 'r', not, refused = false }: { readonly request?: string, readonly not?: MachineToken | undefined, readonly refused?: boolean } = {}) =>
    await siblings[at]?.tokens.of(request).obtain({ not, refused }, askAs(at))
  return { clock, asked, idp, siblings, obtain }
}

t.test('of workers that want a token at once one asks, and all have it', async t => {
  const { asked, obtain } = scene(4)
  const tokens = await Promise.all([0, 1, 2, 3, 0, 1].map(async at => await obtain(at)))
  t.same(new Set(tokens.map(token => token?.value)), new Set(['token 1']))
  t.equal(asked.length, 1)
  t.equal((await obtain(2))?.value, 'token 1')
  t.equal((await obtain(2, { request: 'another' }))?.value, 'token 2')
})

t.test('a renewal is one request, too: the others take what it brought', async t => {
  const { asked, clock, obtain } = scene(3)
  const first = await obtain(0)
  clock.now += 200_000
  const renewed = await Promise.all([0, 1, 2].map(async at => await obtain(at, { not: first })))
  t.same(renewed.map(token => token?.value), Array(3).fill('token 2'))
  t.equal(asked.length, 2)
})

t.test('a token that has hardly any life left, or none, is not begun with', async t => {
  const { clock, obtain } = scene(2)
  await obtain(0)
  clock.now += 284_999
  t.equal((await obtain(1))?.value, 'token 1')
  clock.now += 1
  t.equal((await obtain(1))?.value, 'token 2')
})

t.test('where one asked in vain, those who waited fail with it, and the next one asks again', async t => {
  const { asked, idp, obtain } = scene(3)
  idp.fails = true
  const results = await Promise.allSettled([0, 1, 2].map(async at => await obtain(at)))
  t.same(results.map(({ status }) => status), Array(3).fill('rejected'))
  t.equal(asked.length, 1)
  idp.fails = false
  t.equal((await obtain(1))?.value, 'token 2')
})

t.test('a refused token is replaced once for all of them; a new one that is refused too, not for half a minute', async t => {
  const { asked, clock, obtain } = scene(3)
  const first = await obtain(0)
  const others = await Promise.all([0, 1, 2].map(async at => await obtain(at, { not: first, refused: true })))
  t.same(others.map(token => token?.value), Array(3).fill('token 2'))
  t.equal(await obtain(1, { not: others[0], refused: true }), undefined)
  clock.now += QUIET
  t.equal((await obtain(1, { not: others[0], refused: true }))?.value, 'token 3')
  t.equal(asked.length, 3)
})

t.test('whoever asks and is never heard of again holds nobody back for long', { timeout: 60_000 }, async t => {
  const { idp, asked, obtain } = scene(2)
  idp.wait = new Promise(() => {})
  // Its answer never comes, and nobody waits for it here.
  void obtain(0)
  for (; asked.length === 0;) await new Promise(resolve => { setImmediate(resolve) })
  idp.wait = Promise.resolve()
  // The lease keeps no process alive by itself.
  const alive = setInterval(() => {}, 1000)
  const other = await obtain(1)
  clearInterval(alive)
  t.equal(other?.value, 'token 2')
})

t.test('a leader that does not answer leaves each to itself', async t => {
  const { counters, tokens } = createSiblings({ ask: async () => undefined, tell () {} })
  t.equal((await tokens.of('r').obtain({ not: undefined, refused: false }, async () => ({ value: 'own', askedAt: 0, endsAt: 1 })))?.value, 'own')
  t.equal(await counters.of('limit')('key', 1000), undefined)
})

t.test('they count together, by limit and caller', async t => {
  const { siblings } = scene(2)
  const count = async (at: number, limit: string, key: string) => (await siblings[at]?.counters.of(limit)(key, 60_000))?.current
  t.same([await count(0, 'a', 'x'), await count(1, 'a', 'x'), await count(0, 'a', 'y'), await count(1, 'b', 'x'), await count(0, 'a', 'x')], [1, 2, 1, 1, 3])
})
