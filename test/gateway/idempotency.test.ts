import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { Called, CallOptions } from '../support/call.ts'
import { answering, type ErpHandler } from '../support/erp.ts'
import { openConnection } from '../support/raw-http.ts'
import { rewrite, standardGateway, type Settings } from '../support/settings.ts'
import { lastRequest, metric, noise, rawScene, scene, until } from './upstream-scene.ts'

/** An ERP that carries a write out when it is told to: each answer is another one. */
function holding () {
  let go = (): void => {}
  const told = new Promise<void>(resolve => { go = resolve })
  let written = 0
  const handler: ErpHandler = async (_req, res, seen) => {
    if (!await seen.received) return
    await told
    written++
    res.writeHead(201, { 'content-type': 'application/json', location: '/orders/1', 'x-written': String(written) })
    res.end(JSON.stringify({ order: written, got: seen.body.toString() }))
  }
  return { go: () => { go() }, handler }
}

const rule = (idempotency: Settings = {}, more: Settings = {}): { readonly rule: Settings } => ({ rule: { idempotency, ...more } })
const post = (token: string, key = 'k-1', more: CallOptions = {}): CallOptions => ({ method: 'POST', path: '/orders', token, body: '{"n":1}', ...more, headers: { 'content-type': 'application/json', 'idempotency-key': key, ...more.headers } })
const outcome = async (gateway: Parameters<typeof metric>[0], name: string) => await metric(gateway, `countersign_idempotency_total{outcome="${name}"}`)

/** An answer without what belongs to one request. */
function told ({ status, rawHeaders, body }: Called) {
  const headers = rawHeaders.filter((_part, at) => !['x-request-id', 'idempotency-replayed'].includes(rawHeaders[at - at % 2]?.toLowerCase() ?? ''))
  return { status, headers, body: body.toString('base64') }
}

t.test('a write that is sent 20 times at once with one key is one write, and 20 equal answers', async t => {
  const { go, handler } = holding()
  const { erp, gateway, token } = await scene(t, handler, rule())
  const calls = Array.from({ length: 20 }, async () => await gateway.call(post(token)))
  await until(async () => await metric(gateway, 'countersign_requests_in_flight') === 20)
  go()
  const answers = await Promise.all(calls)
  t.equal(erp.requests.length, 1)
  t.equal(erp.requests[0]?.headers['idempotency-key'], 'k-1')
  t.match(answers[0], { status: 201, headers: { 'x-written': '1', location: '/orders/1' } })
  for (const answer of answers) t.same(told(answer), told(answers[0] as Called))
  t.equal(answers.filter(({ headers }) => headers['idempotency-replayed'] === 'true').length, 19)
  t.equal(new Set(answers.map(({ headers }) => headers['x-request-id'])).size, 20)
  const later = await gateway.call(post(token))
  t.same(told(later), told(answers[0] as Called))
  t.equal(erp.requests.length, 1)
  t.match(lastRequest(gateway), { status: 201, granted: true, idempotency: 'replayed' })
  t.notOk('upstream' in lastRequest(gateway))
  t.same([await outcome(gateway, 'first'), await outcome(gateway, 'replayed')], [1, 20])
  t.equal(await metric(gateway, 'countersign_idempotency_remembered'), 1)
})

t.test('a key is one caller\'s, on one rule', async t => {
  const { idp, erp, gateway, token } = await scene(t, undefined, {
    routes: [{ match: 'POST /orders', require: ['user', 'client'], idempotency: {} }, { match: 'POST /others', require: 'user', idempotency: {} }]
  })
  for (const [what, asked] of Object.entries({
    first: post(token),
    'another user': post(idp.mintUser({ sub: 'another-user' })),
    'by another client': post(idp.mintUser({ client_id: 'another-app' })),
    'a client itself': post(idp.mintClient()),
    'another rule': post(token, 'k-1', { path: '/others' }),
    'another key': post(token, 'k-2')
  })) {
    const before = erp.requests.length
    t.notOk('idempotency-replayed' in (await gateway.call(asked)).headers, what)
    t.equal(erp.requests.length, before + 1, what)
    t.equal((await gateway.call(asked)).headers['idempotency-replayed'], 'true', what)
    t.equal(erp.requests.length, before + 1, what)
  }
  t.equal((await gateway.call(post(idp.mintUser()))).headers['idempotency-replayed'], 'true', 'a new token of the same caller')
})

