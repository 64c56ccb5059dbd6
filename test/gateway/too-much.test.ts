import t from 'tap'
import { get, request, startGatehouse, type Wanted } from './gatehouse.ts'

const routes = [
  { match: 'GET /*', require: 'public', credential: 'none' },
  { match: 'POST /small', require: 'public', body_limit: '10B' },
  { match: 'POST /none', require: 'user', body_limit: '0B' },
  { match: 'POST /any', require: 'public' }
]
const close = { connection: 'close' }
const TOO_LONG: Wanted = { status: 414, code: 'target-too-long' }
const TOO_LARGE: Wanted = { status: 413, code: 'body-too-large', granted: true }
const HEADERS: Wanted = { status: 431, code: 'headers-too-large', headers: close }
const SLOW: Wanted = { status: 408, code: 'request-timeout', headers: close }
const a = (length: number): string => 'a'.repeat(length)

t.test('a target that is too long is a 414, however it arrives', async t => {
  const { lets, refuses } = await startGatehouse(t, { routes })
  await lets(t, get(`/${a(8000)}`))
  await lets(t, get(`/x?${a(16_000)}`))
  await refuses(t, get(`/${a(16 * 1024)}`), TOO_LONG)
  await refuses(t, get(`/x?${a(16 * 1024)}`), TOO_LONG)
  // Beyond max_header_size Node's parser refuses it before it is a request.
  for (const length of [33_000, 40_000, 200_000]) await refuses(t, get(`/${a(length)}`), { ...TOO_LONG, headers: close })
  await refuses(t, [`GET /${a(20_000)}`, 50, `${a(20_000)} HTTP/1.1\r\nHost: a\r\n\r\n`], { ...TOO_LONG, headers: close })
  await refuses(t, [`GET /${a(40_000)}`], { ...TOO_LONG, headers: close })
})

t.test('headers that are too large are a 431, however they arrive', async t => {
  const { lets, refuses } = await startGatehouse(t, { routes })
  await lets(t, get('/x', `X-A: ${a(12_000)}`))
  for (const length of [33_000, 60_000, 200_000]) await refuses(t, get('/x', `X-A: ${a(length)}`), HEADERS)
  await refuses(t, get('/x', ...Array.from({ length: 400 }, (_one, at) => `X-${at}: ${a(100)}`)), HEADERS)
  await refuses(t, get('/x', `${a(33_000)}: x`), HEADERS)
  await refuses(t, ['GET /x HTTP/1.1\r\nHost: a\r\n', 30, `Cookie: ${a(20_000)}`, 30, a(20_000), '\r\n\r\n'], HEADERS)
  await refuses(t, [`GET /x HTTP/1.1\r\nHost: a\r\nCookie: ${a(20_000)}`, 30, `${a(20_000)}\r\n\r\n`], HEADERS)
})

t.test('max_header_size is what the operator says', async t => {
  const { lets, refuses } = await startGatehouse(t, { routes, changes: { listen: { max_header_size: '1KiB' } } })
  await lets(t, get('/x', `X-A: ${a(500)}`))
  await refuses(t, get('/x', `X-A: ${a(1100)}`), HEADERS)
  await refuses(t, get(`/${a(1100)}`), { ...TOO_LONG, headers: close })
})

t.test('no header is dropped unread behind many others', async t => {
  const { lets, refuses } = await startGatehouse(t, { routes })
  const many = Array.from({ length: 3000 }, (_one, at) => `X-${at}: y`)
  await lets(t, get('/x', ...many.slice(0, 900)))
  await refuses(t, get('/x', ...many, 'X-Method-Override: DELETE'), { status: 400, code: 'method-override' })
  await refuses(t, get('/x', ...many, 'Authorization:'), { status: 400, code: 'credential-malformed', challenge: { error: 'invalid_request' } })
})

t.test('a body that says that it is too large is a 413 at once', async t => {
  const { idp, lets, refuses } = await startGatehouse(t, { routes })
  const seen = await lets(t, { method: 'POST', path: '/small', body: a(10) })
  await seen.received
  t.equal(seen.bodyLength, 10)
  await refuses(t, { method: 'POST', path: '/small', body: a(11) }, TOO_LARGE)
  await refuses(t, request('POST', '/small', 'Content-Length: 99999999999'), TOO_LARGE)
  await refuses(t, { method: 'POST', path: '/none', body: 'x', token: idp.mint() }, TOO_LARGE)
  // Who may not come in is told that first.
  await refuses(t, { method: 'POST', path: '/none', body: 'x' }, { status: 401, code: 'credential-missing', challenge: {} })
  await lets(t, { method: 'POST', path: '/none', token: idp.mint() })
  await lets(t, { method: 'POST', path: '/any', body: a(1_000_000) })
})

t.test('a body that turns out too large is a 413, and the ERP gets no whole one', async t => {
  const { gateway, erp } = await startGatehouse(t, { routes })
  const { response } = await gateway.raw([request('POST', '/small', 'Transfer-Encoding: chunked'), `6\r\n${a(6)}\r\n`, 50, `6\r\n${a(6)}\r\n`, 50, '0\r\n\r\n'])
  t.match(response, { status: 413, headers: { 'content-type': 'application/problem+json', 'x-request-id': String } })
  for (const seen of erp.requests) t.equal(await seen.received, false)
})

t.test('headers that come too slowly are a 408', async t => {
  const { refuses, lets } = await startGatehouse(t, { routes, changes: { listen: { header_timeout: '300ms' } } })
  const options = { timeout: 10_000 }
  await refuses(t, 'GET /x HTTP/1.1\r\nHost: a\r\n', SLOW, options)
  await refuses(t, 'G', SLOW, options)
  await refuses(t, ['GET /x HTTP/1.1\r\nHost: a\r\n', ...Array.from({ length: 20 }, (_one, at) => [100, `X-${at}: a\r\n`]).flat()], SLOW, options)
  // A body may take its time: only the headers are counted.
  const seen = await lets(t, [request('POST', '/any', 'Content-Length: 2'), 700, 'a', 700, 'b'], options)
  t.equal(await seen.received, true)
})
