import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { connect, constants, type ClientHttp2Session, type ClientHttp2Stream, type OutgoingHttpHeaders } from 'node:http2'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { answering, startErp } from '../support/erp.ts'
import { startGateway } from '../support/gateway.ts'
import { startIdp } from '../support/idp.ts'
import { rawAnswers, sendsThenResets, startRawErp } from '../support/raw-erp.ts'
import { END_HEADERS, END_STREAM, FRAME, frameOf, headersOf, numberOf, openRawHttp2, requestFields } from '../support/raw-http2.ts'
import type { Settings } from '../support/settings.ts'
import { selfSigned } from '../support/self-signed.ts'
import { tearDown } from '../support/teardown.ts'

const certificate = selfSigned()
const ROUTES = [{ match: 'ANY /*', require: 'user', body_limit: '10MiB' }, { match: 'GET /open', require: 'public' }]

async function scene (t: Test, { changes = {}, erp: given }: { readonly changes?: Settings, readonly erp?: { readonly origin: string } } = {}) {
  const idp = await startIdp(t, { alg: 'ES256' })
  const erp = await startErp(t)
  const gateway = await startGateway(t, { idp, erp: given ?? erp, routes: ROUTES, changes: { listen: { tls: { cert: certificate.cert, key: certificate.key } }, ...changes } })
  const open = async (): Promise<ClientHttp2Session> => {
    const session = connect(`https://localhost:${gateway.port}`, { ca: certificate.cert })
    session.on('error', () => {})
    tearDown(t, () => { session.destroy() })
    await once(session, 'connect')
    return session
  }
  const until = async (is: () => boolean): Promise<void> => { for (const end = Date.now() + 10_000; !is() && Date.now() < end;) await sleep(10) }
  return { idp, erp, gateway, open, until, session: await open() }
}

interface Answer { readonly status: number | undefined, readonly headers: Readonly<Record<string, unknown>>, readonly text: string, readonly rst: number, readonly interim: number[], readonly code: string | undefined }

function begin (session: ClientHttp2Session, token: string | undefined, headers: OutgoingHttpHeaders = {}, endStream = true): ClientHttp2Stream {
  return session.request({ ':path': '/orders', ...token !== undefined && { authorization: `Bearer ${token}` }, ...headers }, { endStream })
}

async function finish (stream: ClientHttp2Stream): Promise<Answer> {
  const chunks: Buffer[] = []
  const interim: number[] = []
  let headers: Record<string, unknown> = {}
  stream.on('headers', one => { interim.push(Number(one[':status'])) })
  stream.on('response', one => { headers = { ...one } })
  stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  stream.on('error', () => {})
  if (!stream.destroyed) await new Promise(resolve => { stream.once('close', resolve) })
  const text = Buffer.concat(chunks).toString()
  const status = headers[':status']
  const problem = /problem\+json/.test(String(headers['content-type'])) && text !== '' ? JSON.parse(text) as { type: string } : undefined
  return { status: typeof status === 'number' ? status : undefined, headers, text, rst: stream.rstCode ?? 0, interim, code: problem?.type.split(':').at(-1) }
}

t.test('a request by HTTP/2 is a request as any other', async t => {
  const { idp, erp, gateway, session } = await scene(t)
  t.equal(session.alpnProtocol, 'h2')
  const answer = await finish(begin(session, idp.mint(), { 'x-colour': 'red', cookie: 'a=b', 'x-request-id': 'my-own' }))
  t.match(answer, { status: 200, rst: 0, headers: { 'x-request-id': 'my-own', 'content-type': 'application/json' } })
  t.notOk('connection' in answer.headers || 'transfer-encoding' in answer.headers || 'keep-alive' in answer.headers)
  t.match(erp.requests, [{ method: 'GET', url: '/orders', httpVersion: '1.1', headers: { 'x-colour': 'red', cookie: undefined, 'x-forwarded-proto': 'https', 'x-forwarded-host': `localhost:${gateway.port}`, 'x-forwarded-for': /127\.0\.0\.1|::1/, authorization: /^Bearer / } }])
  t.match(gateway.logLines().find(({ msg }) => msg === 'request'), { request: 'my-own', status: 200, granted: true })
})

