import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { rewrite, standardGateway } from '../support/settings.ts'
import { SAP_SERVICE } from '../support/erps/sap.ts'
import { answer } from '../support/faults.ts'
import { assertStoredOnce, atMost, csrfScene, gate, PARTNERS, statuses } from './csrf-scene.ts'
import { lastRequest, metric, noise, until } from './upstream-scene.ts'

t.test('each of two hosts gets the session that it made, and no other one', async t => {
  const scene = await csrfScene(t, { hosts: 2 })
  const { saps, post, writes } = scene
  const answers = await atMost(20, 200, async at => await post(`BP${at}`))
  saps[1]?.sessions.expire()
  answers.push(...await atMost(20, 200, async at => await post(`CP${at}`)))
  for (const { sessions } of saps) sessions.expire()
  answers.push(...await atMost(20, 200, async at => await post(`DP${at}`)))
  t.same(statuses(answers), [201])
  assertStoredOnce(t, scene, 600)
  t.same(saps.map(({ fetches }) => fetches), [2, 3])
  t.same(writes(), saps.map(({ data, refused }) => data.created.length + refused))
  const [cookies, others] = saps.map(({ requests }) => new Set(requests.map(({ headers }) => headers.cookie)))
  cookies?.delete(undefined)
  t.ok([...cookies ?? []].every(cookie => others?.has(cookie) === false))
})

t.test('where the sessions of both hosts have ended, the second try is at the first host', async t => {
  const { saps, post } = await csrfScene(t, { hosts: 2 })
  t.same(statuses([await post('1'), await post('2')]), [201])
  for (const { sessions } of saps) sessions.expire()
  t.equal((await post('3')).status, 201)
  t.same(saps.map(({ fetches, refused }) => fetches + refused).sort((one, other) => one - other), [1, 3])
})

t.test('neither token nor cookie goes to a caller, and a caller\'s own go nowhere', async t => {
  const { sap, gateway, token, post } = await csrfScene(t)
  const headers = { 'x-csrf-token': 'mine', cookie: 'SAP_SESSIONID_S4H_100=mine' }
  const made = await post('1', { headers })
  t.equal(made.status, 201)
  const [fetch, write] = sap.requests
  t.match(fetch, { method: 'GET', url: `${SAP_SERVICE}/`, headers: { 'x-csrf-token': 'Fetch', authorization: /^Bearer eyJ/ } })
  t.notOk('cookie' in (fetch?.headers ?? {}))
  t.equal(write?.rawHeaders.filter(name => name.toLowerCase() === 'x-csrf-token').length, 1)
  t.match(write?.headers.cookie, /^SAP_SESSIONID_S4H_100=[^;]+; sap-usercontext=sap-client=100$/)
  const read = await gateway.call({ path: `${PARTNERS}('1')`, token, headers: { ...headers, 'X-CSRF-Token': 'Fetch' } })
  t.equal(read.status, 200)
  for (const { headers } of [made, read]) {
    t.notOk('x-csrf-token' in headers)
    t.notOk('set-cookie' in headers)
  }
  t.match(made.headers.location, `http://127.0.0.1:${gateway.port}${PARTNERS}('1')`)
  t.equal(sap.fetches, 1)
  t.match(await gateway.call({ method: 'POST', path: PARTNERS, token, headers: { X_CSRF_Token: 'mine' }, body: {} }), { status: 400, code: 'header-ambiguous' })
  t.equal(sap.requests.length, 3)
})

t.test('a request that reads waits for no session, and goes in one that is there', async t => {
  const { sap, gateway, token, post } = await csrfScene(t)
  const get = async () => await gateway.call({ path: PARTNERS, token })
  t.equal((await get()).status, 200)
  t.notOk('cookie' in (sap.requests[0]?.headers ?? {}))
  t.equal(sap.fetches, 0)
  t.equal((await post('1')).status, 201)
  t.equal((await get()).status, 200)
  const last = sap.requests.at(-1)
  t.match(last?.headers.cookie, /^SAP_SESSIONID_S4H_100=/)
  t.notOk('x-csrf-token' in (last?.headers ?? {}))
  t.equal(sap.sessions.begun, 2)
})

