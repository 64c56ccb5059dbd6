import fc from 'fast-check'
import t from 'tap'
import { Concurrency, type Waiter } from '../../src/outbound/concurrency.ts'
import { Place } from '../../src/outbound/place.ts'
import { refuse, type Refusal } from '../../src/policy/problems.ts'
import { createClock, settled } from './clock.ts'

const gone = () => refuse('client-gone', 'The caller went away.')

/** How a wait ended: 'in', or the code of a refusal. */
async function turnOf (waiter: Waiter): Promise<string> {
  // What a waiter throws is a refusal.
  return await waiter.turn.then(() => 'in', (refusal: unknown) => (refusal as Refusal).code)
}

t.test('max enter, the rest wait in the order in which they came', async t => {
  const clock = createClock()
  const places = new Concurrency(2, 3, clock.startLimit)
  t.same([places.enter(), places.enter(), places.enter()], [true, true, false])
  const order: number[] = []
  const waiters = [1, 2, 3].map(number => {
    const waiter = places.join(1000)
    waiter.turn.then(() => { order.push(number) }, () => {})
    return waiter
  })
  t.throws(() => places.join(1000), { code: 'upstream-busy', extras: { headers: { 'Retry-After': '1' } } })
  t.same([places.open, places.queued], [2, 3])
  for (let left = 0; left < 3; left++) {
    places.leave()
    await settled()
  }
  t.same(order, [1, 2, 3])
  t.same([places.open, places.queued, clock.running], [2, 0, 0])
  for (const waiter of waiters) waiter.leave(gone())
  places.leave()
  places.leave()
  t.same([places.open, places.queued], [0, 0])
})

t.test('one that waited too long is told so, in its own time', async t => {
  const clock = createClock()
  const places = new Concurrency(1, 2, clock.startLimit)
  places.enter()
  const [first, second] = [places.join(500), places.join(12_000)]
  const ends = [turnOf(first), turnOf(second)]
  await clock.pass(499)
  t.equal(places.queued, 2)
  await clock.pass(1)
  t.equal(places.queued, 1)
  t.equal(await ends[0], 'upstream-busy')
  await clock.pass(12_000)
  await t.rejects(second.turn, { code: 'upstream-busy', extras: { headers: { 'Retry-After': '10' } } }, 'at most ten seconds')
  t.same([places.open, places.queued, clock.running], [1, 0, 0])
})

t.test('one that leaves frees its place in the queue; nobody who is in can be turned away', async t => {
  const clock = createClock()
  const places = new Concurrency(1, 1, clock.startLimit)
  places.enter()
  const waiter = places.join(1000)
  waiter.leave(gone())
  waiter.leave(gone())
  t.equal(await turnOf(waiter), 'client-gone')
  const other = places.join(1000)
  places.leave()
  other.leave(gone())
  t.equal(await turnOf(other), 'in')
  t.same([places.open, places.queued, clock.running], [1, 0, 0])
})

t.test('all that wait can be turned away at once', async t => {
  const places = new Concurrency(1, 5, createClock().startLimit)
  places.enter()
  const ends = Array.from({ length: 5 }, () => turnOf(places.join(1000)))
  places.turnAway(() => refuse('upstream-unavailable', ''))
  t.same(await Promise.all(ends), Array.from({ length: 5 }, () => 'upstream-unavailable'))
  t.same([places.open, places.queued], [1, 0])
})

t.test('a place is left once: when no other try follows and none is under way', async t => {
  const leaves = (act: (place: Place) => void): number => {
    let left = 0
    act(new Place({ leave: () => { left += 1 } }))
    return left
  }
  t.equal(leaves(place => { place.done() }), 1, 'it never came to a try')
  t.equal(leaves(place => { place.begun(); place.done() }), 0)
  t.equal(leaves(place => { place.begun(); place.ended() }), 0)
  t.equal(leaves(place => { place.begun(); place.ended(); place.done() }), 1)
  t.equal(leaves(place => { place.begun(); place.done(); place.ended(); place.done(); place.done() }), 1)
  t.equal(leaves(place => { place.begun(); place.ended(); place.begun(); place.done(); place.ended() }), 1)
  t.equal(leaves(place => { place.begun(); place.begun(); place.ended(); place.done(); place.ended() }), 1)
})

/** What may happen next, to which of those to whom it can. */
const EVENTS = ['arrives', 'begins', 'ends', 'is done', 'leaves the queue', 'time passes', 'turned away'] as const
const events = fc.array(fc.tuple(fc.constantFrom(...EVENTS), fc.nat(20)), { maxLength: 200 })

t.test('whatever happens, in whatever order: never more than max, and nothing is left over', async t => {
  await fc.assert(fc.asyncProperty(fc.integer({ min: 1, max: 4 }), fc.nat(4), events, async (max, queue, happened) => {
    const clock = createClock()
    const places = new Concurrency(max, queue, clock.startLimit)
    const inside: Array<{ readonly place: Place, tries: number, done: boolean }> = []
    const waiting = new Set<Waiter>()
    let ends = 0
    let arrived = 0
    const enters = (): void => { inside.push({ place: new Place(places), tries: 0, done: false }) }
    const holds = (): void => {
      const open = inside.filter(({ tries, done }) => tries > 0 || !done).length
      if (places.open !== open || open > max) throw new Error(`${places.open} open, ${open} are`)
      if (places.queued !== waiting.size || waiting.size > queue) throw new Error(`${places.queued} wait, ${waiting.size} do`)
      if (clock.running !== waiting.size) throw new Error(`${clock.running} time limits`)
    }

    function arrives (longest: number): void {
      arrived++
      if (places.enter()) return enters()
      try {
        const waiter = places.join(longest)
        waiting.add(waiter)
        waiter.turn.then(enters, () => { ends++ }).finally(() => waiting.delete(waiter))
      } catch {
        ends++
      }
    }

    for (const [event, which] of happened) {
      const one = inside[which % Math.max(1, inside.length)]
      switch (event) {
        case 'arrives': arrives(100 + which); break
        case 'begins': if (one !== undefined && !one.done) { one.tries++; one.place.begun() } break
        case 'ends': if (one !== undefined && one.tries > 0) { one.tries--; one.place.ended() } break
        case 'is done': if (one !== undefined) { one.done = true; one.place.done() } break
        case 'leaves the queue': [...waiting][which % Math.max(1, waiting.size)]?.leave(gone()); break
        case 'time passes': await clock.pass(which * 5); break
        case 'turned away': places.turnAway(gone)
      }
      await settled()
      holds()
    }
    await clock.pass(1000)
    for (let at = 0; at < inside.length; at++) {
      const one = inside[at]
      if (one === undefined) continue
      for (; one.tries > 0; one.tries--) one.place.ended()
      one.done = true
      one.place.done()
      await settled()
    }
    holds()
    if (places.open !== 0 || places.queued !== 0) throw new Error('something is left over')
    if (ends + inside.length !== arrived) throw new Error(`${arrived} came, ${inside.length} were let in, ${ends} were not`)
  }), { numRuns: 300 })
  t.pass('three hundred times')
})