t.test('refusals are those of HTTP/1.1, each with its problem', async t => {
  const { idp, erp, session } = await scene(t)
  const token = idp.mint()
  for (const [headers, status, code] of [
    [{ ':path': '/a//b' }, 400, 'target-ambiguous'],
    [{ ':path': '/a/../b' }, 400, 'target-ambiguous'],
    [{ ':path': '/a?access_token=b' }, 400, 'credential-in-query'],
    [{ x_user_id: 'a', 'x-forwarded_for': 'b' }, 400, 'header-ambiguous'],
    [{ 'x-http-method-override': 'DELETE' }, 400, 'method-override'],
    [{ ':authority': 'api.example.com:port' }, 400, 'request-malformed'],
    [{ ':scheme': 'http' }, 400, 'target-ambiguous'],
    [{ ':path': '*', ':method': 'OPTIONS' }, 400, 'target-ambiguous'],
    [{ ':path': `/${'a'.repeat(17_000)}` }, 414, 'target-too-long'],
    [{ 'x-huge': 'h'.repeat(40_000) }, 431, 'headers-too-large']
  ] as const) {
    const answer = await finish(begin(session, token, headers))
    t.match(answer, { status, code, headers: { 'x-request-id': /./ } }, JSON.stringify(headers).slice(0, 80))
  }
  t.match(await finish(begin(session, undefined)), { status: 401, code: 'credential-missing', headers: { 'www-authenticate': /^Bearer realm/ } })
  const withBody = begin(session, token, {}, false)
  withBody.end('abc')
  t.match(await finish(withBody), { status: 400, code: 'body-unexpected' })
  t.equal(erp.requests.length, 0)
  t.match(await finish(begin(session, token)), { status: 200 })
})

t.test('bodies pass byte for byte both ways, with a length and without', async t => {
  const { idp, erp, session } = await scene(t)
  const body = Buffer.alloc(3_000_000, 'abcdefgh')
  erp.answerWith(async (_req, res, seen) => { if (await seen.received) res.writeHead(200, { 'content-type': 'text/plain' }).end(seen.body) })
  for (const headers of [{}, { 'content-length': String(body.length) }]) {
    const stream = begin(session, idp.mint(), { ':method': 'POST', ...headers }, false)
    stream.end(body)
    const { status, text } = await finish(stream)
    t.equal(status, 200)
    t.ok(text === body.toString())
    t.match(erp.requests.at(-1)?.headers, 'content-length' in headers ? { 'content-length': String(body.length) } : { 'transfer-encoding': 'chunked' })
  }
  const empty = begin(session, idp.mint(), { ':method': 'POST', 'content-length': '0' })
  t.match(await finish(empty), { status: 200, text: '' })
  const tooLarge = begin(session, idp.mint(), { ':method': 'POST', 'content-length': String(11 * 1024 * 1024) }, false)
  t.match(await finish(tooLarge), { status: 413, code: 'body-too-large' })
})

t.test('a hundred at once on one connection, each with its own answer', async t => {
  const { idp, erp, session } = await scene(t)
  erp.answerWith((req, res, seen) => answering(200, String(req.headers['x-number']))(req, res, seen))
  const token = idp.mint()
  const answers = await Promise.all(Array.from({ length: 100 }, async (_one, at) => await finish(begin(session, token, { 'x-number': String(at) }))))
  t.same(answers.map(({ text }) => text), answers.map((_one, at) => String(at)))
})

t.test('HEAD, 204, 304, and answers of every length', async t => {
  const { idp, erp, session } = await scene(t)
  erp.answerWith((req, res, seen) => answering(200, 'hello', { 'content-length': '5' })(req, res, seen))
  t.match(await finish(begin(session, idp.mint(), { ':method': 'HEAD' })), { status: 200, text: '', rst: 0, headers: { 'content-length': 5 } })
  for (const status of [204, 304]) {
    erp.answerWith((_req, res) => { res.writeHead(status, { etag: '"1"' }).end() })
    t.match(await finish(begin(session, idp.mint())), { status, text: '', rst: 0, headers: { etag: '"1"' } })
  }
  erp.answerWith((_req, res) => { res.writeHead(200, { link: ['</a>; rel=a', '</b>; rel=b'], 'content-type': 'text/plain' }).end() })
  t.match(await finish(begin(session, idp.mint())), { status: 200, text: '', headers: { link: '</a>; rel=a, </b>; rel=b' } })
})

