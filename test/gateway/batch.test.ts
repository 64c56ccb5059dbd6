import { Readable } from 'node:stream'
import t, { type Test } from 'tap'
import { changeSet, delimited, httpPart, MULTIPART, writing, type Written } from '../support/batch-body.ts'
import { openConnection } from '../support/raw-http.ts'
import type { Settings } from '../support/settings.ts'
import { parseProblem, startGatehouse, type Answer, type Gatehouse, type Wanted } from './gatehouse.ts'

const ROOT = '/odata/v2'
const BATCH = { match: `POST ${ROOT}/$batch`, require: 'user|client', batch: { each: 'same_rules', max_parts: 5 } }
const ROUTES: readonly Settings[] = [
  BATCH,
  { match: `GET ${ROOT}/Orders`, require: 'user', id: 'orders' },
  { match: `POST ${ROOT}/Orders`, require: { user: { scope: 'write' } }, body_limit: '20B' },
  { match: `GET|DELETE ${ROOT}/Orders/:id`, require: 'client' },
  { match: `GET ${ROOT}/Open`, require: 'public' },
  { match: `GET ${ROOT}/Mine/:who`, require: { user: { where: 'request.params.who == principal.subject && request.method == "GET" && request.path.startsWith("/odata/v2/Mine/")' } } },
  { match: `GET ${ROOT}/Recent`, require: { user: { max_age: '1h' } } }
]

const READ: Written = { target: 'Orders' }
const WRITE = writing('POST', 'Orders', '{"a":1}')

interface Sent {
  readonly body: string
  readonly type?: string
  readonly token?: string
  readonly path?: string
}

const asked = ({ body, token, type = MULTIPART, path = `${ROOT}/$batch` }: Sent) => ({ method: 'POST', path, body, headers: { 'content-type': type }, ...token !== undefined && { token } })
const parts = (...all: readonly Written[]): string => delimited(all.map(httpPart))
const asJson = (...requests: readonly object[]): string => JSON.stringify({ requests: requests.map((request, at) => ({ id: String(at), ...request })) })

/** Refused, and the detail names the part. */
async function refusesPart (t: Test, house: Gatehouse, sent: Sent, wanted: Wanted, part: string): Promise<Answer> {
  const answer = await house.refuses(t, asked(sent), wanted)
  t.ok(String(parseProblem(answer.body)['detail']).startsWith(`Part ${part}: `), String(parseProblem(answer.body)['detail']))
  return answer
}

const lastLine = ({ gateway }: Gatehouse): Record<string, unknown> => gateway.logLines().findLast(line => line['msg'] === 'request') ?? {}

t.test('a batch of requests that are all allowed goes to the ERP byte for byte, in both formats', async t => {
  const house = await startGatehouse(t, { routes: ROUTES })
  const token = house.idp.mintUser({ scope: 'write' })
  const multipart = `\r\n${delimited([httpPart(READ), changeSet([httpPart({ ...WRITE, headers: [...WRITE.headers ?? [], 'Content-ID: 1'] })]), httpPart({ target: 'Open?$top=1', headers: ['Accept: application/json'] })])}`
  const seen = await house.lets(t, asked({ body: multipart, token }))
  t.equal(seen.body.toString(), multipart)
  t.equal(seen.headers['content-type'], MULTIPART)
  t.equal(seen.url, `${ROOT}/$batch`)
  t.match(lastLine(house), { status: 200, granted: true, batch_parts: 3, rule: 'POST /odata/v2/$batch' })
  t.notOk('part' in lastLine(house))
  const json = `  ${asJson({ method: 'get', url: 'Orders' }, { method: 'POST', url: `${ROOT}/Orders`, headers: { 'content-type': 'application/json' }, body: { a: 1 } })}\n`
  t.equal((await house.lets(t, asked({ body: json, token, type: 'application/json' }))).body.toString(), json)
  const chunks = [multipart.slice(0, 50), multipart.slice(50)]
  const inChunks = await house.lets(t, { ...asked({ body: '', token }), body: Readable.from(chunks) })
  t.equal(inChunks.body.toString(), multipart)
  t.equal(inChunks.headers['content-length'], String(multipart.length), 'all of it is known by now')
  t.match((await house.gateway.admin('/metrics')).text, 'countersign_batch_parts_total{outcome="passed"} 8')
})