t.test('a session that ended under a request that reads is taken up as the ERP sets it, and renewed for the next that writes', async t => {
  const { sap, gateway, token, post } = await csrfScene(t)
  t.equal((await post('1')).status, 201)
  sap.sessions.expire()
  t.equal((await gateway.call({ path: PARTNERS, token })).status, 200)
  const before = sap.sessions.begun
  t.equal((await gateway.call({ path: PARTNERS, token })).status, 200)
  t.equal(sap.sessions.begun, before)
  t.equal((await post('2')).status, 201)
  t.same([sap.fetches, sap.data.created], [2, ['1', '2']])
})

t.test('PATCH and DELETE carry it, with what the caller says of ETags', async t => {
  const { gateway, token, post } = await csrfScene(t)
  const { headers: { etag = '' } } = await post('1')
  const one = async (method: string, headers = {}, body?: object) => (await gateway.call({ method, path: `${PARTNERS}('1')`, token, headers, ...body && { body } })).status
  t.equal(await one('PATCH', {}, { City: 'Berlin' }), 428)
  t.equal(await one('PATCH', { 'if-match': 'W/"other"' }, { City: 'Berlin' }), 412)
  t.equal(await one('PATCH', { 'if-match': etag }, { City: 'Berlin' }), 204)
  t.equal(await one('DELETE', { 'if-match': '*' }), 204)
})

t.test('rules without the credential have no session, and get the ERP\'s own word', async t => {
  const { sap, gateway, post } = await csrfScene(t, { routes: [{ match: 'ANY /*', require: 'user' }, { match: 'POST /open', require: 'public', credential: 'none' }] })
  t.equal((await post('1')).status, 201)
  sap.fail('write', answer(403, 'CSRF token validation failed'))
  t.match(await gateway.call({ method: 'POST', path: '/open', body: 'x' }), { status: 403, problem: undefined })
  const { headers } = sap.requests.at(-1) ?? {}
  t.same([headers?.cookie, headers?.['x-csrf-token'], headers?.authorization], [undefined, undefined, undefined])
})

t.test('a method that is left out carries no token, and no 403 of the token\'s comes back', async t => {
  const { sap, gateway, token, post } = await csrfScene(t, { csrf: { methods: 'POST' } })
  t.equal((await post('1')).status, 201)
  t.match(await gateway.call({ method: 'DELETE', path: `${PARTNERS}('1')`, token }), { status: 502, code: 'upstream-csrf-refused' })
  t.notOk('x-csrf-token' in (sap.requests.at(-1)?.headers ?? {}))
})

t.test('a body that is not held is sent once: 502, and the next has a new session', async t => {
  const scene = await csrfScene(t, { upstream: { hold_body: '1KiB' } })
  const { sap, post, gateway } = scene
  const large = () => Readable.from([`{"BusinessPartner":"large","Text":"${noise(40_000).toString('hex')}`, '"}'])
  t.equal((await post('1')).status, 201)
  sap.sessions.expire()
  t.match(await post('', { body: large() }), { status: 502, code: 'upstream-csrf-refused' })
  t.match(lastRequest(gateway), { code: 'upstream-csrf-refused', saw: 'the body was on its way', upstream_status: 403 })
  t.same(sap.data.created, ['1'])
  t.equal((await post('', { body: large() })).status, 201)
  assertStoredOnce(t, scene, 2)
  t.equal(sap.fetches, 2)
})

t.test('a 403 of another kind is the ERP\'s answer, less its header', async t => {
  const { sap, post } = await csrfScene(t)
  sap.fail('write', (_req, res) => { res.writeHead(403, { 'content-type': 'text/plain', 'x-csrf-token': 'NotRequired' }).end('no authorization') })
  const { status, text, headers } = await post('1')
  t.same([status, text, headers['x-csrf-token']], [403, 'no authorization', undefined])
  t.same([sap.fetches, sap.refused], [1, 0])
})

