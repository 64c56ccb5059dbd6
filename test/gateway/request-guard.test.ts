import t from 'tap'
import { get, request, startGatehouse, type Wanted } from './gatehouse.ts'

const routes = [
  { match: 'ANY /a', require: 'public', credential: 'none', headers: { set: { 'X-Set': 'by-the-rule' }, remove: ['X-Removed'] } },
  { match: 'GET /b', require: 'user', identity: { headers: { 'X-Acme-User': 'sub' } } }
]
const bad = (code: string): Wanted => ({ status: 400, code })
const MALFORMED: Wanted = { ...bad('request-malformed'), headers: { connection: 'close' } }
const raw = (...lines: readonly string[]): string => [...lines, '', ''].join('\r\n')

t.test('a Host that is no host[:port], none, or two of them is a 400', async t => {
  const { lets, refuses } = await startGatehouse(t, { routes })
  const close = 'Connection: close'
  await refuses(t, raw('GET /a HTTP/1.1', close), MALFORMED)
  await refuses(t, raw('GET /a HTTP/1.1', 'Host: a', 'Host: a', close), MALFORMED)
  await refuses(t, raw('GET /a HTTP/1.1', 'Host: a', 'host: b', close), MALFORMED)
  await refuses(t, raw('GET /a HTTP/1.0', 'Host: a', 'Host: b'), MALFORMED)
  for (const host of ['', 'a b', 'a,b', 'a, b', 'user@a', 'a/b', 'a:', 'a:b', 'a:123456', 'a:1:2', '[::1', '::1', '[::1]x', 'http://a', 'a?b', 'a#b', 'a\\b', '\u00e4', '%61', 'a;b', '"a"', '*', '-', '.', 'a'.repeat(300)]) {
    await refuses(t, raw('GET /a HTTP/1.1', `Host: ${host}`, close), MALFORMED)
  }
  for (const host of ['a', 'A.example.com', 'a:80', 'a.example.com.', '127.0.0.1:8080', '[::1]', '[2001:db8::1]:8443', 'a_b', 'xn--bcher-kva.example']) {
    await lets(t, raw('GET /a HTTP/1.1', `Host: ${host}`, close))
  }
})

t.test('HTTP/1.0 is served, without a Host too, and no other version but 1.1', async t => {
  const { lets, refuses } = await startGatehouse(t, { routes })
  await lets(t, raw('GET /a HTTP/1.0'))
  await lets(t, raw('GET /a HTTP/1.0', 'Host: a'))
  for (const first of ['GET /a HTTP/1.2', 'GET /a HTTP/0.9', 'GET /a HTTP/2.0', 'GET /a HTTP/3', 'GET /a HTTP/1.10', 'GET /a http/1.1', 'GET /a HTTPS/1.1', 'GET /a', 'PRI * HTTP/2.0', 'GET /a HTTP/1.1 x']) {
    await refuses(t, raw(first, 'Host: a', 'Connection: close'), MALFORMED)
  }
})

t.test('a transfer coding other than chunked is a 400, and one at all in HTTP/1.0', async t => {
  const { lets, refuses } = await startGatehouse(t, { routes })
  const chunked = (version: string, ...lines: readonly string[]) => `${raw(`POST /a HTTP/${version}`, 'Host: a', 'Connection: close', ...lines)}1\r\nx\r\n0\r\n\r\n`
  for (const value of ['gzip', 'gzip, chunked', 'identity', 'chunked, chunked', 'chunked, identity', 'xchunked', 'chunkedx', '"chunked"', 'chunked;q=1', 'chunked,', ',chunked', '', '\u000bchunked']) {
    await refuses(t, chunked('1.1', `Transfer-Encoding: ${value}`), MALFORMED)
  }
  await refuses(t, chunked('1.1', 'Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'), MALFORMED)
  await refuses(t, chunked('1.1', 'Transfer-Encoding: chunked', 'Transfer-Encoding: gzip'), MALFORMED)
  await refuses(t, chunked('1.1', 'Transfer-Encoding: chunked', 'Content-Length: 6'), MALFORMED)
  await refuses(t, chunked('1.1', 'Content-Length: 6', 'Transfer-Encoding: chunked'), MALFORMED)
  await refuses(t, chunked('1.0', 'Transfer-Encoding: chunked'), MALFORMED)
  await refuses(t, chunked('1.0', 'Transfer-Encoding: identity'), MALFORMED)
  for (const value of ['chunked', 'Chunked', 'CHUNKED']) {
    const seen = await lets(t, chunked('1.1', `Transfer-Encoding: ${value}`))
    await seen.received
    t.equal(seen.body.toString(), 'x')
  }
})

t.test('a length that can be read in two ways is a 400', async t => {
  const { refuses } = await startGatehouse(t, { routes })
  for (const lengths of [['1', '1'], ['1', '2'], ['1, 1'], ['+1'], ['-1'], ['1 2'], ['0x1'], ['1e0'], ['a'], [''], ['99999999999999999999'], ['1.0'], ['1;']]) {
    await refuses(t, `${request('POST', '/a', ...lengths.map(length => `Content-Length: ${length}`))}x`, MALFORMED)
  }
})

t.test('a head that is no HTTP is a 400', async t => {
  const { refuses } = await startGatehouse(t, { routes })
  for (const line of ['X-A : b', 'X A: b', ': b', 'X-A', ' folded: b', 'X-\u00e9: b', 'X-A: \u0000', 'X-A: \u0001', 'X-(A): b', 'X-A: a\rX-B: b']) {
    await refuses(t, get('/a', line), MALFORMED)
  }
  await refuses(t, get('/a', 'X-A: b', '\tfolded'), MALFORMED)
  await refuses(t, 'GET /a HTTP/1.1\nHost: a\n\n', MALFORMED)
  await refuses(t, '\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003', MALFORMED)
})