t.test('one key is for one request: another body, type, target or method is refused', async t => {
  const { erp, gateway, token } = await scene(t, undefined, rule())
  await gateway.call(post(token))
  for (const changed of [{ body: '{"n":2}' }, { path: '/orders?x=1' }, { path: '/invoices' }, { method: 'PATCH' }, { headers: { 'content-type': 'text/plain' } }]) {
    t.match(await gateway.call(post(token, 'k-1', changed)), { status: 422, code: 'idempotency-mismatch' })
  }
  t.equal(erp.requests.length, 1)
  t.match(lastRequest(gateway), { status: 422, code: 'idempotency-mismatch', granted: true, idempotency: 'mismatch' })
  const { go, handler } = holding()
  erp.answerWith(handler)
  const first = gateway.call(post(token, 'k-2'))
  await until(() => erp.requests.length === 2)
  t.match(await gateway.call(post(token, 'k-2', { body: 'other' })), { code: 'idempotency-mismatch' }, 'while the first is under way')
  go()
  t.equal((await first).status, 201)
  t.equal(erp.requests.length, 2)
})

t.test('a repeat waits so long and no longer', async t => {
  const { go, handler } = holding()
  const { erp, gateway, token } = await scene(t, handler, rule({ wait: '50ms' }))
  const first = gateway.call(post(token))
  await erp.next()
  t.match(await gateway.call(post(token)), { status: 409, code: 'idempotency-in-progress', headers: { 'retry-after': /^\d+$/ } })
  t.match(lastRequest(gateway), { idempotency: 'conflict' })
  go()
  t.equal((await first).status, 201)
  t.equal((await gateway.call(post(token))).status, 201)
  t.equal(erp.requests.length, 1)
})

t.test('one that leaves while it waits is gone, and the others have their answer', async t => {
  const { go, handler } = holding()
  const { erp, gateway, token } = await scene(t, handler, rule())
  const first = gateway.call(post(token))
  await erp.next()
  const leaving = new AbortController()
  const left = gateway.call(post(token, 'k-1', { signal: leaving.signal }))
  await until(async () => await metric(gateway, 'countersign_requests_in_flight') === 2)
  leaving.abort()
  await t.rejects(left)
  await until(async () => await metric(gateway, 'countersign_requests_in_flight') === 1)
  t.match(lastRequest(gateway), { status: 499, code: 'client-gone' })
  go()
  t.equal((await first).status, 201)
  t.equal(erp.requests.length, 1)
})

t.test('a caller that is cut off in mid-flight has its answer when it repeats: one write', async t => {
  for (const protection of [{}, { concurrency: { max: 1 }, circuit_breaker: {}, total_timeout: '60s' }]) {
    const { go, handler } = holding()
    const { erp, gateway, token, head } = await scene(t, handler, { ...rule(), changes: { upstreams: { erp: protection } } })
    const next = erp.next()
    const { socket } = await openConnection(gateway.port)
    socket.write(`${head('POST /orders', 'Content-Type: application/json', 'Idempotency-Key: k-1', 'Content-Length: 7')}{"n":1}`)
    const seen = await next
    socket.destroy()
    await once(socket, 'close')
    await sleep(100)
    t.equal(seen.pending, true, 'it goes on')
    const waiting = gateway.call(post(token))
    go()
    t.match(await waiting, { status: 201, headers: { 'idempotency-replayed': 'true', 'x-written': '1' }, text: '{"order":1,"got":"{\\"n\\":1}"}' })
    t.match(await gateway.call(post(token)), { status: 201, headers: { 'x-written': '1' } })
    t.equal(erp.requests.length, 1)
    await until(() => gateway.logLines().some(line => line['idempotency'] === 'first'))
    t.match(gateway.logLines().find(line => line['idempotency'] === 'first'), { status: 499, code: 'client-gone', upstream_status: 201 })
    t.equal(await metric(gateway, 'countersign_requests_in_flight'), 0)
  }
})

