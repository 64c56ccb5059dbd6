import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls'
import t, { type Test } from 'tap'
import { answering, startErp } from '../support/erp.ts'
import { startGateway } from '../support/gateway.ts'
import { parseResponses } from '../support/http-messages.ts'
import { startIdp } from '../support/idp.ts'
import { rewrite, standardGateway, type Settings } from '../support/settings.ts'
import { selfSigned, signedBy, type Certificate } from '../support/self-signed.ts'
import { tearDown } from '../support/teardown.ts'

const authority = selfSigned({ commonName: 'our root', names: ['root.test'] })
const [first, second] = ['first', 'second'].map(commonName => signedBy(authority, { commonName })) as [Certificate, Certificate]
const pem = ({ cert, key }: Certificate): Record<string, string> => ({ 'cert.pem': cert, 'key.pem': key })
const TLS: Settings = { cert: { file: 'cert.pem' }, key: { file: 'key.pem' } }
const trusting: ConnectionOptions = { ca: authority.cert, servername: 'localhost' }

async function scene (t: Test, tls: Settings = TLS, changes: Settings = {}) {
  const idp = await startIdp(t, { alg: 'ES256' })
  const erp = await startErp(t)
  const settings = { listen: { tls }, ...changes }
  const gateway = await startGateway(t, { idp, erp, routes: [{ match: 'ANY /*', require: 'user' }], files: pem(first), changes: settings })
  const ask = async (more: Parameters<typeof gateway.call>[0] = {}) => await gateway.call({ path: '/orders', token: idp.mint(), tls: trusting, ...more })
  const change = async (changes: Settings, files: Readonly<Record<string, string>> = {}): Promise<void> => {
    await rewrite(gateway.dir, { gateway: standardGateway({ idp, erp }, changes), files })
    await gateway.reload()
  }
  const open = async (options: ConnectionOptions = trusting): Promise<TLSSocket> => {
    const socket = connect({ host: '127.0.0.1', port: gateway.port, ...options })
    tearDown(t, () => socket.destroy())
    socket.on('error', () => {})
    await once(socket, 'secureConnect')
    return socket
  }
  const errors = async (): Promise<Record<string, number>> => Object.fromEntries([...(await gateway.admin('/metrics')).text.matchAll(/^countersign_tls_errors_total\{reason="(\w+)"\} (\d+)$/gm)].map(([, reason = '', count]) => [reason, Number(count)]))
  return { idp, erp, gateway, ask, change, open, errors }
}

const nameOf = (socket: TLSSocket): string => String(socket.getPeerCertificate().subject.CN)

const codeOf = (error: unknown): unknown => error instanceof Error && 'code' in error ? error.code : error

/** One request on a connection that is open, and its answer. */
async function askOn (socket: TLSSocket, token: string): Promise<number> {
  const chunks: Buffer[] = []
  const collect = (chunk: Buffer): void => { chunks.push(chunk) }
  socket.on('data', collect)
  socket.write(`GET /orders HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${token}\r\n\r\n`)
  for (const until = Date.now() + 10_000; Date.now() < until; await sleep(5)) {
    const [answer] = parseResponses(Buffer.concat(chunks), ['GET'], 'open').responses
    if (answer?.complete === true) break
  }
  socket.off('data', collect)
  return parseResponses(Buffer.concat(chunks), ['GET'], 'open').responses[0]?.status ?? 0
}

