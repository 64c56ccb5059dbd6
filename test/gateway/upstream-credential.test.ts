import { Readable } from 'node:stream'
import t from 'tap'
import { answering, type ErpHandler } from '../support/erp.ts'
import { registerSecret } from '../support/gateway.ts'
import { openConnection } from '../support/raw-http.ts'
import { verifyMachineToken } from '../support/machine-token.ts'
import { noise, rawScene, scene, until, type Scene } from './upstream-scene.ts'
import type { Erp } from '../support/erp.ts'

const UNAUTHORIZED = answering(401, { error: 'invalid_token' }, { 'www-authenticate': 'Bearer realm="erp"' })

/** 401 for the first so many requests. */
function refusing (count: number): ErpHandler {
  let left = count
  return async (req, res, seen) => await (left-- > 0 ? UNAUTHORIZED : answering())(req, res, seen)
}

const tokensSeen = ({ erp }: Scene<Erp>) => erp.requests.map(one => one.headers.authorization)

t.test('the ERP gets the gateway\'s token, and nothing of the caller\'s', async t => {
  const all = await scene(t)
  t.equal((await all.gateway.call({ token: all.token })).status, 200)
  t.match(await verifyMachineToken(all.idp, tokensSeen(all)[0]), { sub: 'middleware', aud: 'https://erp.example.com' })
  t.notMatch(all.erp.requests[0]?.rawHeaders.join(), all.token)
})

t.test('a 401 costs one new token and one retry, and no caller sees it', async t => {
  for (const options of [{}, { method: 'DELETE' }, { method: 'POST' }, { method: 'POST', body: '' }]) {
    const all = await scene(t, refusing(1))
    const { erp, gateway, idp, token } = all
    const answer = await gateway.call({ token, path: '/x?q', ...options })
    t.match(answer, { status: 200, complete: true })
    t.notOk('www-authenticate' in answer.headers)
    const [first, second] = tokensSeen(all)
    t.equal(erp.requests.length, 2)
    t.not(first, second)
    t.equal(idp.requests.token, 2)
    t.match(gateway.logLines().filter(line => line['msg'] === 'request'), [{ status: 200, retried: true, upstream_status: 200 }])
    // The new one is kept.
    t.equal((await gateway.call({ token })).status, 200)
    t.equal(tokensSeen(all).at(-1), second)
    t.equal(idp.requests.token, 2)
  }
})

t.test('an empty body in chunks can be sent again', async t => {
  const { erp, gateway, head } = await scene(t, refusing(1))
  const { response } = await gateway.raw(`${head('POST /x', 'Transfer-Encoding: chunked')}0\r\n\r\n`)
  t.match(response, { status: 200, complete: true })
  t.equal(erp.requests.length, 2)
})

t.test('a small body is held, and sent again byte for byte', async t => {
  const small = noise(65_536)
  for (const body of [small, Readable.from([small.subarray(0, 1), small.subarray(1, 40_000), small.subarray(40_000)])]) {
    const all = await scene(t, refusing(1))
    const { erp, gateway, idp, token } = all
    t.equal((await gateway.call({ method: 'POST', token, body })).status, 200)
    t.equal(erp.requests.length, 2)
    for (const seen of erp.requests) t.ok(seen.body.equals(small))
    t.equal(idp.requests.token, 2)
  }
})

t.test('a body that is refused in mid-upload goes to the second try whole', async t => {
  const { erp, gateway, head } = await scene(t, (_req, res, seen) => {
    if (erp.requests.length === 1) res.writeHead(401).end()
    else void answering()(_req, res, seen)
  })
  const connection = await openConnection(gateway.port)
  connection.socket.write(`${head('POST /x', 'Content-Length: 10')}01234`)
  await until(() => erp.requests.length === 2)
  connection.socket.write('56789')
  t.match(await connection.until('"bytes":10'), /^HTTP\/1\.1 200 /)
  connection.socket.destroy()
  t.equal(erp.requests[1]?.body.toString(), '0123456789')
})

