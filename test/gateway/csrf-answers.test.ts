import t from 'tap'
import { registerSecret } from '../support/secrets.ts'
import { answering, type ErpHandler } from '../support/erp.ts'
import { sendsThenCloses } from '../support/raw-erp.ts'
import { rawScene, scene } from './upstream-scene.ts'

const TOKEN = registerSecret('an-erps-csrf-token==', 'a CSRF token')
const COOKIE = registerSecret('an-erps-session-cookie', 'a session')
const CSRF = { upstreams: { erp: { csrf: { path: '/token' } } } }

/** An ERP that gives a token at /token, with headers of its own, and answers the rest otherwise. */
function giving (headers: Readonly<Record<string, string | string[]>>, then: ErpHandler = answering()): ErpHandler {
  return async (req, res, seen) => {
    if (req.url === '/token') res.writeHead(200, headers).end('{}')
    else await then(req, res, seen)
  }
}

t.test('a token that is none, or that no header can carry, is a 502, and nothing is written', async t => {
  const cookie = `SID=${COOKIE}`
  const bad: ReadonlyArray<readonly [what: string, status: number, headers: Readonly<Record<string, string | string[]>>]> = [
    ['none', 200, { 'set-cookie': cookie }],
    ['Required', 200, { 'x-csrf-token': 'Required' }],
    ['of two words', 200, { 'x-csrf-token': `${TOKEN} X-Evil: 1` }],
    ['not ASCII', 200, { 'x-csrf-token': `${TOKEN}\xe9` }],
    ['too long', 200, { 'x-csrf-token': TOKEN.repeat(300) }],
    ['two', 200, { 'x-csrf-token': [TOKEN, 'another'] }],
    ['of a failed answer', 404, { 'x-csrf-token': TOKEN }],
    ['of a redirect', 302, { 'x-csrf-token': TOKEN, location: '/login' }],
    ['with cookies without end', 200, { 'x-csrf-token': TOKEN, 'set-cookie': Array.from({ length: 40 }, (_, at) => `c${at}=${'x'.repeat(500)}`) }]
  ]
  for (const [what, status, headers] of bad) {
    const { erp, gateway, token } = await scene(t, (_req, res) => { res.writeHead(status, headers).end() }, { changes: CSRF })
    t.match(await gateway.call({ method: 'POST', token, body: 'x' }), { status: 502, code: 'upstream-csrf-unavailable' }, what)
    t.same(erp.requests.map(({ method }) => method), ['GET'], what)
  }
})

t.test('malformed cookies are left out, and the others go out', async t => {
  const { erp, gateway, token } = await scene(t, giving({ 'x-csrf-token': TOKEN, 'set-cookie': ['', '=x', 'a b=c', 'c=d e', `big=${'x'.repeat(5000)}`, `SID=${COOKIE}; Path=/; Secure`, 'gone=x; Max-Age=0'] }), { changes: CSRF })
  t.equal((await gateway.call({ method: 'POST', token, body: 'x' })).status, 200)
  t.match(erp.requests.at(-1)?.headers, { cookie: `SID=${COOKIE}`, 'x-csrf-token': TOKEN })
})

t.test('bytes that would begin a header of their own are no answer', async t => {
  for (const head of [`X-CSRF-Token: ${TOKEN}\rX-Evil: 1`, `X-CSRF-Token: ${TOKEN}\0`, `Set-Cookie: SID=${COOKIE}\rX-Evil: 1\r\nX-CSRF-Token: ${TOKEN}`]) {
    const { erp, gateway, token } = await rawScene(t, sendsThenCloses(`HTTP/1.1 200 OK\r\n${head}\r\nContent-Length: 0\r\n\r\n`), { changes: CSRF })
    t.match(await gateway.call({ method: 'POST', token, body: 'x' }), { status: 502, code: 'upstream-answer-invalid' })
    t.same(erp.requests.map(request => request.toString().slice(0, 4)), ['GET '])
  }
})