t.test('cut off in the middle of the answer: the rest is kept all the same', async t => {
  let rest = (): void => {}
  const { erp, gateway, token, head } = await scene(t, async (_req, res, seen) => {
    await seen.received
    res.writeHead(200, { 'content-type': 'text/plain' })
    res.write('first half, ')
    rest = () => { res.end('second half') }
  }, rule())
  const connection = await openConnection(gateway.port)
  connection.socket.write(`${head('POST /orders', 'Content-Type: application/json', 'Idempotency-Key: k-1', 'Content-Length: 7')}{"n":1}`)
  await connection.until('first half')
  connection.socket.destroy()
  await sleep(50)
  rest()
  t.match(await gateway.call(post(token)), { status: 200, text: 'first half, second half' })
  t.equal(erp.requests.length, 1)
})

t.test('what was sent and not answered is never sent again', async t => {
  const reset: ErpHandler = async (req, _res, seen) => {
    await seen.received
    req.socket.resetAndDestroy()
  }
  const halfway: ErpHandler = async (_req, res, seen) => {
    await seen.received
    res.writeHead(200, { 'content-length': '100' })
    res.write('a part')
    setTimeout(() => { res.destroy() }, 50)
  }
  for (const [what, fault, wanted] of [
    ['too slow', () => {}, { status: 504, code: 'upstream-timeout' }],
    ['reset', reset, { status: 502, code: 'upstream-reset' }],
    ['half an answer', halfway, { status: 200, complete: false }]
  ] as const) {
    for (const protection of [{}, { circuit_breaker: {} }]) {
      const { erp, gateway, token } = await scene(t, fault, { ...rule({}, { timeout: '300ms' }), changes: { upstreams: { erp: protection } } })
      t.match(await gateway.call(post(token)), wanted, what)
      erp.answerWith(answering())
      for (let n = 0; n < 2; n++) t.match(await gateway.call(post(token)), { status: 409, code: 'idempotency-outcome-unknown' }, what)
      t.match(lastRequest(gateway), { idempotency: 'unknown' })
      t.equal(erp.requests.length, 1, what)
      t.equal((await gateway.call(post(token, 'k-2'))).status, 200)
    }
  }
})

t.test('those who wait learn that nobody knows', async t => {
  const { erp, gateway, token } = await scene(t, () => {}, rule({ wait: '20s' }, { timeout: '500ms' }))
  const answers = await Promise.all(Array.from({ length: 5 }, async () => await gateway.call(post(token))))
  t.equal(answers.filter(({ code }) => code === 'idempotency-outcome-unknown').length, 4)
  t.equal(answers.filter(({ code }) => code === 'upstream-timeout').length, 1)
  t.equal(erp.requests.length, 1)
})

t.test('what was not sent, or was not done, may be sent: the next one goes', async t => {
  const { erp, gateway, token } = await scene(t, undefined, { ...rule(), changes: { upstreams: { erp: { credential: 'none' } } } })
  await erp.stop()
  const refused = await Promise.all(Array.from({ length: 3 }, async () => await gateway.call(post(token))))
  t.same(refused.map(({ code }) => code), Array(3).fill('upstream-refused'))
  await erp.start()
  for (const [what, handler, wanted] of [
    ['429', answering(429, 'slow down'), { status: 429, text: 'slow down' }],
    ['503 that says when', answering(503, 'later', { 'retry-after': '1' }), { status: 503, text: 'later' }],
    ['401', answering(401), { status: 502, code: 'upstream-credential-refused' }]
  ] as const) {
    erp.answerWith(handler)
    t.match(await gateway.call(post(token)), wanted, what)
  }
  erp.answerWith(answering(201, 'done'))
  const before = erp.requests.length
  t.match(await gateway.call(post(token)), { status: 201, text: 'done' })
  t.match(await gateway.call(post(token)), { status: 201, text: 'done', headers: { 'idempotency-replayed': 'true' } })
  t.equal(erp.requests.length, before + 1)
})

