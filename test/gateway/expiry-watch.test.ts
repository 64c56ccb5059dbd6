import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { Certificates } from '../../src/config/certificates.ts'
import { watchExpiry } from '../../src/expiry-watch.ts'

const day = 24 * 3_600_000

t.test('certificates are looked at again and again, by the clock and the configuration of that moment', async t => {
  const clock = { now: 1_800_000_000_000 }
  const lines: unknown[] = []
  let list = [{ name: 'api', beginsAt: 0, endsAt: clock.now + 31 * day, isRoot: false }]
  const watch = watchExpiry({
    certificates: () => [{ name: 'listen.tls', path: ['listen', 'tls', 'cert'], certificates: new Certificates('', list) }],
    now: () => clock.now,
    log: { warn: (...line: unknown[]) => { lines.push(line) } },
    every: 20
  })
  t.teardown(() => { watch.close() })
  const until = async (wanted: number): Promise<void> => { for (const end = Date.now() + 5000; lines.length < wanted && Date.now() < end;) await sleep(10) }
  await sleep(100)
  t.same(lines, [])
  clock.now += 2 * day
  await until(1)
  t.match(lines, [[{ certificate: 'listen.tls' }, /"api" ends on 2027-\d\d-\d\d, in 29 days/]])
  list = []
  await sleep(50)
  const told = lines.length
  await sleep(100)
  t.equal(lines.length, told)
})
