import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { createPressure, measureProcess } from '../../src/inbound/pressure.ts'
import { tearDown } from '../support/teardown.ts'

/** One that measures what the test says, and is looked at after each measurement. */
function scene (t: Test) {
  const queue: Array<{ readonly delay: number, readonly memory: number, readonly measured: () => void }> = []
  const drawn = { next: 0.5 }
  const states: string[] = []
  let measured = 0
  const pressure = createPressure({
    every: 1,
    random: () => drawn.next,
    onChange: state => { states.push(state) },
    measure () {
      measured++
      const next = queue.shift()
      // What it makes of it shows after this.
      if (next !== undefined) setImmediate(next.measured)
      // Neither above a limit nor clearly below it.
      return next ?? { delay: 90, memory: 0 }
    }
  })
  // It keeps no process alive by itself.
  const alive = setInterval(() => {}, 1000)
  tearDown(t, () => { clearInterval(alive); pressure.close() })
  const look = async (delay: number, memory = 0): Promise<number> => {
    await new Promise<void>(resolve => { queue.push({ delay, memory, measured: resolve }) })
    return Math.round(pressure.share() * 100)
  }
  return { pressure, drawn, states, look, measurements: () => measured }
}

t.test('without a limit nothing is measured, and nothing turned away', async t => {
  const { pressure, states, measurements } = scene(t)
  await sleep(20)
  pressure.setLimits({})
  await sleep(20)
  t.equal(measurements(), 0)
  t.equal(pressure.sheds(), false)
  t.same(states, [])
})

t.test('the share grows while a limit is exceeded, shrinks while there is clearly less, and stays in between', async t => {
  const { pressure, states, look } = scene(t)
  pressure.setLimits({ max_event_loop_delay: 100 })
  t.equal(await look(100), 0, 'at the limit is not past it')
  t.same(states, [])
  t.equal(await look(101), 20)
  t.same(states, ['overloaded'])
  t.equal(await look(500), 40)
  t.equal(await look(100), 40)
  t.equal(await look(80), 40)
  t.equal(await look(79), 30)
  for (const expected of [50, 70, 90, 100, 100]) t.equal(await look(101), expected)
  for (const expected of [90, 80, 70, 60, 50, 40, 30, 20, 10, 0]) t.equal(await look(0), expected)
  t.same(states, ['overloaded', 'relieved'])
  t.equal(pressure.share(), 0, 'to the last digit')
})

t.test('a request is turned away where the share is larger than what was drawn for it', async t => {
  const { pressure, drawn, look } = scene(t)
  pressure.setLimits({ max_event_loop_delay: 100 })
  drawn.next = 0
  t.equal(pressure.sheds(), false)
  await look(101)
  for (const [next, sheds] of [[0, true], [0.19, true], [0.2, false], [0.99, false]] as const) {
    drawn.next = next
    t.equal(pressure.sheds(), sheds, String(next))
  }
  for (let at = 0; at < 4; at++) await look(101)
  t.equal(pressure.sheds(), true, 'all of them')
})

t.test('when it is closed nothing is measured any more', async t => {
  const { pressure, look, measurements } = scene(t)
  pressure.setLimits({ max_memory: 1000 })
  await look(0)
  pressure.close()
  const before = measurements()
  await sleep(30)
  t.equal(measurements(), before)
})

t.test('the worse of both limits counts; other limits hold from then on, and none relieve', async t => {
  const { pressure, states, look } = scene(t)
  pressure.setLimits({ max_event_loop_delay: 100, max_memory: 1000 })
  t.equal(await look(10, 1001), 20)
  t.equal(await look(101, 10), 40)
  t.equal(await look(10, 10), 30)
  pressure.setLimits({ max_memory: 2000 })
  t.equal(await look(1e6, 1001), 20)
  pressure.setLimits({})
  t.equal(pressure.share(), 0)
  t.same(states, ['overloaded', 'relieved'])
})

t.test('of this process: how late it is, and what it uses', async t => {
  const measure = measureProcess()
  t.equal(measure().delay, 0, 'nothing was looked at yet')
  await sleep(100)
  const idle = measure()
  t.ok(idle.memory > 1_000_000)
  t.ok(idle.delay < performance.now(), 'in milliseconds')
  for (let times = 0; times < 4; times++) {
    for (const until = Date.now() + 200; Date.now() < until;);
    await sleep(1)
  }
  const busy = measure()
  t.ok(busy.delay > 50, `${busy.delay}`)
  t.ok(busy.delay > idle.delay)
  const buffer = Buffer.alloc(64 * 1024 * 1024, 1)
  t.ok(measure().memory > idle.memory + 30_000_000)
  t.equal(buffer.length, 64 * 1024 * 1024)
})
