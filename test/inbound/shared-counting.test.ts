import t, { type Test } from 'tap'
import type { OnStoreFailure } from '../../src/config/redis-schema.ts'
import { Counters, type Counted } from '../../src/inbound/counters.ts'
import { SharedCounters } from '../../src/inbound/shared-counting.ts'
import { Refusal } from '../../src/policy/problems.ts'
import { holdClock } from './clock.ts'

const PER = 1000

/** One limit on a store of the test's, which gives these answers in turn, and what requests are told. */
function startCounting (t: Test, onFailure: OnStoreFailure, answers: ReadonlyArray<Counted | 'away' | 'goes away'>) {
  const clock = holdClock(t, 500)
  const asked: unknown[] = []
  const left = [...answers]
  const limit = new SharedCounters((key, window) => {
    asked.push([key, window])
    const answer = left.shift() ?? 'away'
    return answer === 'away' ? undefined : Promise.resolve(answer === 'goes away' ? undefined : answer)
  }, onFailure, new Counters())
  const ask = async (key = 'someone'): Promise<unknown> => await new Promise(resolve => {
    limit.incr(key, (error, result) => { resolve(error instanceof Refusal ? [error.code, error.extras.headers] : error ?? result) }, PER)
  })
  return { clock, asked, ask, limit }
}

t.test('what replicas counted is what a request is told', async t => {
  for (const onFailure of ['local', 'allow', 'deny'] as const) {
    const { ask, asked } = startCounting(t, onFailure, [{ current: 4, ttl: 700 }, { current: 5, ttl: 690 }])
    t.same([await ask(), await ask('other')], [{ current: 4, ttl: 700 }, { current: 5, ttl: 690 }])
    t.same(asked, [['someone', PER], ['other', PER]])
  }
})

t.test('local: from what was known last, and back', async t => {
  const { ask, clock } = startCounting(t, 'local', [{ current: 4, ttl: 700 }, 'away', 'goes away', { current: 1, ttl: 1000 }, { current: 9, ttl: 500 }, { current: 1, ttl: 1000 }])
  t.same(await ask(), { current: 4, ttl: 700 })
  clock.now = 600
  t.same(await ask(), { current: 5, ttl: 600 })
  t.same(await ask('other'), { current: 1, ttl: PER })
  t.same(await ask(), { current: 6, ttl: 600 }, 'it lost count, and this process has not')
  t.same(await ask(), { current: 9, ttl: 500 }, 'others counted more')
  clock.now = 1100
  t.same(await ask(), { current: 1, ttl: 1000 }, 'another window')
})

t.test('allow: nothing is counted while it is away, and nothing of that is remembered', async t => {
  const { ask } = startCounting(t, 'allow', ['away', 'goes away', { current: 1, ttl: PER }])
  t.same([await ask(), await ask(), await ask()], [{ current: 0, ttl: 0 }, { current: 0, ttl: 0 }, { current: 1, ttl: PER }])
})

t.test('allow: what is counted there is told as it is, also where it began anew', async t => {
  const { ask } = startCounting(t, 'allow', [{ current: 5, ttl: PER }, { current: 1, ttl: PER }])
  t.same([await ask(), await ask()], [{ current: 5, ttl: PER }, { current: 1, ttl: PER }])
})

t.test('deny: a refusal while it is away, and none before or after', async t => {
  const { ask } = startCounting(t, 'deny', [{ current: 1, ttl: PER }, 'away', 'goes away', { current: 2, ttl: PER }])
  const refused = ['store-unavailable', { 'Retry-After': '1' }]
  t.same([await ask(), await ask(), await ask(), await ask()], [{ current: 1, ttl: PER }, refused, refused, { current: 2, ttl: PER }])
})
