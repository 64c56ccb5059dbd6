import t from 'tap'
import { Attempt } from '../../src/outbound/attempt.ts'
import type { HostPool } from '../../src/outbound/host-pool.ts'
import { createHost } from '../../src/outbound/hosts.ts'
import { Place } from '../../src/outbound/place.ts'
import type { AttemptEnd } from '../../src/outbound/relay.ts'
import { refuse, type ProblemCode } from '../../src/policy/problems.ts'
import { createClock } from './clock.ts'

const WHOLE: AttemptEnd = { connected: true, status: 200, refusal: undefined, bodyIsOpen: false, replayable: true }
const failed = (code: ProblemCode, connected = true): AttemptEnd => ({ ...WHOLE, connected, status: undefined, refusal: refuse(code, '') })

function scene (declined = false) {
  const clock = createClock()
  let left = 0
  const heard: string[] = []
  // No connection is made here.
  const host = createHost('http://erp.test', {} as HostPool)
  const place = new Place({ leave () { left += 1 } })
  const attempt = new Attempt({
    host,
    place,
    passage: { answered () { heard.push('answered') }, ended (verdict) { heard.push(verdict) } },
    ejection: undefined,
    declines: () => declined,
    startLimit: clock.startLimit
  })
  return { clock, host, place, attempt, heard, left: () => left }
}

t.test('once the ERP is done the place is free, whatever the caller still has to read', async t => {
  const { attempt, host, heard, left, place } = scene()
  t.equal(host.open, 1)
  t.equal(attempt.declines(200, true, []), false)
  attempt.ended(WHOLE)
  t.same([left(), host.open, heard], [1, 0, ['answered', 'good']])
  attempt.ended(WHOLE)
  place.done()
  t.same([left(), host.open, heard.length], [1, 0, 2])
})

t.test('while another try may follow, it is kept', async t => {
  for (const end of [{ ...WHOLE, status: 401 }, failed('upstream-reset'), failed('upstream-refused', false)]) {
    const { attempt, host, left, place } = scene()
    attempt.ended(end)
    t.same([left(), host.open], [0, 0])
    place.done()
    t.equal(left(), 1)
  }
  const { attempt, left, place } = scene(true)
  t.equal(attempt.declines(503, true, []), true)
  attempt.ended({ ...WHOLE, status: 503 })
  t.equal(left(), 0)
  place.done()
  t.equal(left(), 1)
})

t.test('where the request was given up, the ERP has a moment to learn of it', async t => {
  for (const code of ['client-gone', 'upstream-timeout', 'body-too-large', 'upstream-answer-invalid'] as const) {
    const { attempt, clock, left, place } = scene()
    attempt.ended(failed(code))
    place.done()
    await clock.pass(99)
    t.equal(left(), 0, code)
    await clock.pass(1)
    t.equal(left(), 1, code)
  }
  const { attempt, left, place } = scene()
  attempt.ended(failed('client-gone', false))
  place.done()
  t.equal(left(), 1, 'of what was never there it has nothing to learn')
})

t.test('what cannot be sent again is not declined, and one that is down has not answered well', async t => {
  const { attempt, heard } = scene(true)
  t.equal(attempt.declines(503, false, []), false)
  t.same(heard, [])
})

t.test('its end can be waited for, before and after it', async t => {
  const { attempt } = scene()
  const before = attempt.over()
  attempt.ended(WHOLE)
  await before
  await attempt.over()
  t.match(attempt.end, { status: 200 })
})