t.test('a caller that waits for 100 gets it once it is let through, and hints are passed on', async t => {
  const { idp, erp, session } = await scene(t)
  erp.answerWith(async (req, res, seen) => {
    res.writeEarlyHints({ link: '</a.css>; rel=preload' })
    await answering(200, 'late')(req, res, seen)
  })
  const stream = begin(session, idp.mint(), { ':method': 'POST', expect: '100-continue' }, false)
  const informed: unknown[] = []
  stream.on('headers', one => { informed.push({ ...one }) })
  stream.once('continue', () => { stream.end('abc') })
  const answer = await finish(stream)
  t.match(answer, { status: 200, text: 'late' })
  t.match(informed, [{ ':status': 100 }, { ':status': 103, link: '</a.css>; rel=preload' }])
  t.equal(erp.requests[0]?.body.toString(), 'abc')
  const refused = begin(session, 'nonsense', { ':method': 'POST', expect: '100-continue' }, false)
  let went = false
  refused.once('continue', () => { went = true })
  t.match(await finish(refused), { status: 401 })
  t.notOk(went)
})

t.test('a caller that gives one stream up takes its request along, and no other', async t => {
  const { idp, erp, gateway, session, until } = await scene(t)
  erp.answerWith(async (req, res, seen) => { if (req.url === '/quick') await answering(200, 'quick')(req, res, seen) })
  const next = erp.next()
  const stream = begin(session, idp.mint())
  stream.on('error', () => {})
  const seen = await next
  stream.close(constants.NGHTTP2_CANCEL)
  await seen.closed
  t.ok(seen.aborted)
  t.match(await finish(begin(session, idp.mint(), { ':path': '/quick' })), { status: 200, text: 'quick' })
  await until(() => gateway.logLines().some(({ code }) => code === 'client-gone'))
  t.match(gateway.logLines().find(({ code }) => code === 'client-gone'), { status: 499 })
})

t.test('a body that is given up in the middle is never taken for a whole one', async t => {
  const { idp, erp, gateway, session } = await scene(t)
  const raw = await openRawHttp2(t, gateway.port)
  // By frames: a library may say that the body ends before it gives it up.
  for (const [at, code] of [constants.NGHTTP2_CANCEL, constants.NGHTTP2_NO_ERROR, constants.NGHTTP2_INTERNAL_ERROR].entries()) {
    for (const more of [[], [['content-length', '9']]] as ReadonlyArray<ReadonlyArray<readonly [string, string]>>) {
      const stream = 1 + 4 * at + 2 * more.length
      const next = erp.next()
      raw.send(headersOf(stream, requestFields([['authorization', `Bearer ${idp.mint()}`], ...more], { ':method': 'POST', ':path': '/orders' }), END_HEADERS), frameOf(FRAME.data, 0, stream, 'half'))
      const seen = await next
      raw.send(frameOf(FRAME.rst, 0, stream, numberOf(code)))
      t.notOk(await seen.received, `${code}`)
      t.ok(seen.aborted)
    }
  }
  const next = erp.next()
  raw.send(headersOf(21, requestFields([['authorization', `Bearer ${idp.mint()}`], ['content-length', '9']], { ':method': 'POST', ':path': '/orders' }), END_HEADERS), frameOf(FRAME.data, END_STREAM, 21, 'short'))
  t.notOk(await (await next).received, 'one that ends before its length')
  t.match(await finish(begin(session, idp.mint())), { status: 200 })
  const last = erp.next()
  begin(session, idp.mint(), { ':method': 'POST' }, false).on('error', () => {}).write('half')
  const seen = await last
  session.destroy()
  t.notOk(await seen.received)
})

t.test('an answer that breaks off is broken off', async t => {
  const raw = await startRawErp(t, sendsThenResets(rawAnswers.short))
  const { idp, gateway, session } = await scene(t, { erp: raw })
  const bare = await openRawHttp2(t, gateway.port)
  for (const [at, answer] of [rawAnswers.short, rawAnswers.unfinishedChunks].entries()) {
    raw.answerWith(sendsThenResets(answer))
    const { status, rst } = await finish(begin(session, idp.mint()))
    t.match({ status, rst }, { status: 200, rst: constants.NGHTTP2_INTERNAL_ERROR })
    const stream = 1 + 2 * at
    bare.send(headersOf(stream, requestFields([['authorization', `Bearer ${idp.mint()}`]])))
    t.match(await bare.until(frame => frame.type === FRAME.rst && frame.stream === stream), { payload: numberOf(constants.NGHTTP2_INTERNAL_ERROR) })
    t.same(bare.frames.filter(frame => frame.stream === stream && (frame.flags & END_STREAM) !== 0 && frame.type < FRAME.priority), [], 'and nobody said that it was whole')
  }
  raw.answerWith(sendsThenResets(''))
  t.match(await finish(begin(session, idp.mint())), { status: 502, code: 'upstream-reset' })
})

