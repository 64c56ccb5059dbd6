import { setTimeout as sleep } from 'node:timers/promises'
import { listenSchema } from '../../src/config/gateway-schema.ts'
import { get, request } from '../gateway/gatehouse.ts'
import { noise, until } from '../gateway/upstream-scene.ts'
import { runCommand } from '../support/command.ts'
import { answering, startErp, type ErpHandler } from '../support/erp.ts'
import * as faults from '../support/faults.ts'
import { startGateway } from '../support/gateway.ts'
import { startIdp, type Idp } from '../support/idp.ts'
import { openConnection } from '../support/raw-http.ts'
import { registerSecret } from '../support/secrets.ts'
import { startBlackHole } from './black-hole.ts'
import { runSection, startAttacked } from './gauntlet.ts'
import { heldBack } from './held-back.ts'
import { startImpostors } from './impostors.ts'
import { upstream } from './rows/i-upstream.ts'

const USERS = [{ match: 'ANY /*', require: 'user' }]
const MiB = 1024 * 1024
/** Ten times what is usual, on a busy machine. */
const SOON = 10_000

/** Writes without end. */
const pours: ErpHandler = (_req, res) => {
  res.writeHead(200)
  const pour = (): void => { while (!res.destroyed && res.write(PIECE)); }
  res.on('drain', pour)
  pour()
}
const PIECE = noise(65_536)