for (const spelling of ['required', 'REQUIRED']) {
  t.test(`an ERP that refuses every token (${spelling}) is asked twice for one, not for each request`, async t => {
    const { sap, gateway, post, writes } = await csrfScene(t)
    const [first, second] = [gate(), gate()]
    let arrived = 0
    sap.fail('write', async (req, res) => {
      const mine = ++arrived <= 100 ? first : second
      if (arrived % 100 === 0) mine.letGo()
      await mine.fault(req, res)
      res.writeHead(403, { 'X-Csrf-Token': spelling }).end('CSRF token validation failed')
    })
    const answers = await Promise.all(Array.from({ length: 100 }, async (_, at) => await post(`BP${at}`)))
    for (const one of answers) t.match(one, { status: 502, code: 'upstream-csrf-refused' })
    t.equal(sap.fetches, 2)
    t.same(writes(), [200])
    for (const one of await atMost(4, 100, async at => await post(`CP${at}`))) t.match(one, { status: 502, code: 'upstream-csrf-refused' })
    t.ok(sap.fetches <= 15, `${sap.fetches} requests for a token`)
    t.same(sap.data.created, [])
    t.equal(await metric(gateway, 'countersign_csrf_sessions{upstream="erp"}'), 0)
    sap.heal()
    await until(async () => (await post('late')).status === 201)
    t.equal(sap.data.timesCreated('late'), 1)
  })
}

t.test('one path that refuses every token takes the session from others only so often', async t => {
  const { sap, gateway, token, post } = await csrfScene(t)
  sap.fail('write', (req, res) => {
    if (req.url !== '/bad') return 'go on'
    res.writeHead(403, { 'x-csrf-token': 'Required' }).end()
  })
  const answers = await atMost(4, 200, async at => [await gateway.call({ method: 'POST', path: '/bad', token, body: 'x' }), await post(`BP${at}`)] as const)
  t.same(statuses(answers.map(([bad]) => bad)), [502])
  t.ok(sap.fetches <= 21, `${sap.fetches} requests for a token`)
  // After two new sessions in a row that were refused there is a pause.
  await until(async () => (await post('last')).status === 201)
})

t.test('an outage costs a few requests for a token, however many want one', async t => {
  const { sap, gateway, post, writes } = await csrfScene(t)
  let fetches = 0
  sap.fail('fetch', (_req, res) => {
    fetches += 1
    res.writeHead(503).end('down')
  })
  const answers = await atMost(50, 1000, async at => await post(`BP${at}`))
  for (const code of new Set(answers.map(one => one.code))) t.equal(code, 'upstream-csrf-unavailable')
  t.same(statuses(answers), [502])
  t.ok(fetches <= 20, `${fetches} requests for a token`)
  t.same(writes(), [0])
  t.equal(await metric(gateway, 'countersign_csrf_fetches_total{upstream="erp",outcome="error"}'), fetches)
  t.match(gateway.logLines().find(({ msg }) => msg === 'a session with a CSRF token cannot be had'), { upstream: 'erp', code: 'upstream-csrf-unavailable', saw: /503/ })
  sap.heal()
  await until(async () => (await post('late')).status === 201)
})

t.test('an ERP that is down or too slow for a token is the same as for any request', async t => {
  const { sap, post, writes } = await csrfScene(t, { csrf: { timeout: '300ms' } })
  sap.fail('fetch', () => {})
  const slow = await Promise.all(Array.from({ length: 20 }, async (_, at) => await post(`BP${at}`)))
  for (const one of slow) t.match(one, { status: 504, code: 'upstream-timeout' })
  await sap.stop()
  await until(async () => (await post('down')).code === 'upstream-refused')
  sap.heal()
  await sap.start()
  await until(async () => (await post('back')).status === 201)
  t.same([writes(), sap.data.created], [[1], ['back']])
})

