import t, { type Test } from 'tap'
import { Patience } from '../../src/inbound/patience.ts'
import { holdClock } from './clock.ts'

interface Timer {
  readonly run: () => void
  readonly ms: number
  isCleared: boolean
}

/** A clock and timers of the test's. */
function holdTime (t: Test) {
  const timers: Timer[] = []
  const start = (run: () => void, ms: number) => {
    const timer = { run, ms, isCleared: false }
    timers.push(timer)
    return timer
  }
  t.intercept(globalThis, 'setTimeout', { value: start })
  t.intercept(globalThis, 'clearTimeout', { value: (timer: Timer | undefined) => { if (timer !== undefined) timer.isCleared = true } })
  return { clock: holdClock(t, 1000), timers }
}

const WAITS = [[1200, 5000], [0, 3800], [3799.5, 3800], [0.5, 0.5], [0, 0], [10, 0], [0, 0]] as const

t.test('what came in time is what was waited for, and all waits together have five seconds', async t => {
  const { clock, timers } = holdTime(t)
  for (const fails of [false, true]) {
    const patience = new Patience()
    for (const [passes, left] of WAITS) {
      let settle = (): void => {}
      const waited = patience.wait(new Promise<string>((resolve, reject) => { settle = () => { fails ? reject(new Error('failed')) : resolve('come') } }))
      clock.now += passes
      settle()
      await (fails ? t.rejects(waited, { message: 'failed' }) : t.resolveMatch(waited, 'come'))
      t.same(timers.splice(0).map(({ ms, isCleared }) => [ms, isCleared]), [[left, true]])
    }
  }
})

t.test('what did not is undefined, and nothing is left for the next', async t => {
  const { clock, timers } = holdTime(t)
  const patience = new Patience()
  for (const left of [5000, 0]) {
    const waited = patience.wait(new Promise(() => {}))
    clock.now += 5003
    const [timer] = timers.splice(0)
    t.match(timer, { ms: left, isCleared: false })
    timer?.run()
    t.equal(await waited, undefined)
    t.match(timer, { isCleared: true })
  }
  t.equal(await patience.wait(Promise.resolve('come already')), 'come already')
})
