import t from 'tap'
import { Ejection, type EjectionOptions } from '../../src/outbound/ejection.ts'
import { createHost, type Host } from '../../src/outbound/hosts.ts'
import { createClock } from './clock.ts'

const GOOD = { verdict: 'good', connected: true } as const
const FAILED = { verdict: 'failed', connected: true } as const
const REFUSED = { verdict: 'failed', connected: false } as const
const NEITHER = { verdict: 'neither', connected: true } as const

function scene (count: number, changes: Partial<EjectionOptions> = {}) {
  const clock = createClock()
  const answers = new Map<string, boolean>()
  const knocks: string[] = []
  const changed: string[] = []
  const hosts = Array.from({ length: count }, (_value, at) => createHost(String(at), {
    get dispatcher (): never { throw new Error('nothing is sent here') },
    open: () => 0,
    knock () {
      knocks.push(String(at))
      return Promise.resolve(answers.get(String(at)) ?? true)
    },
    close: () => Promise.resolve()
  }))
  const ejection = new Ejection(hosts, {
    after: 3, for: 10_000, max: 0.5, now: clock.now, startLimit: clock.startLimit, onChange: ({ origin, isEjected }) => { changed.push(`${origin} ${isEjected ? 'out' : 'in'}`) }, ...changes
  })
  const at = (number: number): Host => {
    const host = hosts[number]
    if (host === undefined) throw new Error(`no host ${number}`)
    return host
  }
  const tells = (host: Host, verdict: typeof GOOD | typeof FAILED | typeof REFUSED | typeof NEITHER, times = 1): void => { for (let told = 0; told < times; told++) ejection.ended(host, verdict) }
  return { clock, hosts, ejection, answers, knocks, changed, at, tells }
}

t.test('failures in a row take a host out; a good answer begins the row anew', async t => {
  const { ejection, changed, at, tells } = scene(3)
  tells(at(0), FAILED, 2)
  tells(at(0), GOOD)
  tells(at(0), FAILED, 2)
  tells(at(0), NEITHER, 50)
  t.same(changed, [])
  tells(at(0), FAILED)
  t.same(changed, ['0 out'])
  t.equal(ejection.count, 1)
  tells(at(0), FAILED, 50)
  t.same(changed, ['0 out'], 'what was under way changes nothing')
})

t.test('one that answers badly is back when its time is over, and it takes a connection then', async t => {
  const { clock, knocks, changed, at, tells } = scene(3)
  tells(at(0), FAILED, 3)
  await clock.pass(9999)
  t.same(changed, ['0 out'])
  await clock.pass(1)
  t.same(changed, ['0 out', '0 in'])
  const knocked = knocks.length
  await clock.pass(100_000)
  t.same([knocks.length, clock.running], [knocked, 0])
})

t.test('one that could not be connected to is back as soon as it can be, and not before it was asked', async t => {
  const { clock, answers, changed, at, tells } = scene(3, { for: 3_600_000 })
  tells(at(0), REFUSED, 3)
  t.same(changed, ['0 out'])
  answers.set('0', false)
  await clock.pass(60_000)
  t.same(changed, ['0 out'])
  answers.set('0', true)
  await clock.pass(1000)
  t.same(changed, ['0 out', '0 in'])
})

t.test('so is one that reset its connections, and took none after that', async t => {
  const { clock, answers, changed, at, tells } = scene(3, { for: 3_600_000 })
  answers.set('0', false)
  tells(at(0), FAILED, 3)
  await clock.pass(5000)
  t.same(changed, ['0 out'])
  answers.set('0', true)
  await clock.pass(1000)
  t.same(changed, ['0 out', '0 in'])
})

t.test('one that is out of reach when its time is over stays out', async t => {
  const { clock, answers, knocks, changed, at, tells } = scene(3)
  tells(at(0), FAILED, 3)
  await clock.pass(9500)
  answers.set('0', false)
  await clock.pass(50_000)
  t.same(changed, ['0 out'])
  t.ok(knocks.length > 50)
})

t.test('never more than max of them, one at least, and never all', async t => {
  for (const [count, max, most] of [[2, 0.5, 1], [2, 1, 1], [3, 0.5, 1], [3, 0.01, 1], [4, 0.5, 2], [4, 1, 3], [10, 0.3, 3]] as const) {
    const { hosts, ejection, tells } = scene(count, { max })
    for (const host of hosts) tells(host, FAILED, 10)
    t.equal(ejection.count, most, `${most} of ${count} at ${max}`)
  }
})

t.test('one for which there was no room goes when there is', async t => {
  const { clock, changed, at, tells } = scene(2)
  tells(at(0), FAILED, 3)
  tells(at(1), FAILED, 9)
  t.same(changed, ['0 out'])
  await clock.pass(10_000)
  tells(at(1), FAILED)
  t.same(changed, ['0 out', '0 in', '1 out'])
})

t.test('one that is back goes at its next failure, for longer each time; one good answer ends that', async t => {
  const { clock, changed, at, tells } = scene(3)
  const out = async (): Promise<number> => {
    const before = changed.length
    let ms = 0
    for (; changed.length === before && ms < 1_000_000; ms += 1000) await clock.pass(1000)
    return ms
  }
  tells(at(0), FAILED, 3)
  const times = [await out()]
  for (let again = 0; again < 7; again++) {
    tells(at(0), FAILED)
    times.push(await out())
  }
  t.same(times, [10, 20, 30, 40, 50, 60, 60, 60].map(seconds => seconds * 1000))
  tells(at(0), GOOD)
  tells(at(0), FAILED, 2)
  t.notOk(at(0).isEjected)
  await clock.pass(100_000)
  tells(at(0), FAILED)
  t.equal(await out(), 10_000, 'what is long ago is forgotten')
})

t.test('once closed it does nothing any more', async t => {
  const { clock, ejection, knocks, changed, at, tells } = scene(3)
  tells(at(0), FAILED, 3)
  ejection.close()
  tells(at(1), FAILED, 3)
  await clock.pass(100_000)
  t.same([knocks, changed, clock.running], [['0'], ['0 out'], 0])
})