t.test('many wait for one slow request for a token, and a caller that leaves leaves the others their session', async t => {
  const { sap, gateway, post } = await csrfScene(t)
  const open = gate()
  sap.fail('fetch', open.fault)
  const leaving = new AbortController()
  const left = post('left', { signal: leaving.signal })
  left.catch(() => {})
  await until(() => sap.requests.length === 1)
  const waiting = Promise.all(Array.from({ length: 20 }, async (_, at) => await post(`BP${at}`)))
  await until(async () => await metric(gateway, 'countersign_requests_in_flight') === 21)
  leaving.abort()
  await until(async () => await metric(gateway, 'countersign_requests_in_flight') === 20)
  open.letGo()
  t.same(statuses(await waiting), [201])
  t.same([sap.fetches, sap.data.timesCreated('left')], [1, 0])
})

t.test('total_timeout holds for the wait', async t => {
  const { sap, post, writes } = await csrfScene(t, { upstream: { total_timeout: '300ms' } })
  sap.fail('fetch', async (): Promise<'go on'> => {
    await sleep(1500)
    return 'go on'
  })
  t.match(await post('1'), { status: 504, code: 'upstream-timeout' })
  t.same(writes(), [0])
})

t.test('the 401 of the request for a token is about the gateway\'s credential: one new one, and one more try', async t => {
  const { sap, idp, post, writes } = await csrfScene(t)
  sap.fail('fetch', answer(401, '<html></html>', 'text/html'), 1)
  t.equal((await post('1')).status, 201)
  t.same([idp.requests.token, sap.fetches], [2, 1])
  const tokens = sap.requests.map(({ headers }) => headers.authorization)
  t.same([new Set(tokens).size, tokens[1]], [2, tokens[2]])
  sap.sessions.expire()
  sap.fail('fetch', answer(401, '<html></html>', 'text/html'))
  t.match(await post('2'), { status: 502, code: 'upstream-credential-refused' })
  t.same([writes(), sap.data.created], [[2], ['1']])
})

t.test('the 401 of a request that writes costs the session too: login and session are new for the second try', async t => {
  const { sap, idp, post } = await csrfScene(t)
  t.equal((await post('1')).status, 201)
  sap.fail('write', answer(401, '<html></html>', 'text/html'), 1)
  t.equal((await post('2')).status, 201)
  t.same([idp.requests.token, sap.fetches, sap.data.created], [2, 2, ['1', '2']])
})

t.test('a request for a token has the place of the request that wants it', async t => {
  const scene = await csrfScene(t, { csrf: { sessions: 3 }, upstream: { concurrency: { max: 3, queue: 1000, queue_timeout: '1m' } } })
  const { sap, gateway, post } = scene
  let [open, most] = [0, 0]
  const all = gate()
  const count = async (_req: IncomingMessage, res: ServerResponse): Promise<'go on'> => {
    most = Math.max(most, ++open)
    res.once('close', () => { open -= 1 })
    await sleep(20)
    return 'go on'
  }
  sap.fail('fetch', async (req, res) => {
    const counted = count(req, res)
    await all.fault(req, res)
    return await counted
  })
  sap.fail('write', count)
  const posts = Promise.all(Array.from({ length: 60 }, async (_, at) => await post(`BP${at}`)))
  await until(async () => await metric(gateway, 'countersign_upstream_requests_queued{upstream="erp"}') === 57)
  all.letGo()
  const first = await posts
  sap.sessions.expire()
  const second = await Promise.all(Array.from({ length: 60 }, async (_, at) => await post(`CP${at}`)))
  t.same(statuses([...first, ...second]), [201])
  assertStoredOnce(t, scene, 120)
  t.equal(most, 3)
  t.equal(sap.fetches, 6)
})

