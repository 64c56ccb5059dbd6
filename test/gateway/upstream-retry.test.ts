import { Readable } from 'node:stream'
import t from 'tap'
import { answering, type ErpHandler } from '../support/erp.ts'
import { openConnection } from '../support/raw-http.ts'
import { lastRequest, metric, noise, scene, until } from './upstream-scene.ts'

/** Fails so many times, then answers. */
function failing (count: number, fault: ErpHandler): ErpHandler {
  let left = count
  return async (req, res, seen) => await (left-- > 0 ? fault : answering())(req, res, seen)
}

const reset: ErpHandler = req => { req.socket.resetAndDestroy() }
const retries = async (gateway: Parameters<typeof metric>[0], reason: string) => await metric(gateway, `countersign_upstream_retries_total{upstream="erp",reason="${reason}"}`)

t.test('nothing is tried again unless it is written', async t => {
  const { erp, gateway, token } = await scene(t, failing(1, reset))
  t.match(await gateway.call({ token }), { status: 502, code: 'upstream-reset' })
  t.equal(erp.requests.length, 1)
  t.notOk('attempts' in lastRequest(gateway))
})

t.test('a connection that ended before the answer: what may be carried out twice is', async t => {
  const { erp, gateway, token } = await scene(t, undefined, { rule: { retry: { attempts: 3, backoff: '1ms' } } })
  for (const method of ['GET', 'HEAD', 'DELETE', 'OPTIONS', 'PUT']) {
    erp.answerWith(failing(2, reset))
    erp.requests.length = 0
    t.equal((await gateway.call({ method, token })).status, 200, method)
    t.equal(erp.requests.length, 3)
    t.match(lastRequest(gateway), { status: 200, attempts: 3, retried: true })
  }
  t.equal(await retries(gateway, 'reset'), 10)
  for (const method of ['POST', 'PATCH']) {
    erp.answerWith(failing(1, reset))
    erp.requests.length = 0
    t.match(await gateway.call({ method, token }), { status: 502, code: 'upstream-reset' }, method)
    t.equal(erp.requests.length, 1)
    t.match(lastRequest(gateway), { attempts: 1 })
  }
})

t.test('a POST that methods names is, where all that was read of its body is held', async t => {
  const { erp, gateway, token, head } = await scene(t, undefined, { rule: { retry: { methods: ['POST'] } } })
  erp.answerWith(failing(1, reset))
  t.equal((await gateway.call({ method: 'POST', token })).status, 200)
  t.equal(erp.requests.length, 2)
  erp.answerWith(failing(1, reset))
  t.match((await gateway.raw(`${head('POST /x', 'Transfer-Encoding: chunked')}0\r\n\r\n`)).response, { status: 200 })
  erp.answerWith(failing(1, reset))
  erp.requests.length = 0
  t.equal((await gateway.call({ method: 'POST', token, body: 'abc' })).status, 200)
  t.same(erp.requests.map(({ body }) => body.toString()).at(-1), 'abc')
  for (const body of [noise(100_000), Readable.from([noise(50_000), noise(50_000)])]) {
    erp.answerWith(failing(1, reset))
    erp.requests.length = 0
    t.match(await gateway.call({ method: 'POST', token, body }), { status: 502, code: 'upstream-reset' })
    t.equal(erp.requests.length, 1)
  }
})

t.test('what methods does not name is not, whatever it is', async t => {
  const { erp, gateway, token } = await scene(t, undefined, { rule: { retry: { methods: ['POST'], on: ['reset', 503] } } })
  for (const [fault, answer] of [[reset, { status: 502, code: 'upstream-reset' }], [answering(503, 'mine'), { status: 503, text: 'mine' }]] as const) {
    for (const method of ['GET', 'PUT', 'DELETE', 'PATCH']) {
      erp.answerWith(failing(1, fault))
      erp.requests.length = 0
      t.match(await gateway.call({ method, token }), answer, method)
      t.equal(erp.requests.length, 1)
    }
    erp.answerWith(failing(1, fault))
    erp.requests.length = 0
    t.equal((await gateway.call({ method: 'POST', token })).status, 200)
    t.equal(erp.requests.length, 2)
  }
})

