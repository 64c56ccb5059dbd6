import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { createDeadline } from '../../src/outbound/deadline.ts'

const timers = () => process.getActiveResourcesInfo().filter(name => name === 'Timeout').length

t.test('it fires once, when nothing moves it', async t => {
  let fired = 0
  createDeadline(() => { fired += 1 }).move(20)
  await sleep(150)
  t.equal(fired, 1)
})

t.test('it does not fire while it is moved, and costs one timer', async t => {
  let fired = 0
  const before = timers()
  const deadline = createDeadline(() => { fired += 1 })
  for (let moved = 0; moved < 1000; moved++) deadline.move(60_000)
  t.equal(timers(), before + 1)
  deadline.stop()
  t.equal(timers(), before)
  t.equal(fired, 0)
})

t.test('it can be moved nearer', async t => {
  let fired = 0
  const deadline = createDeadline(() => { fired += 1 })
  deadline.move(60_000)
  deadline.move(20)
  await sleep(150)
  t.equal(fired, 1)
})

t.test('it begins again after it was stopped', async t => {
  let fired = 0
  const deadline = createDeadline(() => { fired += 1 })
  deadline.move(10)
  deadline.stop()
  await sleep(50)
  t.equal(fired, 0)
  deadline.move(10)
  await sleep(100)
  t.equal(fired, 1)
})
