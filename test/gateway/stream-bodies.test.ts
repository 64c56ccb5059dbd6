import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { answering } from '../support/erp.ts'
import { startGateway } from '../support/gateway.ts'
import { noise, scene } from './upstream-scene.ts'

const everyByte = Buffer.from(Array.from({ length: 256 }, (_value, byte) => byte))
const highBytes = Buffer.from(Array.from({ length: 128 }, (_value, byte) => 128 + byte))

/** By the name of the test: a body, and the media type that it claims to have. */
const BODIES: Readonly<Record<string, readonly [body: Buffer, type: string | undefined]>> = {
  'text with bytes that are no UTF-8': [highBytes, 'text/plain'],
  'text in another charset': [Buffer.from('stra\xdfe', 'latin1'), 'text/plain; charset=iso-8859-1'],
  'JSON with duplicate keys and big numbers': [Buffer.from('{"a":1,"a":2, "__proto__":{"x":1},"n":12345678901234567890.000,"e":1E400}'), 'application/json'],
  'JSON that is none': [Buffer.from('{"a":'), 'application/json'],
  'JSON after a byte order mark': [Buffer.from('\ufeff{"a":1}'), 'application/json; charset=utf-8'],
  'a form': [Buffer.from('a=1&a=2&b=%ZZ'), 'application/x-www-form-urlencoded'],
  'multipart parts': [Buffer.concat([Buffer.from('--b\r\nContent-Disposition: form-data; name="f"; filename="x"\r\n\r\n'), everyByte, Buffer.from('\r\n--b--\r\n')]), 'multipart/form-data; boundary=b'],
  gzip: [gzipSync(noise(1000)), 'application/json'],
  'a malformed type': [everyByte, ';;;/'],
  'an empty type': [everyByte, ''],
  'no type': [everyByte, undefined],
  '3 MiB': [noise(3 * 1024 * 1024), 'application/octet-stream']
}

t.test('a body reaches the ERP, and its answer the caller, byte for byte', async t => {
  const { erp, gateway, token } = await scene(t, async (_req, res, seen) => {
    await seen.received
    const type = seen.headers['content-type']
    res.writeHead(200, type === undefined ? {} : { 'content-type': type }).end(seen.body)
  })
  for (const [name, [body, type]] of Object.entries(BODIES)) {
    const encoding = name === 'gzip' ? 'gzip' : undefined
    const headers = { ...(type !== undefined && { 'content-type': type }), ...(encoding !== undefined && { 'content-encoding': encoding }) }
    for (const framing of ['length', 'chunks']) {
      const sent = framing === 'length' ? body : Readable.from([body.subarray(0, 1), body.subarray(1, 70), body.subarray(70)].filter(part => part.length > 0))
      const answer = await gateway.call({ method: 'POST', token, body: sent, headers })
      const seen = erp.requests.at(-1)
      t.ok(seen?.body.equals(body), `${name} by ${framing}, to the ERP`)
      t.ok(answer.body.equals(body), `${name} by ${framing}, to the caller`)
      t.equal(seen?.headers['content-type'], type)
      t.equal(answer.headers['content-type'], type)
      t.equal(seen?.headers['content-length'], framing === 'length' ? String(body.length) : undefined)
      t.equal(seen?.headers['content-encoding'], encoding)
    }
  }
})

t.test('every method goes through, with a body where it has one', async t => {
  const { erp, gateway, token } = await scene(t)
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
    for (const body of ['{"a":1}', Readable.from(['{"a"', ':1}'])]) {
      // Without it node:http frames a DELETE's stream not at all.
      const framing = typeof body === 'string' ? undefined : { 'transfer-encoding': 'chunked' }
      const answer = await gateway.call({ method, token, body, ...(framing && { headers: framing }) })
      t.match(answer, { status: 200, complete: true })
      t.match(erp.requests.at(-1), { method, bodyLength: 7 })
      t.equal(erp.requests.at(-1)?.body.toString(), '{"a":1}')
    }
  }
  for (const method of ['GET', 'HEAD', 'DELETE', 'OPTIONS', 'POST', 'PUT', 'PATCH']) {
    t.match(await gateway.call({ method, token }), { status: 200, complete: true })
    t.match(erp.requests.at(-1), { method, bodyLength: 0 })
    t.notOk('transfer-encoding' in (erp.requests.at(-1)?.headers ?? {}), `${method} has no body`)
  }
  t.equal(erp.malformed, 0)
})

t.test('an empty body is one', async t => {
  const { erp, gateway, head } = await scene(t)
  for (const framing of ['Content-Length: 0\r\n', 'Transfer-Encoding: chunked\r\n']) {
    const end = framing.startsWith('T') ? '0\r\n\r\n' : ''
    for (const method of ['POST', 'DELETE']) {
      t.match(await gateway.raw(head(`${method} /x`, framing.trim()) + end), { response: { status: 200, complete: true }, ending: 'open' })
      t.match(erp.requests.at(-1), { method, bodyLength: 0 })
    }
  }
  t.equal(erp.malformed, 0)
})

