import t from 'tap'
import { CsrfSession } from '../../src/outbound/csrf-session.ts'
import { CsrfSessions, type CsrfChange } from '../../src/outbound/csrf-sessions.ts'
import { csrfUnavailable } from '../../src/outbound/upstream-errors.ts'
import { createClock } from './clock.ts'

const HOST = 'https://erp.test'

function scene ({ sessions = 1, maxAge = 60_000 } = {}) {
  const clock = createClock()
  const changes: CsrfChange[] = []
  const all = new CsrfSessions({ path: '/', header: 'X-CSRF-Token', methods: new Set(['POST']), sessions, maxAge, timeout: 1000, headers: [] }, {
    now: clock.now, random: () => 1, onChange: change => { changes.push(change) }
  })
  const host = all.at(HOST)
  let fetches = 0
  return {
    clock, all, host, changes,
    get fetches () { return fetches },
    /** Of the next slot: the session, or the code of the refusal. */
    async obtain (fails = false) {
      const slot = host.next()
      try {
        const session = slot.session ?? await slot.obtain(async () => {
          fetches += 1
          if (fails) throw csrfUnavailable('no')
          return new CsrfSession('X-CSRF-Token', `token-${fetches}`, new Map())
        })
        return { slot, session, code: undefined }
      } catch (error) {
        return { slot, session: undefined, code: (error as { code: string }).code }
      }
    }
  }
}

t.test('it is fetched once however many wait, used until it is old, and fetched again then', async t => {
  const all = scene()
  await Promise.all(Array.from({ length: 50 }, async () => await all.obtain()))
  t.equal(all.fetches, 1)
  await all.clock.pass(59_999)
  t.ok((await all.obtain()).session)
  t.equal(all.fetches, 1)
  t.equal(all.all.count, 1)
  await all.clock.pass(1)
  t.equal(all.all.count, 0)
  t.ok((await all.obtain()).session)
  t.equal(all.fetches, 2)
})

t.test('after a failure there is a pause, which grows and ends', async t => {
  const all = scene()
  for (const [pause, fetches] of [[250, 1], [500, 2], [1000, 3], [2000, 4], [4000, 5], [5000, 6], [5000, 7]] as const) {
    t.equal((await all.obtain(true)).code, 'upstream-csrf-unavailable')
    t.equal(all.fetches, fetches)
    await all.clock.pass(pause - 1)
    t.equal(all.host.isPaused, true)
    t.equal((await all.obtain()).code, 'upstream-csrf-unavailable')
    t.equal(all.fetches, fetches)
    await all.clock.pass(1)
    t.equal(all.host.isPaused, false)
  }
  t.ok((await all.obtain()).session)
  await all.clock.pass(60_000)
  await all.obtain(true)
  await all.clock.pass(250)
  t.ok((await all.obtain()).session)
})

t.test('one that is refused is dropped once, whoever says so, and only while it is the one', async t => {
  const all = scene()
  const { slot, session } = await all.obtain()
  if (session === undefined) return t.fail('no session')
  slot.proven(session)
  for (let at = 0; at < 10; at++) slot.refused(session)
  t.equal(slot.session, undefined)
  t.same(all.changes.map(({ kind }) => kind), ['made', 'dropped'])
  const next = await all.obtain()
  slot.refused(session)
  slot.drop(session)
  t.equal(slot.session, next.session)
  t.equal(all.fetches, 2)
})

t.test('two in a row that served nothing are followed by a pause, and one that served forgets that', async t => {
  const all = scene()
  const refuse = async (): Promise<void> => {
    const { slot, session } = await all.obtain()
    if (session !== undefined) slot.refused(session)
  }
  await refuse()
  await refuse()
  t.equal((await all.obtain()).code, 'upstream-csrf-refused')
  t.equal(all.fetches, 2)
  await all.clock.pass(250)
  await refuse()
  await all.clock.pass(499)
  t.equal((await all.obtain()).code, 'upstream-csrf-refused')
  await all.clock.pass(1)
  const { slot, session } = await all.obtain()
  if (session === undefined) return t.fail('no session')
  slot.proven(session)
  slot.refused(session)
  await refuse()
  t.ok((await all.obtain()).session)
})

t.test('where too many were made, the one in hand is kept', async t => {
  const all = scene()
  for (let made = 1; made < 20; made++) {
    const { slot, session } = await all.obtain()
    if (session === undefined) return t.fail('no session')
    slot.proven(session)
    slot.refused(session)
  }
  const { slot, session } = await all.obtain()
  if (session === undefined) return t.fail('no session')
  slot.proven(session)
  slot.refused(session)
  t.equal(slot.session, session)
  t.equal(all.fetches, 20)
  await all.clock.pass(10_000)
  slot.refused(session)
  t.equal(slot.session, undefined)
})

t.test('several are taken in turn; while none is to be had, those that are there', async t => {
  const all = scene({ sessions: 3 })
  const taken = [await all.obtain(), await all.obtain(), await all.obtain(), await all.obtain()]
  t.equal(new Set(taken.map(({ session }) => session)).size, 3)
  t.equal(taken[3]?.session, taken[0]?.session)
  const [, second] = taken
  if (second?.session === undefined) return t.fail('no session')
  second.slot.proven(second.session)
  second.slot.refused(second.session)
  t.equal((await all.obtain(true)).code, 'upstream-csrf-unavailable')
  t.equal(all.host.isPaused, false)
  for (let at = 0; at < 6; at++) t.ok((await all.obtain()).session)
  t.equal(all.all.count, 2)
})

t.test('hosts share nothing', async t => {
  const all = scene()
  await all.obtain(true)
  t.equal(all.host.isPaused, true)
  t.equal(all.all.at('https://other.test').isPaused, false)
  t.equal(all.all.at(HOST), all.host)
})