runSection(upstream, {
  async I01 (t) {
    const idp = await startIdp(t, { alg: 'ES256' })
    const impostors = await startImpostors(t)
    const names = Object.keys(impostors)
    const upstreams = Object.fromEntries(names.map((name, at) => [name, { url: impostors[name]?.origin, credential: { client_credentials: { issuer: 'main', client_id: 'middleware', client_secret: Object.values(idp.clients)[0]?.secret, audience: `https://erp-${at}.example.com` } } }]))
    const erp = await startErp(t)
    const gateway = await startGateway(t, { idp, erp, changes: { upstreams }, routes: [{ match: 'ANY /*', require: 'user', upstream: 'erp' }, ...names.map(name => ({ match: `ANY /${name}`, require: 'user', upstream: name }))] })
    const token = idp.mintUser()
    for (const name of names) {
      for (const options of [{}, { method: 'POST', body: 'secret' }]) {
        const answer = await gateway.call({ path: `/${name}`, token, ...options })
        t.match(answer, { status: 502, code: 'upstream-tls', complete: true }, name)
      }
      t.ok((impostors[name]?.handshakes ?? 0) > 0, `${name} was spoken to`)
      t.equal(impostors[name]?.bytes, 0, `${name} got no byte`)
    }
    t.equal((await gateway.call({ path: '/good', token })).status, 200)
    // There is no switch to make it otherwise.
    for (const tls of [{ rejectUnauthorized: false }, { insecure: true }, false]) {
      await t.rejects(startGateway(t, { idp, erp, routes: USERS, changes: { upstreams: { erp: { tls } } } }))
    }
  },

  async I02 (t) {
    const impostors = await startImpostors(t)
    const erp = await startErp(t)
    for (const [name, impostor] of Object.entries(impostors)) {
      const idp = await startIdp(t, { alg: 'ES256' })
      const credential = { client_credentials: { issuer: undefined, token_endpoint: `${impostor.origin}/token` } }
      const noToken = await startGateway(t, { idp, erp, routes: USERS, changes: { upstreams: { erp: { credential } } } })
      t.match(await noToken.call({ token: idp.mintUser() }), { status: 503, code: 'machine-token-unavailable' }, name)
      const noKeys = await startGateway(t, { idp, erp, routes: USERS, changes: { issuers: { main: { jwks_uri: `${impostor.origin}/jwks` } } } })
      t.match(await noKeys.call({ token: idp.mintUser() }), { status: 503, code: 'issuer-keys-unavailable' }, name)
      const nothing = await startGateway(t, { idp, erp, routes: USERS, changes: { issuers: { main: { discovery: `${impostor.origin}/discovery` } } } })
      t.match(await nothing.call({ token: idp.mintUser() }), { status: 503 }, name)
      t.ok(impostor.handshakes >= 3, `${name} was spoken to`)
      t.equal(impostor.bytes, 0, `${name} got no byte: no secret either`)
      await Promise.all([noToken, noKeys, nothing].map(async one => { await one.close() }))
    }
    t.equal(erp.requests.length, 0)
    const { code, stderr } = await runCommand(t, ['start'], { env: { NODE_TLS_REJECT_UNAUTHORIZED: '0' } })
    t.equal(code, 2)
    t.match(stderr, 'NODE_TLS_REJECT_UNAUTHORIZED')
  },

  async I03 (t) {
    const house = await startAttacked(t, { routes: USERS })
    const { erp, gateway, idp } = house
    const token = idp.mintUser()
    for (const [name, handler, length] of [
      ['a 503', answering(503, 'busy', { 'retry-after': '1' }), 4],
      ['with two megabytes', answering(503, noise(2 * MiB), { 'retry-after': '1' }), 2 * MiB],
      ['for two minutes', answering(503, 'busy', { 'retry-after': '120' }), 4],
      ['until a date', answering(503, 'busy', { 'retry-after': 'Wed, 21 Oct 2099 07:28:00 GMT' }), 4],
      ['a 429', answering(429, 'busy', { 'retry-after': '0' }), 4],
      ['a 502', answering(502, 'busy'), 4],
      ['a 504', answering(504, 'busy'), 4],
      ['a 500', answering(500, 'busy'), 4]
    ] as const) {
      erp.answerWith(handler)
      for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'DELETE']) {
        const before = erp.requests.length
        const answer = await gateway.call({ method, path: '/x', token })
        t.equal(answer.problem, undefined, `${name}, ${method}: it is the ERP's own`)
        t.equal(answer.body.length, method === 'HEAD' ? 0 : length)
        if (name === 'for two minutes') t.match(answer, { status: 503, headers: { 'retry-after': '120' } })
        t.equal(erp.requests.length, before + 1, `${name}, ${method}: asked once`)
      }
    }
    t.ok(erp.openSockets <= 2, `${erp.openSockets} sockets`)
  },

  async I04 (t) {
    const house = await startAttacked(t, { routes: USERS })
    const { erp, gateway, idp } = house
    const token = idp.mintUser()
    const resets: Record<string, ErpHandler> = {
      'at once': req => { req.socket.resetAndDestroy() },
      'once all of it is there': async (req, _res, seen) => {
        await seen.received
        req.socket.resetAndDestroy()
      },
      'with an end': async (req, _res, seen) => {
        await seen.received
        req.socket.end()
      },
      'in the head': async (req, _res, seen) => {
        await seen.received
        req.socket.write('HTTP/1.1 200 OK\r\nX-A:', () => { setTimeout(() => req.socket.resetAndDestroy(), 20) })
      }
    }
    for (const [name, handler] of Object.entries(resets)) {
      for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'GET']) {
        // On a connection that was used before, too: that is where libraries try again.
        erp.answerWith(answering(200, 'ok'))
        t.equal((await gateway.call({ path: '/warm', token })).status, 200)
        erp.answerWith(handler)
        const before = erp.requests.length
        const answer = await gateway.call({ method, path: '/order', token, ...(method === 'GET' ? {} : { body: 'one of these' }) })
        t.match(answer, { status: 502, code: /^upstream-(reset|answer-invalid)$/ }, `${name}, ${method}`)
        await sleep(30)
        t.equal(erp.requests.length, before + 1, `${name}, ${method}: once`)
      }
    }
  },

  async I06 (t) {
    const idp = await startIdp(t, { alg: 'ES256' })
    const hole = await startBlackHole(t)
    const erp = await startErp(t, async (req, res) => {
      if (req.url === '/hangs') return
      if (req.url === '/head') {
        req.socket.write('HTTP/1.1 200 OK\r\n')
        for (let at = 0; !req.socket.destroyed; at++, await sleep(50)) req.socket.write(`X-${at}: y\r\n`)
      } else if (req.url === '/body') res.writeHead(200, { 'content-length': 100 }).write('half')
      else res.end('ok')
    })
    const routes = [{ match: 'ANY /*', require: 'user', upstream: 'erp', timeout: '500ms', idle_timeout: '500ms' }, { match: 'ANY /hole', require: 'user', upstream: 'hole', timeout: '500ms' }]
    const gateway = await startGateway(t, { idp, erp, routes, changes: { upstreams: { hole: { url: hole.origin, credential: 'none' } } } })
    const token = idp.mintUser()
    const began = Date.now()
    for (const path of ['/hangs', '/head', '/hole']) {
      for (const options of [{}, { method: 'POST', body: 'abc' }]) t.match(await gateway.call({ path, token, ...options }), { status: 504, code: 'upstream-timeout', complete: true }, path)
    }
    t.match(await gateway.call({ path: '/body', token }), { status: 200, text: 'half', complete: false })
    t.ok(Date.now() - began < 7 * SOON)
    t.equal((await gateway.call({ path: '/ok', token })).status, 200)
    await until(() => erp.requests.every(({ pending }) => !pending))
    await hole.close()
  },

  async I07 (t) {
    const house = await startAttacked(t, { routes: USERS })
    const { erp, gateway, idp } = house
    const line = `Authorization: Bearer ${idp.mintUser()}`
    for (const [name, handler, bytes, ready] of [
      ['while the ERP thinks', () => {}, get('/x', line), undefined],
      ['in mid-upload', () => {}, `${request('POST', '/x', line, 'Content-Length: 1000000')}${'x'.repeat(50_000)}`, undefined],
      ['in mid-upload of chunks', () => {}, `${request('POST', '/x', line, 'Transfer-Encoding: chunked')}5\r\nhello\r\n`, undefined],
      ['in mid-download', pours, get('/x', line), '200 OK'],
      ['after hints', (_req, res) => { res.writeEarlyHints({ link: '</a>; rel=preload' }) }, get('/x', line), '103']
    ] satisfies Array<[string, ErpHandler, string, string | undefined]>) {
      for (const leave of ['destroy', 'resetAndDestroy', 'end'] as const) {
        if (leave === 'end' && name === 'in mid-download') continue
        erp.answerWith(handler)
        const next = erp.next()
        const connection = await openConnection(gateway.port)
        connection.socket.write(bytes)
        const seen = await next
        if (ready !== undefined) await connection.until(ready)
        const began = Date.now()
        connection.socket[leave]()
        await Promise.race([seen.closed, sleep(SOON, undefined, { ref: false })])
        t.equal(seen.pending, false, `${name}, ${leave}: it is over`)
        t.ok(Date.now() - began < SOON)
        connection.socket.destroy()
      }
    }
    await until(() => erp.openSockets <= 1)
  },

  async I08 (t) {
    t.equal(listenSchema.parse({}).header_timeout, 10_000, 'where nothing is said it is 10 s')
    const house = await startAttacked(t, {
      changes: { listen: { header_timeout: '3s' } },
      routes: [{ match: 'ANY /*', require: 'user', idle_timeout: '700ms' }, { match: 'POST /limited', require: 'user', rate_limit: { max: 1, per: '60s', by: 'user' } }, { match: 'POST /small', require: 'user', body_limit: '10B' }]
    })
    const { gateway, idp, erp } = house
    const line = `Authorization: Bearer ${idp.mintUser()}`
    const post = (path: string, ...lines: readonly string[]): string => `POST ${path} HTTP/1.1\r\nHost: a\r\n${lines.map(one => `${one}\r\n`).join('')}\r\n`
    t.equal((await gateway.raw(post('/limited', line, 'Content-Length: 0', 'Connection: close'))).response.status, 200)
    const before = erp.requests.length
    const closed = async (name: string, status: number, pieces: ReadonlyArray<string | number>, drip?: string): Promise<void> => {
      const connection = await openConnection(gateway.port)
      const began = Date.now()
      for (const piece of pieces) typeof piece === 'number' ? await sleep(piece) : connection.socket.write(piece)
      while (connection.ending === 'open' && Date.now() - began < 40_000) {
        if (drip !== undefined && !connection.socket.destroyed) connection.socket.write(drip)
        await sleep(100)
      }
      t.not(connection.ending, 'open', `${name}: gone after ${Date.now() - began} ms`)
      const text = connection.bytes.toString('latin1')
      if (status > 0) t.match(text, new RegExp(`^HTTP/1\\.1 ${status} [^]*\r\nConnection: close\r\n`, 'i'), name)
      connection.socket.destroy()
    }
    const open = post('/x', 'Content-Length: 1000000')
    await Promise.all([
      closed('a header a byte at a time', 408, ['GET /x HTTP/1.1\r\nHost: a\r\nX-A: '], 'a'),
      closed('a request line a byte at a time', 408, ['GET /'], 'a'),
      closed('headers without end', 408, ['GET /x HTTP/1.1\r\nHost: a\r\n'], 'X-A: b\r\n'),
      closed('a second request on the connection', 0, [post('/nowhere', 'Content-Length: 0'), 200, 'GET /x'], 'a'),
      // Bodies that nobody wants: the caller was refused, and sends on or not.
      closed('401, and no body', 401, [open]),
      closed('401, and a slow body', 401, [open], 'x'),
      closed('401, and chunks', 401, [post('/x', 'Transfer-Encoding: chunked')], '1\r\nx\r\n'),
      closed('400, and a slow body', 400, [post('/x/../y', 'Content-Length: 1000000')], 'x'),
      closed('413, and a slow body', 413, [post('/small', line, 'Content-Length: 1000000')], 'x'),
      closed('429, and a slow body', 429, [post('/limited', line, 'Content-Length: 1000000')], 'x'),
      closed('403 for what is a client\'s, and a slow body', 401, [post('/x', 'Authorization: Bearer x.y.z', 'Content-Length: 1000000')], 'x'),
      closed('a body that stands still', 408, [post('/x', line, 'Content-Length: 10'), 'abc'])
    ])
    // What was let through began at the ERP and was broken off there; no other.
    t.ok(erp.requests.length - before <= 1)
    for (const seen of erp.requests.slice(before)) t.equal(await seen.received, false)
    // Slow is not still: bytes that come within idle_timeout make a body.
    const pieces = Array.from({ length: 6 }, () => ['x', 300]).flat()
    t.equal((await gateway.raw([post('/x', line, 'Content-Length: 6', 'Connection: close'), ...pieces])).response.status, 200)
  },

  async I09 (t) {
    const house = await startAttacked(t, { routes: [{ match: 'POST /*', require: 'user', body_limit: '1KiB' }] })
    const { erp, gateway, idp } = house
    const line = `Authorization: Bearer ${idp.mintUser()}`
    const before = erp.requests.length
    for (const length of ['1025', '2048', '99999999999', '9007199254740993', '18446744073709551617']) {
      const { response } = await gateway.raw(request('POST', '/x', line, `Content-Length: ${length}`))
      t.match(response, { status: length.length > 15 ? 400 : 413, complete: true }, length)
    }
    t.equal(erp.requests.length, before, 'the ERP saw nothing')
    const chunked = request('POST', '/x', line, 'Transfer-Encoding: chunked')
    for (const [name, pieces] of Object.entries({
      'in one chunk': [`${chunked}800\r\n${'x'.repeat(2048)}\r\n0\r\n\r\n`],
      'in two': [`${chunked}400\r\n${'x'.repeat(1024)}\r\n`, 30, '1\r\nx\r\n0\r\n\r\n'],
      'in many': [chunked, ...Array.from({ length: 1100 }, () => '1\r\nx\r\n'), '0\r\n\r\n'],
      'without end': [chunked, ...Array.from({ length: 20 }, () => [`100\r\n${'x'.repeat(256)}\r\n`, 5]).flat()]
    })) {
      const { response } = await gateway.raw(pieces)
      t.match(response, { status: 413, headers: { connection: 'close' }, complete: true }, name)
    }
    for (const seen of erp.requests.slice(before)) {
      t.equal(await seen.received, false, 'no whole body reached the ERP')
      t.ok(seen.bodyLength <= 1024)
    }
    // A length that lies: what is beyond it is the next request, and no part of this body.
    const after = erp.requests.length
    const { responses } = await gateway.raw([`${request('POST', '/x', line, 'Content-Length: 4').replace('Connection: close\r\n', '')}okay${'x'.repeat(2048)}\r\n\r\n`], { responses: 2, timeout: 1500 })
    t.ok(responses.length <= 2 && responses.every(({ status }) => status === 200 || status === 400), 'its own answer at most, and a 400 or an end for the rest')
    t.equal(erp.requests.length, after + 1)
    t.equal(erp.requests.at(-1)?.body.toString(), 'okay')
    t.equal((await gateway.call({ method: 'POST', path: '/x', token: idp.mintUser(), body: 'x'.repeat(1024) })).status, 200)
  },

  async I10 (t) {
    const house = await startAttacked(t, { routes: USERS })
    const token = house.idp.mintUser()
    const bytes = Buffer.from(Array.from({ length: 256 }, (_value, at) => at))
    for (const type of ['text/plain', 'text/plain; charset=utf-8', 'TEXT/PLAIN', 'text/plain;charset=x-user-defined', 'text/html', undefined]) {
      for (const body of [bytes, bytes.subarray(128), Buffer.from([0xff]), Buffer.from('\ufeffbom')]) {
        const seen = await house.lets(t, { method: 'POST', path: '/x', token, body, ...(type !== undefined && { headers: { 'content-type': type } }) })
        await seen.received
        t.ok(seen.body.equals(body), `${type}: byte for byte`)
        t.equal(seen.headers['content-type'], type)
      }
    }
  },

  async I11 (t) {
    const house = await startAttacked(t, { routes: USERS })
    const token = house.idp.mintUser()
    const bodies: ReadonlyArray<readonly [type: string, body: string | Buffer]> = [
      ...['1.0', '12345678901234567890', '1e400', '{"a":1,"a":2}', '{"__proto__":{"admin":true}}', '{"constructor":{"prototype":{"x":1}}}', ' { "b" : 1 , "a" : [ ] } ', '{', '', '\ufeff{}', '"\\ud800"', 'null'].map(body => ['application/json', body] as const),
      ['application/x-www-form-urlencoded', 'a=1&a=2&b=%zz+%20'],
      ['application/octet-stream', noise(10_000)],
      ['multipart/form-data; boundary=x', '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--x--\r\n'],
      ['application/xml', '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'],
      ['application/json, text/plain', '{}'],
      ['nonsense', 'x'],
      ['application/soap+xml; action="x"', '<a/>']
    ]
    for (const [type, body] of bodies) {
      for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
        const seen = await house.lets(t, { method, path: '/x', token, body, headers: { 'content-type': type } })
        await seen.received
        t.ok(seen.body.equals(Buffer.from(body)), `${method} ${type} ${JSON.stringify(body.toString('latin1').slice(0, 30))}`)
        t.equal(seen.headers['content-type'], type)
      }
    }
  },

  async I13 (t) { await heldBack(t) },

  async I14 (t) {
    const house = await startAttacked(t, { routes: [{ match: 'GET /*', require: 'user', timeout: '300ms', idle_timeout: '600ms' }] })
    const { erp, gateway, idp } = house
    const token = idp.mintUser()
    erp.answerWith(async (_req, res) => {
      for (let sent = 0; sent < 10; sent++, await sleep(100)) res.write('x')
      res.end()
    })
    t.match(await gateway.call({ path: '/longer-than-timeout', token }), { status: 200, text: 'xxxxxxxxxx', complete: true })
    for (const [name, handler] of Object.entries<ErpHandler>({
      'headers alone': (_req, res) => { res.writeHead(200).flushHeaders() },
      'a byte': (_req, res) => { res.writeHead(200).write('x') },
      'with a length': (_req, res) => { res.writeHead(200, { 'content-length': 10 }).write('x') },
      'a hundred kilobytes': (_req, res) => { res.writeHead(200).write(noise(100_000)) }
    })) {
      erp.answerWith(handler)
      t.match(await gateway.call({ path: '/x', token }), { status: 200, complete: false }, name)
      await until(() => erp.requests.every(({ pending }) => !pending))
    }
  },

  async I15 (t) {
    const house = await startAttacked(t, { routes: USERS, changes: { listen: { header_timeout: '1s' } } })
    const hello = Buffer.concat([Buffer.from('16030100c8010000c40303', 'hex'), noise(190)])
    await Promise.all([[], [hello.subarray(0, 1)], [hello.subarray(0, 5)], [hello], ['\r\n'], ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'], ['GET']].map(async (pieces, at) => {
      const connection = await openConnection(house.gateway.port)
      for (const piece of pieces) connection.socket.write(piece)
      const began = Date.now()
      while (connection.ending === 'open' && Date.now() - began < 30_000) await sleep(20)
      t.not(connection.ending, 'open', `${at}: closed after ${Date.now() - began} ms`)
      t.match(connection.bytes.toString('latin1'), /^(HTTP\/1\.1 (400|408) |$)/)
      connection.socket.destroy()
    }))
  },

  async I16 (t) {
    let late = 0
    const house = await startAttacked(t, { routes: USERS, clock: () => Date.now() + late })
    const { erp, gateway, idp } = house
    const ask = async () => await gateway.call({ path: '/x', token: idp.mintUser() })
    /** Past the end of any token, and of the pause after a failure. */
    const passes = (): void => { late += 3600_000 }
    t.equal((await ask()).status, 200)
    // Each in turn ends the token in hand: a hundred callers find none.
    const crowd = async (fault: faults.Fault | undefined, status: number, requests: number): Promise<void> => {
      passes()
      if (fault !== undefined) idp.fail('token', fault)
      const before = idp.requests.token
      const answers = await Promise.all(Array.from({ length: 100 }, ask))
      t.same([...new Set(answers.map(one => one.status))], [status])
      if (status === 503) t.ok(answers.every(one => /^([1-9]|10)$/.test(one.headers['retry-after'] ?? '')))
      t.ok(idp.requests.token - before <= requests, `${idp.requests.token - before} token requests`)
      t.ok(idp.requests.token > before)
      idp.heal()
    }
    await crowd(undefined, 200, 1)
    await crowd(faults.slow(700), 200, 1)
    await crowd(faults.answer(500), 503, 8)
    await crowd(faults.hang(), 503, 4)
    const seen = new Set(erp.requests.map(one => one.headers.authorization))
    const before = erp.requests.length
    const good = { access_token: registerSecret('a-token-of-this-test', 'a token'), token_type: 'Bearer', expires_in: 60 }
    for (const [name, fault] of Object.entries<faults.Fault>({
      'a page': faults.html(),
      nothing: faults.empty(),
      'half of it': faults.truncatedJson(),
      'a list': faults.json(200, [good]),
      'a 201': faults.json(201, good),
      'another type': faults.json(200, { ...good, token_type: 'mac' }),
      'no type': faults.json(200, { ...good, token_type: undefined }),
      'an empty token': faults.json(200, { ...good, access_token: '' }),
      'a number for a token': faults.json(200, { ...good, access_token: 7 }),
      'a header in a token': faults.json(200, { ...good, access_token: 'a\r\nX-Admin: 1' }),
      'a line feed in a token': faults.json(200, { ...good, access_token: 'a\nX-Admin: 1' }),
      'a blank in a token': faults.json(200, { ...good, access_token: 'a b' }),
      'an end before now': faults.json(200, { ...good, expires_in: -5 }),
      'an end now': faults.json(200, { ...good, expires_in: 0 }),
      'a refusal': faults.json(401, { error: 'invalid_client' })
    })) {
      passes()
      idp.fail('token', fault)
      t.match(await ask(), { status: 503, code: 'machine-token-unavailable' }, name)
      idp.heal()
    }
    t.equal(erp.requests.length, before, 'the ERP saw none of them')
    for (const expiresIn of [1e300, '9'.repeat(400), 'soon', [300], undefined, null]) {
      passes()
      idp.machine.expiresIn = expiresIn
      idp.machine.lifetime = 100
      t.equal((await ask()).status, 200, String(expiresIn))
      const shown = erp.requests.at(-1)?.headers.authorization
      t.notOk(seen.has(shown))
      seen.add(shown)
      // However long it says, the token's own end counts.
      late += 101_000
      t.equal((await ask()).status, 200)
      t.not(erp.requests.at(-1)?.headers.authorization, shown, `${String(expiresIn)}: another one after its end`)
    }
  },

  async I17 (t) {
    const canary = await startErp(t)
    let late = 0
    const house = await startAttacked(t, { routes: USERS, clock: () => Date.now() + late })
    const { erp, gateway, idp } = house
    t.equal((await gateway.call({ path: '/x', token: idp.mintUser() })).status, 200)
    const before = erp.requests.length
    for (const status of [301, 302, 303, 307, 308] as const) {
      for (const url of [`${canary.origin}/token`, canary.origin.replace('http:', 'https:'), `//127.0.0.1:${canary.port}/token`, '/elsewhere']) {
        late += 3600_000
        idp.fail('token', faults.redirect(url, status))
        t.match(await gateway.call({ path: '/x', token: idp.mintUser() }), { status: 503, code: 'machine-token-unavailable' }, `${status} ${url}`)
        idp.heal()
      }
    }
    t.equal(canary.accepted, 0)
    t.notOk(idp.requests.lines.some(one => one.includes('elsewhere')))
    t.equal(erp.requests.length, before)
    late += 3600_000
    t.equal((await gateway.call({ path: '/x', token: idp.mintUser() })).status, 200)
  },

  async I18 (t) {
    let late = 0
    const clock = (): number => Date.now() + late
    const house = await startAttacked(t, { routes: USERS, clock })
    const { erp, gateway, idp } = house
    const ends: number[] = []
    erp.answerWith(async (req, res, seen) => {
      ends.push(endOf(seen.headers.authorization) - clock())
      await answering(200, 'ok')(req, res, seen)
    })
    const ask = async (status = 200): Promise<void> => { t.equal((await gateway.call({ path: '/x', token: idp.mintUser() })).status, status) }
    const lives = async (answer: Partial<Idp['machine']>, times: number, step: number, status = 200): Promise<void> => {
      Object.assign(idp.machine, { expiresIn: 300, lifetime: undefined }, answer)
      await jumps()
      for (let at = 0; at < times; at++, late += step) await ask(status)
    }
    // A renewal that is under way when the clock jumps gets a token that has ended: the next one is asked for soon.
    const jumps = async (): Promise<void> => {
      late += 3600_000
      if (idp.machine.expiresIn === 0 || Number(idp.machine.lifetime) < 0) return
      for (let tries = 0; tries < 50 && (await gateway.call({ path: '/x', token: idp.mintUser() })).status !== 200; tries++) await sleep(50)
    }
    await lives({}, 1, 0)
    await lives({ expiresIn: 1, lifetime: 2 }, 10, 500)
    await lives({ expiresIn: 2, lifetime: 3 }, 6, 1999)
    await lives({ expiresIn: 0 }, 3, 6000, 503)
    // The IdP's clock is five minutes behind: what it gives has ended. Five minutes before: expires_in counts.
    await lives({ lifetime: -300 }, 3, 6000, 503)
    await lives({ lifetime: 600 }, 12, 60_000)
    await lives({}, 12, 60_000)
    // Ours goes back five minutes, and forward again.
    late -= 300_000
    await ask()
    late += 600_000
    await ask()
    t.ok(ends.length > 40 && ends.every(left => left > -500), `the ERP never saw one that had ended: ${Math.min(...ends)} ms`)
    t.ok(idp.requests.token < 40)
    // In real time, with renewal in the background.
    Object.assign(idp.machine, { expiresIn: 2, lifetime: 3 })
    await jumps()
    const before = idp.requests.token
    for (const end = Date.now() + 3500; Date.now() < end; await sleep(100)) await ask()
    t.ok(idp.requests.token - before >= 1 && idp.requests.token - before <= 6, 'renewed, and not for each request')
    t.ok(ends.every(left => left > -500))
    // A 401 in the end: one new token, one retry where the body can be sent again.
    for (const [options, status, requests] of [[{}, 200, 2], [{ method: 'POST', body: 'x' }, 200, 2], [{ method: 'POST', body: 'x'.repeat(70_000) }, 502, 1]] as const) {
      Object.assign(idp.machine, { expiresIn: 300, lifetime: undefined })
      erp.answerWith(answering(200, 'ok'))
      await jumps()
      let refused: string | undefined
      erp.answerWith(async (req, res, seen) => {
        refused ??= seen.headers.authorization
        await answering(seen.headers.authorization === refused ? 401 : 200, 'ok')(req, res, seen)
      })
      const [asked, tokens] = [erp.requests.length, idp.requests.token]
      t.equal((await gateway.call({ path: '/x', token: idp.mintUser(), ...options })).status, status)
      t.equal(erp.requests.length - asked, requests)
      await until(() => idp.requests.token - tokens === 1)
    }
  }
})

/** ms since the epoch at which the machine token in this header ends. */
function endOf (authorization: string | undefined): number {
  // A JWT of the stand-in IdP: its payload is an object.
  const { exp } = JSON.parse(Buffer.from(authorization?.split('.')[1] ?? '', 'base64url').toString()) as { exp?: unknown }
  return Number(exp) * 1000
}