t.test('callers get HTTPS, with all that HTTP has', async t => {
  const { erp, gateway, ask } = await scene(t)
  t.match(await ask({ method: 'POST', body: 'abc' }), { status: 200, complete: true, headers: { 'x-request-id': /./ } })
  t.match(await ask({ token: 'nonsense' }), { status: 401, code: /./ })
  t.match(await ask({ path: '/a//b' }), { status: 400, code: 'target-ambiguous' })
  t.match(await ask({ headers: { 'x-huge': 'h'.repeat(40_000) } }), { status: 431, code: 'headers-too-large' })
  t.equal(erp.requests.length, 1)
  t.match(gateway.logLines().find(({ msg }) => msg === 'listening'), { data: /^https:\/\//, admin: /^http:\/\// })
  t.notOk(gateway.log.includes('PRIVATE KEY'))
})

t.test('the ERP is told https, and a Location of its own becomes one of https', async t => {
  const { erp, ask } = await scene(t)
  erp.answerWith((req, res, seen) => answering(201, 'made', { location: `${erp.origin}/orders/7` })(req, res, seen))
  const answer = await ask({ method: 'POST', body: 'a', headers: { host: 'api.example.com' } })
  t.match(answer, { status: 201, headers: { location: 'https://api.example.com/orders/7' } })
  t.match(erp.requests, [{ headers: { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'api.example.com' } }])
})

t.test('limits and trusted proxies go by TLS too', async t => {
  const { erp, ask } = await scene(t, TLS, { listen: { tls: TLS, trusted_proxies: '127.0.0.1', rate_limit: { max: 2, per: '1h' } } })
  t.match(await ask({ headers: { 'x-forwarded-for': '192.0.2.1', 'x-forwarded-proto': 'http' } }), { status: 200 })
  t.match(erp.requests, [{ headers: { 'x-forwarded-for': '192.0.2.1', 'x-forwarded-proto': 'http' } }])
  t.same([await ask(), await ask(), await ask()].map(({ status }) => status), [200, 200, 429])
})

t.test('TLS 1.1 is refused, 1.2 and 1.3 are spoken; with min_version alone 1.3, from the next connection on', async t => {
  const { gateway, open, change, errors } = await scene(t)
  const speaks = async (version: 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3') => await open({ ...trusting, minVersion: version, maxVersion: version, ciphers: 'DEFAULT@SECLEVEL=0' }).then(socket => socket.getProtocol(), codeOf)
  t.same([await speaks('TLSv1.2'), await speaks('TLSv1.3')], ['TLSv1.2', 'TLSv1.3'])
  for (const version of ['TLSv1', 'TLSv1.1'] as const) t.match(await speaks(version), /PROTOCOL|VERSION|ALERT/)
  t.same(await errors(), { version: 2 })
  await change({ listen: { tls: { ...TLS, min_version: 'TLSv1.3' } } })
  t.match(await speaks('TLSv1.2'), /PROTOCOL|VERSION|ALERT/)
  t.equal(await speaks('TLSv1.3'), 'TLSv1.3')
  t.notMatch(gateway.logLines().filter(({ level }) => Number(level) > 20).map(({ msg }) => msg), [/TLS/])
})

t.test('by TLS 1.2 there is forward secrecy, authenticated encryption, and no renegotiation', async t => {
  const { open } = await scene(t)
  const version = { ...trusting, maxVersion: 'TLSv1.2' } as const
  for (const ciphers of ['AES128-SHA', 'AES128-GCM-SHA256', 'ECDHE-ECDSA-AES128-SHA256']) await t.rejects(open({ ...version, ciphers }), ciphers)
  const socket = await open(version)
  t.match(socket.getCipher().name, /^ECDHE-.*(?:GCM|POLY1305)/)
  socket.resume()
  const again = new Promise(resolve => { socket.renegotiate({}, error => { resolve(error === null ? 'done' : 'refused') }) })
  t.not(await Promise.race([again, new Promise(resolve => { socket.once('close', resolve) }), sleep(500)]), 'done')
})

t.test('a certificate that changes is shown from the next connection on, and open connections stay', async t => {
  const { idp, erp, gateway, open, ask } = await scene(t)
  const before = await open()
  t.equal(nameOf(before), 'first')
  t.equal(await askOn(before, idp.mint()), 200)
  const session = before.getSession()
  await rewrite(gateway.dir, { files: pem(second) })
  await gateway.reload()
  t.match(gateway.logLines().findLast(({ msg }) => msg === 'configuration reloaded'), { settings: ['listen.tls.cert', 'listen.tls.key'] })
  const after = await open()
  t.equal(nameOf(after), 'second')
  t.equal(await askOn(before, idp.mint()), 200)
  const resumed = await open({ ...trusting, ...session !== undefined && { session } })
  t.notOk(resumed.isSessionReused(), 'a session of the certificate before is not taken up again')
  t.match(await ask(), { status: 200 })
  t.equal(erp.requests.length, 3)
  t.notMatch(gateway.logLines().map(({ msg }) => msg), [/next start/])
})

t.test('a certificate that does not fit changes nothing', async t => {
  const { gateway, ask, open } = await scene(t)
  for (const files of [{ 'cert.pem': second.cert }, { 'key.pem': second.key }, { 'cert.pem': 'no certificate' }, { 'key.pem': '' }] as ReadonlyArray<Record<string, string>>) {
    await rewrite(gateway.dir, { files: { ...pem(first), ...files } })
    await gateway.reload()
    t.match((await gateway.admin('/readyz')).json(), { degraded: ['configuration'] })
    t.equal(nameOf(await open()), 'first')
    t.match(await ask(), { status: 200 })
  }
  await rewrite(gateway.dir, { files: pem(second) })
  await gateway.reload()
  t.equal(nameOf(await open()), 'second')
})

t.test('whether it is TLS is settled at the start, and a line says so', async t => {
  const { gateway, ask, change } = await scene(t)
  await change({})
  t.match(gateway.logLines().findLast(({ msg }) => /next start/.test(String(msg))), { settings: ['listen.tls'] })
  t.match(await ask(), { status: 200 })
  const plain = await startErp(t)
  const idp = await startIdp(t, { alg: 'ES256' })
  const other = await startGateway(t, { idp, erp: plain, routes: [{ match: 'ANY /*', require: 'user' }], files: pem(first) })
  await rewrite(other.dir, { gateway: standardGateway({ idp, erp: plain }, { listen: { tls: TLS } }) })
  await other.reload()
  t.match(other.logLines().findLast(({ msg }) => /next start/.test(String(msg))), { settings: ['listen.tls'] })
  t.match(await other.call({ token: idp.mint() }), { status: 200 })
})

t.test('what is no TLS ends cleanly, is counted, and fills no log', async t => {
  const { gateway, ask, errors, erp } = await scene(t, TLS, { listen: { tls: TLS, header_timeout: '300ms' }, log: { level: 'info' } })
  const lines = gateway.logLines().length
  for (let at = 0; at < 20; at++) {
    const answer = await gateway.raw('GET /orders HTTP/1.1\r\nHost: a\r\n\r\n')
    t.equal(answer.ending, 'closed')
    t.equal(answer.response.status, 0)
  }
  t.equal((await gateway.raw(Buffer.from('1603010100', 'hex'), { timeout: 5000 })).ending, 'closed')
  t.match((await gateway.raw(Buffer.from('15030300020230', 'hex'))).ending, /closed|reset/, 'an alert: unknown authority')
  t.match((await gateway.raw(Buffer.from([0x16, 3, 1, 0, 4, 9, 9, 9, 9]))).ending, /closed|reset/)
  const gone = connectTcp(gateway.port, '127.0.0.1')
  gone.on('error', () => {})
  await once(gone, 'connect')
  gone.write(Buffer.from('1603010100', 'hex'))
  gone.resetAndDestroy()
  await t.rejects(ask({ tls: {} }), 'a caller that does not trust us')
  for (const until = Date.now() + 5000; Object.values(await errors()).reduce((sum, one) => sum + one, 0) < 25 && Date.now() < until;) await sleep(20)
  t.match(await errors(), { http: 20, timeout: 1, gone: 2, other: 2 })
  t.equal(gateway.logLines().length, lines)
  t.equal(erp.requests.length, 0)
  t.match(await ask(), { status: 200 })
})

t.test('a parser\'s refusal is answered within TLS', async t => {
  const { open, gateway } = await scene(t)
  const socket = await open()
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  socket.write('GET /orders HTTP/9.9\r\n\r\n')
  await once(socket, 'close')
  t.match(parseResponses(Buffer.concat(chunks), ['GET'], 'closed').responses, [{ status: 400, complete: true }])
  t.match((await gateway.admin('/metrics')).text, /code="request-malformed"/)
})

t.test('draining ends connections on which nothing was asked, and answers what is under way', async t => {
  const { idp, erp, gateway, open } = await scene(t, TLS, { drain_timeout: '10s' })
  let answer = (): void => {}
  const held = new Promise<void>(resolve => { answer = resolve })
  erp.answerWith(async (req, res, seen) => {
    await held
    await answering(200, 'late')(req, res, seen)
  })
  const [idle, used, busy] = [await open(), await open(), await open()]
  const next = erp.next()
  const open1 = askOn(busy, idp.mint())
  await next
  const closed = gateway.close()
  await Promise.all([once(idle, 'close'), once(used, 'close')])
  t.notOk(busy.destroyed)
  answer()
  t.equal(await open1, 200)
  await closed
})

t.test('a handshake that never ends does not outlast drain_timeout', async t => {
  const { gateway } = await scene(t, TLS, { drain_timeout: '200ms' })
  const socket = connectTcp(gateway.port, '127.0.0.1')
  socket.on('error', () => {})
  await once(socket, 'connect')
  socket.write(Buffer.from('1603010100', 'hex'))
  await sleep(50)
  const closed = once(socket, 'close')
  socket.resume()
  await gateway.close()
  await closed
})

t.test('when certificates end is a metric, warned about at the start and on reload', async t => {
  const day = 24 * 3_600_000
  const endsAt = Math.floor(Date.now() / 1000) * 1000 + 10 * day
  const soon = signedBy(authority, { commonName: 'soon', notAfter: new Date(endsAt) })
  const { gateway, change } = await scene(t, { cert: soon.cert, key: soon.key }, { upstreams: { erp: { headers: { set: { 'X-A': 'b' } } } } })
  const warnings = () => gateway.logLines().filter(({ level, msg }) => level === 40 && /"soon" ends on/.test(String(msg)))
  t.match(warnings(), [{ at: /gateway\.yaml:\d+:\d+$/ }])
  t.match((await gateway.admin('/metrics')).text, new RegExp(`^countersign_certificate_ends_timestamp_seconds\\{certificate="listen\\.tls"\\} ${endsAt / 1000}$`, 'm'))
  await change({ listen: { tls: { cert: soon.cert, key: soon.key }, max_token_size: '8KiB' } })
  t.equal(warnings().length, 2)
  await change({ listen: { tls: TLS } })
  t.equal(warnings().length, 2)
})
