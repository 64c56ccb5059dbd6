import t from 'tap'
import { verdictOf } from '../../src/outbound/verdict.ts'
import { refuse, type ProblemCode } from '../../src/policy/problems.ts'

const answered = (status: number) => verdictOf({ connected: true, status, refusal: undefined, bodyIsOpen: false })
const refused = (code: ProblemCode, { connected = true, bodyIsOpen = false, status = undefined as number | undefined } = {}) => verdictOf({ connected, status, bodyIsOpen, refusal: refuse(code, '') })

t.test('an ERP that says that it is down is; any other answer is one', async t => {
  t.same([502, 503, 504].map(answered), ['failed', 'failed', 'failed'])
  t.same([200, 204, 304, 400, 401, 403, 404, 409, 413, 422, 429, 500, 501, 505, 507].map(answered).filter(verdict => verdict !== 'good'), [])
})

t.test('so is one that cannot be reached, is too slow, or gives no whole answer', async t => {
  for (const code of ['upstream-refused', 'upstream-unresolved', 'upstream-tls', 'upstream-timeout', 'upstream-reset', 'upstream-answer-invalid'] as const) t.equal(refused(code), 'failed', code)
  t.equal(refused('upstream-reset', { status: 200 }), 'failed')
  t.equal(refused('upstream-refused', { connected: false, bodyIsOpen: true }), 'failed')
  t.equal(refused('upstream-reset', { connected: false, bodyIsOpen: true }), 'failed')
})

t.test('what is the caller\'s, or ours, says nothing', async t => {
  for (const code of ['client-gone', 'body-too-large', 'request-timeout', 'internal'] as const) t.equal(refused(code), 'neither', code)
  t.equal(refused('upstream-reset', { bodyIsOpen: true }), 'neither', 'an ERP that waited too long for a slow body')
})