t.test('requests for a token that fail open the circuit, and one of them closes it', async t => {
  const { sap, gateway, post, writes } = await csrfScene(t, { upstream: { breaker: { failures: 1, open_for: '500ms' } } })
  sap.fail('fetch', answer(503, 'down'))
  t.match(await post('1'), { status: 502, code: 'upstream-csrf-unavailable' })
  const seen = sap.requests.length
  t.match(await post('2'), { status: 503, code: 'upstream-unavailable' })
  t.equal(sap.requests.length, seen)
  sap.heal()
  await until(async () => (await post('3')).status === 201)
  t.equal(await metric(gateway, 'countersign_upstream_circuit_state{upstream="erp"}'), 0)
  t.same(writes(), [1])
})

t.test('a host that gives no session is passed over where there is another', async t => {
  const { saps, post } = await csrfScene(t, { hosts: 2 })
  saps[0]?.fail('fetch', answer(500, 'broken'))
  const answers = await atMost(1, 40, async at => await post(`BP${at}`))
  const failed = answers.filter(({ status }) => status !== 201)
  for (const one of failed) t.match(one, { status: 502, code: 'upstream-csrf-unavailable' })
  t.ok(failed.length <= 5, `${failed.length} failed`)
  t.equal(saps[1]?.data.created.length, 40 - failed.length)
})

t.test('where there was no connection for it, a retry goes to another host', async t => {
  const scene = await csrfScene(t, { hosts: 2, rule: { retry: { backoff: '1ms' } } })
  await scene.saps[0]?.stop()
  t.same(statuses(await atMost(5, 40, async at => await scene.post(`BP${at}`))), [201])
  assertStoredOnce(t, scene, 40)
})

t.test('an ERP without session management, whose token has a cookie of its own', async t => {
  const scene = await csrfScene(t, { sap: { sessionManagement: false } })
  t.same(statuses(await atMost(10, 50, async at => await scene.post(`BP${at}`))), [201])
  assertStoredOnce(t, scene, 50)
  t.match(scene.sap.requests.at(-1)?.headers.cookie, /^sap-XSRF_S4H_100=/)
  t.equal(scene.sap.fetches, 1)
})

t.test('HTTP Basic makes sessions as well', async t => {
  const scene = await csrfScene(t, {
    sap: { users: { GATEWAY: 'a-password-of-sap' } },
    upstream: { credential: { client_credentials: undefined, basic: { username: 'GATEWAY', password: 'a-password-of-sap' } } }
  })
  t.equal((await scene.post('1')).status, 201)
  t.match(scene.sap.requests[0]?.headers.authorization, /^Basic /)
})

t.test('so many sessions as are configured, in turn', async t => {
  const { sap, gateway, post } = await csrfScene(t, { csrf: { sessions: 3 } })
  t.same(statuses(await atMost(10, 60, async at => await post(`BP${at}`))), [201])
  t.same([sap.fetches, sap.sessions.begun], [3, 3])
  t.equal(await metric(gateway, 'countersign_csrf_sessions{upstream="erp"}'), 3)
  const uses = new Map<string | undefined, number>()
  for (const { headers, method } of sap.requests) if (method === 'POST') uses.set(headers.cookie, (uses.get(headers.cookie) ?? 0) + 1)
  t.same([...uses.values()], [20, 20, 20])
})

t.test('a session outlives a reload that does not concern it, and not another login', async t => {
  const { sap, idp, gateway, post } = await csrfScene(t)
  t.equal((await post('1')).status, 201)
  const files = (upstream: object, routes: object[]) => ({
    gateway: standardGateway({ idp, erp: sap }, { upstreams: { erp: { csrf: { path: `${SAP_SERVICE}/` }, ...upstream } } }),
    routes: routes as Array<Record<string, unknown>>
  })
  const rule = { match: 'ANY /*', require: 'user' }
  await rewrite(gateway.dir, files({ timeout: '20s' }, [rule, { match: 'GET /other', require: 'user' }]))
  await gateway.reload()
  t.equal((await post('2')).status, 201)
  t.equal(sap.fetches, 1)
  await rewrite(gateway.dir, files({ credential: { client_credentials: { scope: 'other' } } }, [rule]))
  await gateway.reload()
  t.equal((await post('3')).status, 201)
  t.equal(sap.fetches, 2)
})