t.test('one request that is not allowed, and the ERP sees nothing of any: the answer is that of this request', async t => {
  const house = await startGatehouse(t, { routes: ROUTES })
  const user = house.idp.mintUser()
  const insufficient = { error: 'insufficient_scope' }
  await refusesPart(t, house, { token: user, body: parts(READ, WRITE, READ) }, { status: 403, code: 'scope-missing', challenge: { ...insufficient, scope: 'write' } }, '2 (POST Orders)')
  t.match(lastLine(house), { granted: false, batch_parts: 3, part: 2, part_rule: 'POST /odata/v2/Orders', rule: 'POST /odata/v2/$batch', code: 'scope-missing' })
  t.match(lastLine(house)['part_at'], /routes\.yaml:\d+$/)
  await refusesPart(t, house, { token: user, body: delimited([httpPart(READ), changeSet([httpPart({ method: 'DELETE', target: 'Orders/1?x=secret' })])]) }, { status: 403, code: 'principal-kind', challenge: insufficient }, '2 (DELETE Orders/1)')
  await refusesPart(t, house, { token: user, type: 'application/json', body: asJson({ method: 'get', url: 'Orders' }, { method: 'delete', url: 'Orders/1' }) }, { status: 403, code: 'principal-kind', challenge: insufficient }, '2 (DELETE Orders/1)')
  await refusesPart(t, house, { token: house.idp.mintClient(), body: parts(READ) }, { status: 403, code: 'principal-kind', challenge: insufficient }, '1 (GET Orders)')
  await refusesPart(t, house, { token: user, body: parts({ target: `Nothing/${'x'.repeat(200)}` }) }, { status: 404, code: 'route-not-found' }, `1 (GET Nothing/${'x'.repeat(92)}…)`)
  await refusesPart(t, house, { token: user, body: parts({ method: 'PUT', target: 'Orders' }) }, { status: 405, code: 'method-not-allowed', headers: { allow: 'GET, HEAD, POST' } }, '1 (PUT Orders)')
  await refusesPart(t, house, { token: user, body: parts({ method: 'MERGE', target: 'Orders' }) }, { status: 405, code: 'method-not-allowed' }, '1 (MERGE Orders)')
  await refusesPart(t, house, { token: user, body: parts({ target: 'orders' }) }, { status: 404, code: 'route-not-found' }, '1 (GET orders)')
  await refusesPart(t, house, { token: user, body: parts({ target: '../v2/Orders' }) }, { status: 400, code: 'target-ambiguous' }, '1 (GET ../v2/Orders)')
  await refusesPart(t, house, { token: user, body: parts({ target: 'Orders?access_token=x' }) }, { status: 400, code: 'credential-in-query', challenge: { error: 'invalid_request' } }, '1 (GET Orders)')
  await refusesPart(t, house, { token: user, body: parts({ ...READ, body: 'x'.repeat(9), headers: ['Content-Length: 9'] }) }, { status: 400, code: 'body-unexpected' }, '1 (GET Orders)')
  await refusesPart(t, house, { token: house.idp.mintUser({ scope: 'write' }), body: parts(writing('POST', 'Orders', `{"a":"${'x'.repeat(20)}"}`)) }, { status: 413, code: 'body-too-large' }, '1 (POST Orders)')
  await refusesPart(t, house, { token: house.idp.mintUser({ auth_time: 1 }), body: parts({ target: 'Recent' }) }, { status: 401, code: 'login-too-old', challenge: { error: 'insufficient_user_authentication', max_age: '3600' } }, '1 (GET Recent)')
  t.match((await house.gateway.admin('/metrics')).text, /countersign_batch_parts_total\{outcome="refused"\} \d+/)
})

