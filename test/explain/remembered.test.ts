import t from 'tap'
import type { Configuration } from '../../src/config/configuration.ts'
import { PastRefusals, type Refused } from '../../src/observe/decisions.ts'
import { refuse } from '../../src/policy/problems.ts'

const refused = (decision: string, letThrough: boolean): Refused => ({
  decision,
  method: 'GET',
  target: '/a',
  rule: undefined,
  principal: undefined,
  refusal: refuse('scope-missing', ''),
  letThrough,
  // Nobody asks for it here.
  configuration: {} as Configuration
})

t.test('of refusals the last ones are remembered; what is let through makes none forgotten', async t => {
  const refusals = new PastRefusals(3)
  for (let at = 0; at < 4; at++) refusals.keep(refused(`refused-${at}`, false))
  for (let at = 4; at < 100; at++) refusals.keep(refused(`through-${at}`, true))
  t.same(refusals.latest(100).map(({ decision }) => decision), ['through-99', 'through-98', 'through-97', 'refused-3', 'refused-2', 'refused-1'])
  t.same(refusals.latest(4).map(({ decision }) => decision), ['through-99', 'through-98', 'through-97', 'refused-3'])
  t.equal(refusals.find('refused-0'), undefined)
  t.equal(refusals.find('through-98')?.letThrough, true)
  refusals.keep(refused('through-98', false))
  t.equal(refusals.find('through-98')?.letThrough, false, 'what became of it in the end')
})

t.test('nothing is kept of what caused a refusal, nor of its query; of a caller who left there is nothing to tell', async t => {
  const refusals = new PastRefusals(3)
  const cause = new Error('the secret is s3cr3t')
  refusals.keep({ ...refused('a', false), target: '/a?token=s3cr3t', refusal: refuse('internal', 'It failed.', { cause, saw: 'seen', headers: { Allow: 'GET' } }) })
  refusals.keep({ ...refused('b', false), refusal: refuse('client-gone', '') })
  const [kept, ...others] = refusals.latest(10)
  t.same(others, [])
  t.equal(kept?.path, '/a')
  t.strictSame(kept?.refusal, { code: 'internal', detail: 'It failed.', extras: { saw: 'seen', headers: { Allow: 'GET' } } })
})