t.test('a word and a status in one list: either is tried again, and nothing else', async t => {
  const { erp, gateway, token } = await scene(t, undefined, { rule: { retry: { on: ['reset', 502], backoff: '1ms' } } })
  for (const [fault, status, seen] of [[reset, 200, 2], [answering(502, 'mine'), 200, 2], [answering(503, 'mine'), 503, 1]] as const) {
    erp.answerWith(failing(1, fault))
    erp.requests.length = 0
    t.equal((await gateway.call({ token })).status, status)
    t.equal(erp.requests.length, seen)
  }
  t.same([await retries(gateway, 'reset'), await retries(gateway, 'status')], [1, 1])
})

t.test('so many times and no more; then it is what it was', async t => {
  const { erp, gateway, token } = await scene(t, reset, { rule: { retry: { attempts: 4, backoff: '1ms' } } })
  t.match(await gateway.call({ token }), { status: 502, code: 'upstream-reset' })
  t.equal(erp.requests.length, 4)
  t.match(lastRequest(gateway), { attempts: 4, code: 'upstream-reset', retried: true })
})

t.test('an answer of the ERP is the caller\'s, whatever it says, unless its status is listed', async t => {
  const { erp, gateway, token } = await scene(t, undefined, { rule: { retry: { on: ['connect', 'reset', 503], backoff: '1ms' } } })
  for (const status of [500, 502, 504, 429]) {
    erp.answerWith(answering(status, 'mine'))
    erp.requests.length = 0
    t.match(await gateway.call({ token }), { status, text: 'mine' })
    t.equal(erp.requests.length, 1)
  }
  erp.answerWith(failing(1, answering(503, 'x'.repeat(30_000), { 'x-first': '1' })))
  const second = await gateway.call({ token })
  t.equal(second.status, 200)
  t.notOk('x-first' in second.headers)
  t.equal(await retries(gateway, 'status'), 1)
  erp.answerWith(answering(503, 'the last word'))
  erp.requests.length = 0
  t.match(await gateway.call({ token }), { status: 503, text: 'the last word' })
  t.equal(erp.requests.length, 2)
  for (const options of [{ method: 'POST' }, { method: 'PUT', body: noise(100_000) }]) {
    erp.answerWith(failing(1, answering(503, 'mine')))
    erp.requests.length = 0
    t.match(await gateway.call({ token, ...options }), { status: 503, text: 'mine' })
    t.equal(erp.requests.length, 1)
  }
})

t.test('what was declined and never ends holds nobody', async t => {
  const { erp, gateway, token } = await scene(t, failing(1, (_req, res) => { res.writeHead(503).write('x'.repeat(200_000)) }), { rule: { retry: { on: [503] } }, changes: { upstreams: { erp: { concurrency: { max: 1 } } } } })
  t.equal((await gateway.call({ token })).status, 200)
  await until(() => erp.openSockets <= 1)
  t.equal(await metric(gateway, 'countersign_upstream_requests_open{upstream="erp"}'), 0)
})

t.test('too slow is tried again where it is listed, and each try has its time', async t => {
  const { erp, gateway, token } = await scene(t, failing(1, () => {}), { rule: { timeout: '300ms', retry: { on: ['timeout'] } } })
  t.equal((await gateway.call({ token })).status, 200)
  t.equal(erp.requests.length, 2)
  t.equal(await retries(gateway, 'timeout'), 1)
  erp.answerWith(failing(1, reset))
  t.match(await gateway.call({ token }), { code: 'upstream-reset' }, 'and nothing else is')
})