t.test('the batch itself has a rule too: who may not call it is not asked for the body', async t => {
  const house = await startGatehouse(t, { routes: [{ ...BATCH, require: { user: { scope: 'batch' } } }, ...ROUTES.slice(1), { match: 'POST /public/$batch', require: 'public', batch: { each: 'same_rules' } }, { match: 'GET /public/A', require: 'user' }, { match: 'GET /public/B', require: 'public' }] })
  const connection = await openConnection(house.gateway.port)
  connection.socket.write(`POST ${ROOT}/$batch HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 10\r\nContent-Type: ${MULTIPART}\r\n\r\n`)
  t.notMatch(await connection.until('credential-missing'), /100 Continue/)
  connection.socket.destroy()
  await house.refuses(t, asked({ body: parts(READ), token: house.idp.mintUser() }), { status: 403, code: 'scope-missing', challenge: { error: 'insufficient_scope', scope: 'batch' } })
  await house.lets(t, asked({ path: '/public/$batch', body: parts({ target: 'B' }) }))
  await house.refuses(t, asked({ path: '/public/$batch', body: parts({ target: 'A' }), token: house.idp.mintUser() }), { status: 401, code: 'credential-missing', challenge: {} })
})

t.test('conditions see the request of the part', async t => {
  const house = await startGatehouse(t, { routes: ROUTES })
  const token = house.idp.mintUser({ sub: 'ann' })
  await house.lets(t, asked({ token, body: parts({ target: 'Mine/ann' }, { target: 'Mine/ann?x' }) }))
  await house.refuses(t, asked({ token, body: parts({ target: 'Mine/ann' }, { target: 'Mine/bob' }) }), { status: 403, code: 'where-not-met', challenge: { error: 'insufficient_scope' } })
})

t.test('headers that never go to the ERP do not go there in a part', async t => {
  const house = await startGatehouse(t, { routes: [BATCH, { match: `GET ${ROOT}/Orders`, require: 'user', headers: { remove: ['X-Debug'] } }, { match: `GET ${ROOT}/Kept`, require: 'user', headers: { keep: ['X-Api-Key'] } }, { match: 'GET /elsewhere', require: 'user', identity: { headers: { 'X-Customer': 'sub' } } }] })
  const token = house.idp.mintUser()
  const forbidden = ['Authorization: Bearer x', 'authorization: x', 'Cookie: a=b', 'Host: erp', 'Connection: close', 'Transfer-Encoding: chunked', 'Expect: 100-continue', 'Upgrade: h2c', 'TE: trailers', 'Trailer: x', 'Proxy-Authorization: x', 'X-Forwarded-For: 1.2.3.4', 'X-Forwarded-User: root',
    'X-Remote-User: root', 'Remote-User: root', 'REMOTE_USER: root', 'X.Remote.User: root', 'X-User-Id: 1', 'X-Api-Key: x', 'X-Original-URL: /x', 'X-Rewrite-URL: /x', 'X-Debug: 1', 'x_debug: 1', 'X-Customer: 7', 'X_Customer: 7', 'traceparent: x', 'DPoP: x', 'Keep-Alive: x']
  for (const header of forbidden) {
    await t.test(header, async t => {
      await refusesPart(t, house, { token, body: parts({ ...READ, headers: [header] }) }, { status: 400, code: 'batch-part-header' }, '1 (GET Orders)')
      const [name = '', value = ''] = header.split(': ')
      await refusesPart(t, house, { token, type: 'application/json', body: asJson({ method: 'get', url: 'Orders', headers: { [name]: value } }) }, { status: 400, code: 'batch-part-header' }, '1 (GET Orders)')
    })
  }
  for (const name of ['X-HTTP-Method', 'x-http-method-override', 'X-Method-Override', 'X_HTTP_Method']) {
    await refusesPart(t, house, { token, body: parts({ ...READ, headers: [`${name}: DELETE`] }) }, { status: 400, code: 'method-override' }, '1 (GET Orders)')
  }
  await house.lets(t, asked({ token, body: parts({ ...READ, headers: ['Accept: a', 'If-Match: *', 'sap-language: EN', 'X-CSRF-Token: x', 'Prefer: return=minimal'] }) }))
  await house.lets(t, asked({ token, body: parts({ target: 'Kept', headers: ['X-Api-Key: x'] }) }))
})