t.test('any other answer of the ERP is the answer, well or not', async t => {
  const { erp, gateway, token } = await scene(t, undefined, rule())
  for (const status of [200, 204, 303, 400, 404, 409, 422, 500, 502, 503, 504]) {
    erp.answerWith(answering(status, status === 204 ? '' : 'mine', { date: 'Tue, 01 Jan 2030 00:00:00 GMT' }))
    erp.requests.length = 0
    const first = await gateway.call(post(token, `k-${status}`))
    const second = await gateway.call(post(token, `k-${status}`))
    t.equal(first.status, status)
    t.same(told(second), told(first))
    t.equal(second.headers.date, 'Tue, 01 Jan 2030 00:00:00 GMT')
    t.equal(erp.requests.length, 1)
  }
})

t.test('a token that the ERP refuses is renewed, and the write is one', async t => {
  let refused = 0
  const { erp, gateway, token } = await scene(t, async (req, res, seen) => {
    if (seen.method === 'POST' && refused++ === 0) await answering(401)(req, res, seen)
    else await answering(201, 'done')(req, res, seen)
  }, rule())
  t.match(await gateway.call(post(token, 'k-1', { body: noise(200_000) })), { status: 201 })
  t.match(await gateway.call(post(token, 'k-1', { body: noise(200_000) })), { status: 201, headers: { 'idempotency-replayed': 'true' } })
  t.equal(erp.requests.length, 2)
  t.same(erp.requests.map(({ bodyLength }) => bodyLength), [200_000, 200_000])
})

t.test('a larger answer is the first caller\'s alone, at its pace, and is not asked for again', async t => {
  const large = noise(3_000_000)
  const { erp, gateway, token } = await scene(t, answering(200, large), rule())
  const first = await gateway.call(post(token))
  t.ok(first.body.equals(large))
  t.match(await gateway.call(post(token)), { status: 409, code: 'idempotency-outcome-unknown' })
  t.equal(erp.requests.length, 1)
})

t.test('an answer of just the limit is kept, and one byte more is not', async t => {
  const { erp, gateway, token } = await scene(t, undefined, rule({ max_body: '2KiB' }))
  erp.answerWith(answering(200, 'a'.repeat(2048)))
  await gateway.call(post(token, 'k-1'))
  t.equal((await gateway.call(post(token, 'k-1'))).text, 'a'.repeat(2048))
  erp.answerWith(answering(200, 'a'.repeat(2049)))
  t.equal((await gateway.call(post(token, 'k-2'))).body.length, 2049)
  t.match(await gateway.call(post(token, 'k-2')), { code: 'idempotency-outcome-unknown' })
})

t.test('past the limit, a caller that leaves ends it', async t => {
  const { erp, gateway, head } = await scene(t, async (_req, res, seen) => {
    await seen.received
    res.writeHead(200)
    const more = (): void => { while (!res.destroyed && res.write(noise(65_536))); }
    res.on('drain', more)
    more()
  }, rule({ max_body: '4KiB' }))
  const next = erp.next()
  const connection = await openConnection(gateway.port)
  connection.socket.write(`${head('POST /orders', 'Idempotency-Key: k-1', 'Content-Length: 0')}`)
  const seen = await next
  await connection.until('HTTP/1.1 200')
  connection.socket.destroy()
  await seen.closed
  t.equal(seen.aborted, true)
})

t.test('a request that is larger than what is held is refused, by its length or by its bytes', async t => {
  const { erp, gateway, token, head } = await scene(t, undefined, rule({ max_body: '1KiB' }))
  t.match(await gateway.call(post(token, 'k-1', { body: 'x'.repeat(1025) })), { status: 413, code: 'body-too-large' })
  t.match((await gateway.raw(`${head('POST /orders', 'Idempotency-Key: k-1', 'Transfer-Encoding: chunked')}401\r\n${'x'.repeat(1025)}\r\n0\r\n\r\n`)).response, { status: 413 })
  t.equal(erp.requests.length, 0)
  t.equal((await gateway.call(post(token, 'k-1', { body: 'x'.repeat(1024) }))).status, 200)
  t.equal((await gateway.call({ method: 'POST', token, body: 'x'.repeat(5000) })).status, 200, 'without a key it is a request as any other')
})