t.test('where there was no connection, any method is, with the body that nobody has read', async t => {
  const { erp, gateway, token } = await scene(t, undefined, { rule: { retry: { attempts: 10, backoff: '300ms' } } })
  await erp.stop()
  const answer = gateway.call({ method: 'POST', token, body: '{"a":1}' })
  setTimeout(() => { erp.start().catch(() => {}) }, 300)
  t.equal((await answer).status, 200)
  t.equal(erp.requests.length, 1)
  t.match(erp.requests[0]?.body.toString(), '{"a":1}')
  t.ok(await retries(gateway, 'connect') >= 1)
})

t.test('nothing is once a byte of an answer has gone out', async t => {
  const { erp, gateway, token } = await scene(t, failing(1, (req, res) => {
    res.writeHead(200).write('begun')
    setTimeout(() => { req.socket.resetAndDestroy() }, 100)
  }), { rule: { retry: { attempts: 5 } } })
  t.match(await gateway.call({ token }), { status: 200, complete: false, text: 'begun' })
  t.equal(erp.requests.length, 1)
})

t.test('the budget ends it: an ERP that fails is not asked twice as often', async t => {
  const { erp, gateway, token } = await scene(t, reset, { rule: { retry: { budget: '10%', backoff: '0ms' } } })
  for (let at = 0; at < 100; at++) await gateway.call({ token })
  const again = erp.requests.length - 100
  t.ok(again >= 10 && again <= 20, `${again} retries`)
})

t.test('a 401 between tries is another token, and no retry', async t => {
  const faults: ErpHandler[] = [reset, answering(401, 'no'), reset]
  const { erp, gateway, idp, token } = await scene(t, async (req, res, seen) => await (faults.shift() ?? answering())(req, res, seen), { rule: { retry: { attempts: 3, backoff: '1ms' } }, changes: { upstreams: { erp: { concurrency: { max: 1 } } } } })
  t.equal((await gateway.call({ token })).status, 200)
  t.equal(erp.requests.length, 4)
  t.equal(idp.requests.token, 2)
  t.not(erp.requests[0]?.headers.authorization, erp.requests[3]?.headers.authorization)
  t.equal(await retries(gateway, 'credential'), 1)
  t.equal(await retries(gateway, 'reset'), 2)
  t.equal(await metric(gateway, 'countersign_upstream_requests_open{upstream="erp"}'), 0)
  faults.push(answering(401, 'no'), answering(401, 'no'))
  t.match(await gateway.call({ token }), { status: 502, code: 'upstream-credential-refused' })
  t.equal(await metric(gateway, 'countersign_upstream_requests_open{upstream="erp"}'), 0)
})

t.test('a caller that leaves before the next try is the end of it', async t => {
  const { erp, gateway, head } = await scene(t, reset, { rule: { retry: { attempts: 10, backoff: '10s' } }, changes: { upstreams: { erp: { concurrency: { max: 1 } } } } })
  const leaver = await openConnection(gateway.port)
  leaver.socket.write(head('GET /x'))
  await until(() => erp.requests.length === 1)
  leaver.socket.destroy()
  await until(async () => await metric(gateway, 'countersign_upstream_requests_open{upstream="erp"}') === 0)
  t.match(lastRequest(gateway), { code: 'client-gone' })
})

t.test('a rule says more than defaults, and they more than the upstream; none is none', async t => {
  const { erp, gateway, token } = await scene(t, undefined, {
    changes: { upstreams: { erp: { retry: { attempts: 2, backoff: '1ms' } } } },
    routes: [{ match: 'GET /upstream', require: 'user' }, { match: 'GET /none', require: 'user', retry: 'none' }, { match: 'GET /rule', require: 'user', retry: { attempts: 4, backoff: '1ms' } }]
  })
  for (const [path, tries] of [['/upstream', 2], ['/none', 1], ['/rule', 4]] as const) {
    erp.answerWith(reset)
    erp.requests.length = 0
    t.equal((await gateway.call({ token, path })).status, 502)
    t.equal(erp.requests.length, tries, path)
  }
})