t.test('what a rule does beside a body cannot be done within one: such a part is refused', async t => {
  const other = { match: `GET ${ROOT}/X`, require: 'user' }
  for (const [what, rule] of [
    ['another upstream', { upstream: 'crm' }],
    ['no credential', { credential: 'none' }],
    ['an identity', { identity: { headers: { 'X-Customer': 'sub' } } }],
    ['a header', { headers: { set: { 'X-Channel': 'saas' } } }],
    ['a header of the answer', { response_headers: { set: { 'Cache-Control': 'no-store' } } }],
    ['a header of the answer that is removed', { response_headers: { remove: ['X-Internal'] } }],
    ['a rewrite', { rewrite: '/odata/v4/X' }]
  ] as const) {
    await t.test(what, async t => {
      const erp = await startGatehouse(t, {
        routes: [BATCH, READ_RULE, { ...other, ...rule }].map(one => ({ upstream: 'erp', ...one })),
        changes: { upstreams: { crm: { url: 'http://127.0.0.1:9', credential: 'none' } } }
      })
      const token = erp.idp.mintUser()
      await refusesPart(t, erp, { token, body: parts(READ, { target: 'X' }) }, { status: 400, code: 'batch-part-unsupported' }, '2 (GET X)')
      await erp.lets(t, asked({ token, body: parts(READ) }))
    })
  }
})

const READ_RULE = { match: `GET ${ROOT}/Orders`, require: 'user' }

t.test('keys, refused queries and remembered writes of OData rules hold within a batch', async t => {
  const house = await startGatehouse(t, {
    routes: [
      { ...BATCH, idempotency: {} },
      { match: `GET ${ROOT}/Orders(:key)`, require: { user: { where: 'request.params.key == "7"' } }, refuse_query: ['sap-user', '$expand'] },
      { match: `DELETE ${ROOT}/Orders(:key)`, require: 'client' },
      { match: `POST|GET ${ROOT}/Notes`, require: 'user', idempotency: {} },
      { match: `GET ${ROOT}/*`, require: 'client' }
    ]
  })
  const token = house.idp.mintUser()
  const insufficient = { error: 'insufficient_scope' }
  const good = parts({ target: 'Orders(7)?$select=a' }, { target: 'Notes' })
  await house.lets(t, asked({ token, body: good }))
  await refusesPart(t, house, { token, body: parts({ target: 'Orders(8)' }) }, { status: 403, code: 'where-not-met', challenge: insufficient }, '1 (GET Orders(8))')
  await refusesPart(t, house, { token, body: parts({ method: 'DELETE', target: 'Orders(7)' }) }, { status: 403, code: 'principal-kind', challenge: insufficient }, '1 (DELETE Orders(7))')
  for (const query of ['sap-user=x', '$Expand=a', 'a=b&sap%2duser=x']) await refusesPart(t, house, { token, body: parts({ target: `Orders(7)?${query}` }) }, { status: 400, code: 'query-refused' }, '1 (GET Orders(7))')
  await refusesPart(t, house, { token, body: parts(writing('POST', 'Notes', '{}')) }, { status: 400, code: 'batch-part-unsupported' }, '1 (POST Notes)')
  // The batch itself is a write that may be repeated.
  const once = { ...asked({ token, body: good }), headers: { 'content-type': MULTIPART, 'idempotency-key': 'k' } }
  await house.lets(t, once)
  const before = house.erp.requests.length
  t.match(await house.gateway.call(once), { status: 200, headers: { 'idempotency-replayed': 'true' } })
  t.equal(house.erp.requests.length, before)
})