t.test('chunks with extensions, in odd sizes and cut anywhere, are one body', async t => {
  const { erp, gateway, head } = await scene(t)
  const start = head('POST /x', 'Transfer-Encoding: chunked')
  t.match(await gateway.raw([start, '3;name="v;x";y\r', 20, '\na', 20, 'bc\r\n00A\r\n01234', 20, '56789\r', 20, '\n0;last\r\n', 20, '\r\n']), { response: { status: 200, complete: true } })
  t.equal(erp.requests.at(-1)?.body.toString(), 'abc0123456789')
  t.match(await gateway.raw(`${start}${'1\r\nx\r\n'.repeat(20_000)}0\r\n\r\n`), { response: { status: 200 } })
  t.equal(erp.requests.at(-1)?.bodyLength, 20_000)
})

t.test('a chunk that is malformed is a 400 that ends the connection, and the request at the ERP', async t => {
  const { erp, gateway, head } = await scene(t)
  for (const bad of ['zz\r\n', '-1\r\n', '3 \r\nabc\r\n', '3\nabc\n', '3\r\nabcd\r\n', 'fffffffffffffffff\r\n']) {
    const { responses, ending } = await gateway.raw([head('POST /x', 'Transfer-Encoding: chunked') + '2\r\nok\r\n', 100, `${bad}0\r\n\r\n`], { timeout: 3000 })
    t.match(responses, [{ status: 400, headers: { connection: 'close' }, complete: true }], JSON.stringify(bad))
    t.equal(responses.length, 1)
    t.not(ending, 'open')
    const seen = erp.requests.at(-1)
    t.equal(await seen?.received, false)
    await seen?.closed
    t.equal(seen?.aborted, true)
  }
  t.equal(erp.requests.length, 6)
})

t.test('trailers go neither way', async t => {
  const { erp, gateway, head } = await scene(t, async (_req, res, seen) => {
    await seen.received
    res.writeHead(200, { trailer: 'X-Sum' })
    res.write('ok')
    res.addTrailers({ 'X-Sum': '1' })
    res.end()
  })
  const { response, bytes } = await gateway.raw(head('POST /x', 'Transfer-Encoding: chunked', 'TE: trailers', 'Trailer: X-Role') + '2\r\nok\r\n0\r\nX-Role: admin\r\n\r\n')
  t.match(response, { status: 200, complete: true })
  t.equal(response.body.toString(), 'ok')
  t.notMatch(bytes.toString(), /X-Sum/i)
  t.match(erp.requests, [{ rawTrailers: [] }])
  t.notMatch(erp.requests[0]?.rawHeaders.join(), /trailer|X-Role/i)
})

t.test('path and query arrive as the caller wrote them', async t => {
  const { erp, gateway, head } = await scene(t)
  const targets = [
    '/', '/?', '/x?', '/x?a=1&a=2&&b', '/x?a=%2e%2E%2f%00%zz', '/x?url=https://a.example/?b=1?', "/x?q=a+b%20c'\"<>[]{}|^`\\", '/x?a=//..;b',
    '/a%20b/%C3%A9/%c3%a9', "/a-._~!$&'()*+,=:@/b", '/x/', '/%41', '/x?%E2%80%8B'
  ]
  for (const target of targets) {
    const { response } = await gateway.raw(head(`GET ${target}`))
    t.equal(response.status, 200, target)
    t.equal(erp.requests.at(-1)?.url, target)
  }
  const long = `/x?${'q'.repeat(15_000)}`
  t.match((await gateway.raw(head(`GET ${long}`))).response, { status: 200 })
  t.equal(erp.requests.at(-1)?.url, long)
})

t.test('a rewrite takes parameters and the rest as sent, under the path of the upstream', async t => {
  const { idp, erp, gateway, token } = await scene(t, answering(), {
    routes: [
      { match: 'GET /addresses/:id', require: 'user', rewrite: '/api/v2/address/:id/view' },
      { match: 'GET /tenants/:tenant/files/*', require: 'user', rewrite: '/files/:tenant/*' },
      { match: 'GET /short/*', require: 'user', rewrite: '/*' },
      { match: 'GET /plain', require: 'user' }
    ]
  })
  const wanted = {
    '/addresses/a%20b%C3%A9?x=1': '/api/v2/address/a%20b%C3%A9/view?x=1',
    "/addresses/7'(*)": "/api/v2/address/7'(*)/view",
    '/tenants/acme/files/a/b%20c/d?q': '/files/acme/a/b%20c/d?q',
    '/tenants/acme/files/': '/files/acme/',
    '/short/a/b': '/a/b',
    '/short/': '/',
    '/plain?': '/plain?'
  }
  for (const [sent, arrived] of Object.entries(wanted)) {
    t.equal((await gateway.call({ path: sent, token })).status, 200, sent)
    t.equal(erp.requests.at(-1)?.url, arrived)
  }
  for (const url of [`${erp.origin}/erp/base`, `${erp.origin}/erp/base/`]) {
    await t.test(`under ${new URL(url).pathname}`, async t => {
      const gateway = await startGateway(t, {
        idp, erp, changes: { upstreams: { erp: { url } } }, routes: [{ match: 'GET /a/:id', require: 'user', rewrite: '/b/:id' }, { match: 'GET /c', require: 'user' }]
      })
      t.equal((await gateway.call({ path: '/a/1?q=2', token })).status, 200)
      t.equal(erp.requests.at(-1)?.url, '/erp/base/b/1?q=2')
      t.equal((await gateway.call({ path: '/c', token })).status, 200)
      t.equal(erp.requests.at(-1)?.url, '/erp/base/c')
    })
  }
})