t.test('a header name with _ that spells one of the gateway\'s is a 400', async t => {
  const { lets, refuses } = await startGatehouse(t, { routes })
  const names = ['X_Forwarded_For', 'x_forwarded-host', 'X_Request_Id', 'Content_Length', 'Transfer_Encoding', 'X_Api_Key', 'Remote_User', 'X_Real_IP', 'X_Original_URL', 'X_Rewrite_URL', 'X_Auth_Request_User', 'X_Remote_Group', 'SSL_Client_Cert',
    'Proxy_Authorization', 'X_Set', 'x_removed', 'X_Acme_User', 'X_Acme-User', 'X-Acme_User', 'X_Forwarded_Access_Token', 'Keep_Alive']
  for (const name of names) await refuses(t, get('/a', `${name}: x`), bad('header-ambiguous'))
  const { headers } = await lets(t, get('/a', 'X_Other: x', '_: y'))
  t.match(headers, { x_other: 'x', _: 'y' })
})

t.test('a method override is a 400, in every spelling', async t => {
  const { refuses } = await startGatehouse(t, { routes })
  for (const name of ['X-HTTP-Method', 'X-HTTP-Method-Override', 'X-Method-Override', 'x-http-method-override', 'X_HTTP_Method_Override', 'X-HTTP_Method', 'X.Method.Override', 'X_METHOD-OVERRIDE']) {
    await refuses(t, request('POST', '/a', `${name}: DELETE`, 'Content-Length: 0'), bad('method-override'))
    await refuses(t, get('/a', `${name}:`), bad('method-override'))
  }
})

t.test('an upgrade to WebSocket is a 400', async t => {
  const { idp, refuses } = await startGatehouse(t, { routes })
  const token = idp.mint()
  for (const upgrade of ['websocket', 'WebSocket', 'h2c, websocket', 'websocket/13', 'websocket, foo']) {
    const lines = ['Host: a', 'Connection: Upgrade', `Upgrade: ${upgrade}`, 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Version: 13']
    await refuses(t, raw('GET /a HTTP/1.1', ...lines), { ...bad('upgrade-unsupported'), headers: { connection: 'close' } })
    await refuses(t, raw('GET /b HTTP/1.1', ...lines, `Authorization: Bearer ${token}`), bad('upgrade-unsupported'))
  }
  await refuses(t, raw('GET /a HTTP/1.1', 'Host: a', 'Connection: Upgrade', 'Upgrade: h2c', 'Upgrade: websocket'), bad('upgrade-unsupported'))
})

t.test('an upgrade to h2c is ignored, and does not reach the ERP', async t => {
  const { lets } = await startGatehouse(t, { routes })
  const lines = ['Host: a', 'Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__']
  for (const [input, body] of [[raw('GET /a HTTP/1.1', ...lines), ''], [`${raw('POST /a HTTP/1.1', ...lines, 'Content-Length: 5')}whole`, 'whole']] as const) {
    const seen = await lets(t, input)
    await seen.received
    t.equal(seen.body.toString(), body)
    t.notOk('upgrade' in seen.headers)
    t.notOk('http2-settings' in seen.headers)
  }
})

t.test('a body on GET or HEAD is a 400', async t => {
  const { lets, refuses } = await startGatehouse(t, { routes })
  for (const method of ['GET', 'HEAD']) {
    await refuses(t, `${request(method, '/a', 'Content-Length: 4')}body`, bad('body-unexpected'))
    await refuses(t, `${request(method, '/a', 'Transfer-Encoding: chunked')}1\r\nx\r\n0\r\n\r\n`, bad('body-unexpected'))
    await refuses(t, `${request(method, '/a', 'Transfer-Encoding: chunked')}0\r\n\r\n`, bad('body-unexpected'))
    await lets(t, request(method, '/a', 'Content-Length: 0'))
  }
  for (const method of ['DELETE', 'OPTIONS', 'POST', 'PUT', 'PATCH']) {
    const seen = await lets(t, `${request(method, '/a', 'Content-Length: 4')}body`)
    await seen.received
    t.equal(seen.body.toString(), 'body')
  }
})

t.test('what a refused request carries as its body is never read as the next request', async t => {
  const { gateway, erp } = await startGatehouse(t, { routes })
  const smuggled = 'GET /a HTTP/1.1\r\nHost: a\r\nX-Smuggled: 1\r\n\r\n'
  for (const head of [
    raw('GET /a HTTP/1.1', 'Host: a', `Content-Length: ${smuggled.length}`),
    raw('POST /nowhere HTTP/1.1', 'Host: a', `Content-Length: ${smuggled.length}`),
    raw('POST /b HTTP/1.1', 'Host: a', `Content-Length: ${smuggled.length}`),
    raw('POST /a HTTP/1.1', 'Host: a', 'Content-Length: 0', 'Transfer-Encoding: chunked'),
    raw('POST /a HTTP/1.1', 'Host: a', 'Transfer-Encoding: gzip'),
    raw('POST /a HTTP/1.1', 'Host: a', 'Upgrade: websocket', 'Connection: Upgrade')
  ]) {
    const { responses } = await gateway.raw(head + smuggled)
    t.equal(responses.length, 1, head)
    t.match(responses[0]?.status, /^40\d$/)
  }
  t.equal(erp.requests.length, 0)
})