t.test('rules that do the same as the rule of the batch are fit, rewritten alike too', async t => {
  const same = { identity: { headers: { 'X-Customer': 'sub' } }, headers: { set: { 'X-A': '1', 'X-B': '2' } } }
  const alike = { identity: { headers: { 'x-customer': 'sub' } }, headers: { set: { 'X-B': '2', 'X-A': '1' } } }
  const house = await startGatehouse(t, {
    routes: [
      { ...BATCH, ...same, rewrite: '/sap/opu/$batch' },
      { match: `GET ${ROOT}/Orders/:id`, require: 'user', ...alike, rewrite: '/sap/opu/Orders/:id' },
      { match: `GET ${ROOT}/Plain`, require: 'user', ...alike },
      { match: 'GET /sap/opu/Orders/:id', require: 'user', ...alike }
    ]
  })
  const token = house.idp.mintUser()
  const seen = await house.lets(t, asked({ token, body: parts({ target: 'Orders/1' }) }))
  t.equal(seen.url, '/sap/opu/$batch')
  await house.refuses(t, asked({ token, body: parts({ target: 'Plain' }) }), { status: 400, code: 'batch-part-unsupported' })
  for (const target of [`${ROOT}/Orders/1`, '/sap/opu/Orders/1']) await house.refuses(t, asked({ token, body: parts({ target }) }), { status: 400, code: 'batch-part-unsupported' })
})

t.test('an absolute target is taken only where both sides have the same paths', async t => {
  const routes = [BATCH, READ_RULE, { match: 'GET /admin', require: 'user' }, { match: `GET ${ROOT}/admin`, require: 'client' }]
  const house = await startGatehouse(t, { routes })
  const token = house.idp.mintUser()
  await house.lets(t, asked({ token, body: parts({ target: `${ROOT}/Orders` }) }))
  // Read from the root of the service it would meet a rule for others.
  await house.refuses(t, asked({ token, body: parts({ target: '/admin' }) }), { status: 400, code: 'target-ambiguous' })
  await house.refuses(t, asked({ token, body: parts({ target: 'admin' }) }), { status: 403, code: 'principal-kind', challenge: { error: 'insufficient_scope' } })
  await house.refuses(t, asked({ token, body: parts({ target: 'http://gateway.test/odata/v2/Orders' }) }), { status: 400, code: 'batch-part-unsupported' })
  const below = await startGatehouse(t, { routes, changes: { upstreams: { erp: { url: `${house.erp.origin}/base` } } } })
  await below.refuses(t, asked({ token: below.idp.mintUser(), body: parts({ target: `${ROOT}/Orders` }) }), { status: 400, code: 'batch-part-unsupported' })
  const before = house.erp.requests.length
  t.equal((await below.gateway.call(asked({ token: below.idp.mintUser(), body: parts(READ) }))).status, 200)
  t.equal(house.erp.requests[before]?.url, `/base${ROOT}/$batch`)
})

t.test('a reference to another request of the batch is refused, and says so', async t => {
  const house = await startGatehouse(t, { routes: [BATCH, { match: `ANY ${ROOT}/*`, require: 'user' }] })
  const token = house.idp.mintUser()
  const made = httpPart({ ...writing('POST', 'Orders', '{}'), around: ['Content-Type: application/http', 'Content-ID: 1'] })
  for (const target of ['$1/Items', 'Orders?x=$1/Secret', 'Orders/$1']) {
    await house.refuses(t, asked({ token, body: delimited([changeSet([made, httpPart(writing('POST', target, '{}'))])]) }), { status: 400, code: 'batch-part-unsupported' })
  }
  await house.lets(t, asked({ token, body: delimited([changeSet([made, httpPart(writing('POST', 'Orders?$top=1', '{}'))])]) }))
  await house.refuses(t, asked({ token, body: parts({ method: 'POST', target: '$batch' }) }), { status: 400, code: 'batch-part-unsupported' })
  await house.refuses(t, asked({ token, type: 'application/json', body: asJson({ method: 'get', url: 'Orders' }, { method: 'get', url: '$0' }) }), { status: 400, code: 'batch-part-unsupported' })
})

t.test('each request of a batch counts against the limits of its rule', async t => {
  const limited = { match: `GET ${ROOT}/Orders`, require: 'user', rate_limit: { max: 4, per: '1h', by: 'user' } }
  const house = await startGatehouse(t, { routes: [BATCH, limited, { match: `POST ${ROOT}/Orders`, require: 'client' }] })
  const token = house.idp.mintUser()
  // Refused for another reason, it takes nothing of the limit.
  await house.refuses(t, asked({ token, body: parts(READ, READ, READ, WRITE) }), { status: 403, code: 'principal-kind', challenge: { error: 'insufficient_scope' } })
  await house.lets(t, asked({ token, body: parts(READ, READ, READ) }))
  await refusesPart(t, house, { token, body: parts(READ, READ) }, { status: 429, code: 'rate-limited', headers: { 'retry-after': /^\d+$/ } }, '2 (GET Orders)')
  await house.refuses(t, { path: `${ROOT}/Orders`, token }, { status: 429, code: 'rate-limited' })
  await house.lets(t, asked({ token: house.idp.mintUser({ sub: 'another' }), body: parts(READ) }))
})

