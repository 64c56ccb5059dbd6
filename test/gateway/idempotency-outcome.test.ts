import t from 'tap'
import { answering, type ErpHandler } from '../support/erp.ts'
import { post, rule, told } from './idempotency-scene.ts'
import { lastRequest, noise, rawScene, scene } from './upstream-scene.ts'

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
  for (const protection of [{}, { breaker: {} }]) {
    const { erp, gateway, token } = await scene(t, undefined, { ...rule({}, { timeout: '500ms' }), changes: { upstreams: { erp: protection } } })
    for (const [what, fault, wanted] of [
      ['too slow', () => {}, { status: 504, code: 'upstream-timeout' }],
      ['reset', reset, { status: 502, code: 'upstream-reset' }],
      ['half an answer', halfway, { status: 200, complete: false }]
    ] as const) {
      erp.answerWith(fault)
      erp.requests.length = 0
      t.match(await gateway.call(post(token, what.replaceAll(' ', '-'))), wanted, what)
      erp.answerWith(answering())
      for (let n = 0; n < 2; n++) t.match(await gateway.call(post(token, what.replaceAll(' ', '-'))), { status: 409, code: 'idempotency-outcome-unknown' }, what)
      t.match(lastRequest(gateway), { idempotency: 'unknown' })
      t.equal(erp.requests.length, 1, what)
    }
    t.equal((await gateway.call(post(token, 'another'))).status, 200)
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

t.test('a request that is larger than what is held is refused, by its length or by its bytes', async t => {
  const { erp, gateway, token, head } = await scene(t, undefined, rule({ max_body: '1KiB' }))
  t.match(await gateway.call(post(token, 'k-1', { body: 'x'.repeat(1025) })), { status: 413, code: 'body-too-large' })
  t.match((await gateway.raw(`${head('POST /orders', 'Idempotency-Key: k-1', 'Transfer-Encoding: chunked')}401\r\n${'x'.repeat(1025)}\r\n0\r\n\r\n`)).response, { status: 413 })
  t.equal(erp.requests.length, 0)
  t.equal((await gateway.call(post(token, 'k-1', { body: 'x'.repeat(1024) }))).status, 200)
  t.equal((await gateway.call({ method: 'POST', token, body: 'x'.repeat(5000) })).status, 200, 'without a key it is a request as any other')
})

t.test('an answer with a header that is not HTTP is no answer, and is not kept', async t => {
  const { erp, gateway, token } = await rawScene(t, socket => { socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: \u0001\r\n\r\nok') }, rule())
  t.match(await gateway.call(post(token)), { status: 502 })
  t.match(await gateway.call(post(token)), { status: 409, code: 'idempotency-outcome-unknown' })
  t.equal(erp.requests.length, 1)
})
