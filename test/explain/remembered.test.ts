import t from 'tap'
import type { Configuration } from '../../src/config/configuration.ts'
import { PastRefusals, type PastRefusal } from '../../src/observe/decisions.ts'
import { refuse } from '../../src/policy/problems.ts'

const past = (decision: string, time: number, letThrough: boolean): PastRefusal => ({
  decision,
  request: decision,
  time,
  method: 'GET',
  path: '/a',
  rule: undefined,
  principal: undefined,
  refusal: refuse('scope-missing', ''),
  letThrough,
  // Nobody asks for it here.
  configuration: {} as Configuration
})

t.test('of refusals the last ones are remembered; what is let through makes none forgotten', async t => {
  const refusals = new PastRefusals(3)
  for (let at = 0; at < 4; at++) refusals.keep(past(`refused-${at}`, at, false))
  for (let at = 4; at < 100; at++) refusals.keep(past(`through-${at}`, at, true))
  t.same(refusals.latest(100).map(({ decision }) => decision), ['through-99', 'through-98', 'through-97', 'refused-3', 'refused-2', 'refused-1'])
  t.same(refusals.latest(4).map(({ time }) => time), [99, 98, 97, 3])
  t.equal(refusals.find('refused-0'), undefined)
  t.equal(refusals.find('through-98')?.letThrough, true)
  refusals.keep(past('through-98', 101, false))
  t.equal(refusals.find('through-98')?.letThrough, false, 'what became of it in the end')
})
