import t from 'tap'
import { problemAnswer, rawProblem } from '../../src/inbound/problem-answer.ts'
import { PROBLEMS, refuse, type ProblemCode, type RefusalExtras } from '../../src/policy/problems.ts'

const context = { decisionId: 'decision-1', requestId: 'request-1', problemsBase: 'https://docs.example.com/problems#' }
const detail = 'So it is.'
const bearer = 'Bearer realm="countersign"'
const described = (error: string): string => `${bearer}, error="${error}", error_description="${detail}"`

t.test('an answer has the status, the headers and the document of its refusal', async t => {
  const more: RefusalExtras = { headers: { Allow: 'GET, HEAD', 'Retry-After': '7' }, saw: 'a secret', cause: new Error('a secret') }
  const scope: RefusalExtras = { challenge: { scope: 'a b', max_age: '60' } }
  for (const [code, extras, ...further] of [
    ['route-not-found', {}],
    ['method-not-allowed', more, 'Allow', 'GET, HEAD', 'Retry-After', '7'],
    ['internal', scope],
    ['credential-missing', {}, 'WWW-Authenticate', bearer],
    ['credential-missing', scope, 'WWW-Authenticate', `${bearer}, scope="a b", max_age="60"`],
    ['credential-malformed', {}, 'WWW-Authenticate', described('invalid_request')],
    ['token-expired', {}, 'WWW-Authenticate', described('invalid_token')],
    ['login-too-old', {}, 'WWW-Authenticate', described('insufficient_user_authentication')],
    ['scope-missing', { ...more, ...scope }, 'WWW-Authenticate', `${described('insufficient_scope')}, scope="a b", max_age="60"`, 'Allow', 'GET, HEAD', 'Retry-After', '7']
  ] satisfies ReadonlyArray<[ProblemCode, RefusalExtras, ...string[]]>) {
    const { status, title } = PROBLEMS[code]
    const answer = problemAnswer(refuse(code, detail, extras), context)
    t.equal(answer.status, status)
    t.same(answer.headers, ['Content-Type', 'application/problem+json', 'Content-Length', String(answer.body.length), 'Cache-Control', 'no-store', 'X-Request-Id', 'request-1', ...further])
    t.same(JSON.parse(answer.body.toString()), { type: `https://docs.example.com/problems#${code}`, title, status, detail, decision: 'decision-1' })
  }
})

t.test('a challenge quotes what can stand there: the rest is ?, and a quote or a backslash an apostrophe', async t => {
  const said = '\u0000\u001f !~\u007f\u00e9\u2028"a"\\[]\r\n'
  const { headers, body } = problemAnswer(refuse('scope-missing', said, { challenge: { scope: said } }), context)
  const quoted = "?? !~???'a''[]??"
  t.equal(headers.at(-1), `${bearer}, error="insufficient_scope", error_description="${quoted}", scope="${quoted}"`)
  t.match(JSON.parse(body.toString()), { detail: said })
  t.equal(headers[3], String(Buffer.byteLength(body.toString())), 'a length of bytes')
})

t.test('as bytes it is one answer of HTTP/1.1, and the last of its connection', async t => {
  const document = Buffer.from('{"detail":"caf\u00e9"}')
  for (const [status, headers, head] of [
    [400, ['X-A', 'one', 'X-B', 'caf\u00e9'], 'HTTP/1.1 400 Bad Request\r\nX-A: one\r\nX-B: caf\u00e9\r\nConnection: close\r\n\r\n'],
    [431, ['X-A', ''], 'HTTP/1.1 431 Request Header Fields Too Large\r\nX-A: \r\nConnection: close\r\n\r\n'],
    // A status of which Node knows no words.
    [499, [], 'HTTP/1.1 499 \r\nConnection: close\r\n\r\n']
  ] satisfies ReadonlyArray<[number, string[], string]>) t.same(rawProblem({ status, headers, body: document }), Buffer.concat([Buffer.from(head, 'latin1'), document]))
})
