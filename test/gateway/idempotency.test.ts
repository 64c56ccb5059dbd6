import t from 'tap'
import type { Called } from '../support/call.ts'
import { answering } from '../support/erp.ts'
import { holding, outcome, post, rule, told } from './idempotency-scene.ts'
import { lastRequest, metric, scene, until } from './upstream-scene.ts'

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

t.test('what nobody asks to remember costs nothing: no rule, no memory', async t => {
  const { erp, gateway, token } = await scene(t)
  for (let n = 0; n < 2; n++) t.equal((await gateway.call(post(token))).status, 200)
  t.equal(erp.requests.length, 2)
  t.equal(await metric(gateway, 'countersign_idempotency_remembered'), 0)
})
