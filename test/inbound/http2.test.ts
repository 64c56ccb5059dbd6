import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { headOf } from '../../src/inbound/http2.ts'
import { Wire } from '../../src/inbound/wire.ts'

const usual = { ':method': 'GET', ':scheme': 'https', ':authority': 'api.example.com', ':path': '/a?b' }
const flat = (pseudo: Readonly<Record<string, string | undefined>>, ...more: readonly string[]): string[] =>
  [...Object.entries(pseudo).flatMap(([name, value]) => value === undefined ? [] : [name, value]), ...more]
const UNSERVABLE = { method: 'OPTIONS', path: '*' }

t.test('a head of HTTP/2 is the same head by HTTP/1.1', t => {
  t.same(headOf(flat(usual, 'x-a', 'b', 'x-a', 'c'), false), { method: 'GET', path: '/a?b', headers: ['host', 'api.example.com', 'x-a', 'b', 'x-a', 'c'] })
  t.same(headOf(flat({ ...usual, ':method': 'POST' }), true).headers, ['host', 'api.example.com', 'transfer-encoding', 'chunked'])
  t.same(headOf(flat({ ...usual, ':method': 'POST' }, 'content-length', '3'), true).headers, ['host', 'api.example.com', 'content-length', '3'])
  t.same(headOf(flat(usual, 'te', 'trailers'), false).headers, ['host', 'api.example.com', 'te', 'trailers'])
  t.end()
})

t.test('a host that says what the authority says is one; another is a second, for the guard to see', t => {
  t.same(headOf(flat(usual, 'host', 'api.example.com'), false).headers, ['host', 'api.example.com'])
  t.same(headOf(flat(usual, 'host', 'API.example.com'), false).headers, ['host', 'api.example.com', 'host', 'API.example.com'])
  t.same(headOf(flat({ ...usual, ':authority': undefined }, 'host', 'a'), false).headers, ['host', 'a'])
  t.same(headOf(flat({ ...usual, ':authority': undefined }), false).headers, [])
  t.end()
})

t.test('what HTTP/1.1 cannot say, or says otherwise, is a request that is refused', t => {
  for (const raw of [
    flat({ ...usual, ':scheme': 'http' }), flat({ ...usual, ':scheme': undefined }), flat({ ...usual, ':path': undefined }), flat({ ...usual, ':path': '' }), flat({ ...usual, ':path': '/a b' }), flat({ ...usual, ':path': '/a\r\nx: y' }), flat({ ...usual, ':path': '/\u0100' }),
    flat({ ...usual, ':method': 'CONNECT' }), flat({ ...usual, ':method': 'get' }), flat({ ...usual, ':method': 'DESCRIBE' }), flat({ ...usual, ':method': 'GET / HTTP/1.1\r\n' }),
    flat(usual, ':path', '/c'), flat(usual, 'connection', 'close'), flat(usual, 'transfer-encoding', 'chunked'), flat(usual, 'upgrade', 'a'), flat(usual, 'keep-alive', 'a'), flat(usual, 'proxy-connection', 'a'), flat(usual, 'te', 'gzip'),
    flat(usual, 'X-A', 'b'), flat(usual, 'x a', 'b'), flat(usual, 'x:a', 'b'), flat(usual, '', 'b'), flat(usual, 'x-a', 'b\r\nc: d'), flat(usual, 'x-a', 'b\nc'), flat(usual, 'x-a', 'b\0')
  ]) t.match(headOf(raw, false), UNSERVABLE, JSON.stringify(raw))
  t.end()
})

t.test('a wire carries what is written, at the reader\'s pace, and its end', async t => {
  const [near, far] = Wire.pair({ remoteAddress: '192.0.2.1', remotePort: 7 })
  t.match(far, { remoteAddress: '192.0.2.1', remotePort: 7, encrypted: true })
  let written = 0
  for (; written < 100 && near.write(Buffer.alloc(4096, 'a')); written++);
  t.ok(written < 100)
  t.ok(near.writableLength > 0)
  const lengths: number[] = []
  far.on('data', (chunk: Buffer) => lengths.push(chunk.length))
  near.end('end')
  await once(far, 'end')
  t.equal(lengths.reduce((sum, one) => sum + one, 0), (written + 1) * 4096 + 3)
  far.end('answer')
  t.equal(await text(near), 'answer')
})

t.test('an end that was not said is a broken connection at the other end', async t => {
  const [near, far] = Wire.pair({ remoteAddress: undefined, remotePort: undefined })
  near.write('half')
  let ended = false
  far.on('end', () => { ended = true })
  far.resume()
  near.destroy()
  await once(far, 'close')
  t.notOk(ended)
  const [one, other] = Wire.pair({ remoteAddress: undefined, remotePort: undefined })
  one.write('whole')
  one.destroySoon()
  t.equal(await text(other), 'whole')
})
