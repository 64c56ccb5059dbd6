import t from 'tap'
import { startErp } from '../support/erp.ts'
import { startGateway } from '../support/gateway.ts'
import { startIdp } from '../support/idp.ts'

t.test('the headers by which the gateway vouches for somebody on one rule, a caller cannot send on another', async t => {
  const idp = await startIdp(t, { alg: 'ES256' })
  const [erp, other] = [await startErp(t), await startErp(t)]
  const gateway = await startGateway(t, {
    idp,
    erp,
    changes: { upstreams: { erp: { credential: 'none' }, other: { url: other.origin, credential: { headers: { 'X-Erp-Key': 'a key for tests' } } } } },
    routes: [
      { match: 'GET /plain', require: 'public', upstream: 'erp' },
      { match: 'GET /kept', require: 'public', upstream: 'erp', headers: { keep: ['X-Forwarded-Prefix'] } },
      { match: 'GET /named', require: 'user', upstream: 'erp', identity: { headers: { 'X-Erp-User': 'sub' } } },
      { match: 'GET /tenant', require: 'public', upstream: 'erp', headers: { set: { 'X-Tenant': 't1' } } },
      { match: 'GET /less', require: 'public', upstream: 'erp', headers: { remove: ['X-Debug'] } },
      { match: 'GET /other', require: 'public', upstream: 'other' }
    ]
  })
  const headers = { 'X-Erp-User': 'evil', 'x-tenant': 'evil', 'X-Erp-Key': 'evil', 'X-Debug': '1', 'X-Forwarded-Prefix': '/p', 'X-Mine': 'mine' }
  const seen = async (path: string, token?: string) => {
    t.equal((await gateway.call({ path, headers, ...(token === undefined ? {} : { token }) })).status, 200)
    const { headers: sent = {} } = (path === '/other' ? other : erp).requests.at(-1) ?? {}
    return ['x-erp-user', 'x-tenant', 'x-erp-key', 'x-debug', 'x-forwarded-prefix', 'x-mine'].map(name => sent[name])
  }
  // What is only set is set: on other rules it is a header like any other.
  t.same(await seen('/plain'), [undefined, 'evil', undefined, '1', undefined, 'mine'])
  t.same(await seen('/kept'), [undefined, 'evil', undefined, '1', '/p', 'mine'])
  t.same(await seen('/named', idp.mintUser()), ['user-1', 'evil', undefined, '1', undefined, 'mine'])
  t.same(await seen('/tenant'), [undefined, 't1', undefined, '1', undefined, 'mine'])
  // What a rule removes is that rule's own affair.
  t.same(await seen('/less'), [undefined, 'evil', undefined, undefined, undefined, 'mine'])
  t.same(await seen('/other'), [undefined, 'evil', 'a key for tests', '1', undefined, 'mine'])
})

t.test('no line for a request means none for what the parser refuses either', async t => {
  const idp = await startIdp(t, { alg: 'ES256' })
  const gateway = await startGateway(t, { idp, erp: await startErp(t), changes: { log: { level: 'info', requests: false } }, routes: [{ match: 'GET /a', require: 'public' }] })
  await gateway.raw('GET /a HTTP/1.2\r\nHost: a\r\n\r\n')
  await gateway.raw('CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n')
  await gateway.call({ path: '/a' })
  t.notMatch(gateway.log, /"msg":"request"/)
})

t.test('an ID token is called one, whatever else it lacks', async t => {
  const idp = await startIdp(t, { alg: 'ES256' })
  const erp = await startErp(t)
  const gateway = await startGateway(t, { idp, erp, changes: { issuers: { main: { claims: { tid: 't1' } } }, problems_base: 'https://docs.example.com/problems' }, routes: [{ match: 'GET /a', require: 'user' }] })
  const ask = async (token: string) => await gateway.call({ path: '/a', token })
  t.match(await ask(idp.mintIdToken()), { status: 401, problem: { type: 'https://docs.example.com/problems/id-token' } })
  t.match(await ask(idp.mint()), { status: 401, problem: { type: 'https://docs.example.com/problems/token-claims-mismatch' } })
  t.equal((await ask(idp.mint({ tid: 't1' }))).status, 200)
  t.equal(erp.requests.length, 1)
})
