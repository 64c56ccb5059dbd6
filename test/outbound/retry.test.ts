import t from 'tap'
import { RetryPolicy } from '../../src/outbound/retry.ts'
import { refuse, type ProblemCode } from '../../src/policy/problems.ts'
import { createClock } from './clock.ts'

type Settings = ConstructorParameters<typeof RetryPolicy>[0]

const SETTINGS: Settings = { attempts: 3, on: ['connect', 'reset', 'timeout', 503], methods: ['GET', 'DELETE'], budget: 0.2, backoff: 100 }

function policyWith (changes: Partial<Settings> = {}, random = () => 1) {
  const clock = createClock()
  return { clock, policy: new RetryPolicy({ ...SETTINGS, ...changes }, clock.now, random) }
}

const end = (code: ProblemCode, { connected = true, status = undefined as number | undefined, replayable = true } = {}) => ({ connected, status, replayable, refusal: refuse(code, '') })

t.test('what may be carried out twice is what methods names, and nothing else', async t => {
  const all = ['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'POST', 'PATCH', 'get', '']
  for (const methods of [['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS'], ['POST'], ['PATCH', 'GET']] satisfies ReadonlyArray<Settings['methods']>) {
    const { policy } = policyWith({ methods })
    t.same(all.filter(method => policy.reasonFor(end('upstream-reset'), 1, method) === 'reset').sort(), [...methods].sort())
    t.same(all.filter(method => policy.declines(503, 1, method)).sort(), [...methods].sort())
    t.same(all.filter(method => policy.reasonFor(end('upstream-refused', { connected: false }), 1, method) === 'connect'), all)
  }
})

t.test('what failed has its reason', async t => {
  const { policy } = policyWith()
  t.equal(policy.reasonFor(end('upstream-reset'), 1, 'GET'), 'reset')
  t.equal(policy.reasonFor(end('upstream-timeout'), 1, 'GET'), 'timeout')
  for (const code of ['upstream-refused', 'upstream-unresolved', 'upstream-tls', 'upstream-timeout', 'upstream-reset'] as const) t.equal(policy.reasonFor(end(code, { connected: false }), 1, 'GET'), 'connect')
})

t.test('what is nobody\'s, the caller\'s or nonsense is not tried again', async t => {
  const { policy } = policyWith()
  for (const code of ['client-gone', 'body-too-large', 'request-timeout', 'internal', 'upstream-answer-invalid', 'upstream-credential-refused'] as const) t.equal(policy.reasonFor(end(code), 1, 'GET'), undefined, code)
  for (const code of ['client-gone', 'body-too-large', 'internal'] as const) t.equal(policy.reasonFor(end(code, { connected: false }), 1, 'GET'), undefined, code)
  t.equal(policy.reasonFor({ connected: true, status: 200, refusal: undefined, replayable: true }, 1, 'GET'), undefined)
})

t.test('nor what cannot be sent again, has an answer already, or was tried often enough', async t => {
  const { policy } = policyWith()
  t.equal(policy.reasonFor(end('upstream-reset', { replayable: false }), 1, 'GET'), undefined)
  t.equal(policy.reasonFor(end('upstream-reset', { status: 200 }), 1, 'GET'), undefined)
  t.equal(policy.reasonFor(end('upstream-reset'), 2, 'GET'), 'reset')
  t.equal(policy.reasonFor(end('upstream-reset'), 3, 'GET'), undefined)
})

t.test('nor what must not be carried out twice, unless there was no connection', async t => {
  const { policy } = policyWith()
  t.equal(policy.reasonFor(end('upstream-reset'), 1, 'POST'), undefined)
  t.equal(policy.reasonFor(end('upstream-timeout'), 1, 'POST'), undefined)
  t.equal(policy.reasonFor(end('upstream-refused', { connected: false }), 1, 'POST'), 'connect')
})

t.test('only what is listed', async t => {
  const { policy } = policyWith({ on: ['connect'] })
  t.equal(policy.reasonFor(end('upstream-reset'), 1, 'GET'), undefined)
  t.equal(policy.reasonFor(end('upstream-refused', { connected: false }), 1, 'GET'), 'connect')
  t.equal(policy.declines(503, 1, 'GET'), false)
  const answers = policyWith({ on: [502] }).policy
  t.equal(answers.declines(502, 1, 'GET'), true)
  t.equal(answers.reasonFor(end('upstream-refused', { connected: false }), 1, 'GET'), undefined)
})

t.test('an answer is declined where its status is listed, another try is left, and nothing is done twice', async t => {
  const { policy } = policyWith()
  t.equal(policy.declines(503, 1, 'GET'), true)
  t.equal(policy.declines(502, 1, 'GET'), false)
  t.equal(policy.declines(503, 3, 'GET'), false)
  t.equal(policy.declines(503, 1, 'POST'), false)
})

t.test('the budget: ten, and a part of the requests of the last ten seconds', async t => {
  const { clock, policy } = policyWith()
  const taken = (): number => {
    let count = 0
    while (policy.take()) count++
    return count
  }
  t.equal(taken(), 10)
  for (let at = 0; at < 100; at++) policy.requested()
  t.equal(taken(), 20)
  await clock.pass(11_000)
  t.equal(taken(), 10)
  t.equal(taken(), 0)
})

t.test('pauses are a random part of a time that doubles, to a limit', async t => {
  const { policy } = policyWith()
  t.same([1, 2, 3, 4, 5, 6, 9].map(tries => policy.pause(tries)), [100, 200, 400, 800, 1600, 1600, 1600])
  t.equal(policyWith({}, () => 0.25).policy.pause(2), 50)
  t.equal(policyWith({ backoff: 0 }).policy.pause(5), 0)
})
