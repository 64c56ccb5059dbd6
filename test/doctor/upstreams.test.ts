import { createServer as createHttpServer } from 'node:http'
import { createServer, type TlsOptions } from 'node:tls'
import t from 'tap'
import { startErp } from '../support/erp.ts'
import { startRedis } from '../support/redis.ts'
import { selfSigned, signedBy } from '../support/self-signed.ts'
import { serve } from '../support/server.ts'
import type { Settings } from '../support/settings.ts'
import type { TestContext } from '../support/teardown.ts'
import { startScene } from './scene.ts'

const day = 24 * 3_600_000

async function tlsErp (t: TestContext, options: TlsOptions): Promise<{ readonly origin: string, bytes: number }> {
  const erp = { origin: '', bytes: 0 }
  const server = createServer(options, socket => {
    socket.on('data', (chunk: Buffer) => { erp.bytes += chunk.length })
    socket.on('error', () => {})
  })
  server.on('tlsClientError', () => {})
  const { port } = await serve(t, server)
  erp.origin = `https://127.0.0.1:${port}`
  return erp
}

async function examineErp (t: TestContext, erp: { readonly origin: string }, upstream: Settings = {}) {
  const { examine } = await startScene(t, { erp, changes: { upstreams: { erp: { credential: 'none', ...upstream } } } })
  return await examine()
}

t.test('an ERP by TLS that is trusted is good, and gets no byte of a request', async t => {
  const certificate = selfSigned({ notAfter: new Date(Date.now() + 90 * day) })
  const erp = await tlsErp(t, certificate)
  const { verdicts, text } = await examineErp(t, erp, { tls: { ca: certificate.cert } })
  t.same(verdicts('upstreams'), ['erp good'])
  t.match(text('upstreams'), /TLSv1\.3/)
  t.equal(erp.bytes, 0)
})

t.test('each way in which a certificate does not hold is bad by itself, and one that ends soon a warning', async t => {
  const faults: ReadonlyArray<readonly [Parameters<typeof selfSigned>[0], boolean, RegExp]> = [
    [{}, false, /vouches/],
    [{ notBefore: new Date(Date.now() - 2 * day), notAfter: new Date(Date.now() - day) }, true, /has ended/],
    [{ notBefore: new Date(Date.now() + day), notAfter: new Date(Date.now() + 2 * day) }, true, /does not hold yet/],
    [{ names: ['erp.example.com'] }, true, /not for 127\.0\.0\.1, but for DNS:erp\.example\.com → .*upstreams\.erp\.tls\.server_name/]
  ]
  for (const [options, trusted, said] of faults) {
    const certificate = selfSigned(options)
    const erp = await tlsErp(t, certificate)
    const { verdicts, text } = await examineErp(t, erp, trusted ? { tls: { ca: certificate.cert } } : {})
    t.same(verdicts('upstreams'), ['erp bad'])
    t.match(text('upstreams'), said)
    t.equal(erp.bytes, 0)
  }
  const soon = selfSigned({ notAfter: new Date(Date.now() + 5 * day) })
  t.same((await examineErp(t, await tlsErp(t, soon), { tls: { ca: soon.cert } })).verdicts('upstreams'), ['erp good', 'erp warning'])
})

t.test('an ERP that wants a certificate of the gateway\'s own is told as that', async t => {
  const authority = selfSigned({ commonName: 'an authority', notAfter: new Date(Date.now() + 90 * day) })
  const erp = await tlsErp(t, { ...authority, requestCert: true, rejectUnauthorized: true, ca: authority.cert })
  const { cert, key } = signedBy(authority)
  t.same((await examineErp(t, erp, { tls: { ca: authority.cert, cert, key } })).verdicts('upstreams'), ['erp good'])
  const stranger = selfSigned({ commonName: 'a stranger' })
  const { verdicts, text } = await examineErp(t, erp, { tls: { ca: authority.cert, cert: stranger.cert, key: stranger.key } })
  t.same(verdicts('upstreams'), ['erp bad'])
  t.match(text('upstreams'), /refuses the certificate of the gateway/)
})

t.test('an ERP that is not there, has no name, or speaks no TLS', async t => {
  const plain = await serve(t, createHttpServer())
  t.match((await examineErp(t, { origin: `https://127.0.0.1:${plain.port}` })).text('upstreams'), /speaks no TLS there/)
  const erp = await startErp(t)
  await erp.stop()
  t.match((await examineErp(t, erp)).text('upstreams'), /refuses the connection/)
  t.match((await examineErp(t, { origin: 'https://erp.invalid' })).text('upstreams'), /does not resolve/)
})

t.test('each of several hosts has its lines, and its health check is asked once, without a credential', async t => {
  const [one, two] = [await startErp(t), await startErp(t)]
  two.answerWith((_req, res) => { res.writeHead(503).end() })
  const { verdicts } = await examineErp(t, one, { url: [one.origin, two.origin], health_check: { path: '/health' } })
  const [first, second] = [one, two].map(({ port }) => `erp 127.0.0.1:${port}`)
  t.same(verdicts('upstreams'), [`${first} warning`, `${first} good`, `${first} good`, `${second} warning`, `${second} good`, `${second} bad`])
  t.same([one, two].flatMap(({ requests }) => requests.map(({ method, url, headers }) => [method, url, headers.authorization])), [['GET', '/health', undefined], ['GET', '/health', undefined]])
})

t.test('a Redis that is there is good; one that is not, or wants a password, is bad', async t => {
  const redis = await startRedis(t, { password: 'a-password-of-redis' })
  const verdictOf = async (settings: Settings): Promise<[string[], string]> => {
    const { examine } = await startScene(t, { changes: { redis: { url: redis.url, ...settings } } })
    const { verdicts, text } = await examine()
    return [verdicts('redis').map(one => one.split(' ').at(-1) ?? ''), text('redis')]
  }
  t.same((await verdictOf({ password: 'a-password-of-redis' }))[0], ['warning', 'good'])
  const [wrong, said] = await verdictOf({})
  t.same(wrong, ['warning', 'bad'])
  t.match(said, /password/)
  await redis.kill()
  t.same((await verdictOf({ password: 'a-password-of-redis' }))[0], ['warning', 'bad'])
})