t.test('a caller that holds its body back is asked for it once', async t => {
  const { erp, gateway, token, head } = await scene(t, undefined, rule())
  const { response } = await gateway.raw([head('POST /orders', 'Content-Type: application/json', 'Idempotency-Key: k-1', 'Content-Length: 7', 'Expect: 100-continue'), 50, '{"n":1}'])
  t.match(response, { status: 200, informational: [{ status: 100 }] })
  t.equal((await gateway.call(post(token))).headers['idempotency-replayed'], 'true')
  t.equal(erp.requests.length, 1)
})

t.test('keys that are none, and those that are missing where one is wanted', async t => {
  const { erp, gateway, token, head } = await scene(t, undefined, rule({ required: true, header: 'X-Write-Id' }))
  const send = async (...lines: readonly string[]) => (await gateway.raw(head('POST /orders', 'Content-Length: 0', 'Connection: close', ...lines))).response
  const code = ({ body }: { readonly body: Buffer }) => /problem:([a-z-]+)/.exec(body.toString())?.[1]
  for (const line of ['X-Write-Id:', 'X-Write-Id: a b', `X-Write-Id: ${'k'.repeat(256)}`, 'X-Write-Id: k\u00e9y', 'X-Write-Id: "open', 'X-Write-Id: ""', 'X-Write-Id: "a b"', 'X-Write-Id: "a";x=1', 'X-Write-Id: "a\\b"', 'X-Write-Id: a\r\nX-Write-Id: a']) {
    const answer = await send(line)
    t.match({ status: answer.status, code: code(answer) }, { status: 400, code: 'idempotency-key-malformed' }, line)
  }
  const missing = await send('Idempotency-Key: a')
  t.match({ status: missing.status, code: code(missing) }, { status: 400, code: 'idempotency-key-missing' })
  t.equal(erp.requests.length, 0)
  t.equal((await send(`X-Write-Id: ${'k'.repeat(255)}`)).status, 200)
  t.equal((await send('X-Write-Id: a"\\b')).status, 200)
  t.equal((await send('X-Write-Id: "a\\"\\\\b"')).headers['idempotency-replayed'], 'true', 'quoted or not, it is one key')
  t.equal(erp.requests.length, 2)
  t.equal((await gateway.call({ token })).status, 200, 'a GET wants none')
})

t.test('reading is not writing: GET, HEAD and OPTIONS with a key are requests as ever; PUT, PATCH and DELETE are writes', async t => {
  const { erp, gateway, token } = await scene(t, undefined, rule())
  for (const [method, times] of [['GET', 2], ['HEAD', 2], ['OPTIONS', 2], ['PUT', 1], ['PATCH', 1], ['DELETE', 1]] as const) {
    erp.requests.length = 0
    for (let n = 0; n < 2; n++) t.equal((await gateway.call({ method, token, path: `/${method}`, headers: { 'idempotency-key': `k-${method}` } })).status, 200)
    t.equal(erp.requests.length, times, method)
  }
  erp.requests.length = 0
  for (let n = 0; n < 2; n++) await gateway.call({ method: 'POST', token, headers: {} })
  t.equal(erp.requests.length, 2, 'without a key each is one')
})

t.test('who may not, learns nothing of an answer that is kept; and a repeat counts as a request', async t => {
  const { idp, erp, gateway } = await scene(t, answering(201, 'kept'), {
    ...rule({}, { require: { user: { scope: 'write' } }, rate_limit: { max: 3, per: '1h', by: 'user' } })
  })
  const may = idp.mintUser({ scope: 'write' })
  t.equal((await gateway.call(post(may))).status, 201)
  t.match(await gateway.call(post(idp.mintUser({ scope: 'read' }))), { status: 403, code: 'scope-missing' })
  t.match(await gateway.call(post(may)), { status: 201, headers: { 'idempotency-replayed': 'true' } })
  await gateway.call(post(may))
  t.match(await gateway.call(post(may)), { status: 429, code: 'rate-limited' })
  t.equal(erp.requests.length, 1)
})