t.test('a body that is larger than what is held is not sent again: 502, and the next request has a new token', async t => {
  for (const [limit, body] of [['64KiB', noise(65_537)], ['64KiB', Readable.from([noise(65_536), noise(1)])], ['2B', '{"a":1}'], ['0B', '{"a":1}']] as const) {
    const all = await scene(t, refusing(1), { changes: { upstreams: { erp: { hold_body: limit } } } })
    const { erp, gateway, idp, token } = all
    t.match(await gateway.call({ method: 'POST', token, body }), { status: 502, code: 'upstream-credential-refused' })
    t.equal(erp.requests.length, 1)
    t.equal((await gateway.call({ method: 'POST', token, body: '{"a":1}' })).status, 200)
    t.equal(erp.requests.length, 2)
    t.not(tokensSeen(all)[0], tokensSeen(all)[1])
    t.equal(idp.requests.token, 2)
  }
})

t.test('a new token that is refused too is kept, and costs no further token request', async t => {
  let now = Date.now()
  const all = await scene(t, UNAUTHORIZED, { clock: () => now })
  const { erp, gateway, idp, token } = all
  const answer = await gateway.call({ token })
  t.match(answer, { status: 502, code: 'upstream-credential-refused' })
  t.notOk('www-authenticate' in answer.headers)
  t.equal(erp.requests.length, 2)
  t.equal(idp.requests.token, 2)
  for (let again = 0; again < 5; again++) t.match(await gateway.call({ token }), { status: 502, code: 'upstream-credential-refused' })
  t.equal(idp.requests.token, 2)
  t.equal(erp.requests.length, 7)
  now += 31_000
  t.match(await gateway.call({ token }), { status: 502 })
  t.equal(idp.requests.token, 3)
  erp.answerWith(answering())
  t.equal((await gateway.call({ token })).status, 200)
  t.equal(idp.requests.token, 3)
})

t.test('many 401s at once share one token request', async t => {
  const all = await scene(t, async (req, res, seen) => {
    const good = seen.headers.authorization !== first
    first ??= seen.headers.authorization
    if (good && seen.headers.authorization !== first) await answering()(req, res, seen)
    else await UNAUTHORIZED(req, res, seen)
  })
  let first: string | undefined
  const { gateway, idp, token } = all
  const answers = await Promise.all(Array.from({ length: 50 }, async () => await gateway.call({ token })))
  t.same([...new Set(answers.map(one => one.status))], [200])
  t.equal(idp.requests.token, 2)
  t.equal(new Set(tokensSeen(all)).size, 2)
})

t.test('where no new token can be had it is a 503, not a 401', async t => {
  const { gateway, idp, token } = await scene(t, UNAUTHORIZED)
  await until(() => idp.requests.token === 1)
  idp.fail('token', (_req, res) => { res.writeHead(500).end() })
  const answer = await gateway.call({ token })
  t.match(answer, { status: 503, code: 'machine-token-unavailable', headers: { 'retry-after': /^\d+$/ } })
})

t.test('other kinds of credentials: their 401 is a 502 at once', async t => {
  const key = registerSecret('erp-key-0123456789', 'an API key')
  const password = registerSecret('pass:wörd-0123', 'a password')
  for (const [credential, wanted] of [
    [{ basic: { username: 'erp', password } }, { authorization: `Basic ${Buffer.from(`erp:${password}`).toString('base64')}` }],
    [{ headers: { 'X-Api-Key': key, 'X-Tenant': '7' } }, { 'x-api-key': key, 'x-tenant': '7' }],
    ['none', {}]
  ] as const) {
    const { erp, gateway, idp, token } = await scene(t, undefined, { changes: { upstreams: { erp: { credential: typeof credential === 'string' ? credential : { client_credentials: undefined, ...credential } } } } })
    t.equal((await gateway.call({ token, headers: { 'X-Api-Key': 'the-callers-own', 'X-Tenant': '8' } })).status, 200)
    t.match(erp.requests[0]?.headers, wanted)
    if (!('authorization' in wanted)) t.notOk('authorization' in (erp.requests[0]?.headers ?? {}))
    erp.answerWith(UNAUTHORIZED)
    const answer = await gateway.call({ token })
    t.match(answer, { status: 502, code: 'upstream-credential-refused' })
    t.notOk('www-authenticate' in answer.headers)
    t.equal(erp.requests.length, 2)
    t.equal(idp.requests.token, 0)
  }
})

