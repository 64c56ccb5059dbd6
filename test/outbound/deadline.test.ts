import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { Deadline } from '../../src/outbound/deadline.ts'

const timers = () => process.getActiveResourcesInfo().filter(name => name === 'Timeout').length

t.test('it fires once, when nothing moves it', async t => {
  let fired = 0
  new Deadline(() => { fired += 1 }).move(20)
  await sleep(150)
  t.equal(fired, 1)
})

t.test('a thousand that are moved do not fire, cost one timer, and none when all are stopped', async t => {
  let fired = 0
  await sleep(100)
  const before = timers()
  const deadlines = Array.from({ length: 1000 }, () => new Deadline(() => { fired += 1 }))
  for (const deadline of deadlines) deadline.move(60_000)
  for (const deadline of deadlines) deadline.move(50_000)
  t.equal(timers(), before + 1)
  for (const deadline of deadlines) deadline.stop()
  for (let waited = 0; timers() !== before && waited < 5000; waited += 50) await sleep(50)
  t.equal(timers(), before)
  t.equal(fired, 0)
})

t.test('one that is stopped by another that fires at the same time does not fire', async t => {
  const fired: string[] = []
  const one: Deadline = new Deadline(() => {
    fired.push('one')
    other.stop()
  })
  const other: Deadline = new Deadline(() => {
    fired.push('other')
    one.stop()
  })
  one.move(20)
  other.move(20)
  await sleep(150)
  t.equal(fired.length, 1)
})

t.test('it can be moved nearer', async t => {
  let fired = 0
  const deadline = new Deadline(() => { fired += 1 })
  deadline.move(60_000)
  deadline.move(20)
  await sleep(150)
  t.equal(fired, 1)
})

t.test('it begins again after it was stopped', async t => {
  let fired = 0
  const deadline = new Deadline(() => { fired += 1 })
  deadline.move(10)
  deadline.stop()
  await sleep(50)
  t.equal(fired, 0)
  deadline.move(10)
  await sleep(100)
  t.equal(fired, 1)
})