t.test('headers without end are no answer, and a body without end is not read', async t => {
  const many = await rawScene(t, sendsThenCloses(`HTTP/1.1 200 OK\r\nX-CSRF-Token: ${TOKEN}\r\nSet-Cookie: a=${'x'.repeat(80_000)}\r\nContent-Length: 0\r\n\r\n`), { changes: CSRF })
  t.match(await many.gateway.call({ method: 'POST', token: many.token, body: 'x' }), { status: 502, code: 'upstream-answer-invalid' })
  const { gateway, token } = await scene(t, (req, res, seen) => {
    if (req.url !== '/token') return answering()(req, res, seen)
    res.writeHead(200, { 'x-csrf-token': TOKEN, 'content-length': 200_000_000 })
    const pour = (): void => { while (!res.destroyed && res.write('x'.repeat(16_384))); }
    res.on('drain', pour)
    pour()
  }, { changes: CSRF })
  t.equal((await gateway.call({ method: 'POST', token, body: 'x' })).status, 200)
})

t.test('what an answer repeats of token or cookie does not pass', async t => {
  const { gateway, token } = await scene(t, giving({ 'x-csrf-token': TOKEN, 'set-cookie': `SID=${COOKIE}` }, answering(200, 'ok', {
    'x-echo': `token ${TOKEN}`, 'x-echo-cookie': `SID=${COOKIE}`, location: `/next?sid=${COOKIE}`, 'x-other': 'stays', 'x-csrf-token': TOKEN, 'set-cookie': `SID=${COOKIE}`
  })), { changes: CSRF })
  for (const method of ['POST', 'PUT']) {
    const { status, rawHeaders, headers } = await gateway.call({ method, token, body: 'x' })
    t.same([status, headers['x-other']], [200, 'stays'])
    t.notMatch(rawHeaders.join('\n'), TOKEN)
    t.notMatch(rawHeaders.join('\n'), COOKIE)
  }
})

t.test('cookies that later answers set are sent from then on', async t => {
  let count = 0
  const { erp, gateway, token } = await scene(t, giving({ 'x-csrf-token': TOKEN, 'set-cookie': ['SID=cookie-0', 'lb=one'] }, async (req, res, seen) => {
    count += 1
    await answering(200, 'ok', { 'set-cookie': [`SID=cookie-${count}`, count === 2 ? 'lb=; Max-Age=0' : 'other=x'] })(req, res, seen)
  }), { changes: CSRF })
  for (const method of ['POST', 'GET', 'POST', 'POST']) t.equal((await gateway.call({ method, token })).status, 200)
  t.same(erp.requests.slice(1).map(({ headers }) => headers.cookie), ['SID=cookie-0; lb=one', 'SID=cookie-1; lb=one', 'SID=cookie-2', 'SID=cookie-3'])
})

t.test('another header, another path, and the headers that the upstream gets', async t => {
  const changes = { upstreams: { erp: { csrf: { path: '/token?sap-client=200', header: 'X-XSRF-TOKEN' }, headers: { set: { 'X-Tenant': 'seven' } } } } }
  const { erp, gateway, token } = await scene(t, async (req, res, seen) => { await answering(200, 'ok', { 'x-xsrf-token': TOKEN })(req, res, seen) }, { changes })
  const answer = await gateway.call({ method: 'POST', token, headers: { 'X-XSRF-TOKEN': 'mine', 'X-CSRF-Token': 'other' }, body: 'x' })
  t.same([answer.status, answer.headers['x-xsrf-token']], [200, undefined])
  t.match(erp.requests, [
    { method: 'GET', url: '/token?sap-client=200', headers: { 'x-xsrf-token': 'Fetch', 'x-tenant': 'seven' } },
    { method: 'POST', url: '/', headers: { 'x-xsrf-token': TOKEN, 'x-tenant': 'seven', 'x-csrf-token': 'other' } }
  ])
})

t.test('an upstream without it is asked for nothing, and its headers are its own', async t => {
  const { erp, gateway, token } = await scene(t, answering(403, 'no', { 'x-csrf-token': 'Required' }))
  t.match(await gateway.call({ method: 'POST', token, headers: { 'x-csrf-token': 'mine' }, body: 'x' }), { status: 403, headers: { 'x-csrf-token': 'Required' } })
  t.match(erp.requests, [{ method: 'POST', headers: { 'x-csrf-token': 'mine' } }])
  t.equal(erp.requests.length, 1)
})