t.test('a caller whose token does not name it is told so', async t => {
  const { idp, erp, gateway } = await scene(t, undefined, { ...rule(), changes: { issuers: { main: { user_when: { person: true } } } } })
  const token = idp.mintUser({ sub: undefined, person: true })
  const answer = await gateway.call(post(token))
  t.match(answer, { status: 400, code: 'idempotency-caller-unnamed' })
  t.equal(erp.requests.length, 0)
})

t.test('a new configuration remembers what the one before did, also of a write that is under way', async t => {
  const { go, handler } = holding()
  const { idp, erp, gateway, token } = await scene(t, handler, rule())
  const change = async (timeout: string) => {
    await rewrite(gateway.dir, { gateway: standardGateway({ idp, erp }), routes: [{ match: 'ANY /*', require: 'user', timeout, idempotency: {} }] })
    await gateway.reload()
  }
  const next = erp.next()
  const first = gateway.call(post(token))
  await next
  await change('20s')
  const repeated = gateway.call(post(token))
  await until(async () => await metric(gateway, 'countersign_requests_in_flight') === 2)
  go()
  t.match([await first, await repeated].map(({ text }) => text), Array(2).fill('{"order":1,"got":"{\\"n\\":1}"}'))
  await change('21s')
  t.equal((await gateway.call(post(token))).headers['idempotency-replayed'], 'true')
  t.equal(erp.requests.length, 1)
})

t.test('after its time it is forgotten', async t => {
  const { erp, gateway, token } = await scene(t, undefined, rule({ ttl: '1s' }))
  await gateway.call(post(token))
  await sleep(1200)
  t.notOk('idempotency-replayed' in (await gateway.call(post(token))).headers)
  t.equal(erp.requests.length, 2)
})

t.test('a gateway that ends waits for what it carries out for callers that left', async t => {
  const { go, handler } = holding()
  const { erp, gateway, head } = await scene(t, handler, rule())
  const next = erp.next()
  const { socket } = await openConnection(gateway.port)
  socket.write(`${head('POST /orders', 'Idempotency-Key: k-1', 'Content-Length: 2')}{}`)
  const seen = await next
  socket.destroy()
  await sleep(50)
  const closed = gateway.close()
  await sleep(200)
  t.equal(seen.pending, true)
  go()
  await closed
  t.equal(seen.aborted, false)
})

t.test('an answer with a header that is not HTTP is no answer, and is not kept', async t => {
  const { erp, gateway, token } = await rawScene(t, socket => { socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: \u0001\r\n\r\nok') }, rule())
  t.match(await gateway.call(post(token)), { status: 502 })
  t.match(await gateway.call(post(token)), { status: 409, code: 'idempotency-outcome-unknown' })
  t.equal(erp.requests.length, 1)
})

t.test('a pipelined request after a write is answered in its turn', async t => {
  const { erp, gateway, head } = await scene(t, undefined, rule())
  const one = `${head('POST /orders', 'Idempotency-Key: k-1', 'Content-Length: 2')}{}`
  const { responses } = await gateway.raw(`${one}${one}${head('GET /x')}`, { responses: 3 })
  t.same(responses.map(({ status }) => status), [200, 200, 200])
  t.same(responses.map(({ headers }) => headers['idempotency-replayed']), [undefined, 'true', undefined])
  t.equal(erp.requests.length, 2)
})

t.test('what nobody asks to remember costs nothing: no rule, no memory', async (t: Test) => {
  const { erp, gateway, token } = await scene(t)
  for (let n = 0; n < 2; n++) t.equal((await gateway.call(post(token))).status, 200)
  t.equal(erp.requests.length, 2)
  t.equal(await metric(gateway, 'countersign_idempotency_remembered'), 0)
})
