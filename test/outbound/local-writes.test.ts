import t from 'tap'
import { createLocalWrites } from '../../src/outbound/local-writes.ts'
import type { Begun, Settled } from '../../src/outbound/write-store.ts'

const kept = (bytes: number): Settled => ({ kind: 'kept', answer: { status: 200, headers: [], body: Buffer.alloc(bytes) } })

async function first (begun: Begun | Promise<Begun>) {
  const found = await begun
  if (found.kind !== 'first') throw new Error(found.kind)
  return found
}

t.test('of writes that are over, the one that was not asked for longest goes where there are too many', async t => {
  const writes = createLocalWrites({ max: 2, max_size: 1_000_000 })
  for (const name of ['a', 'b']) await (await first(writes.begin(name, 'p', 60_000))).settle(kept(10))
  t.match(await writes.begin('a', 'p', 60_000), { kind: 'kept' })
  await (await first(writes.begin('c', 'p', 60_000))).settle(kept(10))
  t.match(await writes.begin('a', 'p', 60_000), { kind: 'kept' })
  t.match(await writes.begin('b', 'p', 60_000), { kind: 'first' })
})

t.test('or where they take too much memory', async t => {
  const writes = createLocalWrites({ max: 100, max_size: 5000 })
  for (const name of ['a', 'b', 'c']) await (await first(writes.begin(name, 'p', 60_000))).settle(kept(2000))
  t.equal(writes.size(), 2)
  t.match(await writes.begin('a', 'p', 60_000), { kind: 'first' })
})

t.test('an answer that is larger than the memory is not forgotten: it is not sent again', async t => {
  const writes = createLocalWrites({ max: 100, max_size: 5000 })
  await (await first(writes.begin('a', 'p', 60_000))).settle(kept(5000))
  t.same(await writes.begin('a', 'p', 60_000), { kind: 'unknown', print: 'p' })
})

t.test('one that is under way is never forgotten, and there are so many at most', async t => {
  const writes = createLocalWrites({ max: 2, max_size: 1_000_000 })
  const begun = await first(writes.begin('a', 'p', 1))
  await first(writes.begin('b', 'p', 1))
  t.throws(() => writes.begin('c', 'p', 1), { code: 'overloaded' })
  t.match(await writes.begin('a', 'other', 1), { kind: 'busy', print: 'p' })
  await begun.settle({ kind: 'free' })
  t.match(await writes.begin('c', 'p', 1), { kind: 'first' })
})

t.test('who waits is told once it is over, unless it stopped waiting', async t => {
  const writes = createLocalWrites({ max: 2, max_size: 1_000_000 })
  const begun = await first(writes.begin('a', 'p', 60_000))
  const told: string[] = []
  for (const who of ['one', 'two']) {
    const busy = await writes.begin('a', 'p', 60_000)
    if (busy.kind !== 'busy') throw new Error(busy.kind)
    const waiting = busy.whenOver(() => { told.push(who) })
    if (who === 'one') waiting.stop()
  }
  await begun.settle(kept(1))
  t.same(told, ['two'])
})
