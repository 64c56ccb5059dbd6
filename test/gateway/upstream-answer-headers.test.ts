import t from 'tap'
import { answering } from '../support/erp.ts'
import { registerSecret } from '../support/gateway.ts'
import { sends } from '../support/raw-erp.ts'
import { rawScene, scene } from './upstream-scene.ts'

const DROPPED = [
  'Set-Cookie: session=1', 'Set-Cookie: other=2', 'WWW-Authenticate: Basic', 'Proxy-Authenticate: Basic', 'Server: SAP NetWeaver', 'X-Powered-By: ABAP', 'Keep-Alive: timeout=99', 'Proxy-Connection: x',
  'TE: x', 'Trailer: X-Sum', 'Upgrade: h2c', 'X-Request-Id: theirs', 'Authorization: x'
]

t.test('what belongs to the ERP and its connection stays there', async t => {
  const { gateway, head } = await rawScene(t, sends(`HTTP/1.1 200 OK\r\n${DROPPED.join('\r\n')}\r\nConnection: X-Hop, close\r\nConnection: X-More\r\nX-Hop: 1\r\nX-More: 1\r\nX-Stays: 1\r\nContent-Length: 2\r\n\r\nok`))
  const { response } = await gateway.raw(head('GET /x', 'X-Request-Id: ours'))
  t.match(response, { status: 200, complete: true, headers: { 'x-stays': '1', 'content-length': '2', 'x-request-id': 'ours', connection: 'keep-alive' } })
  const names = response.rawHeaders.map(([name]) => name.toLowerCase())
  t.same(names.filter(name => !['date', 'connection', 'keep-alive', 'x-request-id', 'x-stays', 'content-length'].includes(name)), [])
  t.equal(response.headers['keep-alive']?.includes('99'), false)
})

t.test('the rest passes: values, order, spelling and repetition as sent', async t => {
  const sent = ['Content-Type: text/plain;  charset=x', 'X-Twice: 1', 'x-ONCE: caf\xe9', 'X-Twice: 2', 'Link: </a>; rel=next', 'Link: </b>; rel=prev', 'ETag: W/"1"', 'Vary: *', 'Cache-Control: no-store', 'Retry-After: 7', 'X-Empty: ', 'Content-Disposition: attachment; filename="\xe4.txt"', 'Access-Control-Allow-Origin: *']
  const { gateway, head } = await rawScene(t, sends(Buffer.from(`HTTP/1.1 200 OK\r\n${sent.join('\r\n')}\r\nContent-Length: 2\r\n\r\nok`, 'latin1')))
  const { response } = await gateway.raw(head('GET /x'))
  t.same(response.rawHeaders.map(([name, value]) => `${name}: ${value}`).slice(0, sent.length), sent)
})

t.test('a Trailer beside a length, or chunks, ends nobody\'s process', async t => {
  for (const framing of ['Content-Length: 2\r\n\r\nok', 'Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n']) {
    const { gateway, token } = await rawScene(t, sends(`HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\n${framing}`))
    for (let round = 0; round < 2; round++) t.match(await gateway.call({ token }), { status: 200, text: 'ok', complete: true })
  }
})

t.test('headers of an answer can be set, removed and kept; the rule has the last word', async t => {
  const { gateway, token } = await scene(t, answering(200, 'ok', { server: 'erp/1', 'x-powered-by': 'x', 'x-debug': '1', 'cache-control': 'public', 'x-internal': '1' }), {
    changes: { upstreams: { erp: { response_headers: { set: { 'Cache-Control': 'no-store' }, remove: 'X-Debug', keep: 'Server' } } } },
    routes: [
      { match: 'GET /a', require: 'user' },
      { match: 'GET /b', require: 'user', response_headers: { set: { 'Cache-Control': 'private', 'X-New': '1' }, remove: ['Server', 'X-Internal'] } }
    ]
  })
  const a = await gateway.call({ path: '/a', token })
  t.match(a.headers, { server: 'erp/1', 'cache-control': 'no-store', 'x-internal': '1' })
  t.same(['x-debug', 'x-powered-by'].filter(name => name in a.headers), [])
  const b = await gateway.call({ path: '/b', token })
  t.match(b.headers, { 'cache-control': 'private', 'x-new': '1' })
  t.same(['x-debug', 'x-powered-by', 'server', 'x-internal'].filter(name => name in b.headers), [])
})

t.test('the gateway\'s credential comes back in no header', async t => {
  const echo = answering(200, 'ok')
  const token = await scene(t, (req, res, seen) => {
    const value = String(seen.headers.authorization)
    res.setHeader('X-Echo', value)
    res.setHeader('Location', `/x?token=${value.slice(7)}`)
    res.setHeader('X-Other', 'stays')
    return echo(req, res, seen)
  })
  const first = await token.gateway.call({ token: token.token })
  t.match(first, { status: 200, headers: { 'x-other': 'stays' } })
  t.same(['x-echo', 'location'].filter(name => name in first.headers), [])

  const [key, other] = [registerSecret('key-0123456789abc', 'an API key'), registerSecret('other-0123456789', 'an API key')]
  const keys = await scene(t, (req, res, seen) => {
    for (const name of ['x-erp-key', 'x-erp-other', 'x-erp-tenant']) res.setHeader(`X-Echo-${name}`, `<${String(seen.headers[name])}>`)
    return echo(req, res, seen)
  }, { changes: { upstreams: { erp: { credential: { client_credentials: undefined, headers: { 'X-Erp-Tenant': '7', 'X-Erp-Key': key, 'X-Erp-Other': other } } } } } })
  const second = await keys.gateway.call({ token: keys.token })
  // `7` is in many an innocent value.
  t.match(second, { status: 200, headers: { 'x-echo-x-erp-tenant': '<7>' } })
  t.same(['x-echo-x-erp-key', 'x-echo-x-erp-other'].filter(name => name in second.headers), [])

  const password = registerSecret('password-0123456', 'a password')
  const basic = await scene(t, (req, res, seen) => {
    res.setHeader('X-Echo', String(seen.headers.authorization).slice(6))
    return echo(req, res, seen)
  }, { changes: { upstreams: { erp: { credential: { client_credentials: undefined, basic: { username: 'erp', password } } } } } })
  const third = await basic.gateway.call({ token: basic.token })
  t.equal(third.status, 200)
  t.notOk('x-echo' in third.headers)
})

t.test('many headers pass both ways', async t => {
  const { erp, gateway, token } = await scene(t, (_req, res) => {
    for (let at = 0; at < 500; at++) res.setHeader(`X-Answer-${at}`, 'y')
    res.end('ok')
  }, { changes: { listen: { max_header_size: '256KiB' } } })
  const headers = Object.fromEntries(Array.from({ length: 500 }, (_value, at) => [`X-Request-${at}`, 'x'.repeat(10)]))
  const answer = await gateway.call({ token, headers })
  t.equal(answer.status, 200)
  t.equal(answer.rawHeaders.filter(name => name.startsWith('X-Answer-')).length, 500)
  t.equal(erp.requests[0]?.rawHeaders.filter(name => /^X-Request-\d/.test(name)).length, 500)
})