t.test('a batch that is too large, too long, too slow, or none is refused', async t => {
  const house = await startGatehouse(t, { routes: [{ ...BATCH, match: `ANY ${ROOT}/$batch`, body_limit: '1KiB', idle_timeout: '300ms' }, READ_RULE] })
  const token = house.idp.mintUser()
  await house.refuses(t, asked({ token, body: parts({ target: `Orders?${'x'.repeat(1000)}` }) }), { status: 413, code: 'body-too-large' })
  await house.refuses(t, { ...asked({ token, body: '' }), body: Readable.from([parts(READ), 'x'.repeat(1000)]) }, { status: 413, code: 'body-too-large' })
  await house.refuses(t, asked({ token, body: parts(READ, READ, READ, READ, READ, READ) }), { status: 413, code: 'batch-too-large' })
  await house.refuses(t, asked({ token, body: 'hello' }), { status: 400, code: 'batch-malformed' })
  await house.refuses(t, asked({ token, body: '' }), { status: 400, code: 'batch-malformed' })
  await house.refuses(t, { method: 'PUT', path: `${ROOT}/$batch`, token, body: parts(READ), headers: { 'content-type': MULTIPART } }, { status: 400, code: 'batch-malformed' })
  await house.refuses(t, asked({ token, body: parts(READ).replaceAll('\r\n', '\n') }), { status: 400, code: 'batch-ambiguous' })
  await house.refuses(t, [`POST ${ROOT}/$batch HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${token}\r\nContent-Type: ${MULTIPART}\r\nContent-Length: 100\r\n\r\n--batch_1\r\n`], { status: 408, code: 'request-timeout' })
  for (const method of ['GET', 'HEAD']) t.equal((await house.gateway.call({ method, path: `${ROOT}/$batch`, token })).status, 200, method)
})

t.test('a body of a mebibyte is the most where nothing is said', async t => {
  const house = await startGatehouse(t, { routes: [BATCH, { match: `POST ${ROOT}/Orders`, require: 'user' }] })
  const token = house.idp.mintUser()
  const sized = (bytes: number): string => parts(writing('POST', 'Orders', `"${'x'.repeat(bytes - parts(writing('POST', 'Orders', '""'.padEnd(100_000))).length + 100_000 - 3)}"`))
  const largest = sized(1024 * 1024)
  await house.lets(t, asked({ token, body: largest }))
  await house.refuses(t, asked({ token, body: `${'x'.repeat(1024 * 1024 + 1)}` }), { status: 413, code: 'body-too-large' })
})

t.test('a caller that holds its body back is asked for it, and the ERP gets it', async t => {
  const house = await startGatehouse(t, { routes: [BATCH, READ_RULE] })
  const connection = await openConnection(house.gateway.port)
  const body = parts(READ)
  connection.socket.write(`POST ${ROOT}/$batch HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${house.idp.mintUser()}\r\nExpect: 100-continue\r\nContent-Type: ${MULTIPART}\r\nContent-Length: ${body.length}\r\n\r\n`)
  await connection.until('100 Continue')
  connection.socket.write(body)
  await connection.until('HTTP/1.1 200')
  t.equal(house.erp.requests[0]?.body.toString(), body)
  connection.socket.destroy()
})

t.test('without the key nobody looks into a batch, and only a rule that names it lets it pass', async t => {
  const { batch, ...plain } = BATCH
  const house = await startGatehouse(t, { routes: [plain, READ_RULE] })
  t.ok(batch)
  const seen = await house.lets(t, asked({ token: house.idp.mintUser(), body: 'anything' }))
  t.equal(seen.body.toString(), 'anything')
  t.notOk('batch_parts' in lastLine(house))
})
