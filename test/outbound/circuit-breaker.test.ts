import fc from 'fast-check'
import t from 'tap'
import { CircuitBreaker, type CircuitBreakerOptions, type Passage } from '../../src/outbound/circuit-breaker.ts'
import { createClock } from './clock.ts'

function breakerWith (changes: Partial<CircuitBreakerOptions> = {}) {
  const clock = createClock()
  const changed: string[] = []
  const breaker = new CircuitBreaker({ failures: 3, failureRate: undefined, window: 10_000, minRequests: 10, openFor: 5000, now: clock.now, onChange: state => { changed.push(state) }, ...changes })
  const fails = (count = 1): void => { for (let at = 0; at < count; at++) breaker.enter().ended('failed') }
  const succeeds = (count = 1): void => { for (let at = 0; at < count; at++) breaker.enter().ended('good') }
  return { clock, breaker, changed, fails, succeeds }
}

t.test('failures in a row open it; a good answer begins the row anew', async t => {
  const { breaker, changed, fails, succeeds } = breakerWith()
  fails(2)
  succeeds()
  fails(2)
  t.equal(breaker.state, 'closed')
  t.equal(breaker.refusal, undefined)
  fails()
  t.equal(breaker.state, 'open')
  t.same(changed, ['open'])
})

t.test('what says nothing neither adds to the row nor ends it', async t => {
  const { breaker, fails } = breakerWith()
  fails(2)
  for (let at = 0; at < 100; at++) breaker.enter().ended('neither')
  t.equal(breaker.state, 'closed')
  fails()
  t.equal(breaker.state, 'open')
})

t.test('open, it refuses with the time that is left', async t => {
  const { clock, breaker, fails } = breakerWith()
  fails(3)
  t.throws(() => breaker.enter(), { code: 'upstream-unavailable', extras: { headers: { 'Retry-After': '5' } } })
  await clock.pass(3500)
  t.throws(() => breaker.enter(), { code: 'upstream-unavailable', extras: { headers: { 'Retry-After': '2' } } })
  await clock.pass(1499)
  t.throws(() => breaker.enter(), { code: 'upstream-unavailable', extras: { headers: { 'Retry-After': '1' } } })
})

t.test('then one may try; when that is answered well, all may', async t => {
  const { clock, breaker, changed, fails } = breakerWith()
  fails(3)
  await clock.pass(5000)
  t.equal(breaker.state, 'half-open')
  t.equal(breaker.refusal, undefined)
  const probe = breaker.enter()
  t.throws(() => breaker.enter(), { code: 'upstream-unavailable' })
  await clock.pass(100_000)
  t.throws(() => breaker.enter(), { code: 'upstream-unavailable' }, 'however long it takes')
  probe.answered()
  t.equal(breaker.state, 'closed')
  breaker.enter()
  breaker.enter()
  probe.ended('good')
  t.same(changed, ['open', 'closed'])
})

t.test('one that fails opens it for another while', async t => {
  const { clock, breaker, changed, fails } = breakerWith()
  fails(3)
  await clock.pass(5000)
  breaker.enter().ended('failed')
  t.equal(breaker.state, 'open')
  await clock.pass(4999)
  t.equal(breaker.state, 'open')
  await clock.pass(1)
  breaker.enter().ended('good')
  t.equal(breaker.state, 'closed')
  t.same(changed, ['open', 'open', 'closed'])
  fails(2)
  t.equal(breaker.state, 'closed', 'the row begins anew')
})

t.test('one that told nothing leaves the next one to try', async t => {
  const { clock, breaker, fails } = breakerWith()
  fails(3)
  await clock.pass(5000)
  const probe = breaker.enter()
  probe.ended('neither')
  probe.ended('failed')
  t.equal(breaker.state, 'half-open')
  breaker.enter().ended('good')
  t.equal(breaker.state, 'closed')
})

t.test('what was sent before it opened has no say when it ends after that', async t => {
  const { clock, breaker, fails } = breakerWith()
  const [late, later, last] = [breaker.enter(), breaker.enter(), breaker.enter()]
  fails(3)
  late.answered()
  late.ended('good')
  t.equal(breaker.state, 'open')
  await clock.pass(5000)
  later.ended('failed')
  t.equal(breaker.state, 'half-open')
  const probe = breaker.enter()
  last.ended('good')
  t.equal(breaker.state, 'half-open')
  t.throws(() => breaker.enter())
  probe.ended('good')
  t.equal(breaker.state, 'closed')
})

t.test('a rate of failures opens it, where there are enough requests in the window', async t => {
  const { clock, breaker, fails, succeeds } = breakerWith({ failures: 1000, failureRate: 0.5 })
  for (let at = 0; at < 4; at++) {
    succeeds()
    fails()
  }
  t.equal(breaker.state, 'closed', 'eight are too few')
  succeeds()
  t.equal(breaker.state, 'closed')
  fails()
  t.equal(breaker.state, 'open')

  await clock.pass(5000)
  breaker.enter().ended('good')
  succeeds(6)
  fails(5)
  t.equal(breaker.state, 'closed', 'five of twelve')
  await clock.pass(11_000)
  fails(9)
  t.equal(breaker.state, 'closed', 'the old ones are forgotten, and nine are too few')
  fails()
  t.equal(breaker.state, 'open')
})

const verdicts = fc.constantFrom('good', 'failed', 'neither')
const steps = fc.array(fc.oneof(
  fc.record({ kind: fc.constant('enter' as const) }),
  fc.record({ kind: fc.constant('answered' as const), which: fc.nat(20) }),
  fc.record({ kind: fc.constant('ended' as const), which: fc.nat(20), verdict: verdicts }),
  fc.record({ kind: fc.constant('pass' as const), ms: fc.nat(6000) })
), { maxLength: 200 })

t.test('in whatever order requests end: open it lets none in, half-open one, and it never stays shut', async t => {
  await fc.assert(fc.asyncProperty(steps, async happened => {
    const { clock, breaker } = breakerWith({ failureRate: 0.5 })
    const under: Passage[] = []
    let probe: Passage | undefined
    for (const step of happened) {
      const before = breaker.state
      if (step.kind === 'pass') await clock.pass(step.ms)
      else if (step.kind === 'enter') {
        const mayEnter = breaker.refusal === undefined
        if (mayEnter !== (before === 'closed' || (before === 'half-open' && probe === undefined))) throw new Error(`${before}, and ${String(mayEnter)}`)
        if (!mayEnter) continue
        const passage = breaker.enter()
        if (before === 'half-open') probe = passage
        under.push(passage)
      } else {
        const at = step.which % Math.max(1, under.length)
        const one = under[at]
        if (step.kind === 'answered') one?.answered()
        else {
          under.splice(at, 1)
          one?.ended(step.verdict)
          if (one === probe) probe = undefined
        }
      }
      if (breaker.state === 'closed') probe = undefined
    }
    for (const passage of under) passage.ended('neither')
    await clock.pass(5000)
    breaker.enter().ended('good')
    if (breaker.state !== 'closed') throw new Error('it stays shut')
  }), { numRuns: 300 })
  t.pass('three hundred times')
})
