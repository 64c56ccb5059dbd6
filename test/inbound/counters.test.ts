import t, { type Test } from 'tap'
import { Counters } from '../../src/inbound/counters.ts'
import { holdClock } from './clock.ts'

const PER = 1000
const MOST_KEYS = 100_000

/** Counters with a clock of the test's: what they call back with. */
function startCounters (t: Test) {
  const clock = holdClock(t, 500)
  const asking = (counters: Counters) => (key: string, timeWindow = PER) => {
    let answer: unknown
    counters.incr(key, (error, result) => { answer = error ?? result }, timeWindow)
    return answer
  }
  const counters = new Counters()
  return { clock, counters, asking, ask: asking(counters) }
}

t.test('a window begins with its first request and ends just its length later', async t => {
  const { clock, ask } = startCounters(t)
  for (const [now, current, ttl] of [[500, 1, 1000], [500, 2, 1000], [1499.5, 3, 0.5], [1500, 1, 1000], [2499, 2, 1], [2501, 1, 1000], [9000, 1, 1000]] as const) {
    clock.now = now
    t.same(ask('a'), { current, ttl }, String(now))
  }
})

t.test('each key has a window of its own, as long as it is asked for', async t => {
  const { clock, ask } = startCounters(t)
  for (const [now, key, per, current, ttl] of [[500, 'a', 1000, 1, 1000], [600, '', 1000, 1, 1000], [700, 'a', 1000, 2, 800], [800, '', 1000, 2, 800], [900, 'a', 400, 1, 400], [1000, 'b', 50, 1, 50]] as const) {
    clock.now = now
    t.same(ask(key, per), { current, ttl }, `${now} ${key}`)
  }
})

t.test('what was told once does not change, and there is never an error', async t => {
  const { counters } = startCounters(t)
  const told: unknown[] = []
  for (let at = 0; at < 3; at++) counters.incr('a', (...all) => { told.push(all) }, PER)
  t.same(told, [1, 2, 3].map(current => [null, { current, ttl: PER }]))
})

t.test('a child counts for itself', async t => {
  const { counters, asking, ask } = startCounters(t)
  ask('a')
  const one = asking(counters.child())
  const other = asking(counters.child())
  t.same([one('a'), one('a'), other('a'), ask('a')], [1, 2, 1, 2].map(current => ({ current, ttl: PER })))
})

t.test('of more keys than it remembers, the one that was seen longest ago is forgotten', async t => {
  const { ask } = startCounters(t)
  for (let at = 0; at < MOST_KEYS; at++) ask(`k${at}`)
  for (const [key, current] of [['k0', 2], ['new', 1], ['k0', 3], ['k2', 2], ['k1', 1], ['k3', 1], ['k2', 3], ['new', 2]] as const) t.same(ask(key), { current, ttl: PER }, key)
})

t.test('what replicas counted together goes on here from where it was, and ends no later', async t => {
  const { clock, counters, ask } = startCounters(t)
  // Asked at 500, answered later: the window ends 700 ms after it was asked at the earliest.
  clock.now = 600
  t.same(counters.adopt('a', { current: 7, ttl: 700 }, PER, 500), { current: 7, ttl: 700 })
  t.same(ask('a'), { current: 8, ttl: 600 })
  clock.now = 1199
  t.same(ask('a'), { current: 9, ttl: 1 })
  clock.now = 1200
  t.same(ask('a'), { current: 1, ttl: 1000 })
})

t.test('where replicas lost count, this process has not, until its window ends', async t => {
  const { clock, counters, ask } = startCounters(t)
  for (let n = 1; n <= 5; n++) t.match(ask('a'), { current: n })
  t.same(counters.adopt('a', { current: 1, ttl: 1000 }, PER, 500), { current: 6, ttl: 1000 })
  t.same(counters.adopt('a', { current: 9, ttl: 400 }, PER, 500), { current: 9, ttl: 400 })
  clock.now = 900
  t.same(counters.adopt('a', { current: 1, ttl: 1000 }, PER, 900), { current: 1, ttl: 1000 })
})
