import t from 'tap'
import { errors } from 'undici'
import { upstreamRefusal } from '../../src/outbound/upstream-errors.ts'
import { PROBLEMS, refuse, type ProblemCode } from '../../src/policy/problems.ts'

const coded = (code: string, message = '10.0.0.7:443 says no') => Object.assign(new Error(message), { code })

const MEANING: ReadonlyArray<readonly [Error, ProblemCode]> = [
  [coded('ECONNREFUSED'), 'upstream-refused'],
  [Object.assign(new AggregateError([coded('ECONNREFUSED'), coded('ECONNREFUSED')]), { code: 'ECONNREFUSED' }), 'upstream-refused'],
  [coded('EHOSTUNREACH'), 'upstream-refused'],
  [coded('ENETUNREACH'), 'upstream-refused'],
  [coded('ENOTFOUND'), 'upstream-unresolved'],
  [coded('EAI_AGAIN'), 'upstream-unresolved'],
  [coded('ECONNRESET'), 'upstream-reset'],
  [coded('EPIPE'), 'upstream-reset'],
  [new errors.SocketError('other side closed'), 'upstream-reset'],
  [new errors.ConnectTimeoutError(), 'upstream-timeout'],
  [new errors.HeadersTimeoutError(), 'upstream-timeout'],
  [new errors.BodyTimeoutError(), 'upstream-timeout'],
  [coded('ETIMEDOUT'), 'upstream-timeout'],
  [new errors.HeadersOverflowError(), 'upstream-answer-invalid'],
  [new errors.ResponseContentLengthMismatchError(), 'upstream-answer-invalid'],
  [new errors.HTTPParserError('Invalid header token'), 'upstream-answer-invalid'],
  [coded('HPE_INVALID_CONSTANT'), 'upstream-answer-invalid'],
  [coded('DEPTH_ZERO_SELF_SIGNED_CERT'), 'upstream-tls'],
  [coded('SELF_SIGNED_CERT_IN_CHAIN'), 'upstream-tls'],
  [coded('UNABLE_TO_VERIFY_LEAF_SIGNATURE'), 'upstream-tls'],
  [coded('UNABLE_TO_GET_ISSUER_CERT_LOCALLY'), 'upstream-tls'],
  [coded('CERT_HAS_EXPIRED'), 'upstream-tls'],
  [coded('CERT_NOT_YET_VALID'), 'upstream-tls'],
  [coded('ERR_TLS_CERT_ALTNAME_INVALID'), 'upstream-tls'],
  [coded('ERR_SSL_WRONG_VERSION_NUMBER'), 'upstream-tls'],
  [coded('EPROTO'), 'upstream-tls'],
  [new errors.InvalidArgumentError('invalid header'), 'internal'],
  [new TypeError('x is not a function'), 'internal']
]

t.test('each failure has its code, by its own code and never by its text', async t => {
  for (const [error, code] of MEANING) {
    const refusal = upstreamRefusal(error)
    t.equal(refusal.code, code, `${error.name} ${'code' in error ? String(error.code) : ''}`)
    t.equal(refusal.cause, error)
    t.notMatch(refusal.detail, /10\.0\.0\.7|443|says no/)
  }
})

t.test('six causes of a 502 are six words', async t => {
  const codes = new Set(MEANING.map(([, code]) => code).filter(code => PROBLEMS[code].status === 502))
  t.same([...codes].sort(), ['upstream-answer-invalid', 'upstream-refused', 'upstream-reset', 'upstream-tls', 'upstream-unresolved'])
  t.equal(PROBLEMS['upstream-credential-refused'].status, 502)
})

t.test('what is a refusal already stays what it is', async t => {
  const refusal = refuse('body-too-large', 'Too large.')
  t.equal(upstreamRefusal(refusal), refusal)
  t.equal(upstreamRefusal('thrown').code, 'internal')
  t.equal(upstreamRefusal(undefined).code, 'internal')
})

t.test('a connection that ends within a head is an answer that is not HTTP', async t => {
  t.equal(upstreamRefusal(new errors.SocketError('closed'), true).code, 'upstream-answer-invalid')
  t.equal(upstreamRefusal(coded('ECONNRESET'), true).code, 'upstream-reset')
})