t.test('a caller that reads slowly slows the ERP down, and memory stays', async t => {
  const { idp, erp, session } = await scene(t)
  let written = 0
  erp.answerWith((_req, res) => {
    res.writeHead(200)
    const more = (): void => { for (; written < 50_000_000 && res.write(Buffer.alloc(65_536)); written += 65_536); res.once('drain', more) }
    more()
  })
  const stream = begin(session, idp.mint())
  stream.on('error', () => {})
  await once(stream, 'response')
  stream.pause()
  await sleep(500)
  t.ok(written < 30_000_000, 'system buffers, and no more')
  stream.close(constants.NGHTTP2_CANCEL)
})

t.test('draining says goodbye, and answers what is under way', async t => {
  const { idp, erp, gateway, session, open } = await scene(t)
  let answer = (): void => {}
  const held = new Promise<void>(resolve => { answer = resolve })
  erp.answerWith(async (req, res, seen) => {
    await held
    await answering(200, 'late')(req, res, seen)
  })
  const idle = await open()
  const next = erp.next()
  const under = finish(begin(session, idp.mint()))
  await next
  const goodbye = once(session, 'goaway')
  const left = once(idle, 'close')
  const closed = gateway.close()
  await goodbye
  await left
  answer()
  t.match(await under, { status: 200, text: 'late', rst: 0 })
  await closed
})

t.test('callers that offer no h2 speak HTTP/1.1, and with http2: false all do', async t => {
  const { idp, gateway } = await scene(t)
  t.match(await gateway.call({ path: '/orders', token: idp.mint(), tls: { ca: certificate.cert, servername: 'localhost' } }), { status: 200 })
  const erp = await startErp(t)
  const other = await startGateway(t, { idp, erp, routes: ROUTES, changes: { listen: { tls: { cert: certificate.cert, key: certificate.key, http2: false } } } })
  const session = connect(`https://localhost:${other.port}`, { ca: certificate.cert })
  t.teardown(() => { session.destroy() })
  await t.rejects(once(session, 'connect'))
})

t.test('limits and proxies', async t => {
  const { idp, erp, session } = await scene(t, { changes: { listen: { tls: { cert: certificate.cert, key: certificate.key }, trusted_proxies: ['127.0.0.1', '::1'], rate_limit: { max: 2, per: '1h' } } } })
  const token = idp.mint()
  t.match(await finish(begin(session, token, { 'x-forwarded-for': '192.0.2.1', 'x-forwarded-host': 'api.example.com' })), { status: 200 })
  t.match(erp.requests, [{ headers: { 'x-forwarded-for': '192.0.2.1', 'x-forwarded-host': 'api.example.com' } }])
  t.same([(await finish(begin(session, token))).status, (await finish(begin(session, token))).status, (await finish(begin(session, token))).status], [200, 200, 429])
})

const curl = spawnSync('curl', ['--version'], { encoding: 'utf8' })
t.test('curl, where it is installed', async t => {
  if (curl.error !== undefined || !curl.stdout.includes('HTTP2')) {
    t.comment('no curl with HTTP/2 here')
    return
  }
  const { idp, gateway, erp } = await scene(t)
  const run = async (...more: string[]): Promise<string> => {
    const child = spawn('curl', ['-sk', '--http2', '-o', '/dev/null', '-w', '%{http_version} %{http_code}', '-H', `Authorization: Bearer ${idp.mint()}`, ...more, `https://127.0.0.1:${gateway.port}/orders`])
    const chunks: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
    await once(child, 'close')
    return Buffer.concat(chunks).toString()
  }
  t.equal(await run(), '2 200')
  t.equal(await run('-d', 'a=b'), '2 200')
  t.equal(await run('-I'), '2 200')
  t.equal(await run('-H', 'Expect: 100-continue', '--data-binary', 'x'.repeat(100_000)), '2 200')
  t.equal(await run('--http1.1'), '1.1 200')
  t.equal(erp.requests.length, 5)
})