t.test('a public rule without a credential has none, and no 401 either', async t => {
  const { erp, gateway, token } = await scene(t, undefined, { routes: [{ match: 'GET /open', require: 'public', credential: 'none' }, { match: 'GET /public', require: 'public' }] })
  t.equal((await gateway.call({ path: '/open', token })).status, 200)
  t.notOk('authorization' in (erp.requests[0]?.headers ?? {}))
  t.equal((await gateway.call({ path: '/public', headers: { authorization: 'Basic eDp5' } })).status, 200)
  t.match(erp.requests[1]?.headers, { authorization: /^Bearer eyJ/ })
  erp.answerWith(UNAUTHORIZED)
  t.match(await gateway.call({ path: '/open' }), { status: 502, code: 'upstream-credential-refused' })
})

t.test('a token in a header of its own is bare, and Authorization stays the caller\'s that never passes', async t => {
  const { erp, gateway, token } = await scene(t, undefined, { changes: { upstreams: { erp: { credential: { client_credentials: { header: 'X-Erp-Token' } } } } } })
  t.equal((await gateway.call({ token, headers: { 'x-erp-token': 'mine', connection: 'x-erp-token' } })).status, 200)
  t.match(erp.requests[0]?.headers, { 'x-erp-token': /^eyJ/ })
  t.notOk('authorization' in (erp.requests[0]?.headers ?? {}))
  t.equal((await gateway.call({ token, headers: { X_Erp_Token: 'mine' } })).code, 'header-ambiguous')
  t.equal(erp.requests.length, 1)
})

t.test('a 401 whose body never ends holds neither the retry nor a connection', async t => {
  let asked = 0
  const { erp, gateway, token } = await rawScene(t, socket => {
    if (asked++ > 0) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
    else socket.write('HTTP/1.1 401 Unauthorized\r\nContent-Length: 100\r\n\r\nhalf')
  })
  t.match(await gateway.call({ token }), { status: 200, text: 'ok' })
  await until(() => erp.openSockets <= 1)
})

t.test('a 401 in mid-upload leaves the caller with an answer', async t => {
  const { erp, gateway, head, token } = await scene(t, (_req, res) => { res.writeHead(401).end() })
  const connection = await openConnection(gateway.port)
  connection.socket.write(`${head('POST /x', 'Content-Length: 1000000')}begun`)
  t.match(await connection.until('upstream-credential-refused'), /^HTTP\/1\.1 502 /)
  connection.socket.destroy()
  await until(() => erp.openSockets === 0)
  t.ok((erp.requests[0]?.bodyLength ?? 0) < 1_000_000)
  const streamed = await gateway.call({ method: 'POST', token, body: Readable.from(['a', noise(100_000)]) })
  t.match(streamed, { status: 502, code: 'upstream-credential-refused' })
})

t.test('a 403 of the ERP is its own answer', async t => {
  const { gateway, idp, token } = await scene(t, answering(403, 'no', { 'www-authenticate': 'Bearer error="insufficient_scope"' }))
  const answer = await gateway.call({ token })
  t.match(answer, { status: 403, text: 'no', problem: undefined })
  t.notOk('www-authenticate' in answer.headers)
  t.equal(idp.requests.token, 1)
})
