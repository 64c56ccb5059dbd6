import t from 'tap'
import { createRestarts } from '../../src/cluster/restarts.ts'

t.test('what fails at its start is started later each time, up to half a minute', async t => {
  const { delayAfter } = createRestarts(() => 1)
  t.same(Array.from({ length: 11 }, () => delayAfter(500)), [100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000])
})

t.test('what has run for a minute is started at once, and begins anew', async t => {
  const { delayAfter } = createRestarts(() => 1)
  for (let at = 0; at < 5; at++) delayAfter(59_999)
  t.equal(delayAfter(60_000), 100)
  t.equal(delayAfter(500), 100)
  t.equal(delayAfter(500), 200)
})

t.test('several that end at once do not come back at once', async t => {
  t.equal(createRestarts(() => 0).delayAfter(500), 50)
  t.equal(createRestarts(() => 0.5).delayAfter(500), 75)
})
