import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import type { Test } from 'tap'
import { get } from '../gateway/gatehouse.ts'
import type { Called } from '../support/call.ts'
import { answering, startErp, type ErpHandler } from '../support/erp.ts'
import * as faults from '../support/faults.ts'
import { forkGateway } from '../support/fork-gateway.ts'
import { startGateway } from '../support/gateway.ts'
import { startIdp, type Endpoint } from '../support/idp.ts'
import { rawAnswers, sends, sendsThenCloses, sendsThenResets, startRawErp, type RawHandler } from '../support/raw-erp.ts'
import { openConnection } from '../support/raw-http.ts'
import { selfSigned } from '../support/self-signed.ts'
import { runSection, startAttacked } from './gauntlet.ts'
import { startRawAttacked } from './raw-attacked.ts'
import { answers } from './rows/h-answers.ts'

const MiB = 1024 * 1024
const USERS = [{ match: 'ANY /*', require: 'user' }]
const UNAUTHORIZED = answering(401, 'who are you', { 'www-authenticate': 'Bearer realm="erp"' })

/** Words of libraries, addresses, ports and paths: none of them in any answer of the gateway's own. */
const LEAKS = /127\.0\.0\.1|localhost|\.invalid|:\d{4,5}\b|undici|ECONN|ENOTFOUND|EAI_|EPROTO|HPE_|UND_ERR|ERR_|CERT_|JWS|JWT[A-Z]|self.signed|expired certificate|socket|claim value|signature verification|node:|dist\/|\.[jt]s\b|at \w+ \(/i

function saysNothing (t: Test, { text, rawHeaders, problem }: Called, name: string): void {
  t.ok(problem, `${name}: a problem of ours`)
  t.notMatch(text.replace(/"decision":"[^"]+"/, ''), LEAKS, name)
  t.notMatch(rawHeaders.filter((_value, at) => rawHeaders[at - at % 2]?.toLowerCase() !== 'x-request-id').join('\n'), LEAKS, name)
}

/** The bearer token in a request as the ERP saw it. */
const tokenIn = (request: Buffer): string => /^authorization: Bearer (\S+)/im.exec(request.toString('latin1'))?.[1] ?? ''

/** A process of its own: its memory is what counts. */
async function endlessHints (t: Test): Promise<void> {
  const idp = await startIdp(t, { alg: 'ES256' })
  const hints = Buffer.from(`HTTP/1.1 103 Early Hints\r\nLink: </${'a'.repeat(2000)}>; rel=preload\r\n\r\n`.repeat(30))
  let sent = 0
  const erp = await startRawErp(t, (socket, request) => {
    const pour = (): void => {
      while (!socket.destroyed && socket.write(hints)) sent += hints.length
    }
    if (request.toString().startsWith('GET /alive ')) {
      socket.write(rawAnswers.whole)
      return
    }
    socket.on('drain', pour)
    pour()
  })
  const gateway = await forkGateway(t, { idp, erp, routes: [{ match: 'GET /*', require: 'public', credential: 'none', timeout: '2s' }] })
  t.match(await gateway.call({ path: '/alive' }), { status: 200 })
  const before = await gateway.memory()
  const { socket } = await openConnection(gateway.port)
  socket.pause()
  socket.write(get('/flood'))
  let most = 0
  for (const end = Date.now() + 2500; Date.now() < end; await sleep(50)) most = Math.max(most, await gateway.memory())
  t.ok(sent > 20 * MiB, `${sent} bytes of hints were sent`)
  t.ok(most - before < 150 * MiB, `the gateway grew by ${Math.round((most - before) / MiB)} MiB`)
  socket.destroy()
  t.match(await gateway.call({ path: '/alive' }), { status: 200 })
}

async function survives (t: Test, name: string, endpoint: Endpoint, fault: faults.Fault): Promise<void> {
  const idp = await startIdp(t, { alg: 'ES256' })
  const erp = await startErp(t, answering(200, 'ok'))
  idp.fail(endpoint, fault)
  const gateway = await startGateway(t, { idp, erp, routes: USERS, changes: { log: { level: 'info' } } })
  const answer = await gateway.call({ token: idp.mintUser() })
  t.match(answer, { status: 503, code: endpoint === 'token' ? 'machine-token-unavailable' : 'issuer-keys-unavailable' }, `${name}, ${endpoint}`)
  t.equal(erp.requests.length, 0)
  idp.heal()
  let status = 503
  for (const deadline = Date.now() + 15_000; Date.now() < deadline && status !== 200; await sleep(20)) status = (await gateway.call({ token: idp.mintUser() })).status
  t.equal(status, 200, `${name}, ${endpoint}: it recovers`)
  await gateway.close()
}

runSection(answers, {
  async H01 (t) {
    const { erp, gateway, token } = await startRawAttacked(t, sends(rawAnswers.whole))
    for (const [name, head, body] of [
      ['beside a length', 'Trailer: X-T\r\nContent-Length: 2', 'ok'],
      ['after it', 'Content-Length: 2\r\nTrailer: X-T', 'ok'],
      ['in another spelling', 'tRAILER: x-t, X-U\r\nContent-Length: 2', 'ok'],
      ['twice', 'Trailer: X-T\r\nTrailer: X-U\r\nContent-Length: 2', 'ok'],
      ['naming what must not be one', 'Trailer: Content-Length\r\nContent-Length: 2', 'ok'],
      ['with chunks and the trailer itself', 'Trailer: X-T\r\nTransfer-Encoding: chunked', '2\r\nok\r\n0\r\nX-T: 1\r\n\r\n'],
      ['with chunks and another one', 'Trailer: X-T\r\nTransfer-Encoding: chunked', '2\r\nok\r\n0\r\nSet-Cookie: a=b\r\n\r\n'],
      ['with no body', 'Trailer: X-T\r\nContent-Length: 0', '']
    ] as const) {
      erp.answerWith(sends(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n${body}`))
      for (const method of ['GET', 'POST']) {
        const answer = await gateway.call({ method, token })
        t.match(answer, { status: 200, text: body === '' ? '' : 'ok', complete: true }, `${name}, ${method}`)
        t.same(Object.keys(answer.headers).filter(one => ['trailer', 'x-t', 'set-cookie'].includes(one)), [], name)
      }
    }
    erp.answerWith(sends('HTTP/1.1 204 No Content\r\nTrailer: X-T\r\n\r\n'))
    t.match(await gateway.call({ token }), { status: 204 })
    erp.answerWith(sends('HTTP/1.1 200 OK\r\nTrailer: X-T\r\nContent-Length: 2\r\n\r\n'))
    t.match(await gateway.call({ method: 'HEAD', token }), { status: 200 })
  },

  async H03 (t) {
    const sent = ['Server: SAP', 'sErVeR: again', 'X-Powered-By: ABAP', 'Set-Cookie: sid=1; Path=/', 'SET-COOKIE: sid=2', 'Set-Cookie2: sid=3', 'WWW-Authenticate: Basic', 'Proxy-Authenticate: Basic', 'Proxy-Authentication-Info: x', 'Authentication-Info: x', 'Authorization: Bearer x', 'Proxy-Authorization: x', 'X-Request-Id: theirs']
    const ours = ['X-Debug-Sql: select', 'x-debug-host: erp-7']
    const house = await startRawAttacked(t, sends(`HTTP/1.1 200 OK\r\n${[...sent, ...ours].join('\r\n')}\r\nX-Stays: 1\r\nContent-Length: 2\r\n\r\nok`), {
      routes: [{ match: 'GET /listed', require: 'user', response_headers: { remove: ['X-Debug-Sql', 'X-Debug-Host'] } }, { match: 'GET /*', require: 'user' }]
    })
    for (const path of ['/x', '/listed']) {
      const { headers, rawHeaders } = await house.gateway.call({ path, token: house.token })
      t.match(headers, { 'x-stays': '1' })
      const names = rawHeaders.filter((_part, at) => at % 2 === 0).map(name => name.toLowerCase())
      const left = names.filter(name => !['x-stays', 'content-length', 'x-request-id', 'date', 'connection', 'keep-alive'].includes(name)).sort()
      t.same(left, path === '/listed' ? [] : ['x-debug-host', 'x-debug-sql'], path)
      t.notMatch(rawHeaders.join('\n'), /sid=|theirs/)
    }
    for (const response_headers of [{ keep: 'Set-Cookie' }, { set: { 'Set-Cookie': 'a=b' } }, { keep: 'WWW-Authenticate' }]) {
      await t.rejects(startGateway(t, { idp: house.idp, erp: house.erp, routes: [{ match: 'GET /x', require: 'user', response_headers }] }), 'nothing to opt in with')
    }
  },

  async H04 (t) {
    const shown: string[] = []
    const house = await startRawAttacked(t, sends(rawAnswers.whole))
    const { gateway, token } = house
    const echoes: Record<string, (token: string, request: string) => string> = {
      'a header': value => `HTTP/1.1 200 OK\r\nX-Echo: Bearer ${value}\r\nContent-Length: 2\r\n\r\nok`,
      'a header of that name': value => `HTTP/1.1 200 OK\r\nAuthorization: Bearer ${value}\r\nContent-Length: 2\r\n\r\nok`,
      'in the middle of a value': value => `HTTP/1.1 200 OK\r\nX-Echo: {"authorization":["Bearer ${value}"]}\r\nContent-Length: 2\r\n\r\nok`,
      'a Location': value => `HTTP/1.1 302 Found\r\nLocation: /login?back=/x&token=${value}\r\nContent-Length: 0\r\n\r\n`,
      'a Link': value => `HTTP/1.1 200 OK\r\nLink: </x?${value}>; rel=next\r\nContent-Length: 2\r\n\r\nok`,
      'a hint': value => `HTTP/1.1 103 Early Hints\r\nLink: </x?${value}>; rel=preload\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok`,
      'a Location, behind a tab': value => `HTTP/1.1 302 Found\r\nLocation: /login?token=${value.slice(0, 20)}\t${value.slice(20)}\r\nContent-Length: 0\r\n\r\n`,
      'the name of a header': value => `HTTP/1.1 200 OK\r\n${value}: x\r\nContent-Length: 2\r\n\r\nok`,
      'a cookie': value => `HTTP/1.1 200 OK\r\nSet-Cookie: t=${value}\r\nContent-Length: 2\r\n\r\nok`,
      'the words of the status': value => `HTTP/1.1 400 Bearer ${value}\r\nContent-Length: 2\r\n\r\nok`,
      'a trailer': value => `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Echo\r\n\r\n2\r\nok\r\n0\r\nX-Echo: ${value}\r\n\r\n`,
      'every header, as TRACE does': (_value, request) => `HTTP/1.1 200 OK\r\n${request.split('\r\n').slice(1, -2).map((line, at) => `X-Echo-${at}: ${line}`).join('\r\n')}\r\nContent-Length: 2\r\n\r\nok`
    }
    const ask = async (): Promise<string> => (await gateway.raw(get('/x', `Authorization: Bearer ${token}`))).bytes.toString('latin1')
    for (const [name, echo] of Object.entries(echoes)) {
      house.erp.answerWith((socket, request) => {
        shown.push(tokenIn(request))
        socket.write(echo(tokenIn(request), request.toString('latin1')), 'latin1')
      })
      const bytes = await ask()
      t.match(bytes, /^HTTP\/1\.1 (200|302|400) /, name)
      t.ok(shown.length > 0 && shown.every(one => one.length > 100), 'the ERP had a token to repeat')
      for (const one of new Set(shown)) t.notOk(bytes.includes(one) || bytes.includes(one.split('.')[2] ?? ''), `${name}: not for the caller`)
    }
    // What the gateway says itself, with the token in hand: failures before, within and after the exchange.
    for (const handler of [
      (socket, request) => { socket.end(`HTTP/9.9 ${tokenIn(request)}\r\n\r\n`) },
      (socket, request) => { socket.end(`HTTP/1.1 401 ${tokenIn(request)}\r\nWWW-Authenticate: Bearer error="${tokenIn(request)}"\r\nContent-Length: 0\r\n\r\n`) },
      (socket, request) => { socket.end(`HTTP/1.1 200 OK\r\nX-A: ${tokenIn(request)}\x01\r\n\r\n`) },
      socket => { socket.resetAndDestroy() }
    ] satisfies RawHandler[]) {
      house.erp.answerWith(handler)
      const bytes = await ask()
      t.match(bytes, /^HTTP\/1\.1 502 /)
      for (const one of new Set([...shown, ...house.idp.tokenRequests.map(({ token = '' }) => token)])) t.notOk(bytes.includes(one))
    }
    // Its own page is the ERP's to mend: a body passes byte for byte.
    house.erp.answerWith((socket, request) => {
      const page = `<pre>${request.toString('latin1')}</pre>`
      socket.write(`HTTP/1.1 500 Oops\r\nContent-Length: ${page.length}\r\n\r\n${page}`)
    })
    t.match(await ask(), /<pre>GET \/x HTTP/)
    t.ok(shown.every(one => !gateway.log.includes(one)), 'and no log has it')
  },

  async H05 (t) {
    const house = await startAttacked(t, { routes: USERS })
    const { erp, gateway, idp } = house
    const token = idp.mintUser()
    await house.lets(t, { path: '/warm', token })
    const once: ErpHandler = async (req, res, seen) => {
      erp.answerWith(answering(200, 'ok'))
      await UNAUTHORIZED(req, res, seen)
    }
    for (const [options, status, requests] of [
      [{ path: '/x' }, 200, 2], [{ path: '/x', method: 'DELETE' }, 502, 2], [{ path: '/x', method: 'POST', body: 'abc' }, 502, 1]
    ] as const) {
      // After the first, no other 401 may cause a token request for 30 s: the token is kept.
      erp.answerWith(status === 200 ? once : UNAUTHORIZED)
      const before = erp.requests.length
      const answer = await gateway.call({ token, ...options })
      t.equal(answer.status, status)
      t.notOk('www-authenticate' in answer.headers)
      t.notMatch(answer.text, /who are you/)
      if (status === 502) t.equal(answer.code, 'upstream-credential-refused')
      t.ok(erp.requests.length - before <= requests, 'at most one retry')
    }
    t.equal(idp.requests.token, 2, 'one new token in all')
    // A 403 is the ERP's own word about what was asked, without its challenge.
    erp.answerWith(answering(403, 'no', { 'www-authenticate': 'Bearer error="insufficient_scope"' }))
    const answer = await gateway.call({ path: '/x', token })
    t.match(answer, { status: 403, text: 'no' })
    t.notOk('www-authenticate' in answer.headers)
    const [, second] = [...new Set(erp.requests.map(one => one.headers.authorization))]
    t.ok(second, 'the retry had the new one')
    erp.answerWith(UNAUTHORIZED)
    t.equal((await gateway.call({ path: '/x', token, headers: { connection: 'close' } })).status, 502)
  },

  async H06 (t) {
    const canary = await startErp(t)
    const house = await startAttacked(t, { routes: USERS, changes: { upstreams: { erp: { url: undefined } } } }).catch(() => undefined)
    t.equal(house, undefined, 'an upstream without a URL does not start')
    const idp = await startIdp(t, { alg: 'ES256' })
    const erp = await startErp(t)
    const gateway = await startGateway(t, { idp, erp: { origin: erp.origin }, changes: { upstreams: { erp: { url: `${erp.origin}/erp` } } }, routes: USERS })
    const token = idp.mintUser()
    const port = String(erp.port)
    const internal = new RegExp(`:${port}\\b`)
    // ERP is its own origin, CANARY somebody else's.
    const table: Array<readonly [location: string, seen: string | undefined]> = [
      ['CANARY/x', 'CANARY/x'],
      ['//evil.example.com/erp', '//evil.example.com/erp'],
      ['https://evil.example.com/erp/x', 'https://evil.example.com/erp/x'],
      ['ERP/erp/x?y#z', 'http://api.test/x?y#z'],
      ['ERP/other', '/other'],
      ['ERP', '/'],
      ['ERP//evil.example.com', '/.//evil.example.com'],
      ['ERP/erp//evil.example.com/x', 'http://api.test//evil.example.com/x'],
      ['/erp//evil.example.com/x', '/.//evil.example.com/x'],
      ['//127.0.0.1:PORT/erp/x', 'http://api.test/x'],
      ['http:\\\\127.0.0.1:PORT\\erp\\x', 'http://api.test/x'],
      ['HTTP://127.0.0.1:PORT/erp/x', 'http://api.test/x'],
      ['http://user:secret@127.0.0.1:PORT/erp/x', 'http://api.test/x'],
      ['http://0x7f.1:PORT/erp/x', 'http://api.test/x'],
      ['/erp/x', '/x'],
      ['y', '/a/y'],
      ['../y', '/y'],
      ['/erp/../../etc', '/etc'],
      ['?q', '/a/b?q'],
      ['javascript:alert(1)', 'javascript:alert(1)'],
      ['', '/a/b']
    ]
    for (const status of [301, 302, 303, 307, 308, 201]) {
      for (const [template, wanted] of status === 307 || status === 302 ? table : table.slice(0, 4)) {
        const fill = (text: string): string => text.replace('CANARY', canary.origin).replace('ERP', erp.origin).replace('PORT', port)
        erp.answerWith((_req, res) => { res.writeHead(status, { location: fill(template), 'content-location': fill(template) }).end() })
        const before = erp.requests.length
        const answer = await gateway.call({ method: 'POST', path: '/a/b', token, body: 'secret', headers: { host: 'api.test' } })
        t.equal(answer.status, status)
        t.equal(answer.headers.location, wanted === undefined ? wanted : fill(wanted), `${status} ${template}`)
        t.equal(answer.headers['content-location'], answer.headers.location)
        t.notMatch(answer.headers.location, internal)
        t.equal(erp.requests.length, before + 1, 'one request, not followed')
      }
    }
    t.equal(canary.accepted, 0)
    // Another port is another origin: left as it is, and not followed either.
    erp.answerWith((_req, res) => { res.writeHead(302, { location: 'https://127.0.0.1:1/erp' }).end() })
    t.equal((await gateway.call({ path: '/a', token })).headers.location, 'https://127.0.0.1:1/erp')
    erp.answerWith(answering(200, 'ok'))
    t.equal((await gateway.call({ path: '/a', token })).status, 200)
    // The discovery document and the keys are not fetched from where a redirect points either.
    for (const endpoint of ['discovery', 'jwks'] as const) {
      const other = await startIdp(t, { alg: 'ES256' })
      other.fail(endpoint, faults.redirect(`${canary.origin}/keys`, 307))
      const elsewhere = await startGateway(t, { idp: other, erp, routes: USERS })
      t.match(await elsewhere.call({ token: other.mintUser() }), { status: 503, code: 'issuer-keys-unavailable' })
    }
    t.equal(canary.accepted, 0)
  },

  async H08 (t) {
    const { erp, gateway, token } = await startRawAttacked(t, sends(rawAnswers.whole), { rule: { timeout: '2s' } })
    const ok = 'HTTP/1.1 200 OK\r\n'
    const broken: Record<string, string> = {
      'length and chunks': `${ok}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n`,
      'chunks and length': `${ok}Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\nok\r\n0\r\n\r\n`,
      'two lengths': rawAnswers.twoLengths,
      'one length twice': `${ok}Content-Length: 2\r\nContent-Length: 2\r\n\r\nok`,
      'a list of lengths': `${ok}Content-Length: 2, 2\r\n\r\nok`,
      'a signed length': `${ok}Content-Length: +2\r\n\r\nok`,
      'a hexadecimal length': `${ok}Content-Length: 0x2\r\n\r\nok`,
      'a length beyond any': `${ok}Content-Length: 99999999999999999999\r\n\r\nok`,
      'a length with a blank in it': `${ok}Content-Length: 2 2\r\n\r\nok`,
      'bare line feeds': 'HTTP/1.1 200 OK\nContent-Length: 2\n\nok',
      'a bare line feed after a header': `${ok}X-A: b\nContent-Length: 2\r\n\r\nok`,
      'a bare carriage return': `${ok}X-A: b\rContent-Length: 2\r\n\r\nok`,
      'a blank before the colon': `${ok}Content-Length : 2\r\n\r\nok`,
      'a folded line': `${ok}X-A: b\r\n c\r\nContent-Length: 2\r\n\r\nok`,
      'a NUL in a value': `${ok}X-A: b\0c\r\nContent-Length: 2\r\n\r\nok`,
      'a blank in a name': `${ok}X A: b\r\nContent-Length: 2\r\n\r\nok`,
      'no colon': `${ok}X-A\r\nContent-Length: 2\r\n\r\nok`,
      garbage: '\x16\x03\x01\x02\0\x01\0',
      'the words of a mail server': '220 mail.example.com ESMTP\r\n',
      'status 999': 'HTTP/1.1 999 What\r\nContent-Length: 0\r\n\r\n',
      'status 0': 'HTTP/1.1 0 What\r\nContent-Length: 0\r\n\r\n',
      'status 20': 'HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n',
      'status -200': 'HTTP/1.1 -200 OK\r\nContent-Length: 0\r\n\r\n',
      'no status': 'HTTP/1.1 OK\r\nContent-Length: 0\r\n\r\n',
      'a head beyond the limit': rawAnswers.hugeHeader,
      'a 101 that nobody asked for': rawAnswers.switchingProtocols
    }
    for (const [name, bytes] of Object.entries(broken)) {
      for (const handler of [sends(bytes), sendsThenCloses(bytes)]) {
        erp.answerWith(handler)
        const answer = await gateway.call({ token })
        t.match(answer, { status: 502, code: 'upstream-answer-invalid', complete: true }, name)
        saysNothing(t, answer, name)
      }
    }
    // In the body it is too late for a 502: the answer is broken off, and whole it is not.
    for (const body of ['zz\r\nhalf\r\n0\r\n\r\n', '-4\r\nhalf\r\n0\r\n\r\n', '0x4\r\nhalf\r\n0\r\n\r\n', 'fffffffffffffffff\r\nhalf\r\n0\r\n\r\n', '4\nhalf\n0\n\n', '4\r\nhalfX\r\n0\r\n\r\n']) {
      erp.answerWith(sends(`${ok}Transfer-Encoding: chunked\r\n\r\n${body}`))
      const answer = await gateway.call({ token }).catch(() => undefined)
      t.notOk(answer?.status === 200 && answer.complete, JSON.stringify(body))
    }
    await t.test('hints without end, for a caller that does not read', endlessHints)
  },

  async H09 (t) {
    const { erp, gateway, head } = await startRawAttacked(t, sends(rawAnswers.whole), { rule: { idle_timeout: '400ms' } })
    const one = (text: string): string => text.replace('HTTP/1.1\r\n', 'HTTP/1.0\r\n')
    const cut: Record<string, RawHandler> = {
      'a length that is not reached, and an end': sendsThenCloses(rawAnswers.short),
      'a length that is not reached, and a reset': sendsThenResets(rawAnswers.short),
      'a length that is not reached, and silence': sends(rawAnswers.short),
      'no last chunk, and an end': sendsThenCloses(rawAnswers.unfinishedChunks),
      'no last chunk, and a reset': sendsThenResets(rawAnswers.unfinishedChunks),
      'half a last chunk': sendsThenCloses(`${rawAnswers.unfinishedChunks}0\r\n`),
      'half a chunk': sendsThenCloses(`${rawAnswers.unfinishedChunks}8\r\nhalf`),
      'no length, and a reset': sendsThenResets('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhalf'),
      'no length, and silence': sends('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhalf')
    }
    for (const [name, handler] of Object.entries(cut)) {
      erp.answerWith(handler)
      for (const version of ['1.1', '1.0']) {
        const request = version === '1.0' ? one(head('GET /x')) : head('GET /x')
        const { response, ending } = await gateway.raw(request, { timeout: 8000 })
        t.not(ending, 'open', `${name}, HTTP/${version}: the connection is over`)
        t.equal(response.status, 200)
        t.match(response.body.toString(), /^half/)
        t.equal(response.complete, false, `${name}, HTTP/${version}: nobody takes it for whole`)
        if (version === '1.0' && response.headers['content-length'] === undefined) t.equal(ending, 'reset')
      }
    }
    // Nor does what is whole look cut.
    for (const bytes of [rawAnswers.whole, rawAnswers.untilClose, rawAnswers.trailers]) {
      erp.answerWith(sendsThenCloses(bytes))
      for (const request of [head('GET /x', 'Connection: close'), one(head('GET /x'))]) t.match((await gateway.raw(request)).response, { status: 200, complete: true })
    }
  },

  async H11 (t) {
    const { erp, gateway, token } = await startRawAttacked(t, sends(rawAnswers.whole))
    const hint = 'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nSet-Cookie: a=b\r\nServer: erp\r\n\r\n'
    for (const [name, before, seen] of [
      ['102', 'HTTP/1.1 102 Processing\r\n\r\n', []],
      ['102 with headers', 'HTTP/1.1 102 Processing\r\nX-A: b\r\nContent-Length: 100\r\n\r\n', []],
      ['103', hint, [103]],
      ['both, and again', `HTTP/1.1 102 Processing\r\n\r\n${hint}${hint}`, [103, 103]],
      ['103 without a link', 'HTTP/1.1 103 Early Hints\r\n\r\n', []],
      ['103 with a link that is none', 'HTTP/1.1 103 Early Hints\r\nLink: \x80<\r\n\r\n', []],
      ['a code that nobody knows', 'HTTP/1.1 199 Hm\r\n\r\n', []]
    ] as const) {
      for (const [method, wanted] of [['GET', 'ok'], ['POST', 'ok'], ['HEAD', '']] as const) {
        erp.answerWith(sends(`${before}${method === 'HEAD' ? rawAnswers.whole.slice(0, -2) : rawAnswers.whole}`))
        t.match(await gateway.call({ method, token }), { status: 200, text: wanted, complete: true, informational: seen }, `${name}, ${method}`)
      }
    }
    erp.answerWith(socket => {
      socket.write(hint)
      setTimeout(() => socket.write(rawAnswers.whole), 50)
    })
    const { response } = await gateway.raw(get('/x', `Authorization: Bearer ${token}`))
    t.match(response, { status: 200, informational: [{ status: 103 }] })
    t.same(response.informational[0]?.rawHeaders.map(([name]) => name.toLowerCase()), ['link'], 'of a hint nothing but the links')
    erp.answerWith(sends(rawAnswers.continueFirst))
    t.match(await gateway.call({ token }), { status: 502, code: 'upstream-answer-invalid' })
    t.notMatch(erp.requests.join('\n'), /^expect:/im)
  },

  async H13 (t) {
    const house = await startAttacked(t, { routes: [...USERS, { match: 'GET /limited', require: { user: { scope: 'x' } } }] })
    const { erp, gateway, idp } = house
    const good = idp.mintUser()
    const [header = '', payload = '', signature = ''] = good.split('.')
    const now = Math.floor(Date.now() / 1000)
    const bad: Record<string, string> = {
      'no JWT': 'opaque-0123456789abcdef0123',
      'two parts': `${header}.${payload}`,
      'five parts': `${good}.x.y`,
      'no base64': `${header}.A.${signature}`,
      'no JSON': `${Buffer.from('{').toString('base64url')}.${payload}.${signature}`,
      'another signature': `${header}.${payload}.${signature.split('').reverse().join('')}`,
      'no signature': `${header}.${payload}.`,
      'alg none': `${Buffer.from('{"alg":"none"}').toString('base64url')}.${payload}.`,
      'alg HS256': idp.mintUser({}, { header: { alg: 'HS256' } }),
      'an unknown key': idp.mintUser({}, { header: { kid: 'nope' } }),
      'a crit header': idp.mintUser({}, { header: { crit: ['b64'], b64: false } }),
      'another issuer': idp.mintUser({ iss: 'https://evil.example.com' }),
      expired: idp.mintUser({ exp: now - 1000 }),
      'not yet': idp.mintUser({ nbf: now + 1000 }),
      'no end': idp.mintUser({ exp: undefined }),
      'an end that is text': idp.mintUser({ exp: 'tomorrow' }),
      'another audience': idp.mintUser({ aud: 'https://other.example.com' }),
      'an ID token': idp.mintIdToken(),
      'a payload that is a list': idp.mintUser({}, { payload: '[]' })
    }
    for (const [name, token] of Object.entries(bad)) {
      const answer = await gateway.call({ path: '/x', token })
      t.equal(answer.status, 401, name)
      saysNothing(t, answer, name)
      t.notOk(answer.text.includes('evil.example') || answer.text.includes('nope') || answer.text.includes('tomorrow'), `${name}: nothing is echoed`)
    }
    t.equal(erp.requests.length, 0)
    t.equal((await gateway.call({ path: '/x', token: good })).status, 200)
    for (const [name, handler] of Object.entries<ErpHandler>({
      reset: req => { req.socket.resetAndDestroy() },
      garbage: req => { req.socket.end('garbage\r\n\r\n') },
      'half a head': req => { req.socket.end('HTTP/1.1 200 OK\r\n') }
    })) {
      erp.answerWith(handler)
      saysNothing(t, await gateway.call({ path: '/x', token: good }), name)
    }
    await erp.stop()
    const refused = await gateway.call({ path: '/x', token: good })
    t.match(refused, { status: 502, code: 'upstream-refused' })
    saysNothing(t, refused, 'refused')
    await erp.start()
    // The IdP's failures are nobody's business either.
    const other = await startIdp(t, { alg: 'ES256' })
    other.fail('discovery', faults.answer(500, 'java.lang.NullPointerException at com.example.Idp'))
    const blind = await startGateway(t, { idp: other, erp, routes: USERS })
    const unavailable = await blind.call({ token: other.mintUser() })
    t.match(unavailable, { status: 503, code: 'issuer-keys-unavailable' })
    saysNothing(t, unavailable, 'no keys')
    t.notMatch(unavailable.text, /java|example/)
  },

  async H14 (t) {
    const idp = await startIdp(t, { alg: 'ES256' })
    const erp = await startErp(t, (req, res) => {
      if (req.url === '/resets') req.socket.resetAndDestroy()
      else if (req.url === '/ends') req.socket.end()
      else if (req.url === '/garbage') req.socket.end('SSH-2.0-x\r\n')
      else if (req.url !== '/hangs') res.end('ok')
    })
    const tls = await startErp(t, undefined, { tls: selfSigned() })
    const dead = await startErp(t)
    await dead.stop()
    const credential = 'none'
    const upstreams = { erp: { credential: { client_credentials: undefined, headers: { 'X-Key': '7' } } }, tls: { url: tls.origin, credential }, dead: { url: dead.origin, credential }, nowhere: { url: 'http://erp.invalid', credential, allow_http: true }, plain: { url: erp.origin.replace('http:', 'https:'), credential } }
    const rule = (path: string, upstream: string) => ({ match: `ANY ${path}`, require: 'user', upstream, timeout: '500ms' })
    const gateway = await startGateway(t, { idp, erp, changes: { upstreams }, routes: [rule('/*', 'erp'), rule('/tls', 'tls'), rule('/dead', 'dead'), rule('/nowhere', 'nowhere'), rule('/plain', 'plain')] })
    const token = idp.mintUser()
    const seen = new Set<string>()
    for (const [path, status, code] of [
      ['/dead', 502, 'upstream-refused'],
      ['/resets', 502, 'upstream-reset'],
      ['/ends', 502, 'upstream-reset'],
      ['/garbage', 502, 'upstream-answer-invalid'],
      ['/tls', 502, 'upstream-tls'],
      ['/plain', 502, /^upstream-(tls|reset)$/],
      ['/hangs', 504, 'upstream-timeout'],
      ['/nowhere', 502, 'upstream-unresolved']
    ] as const) {
      for (const options of [{}, { method: 'POST', body: 'abc' }]) {
        const answer = await gateway.call({ path, token, ...options })
        t.match(answer, { status, code, complete: true }, path)
        saysNothing(t, answer, path)
      }
      if (typeof code === 'string') seen.add(code)
    }
    t.equal(seen.size, 6, 'six causes are six words')
    t.equal((await gateway.call({ path: '/ok', token })).status, 200)
    t.equal(tls.requests.length, 0)
  },

  async H15 (t) {
    const zeros = gzipSync(Buffer.alloc(64 * MiB), { level: 9 })
    // Gzip files may follow one another: a gigabyte of zeros, in less than the limit of bytes.
    const once = Buffer.concat(Array.from({ length: 16 }, () => zeros)).subarray(0, 1024 * 1024 - 1)
    const twice = gzipSync(once)
    t.ok(twice.length < 100_000, `${twice.length} bytes`)
    const bomb = (body: Buffer, coding: string): faults.Fault => (_req, res) => { res.writeHead(200, { 'content-type': 'application/json', 'content-encoding': coding }).end(body) }
    const bombs: Record<string, faults.Fault> = {
      'a gigabyte in a megabyte': bomb(once, 'gzip'),
      'a gigabyte in a few kilobytes': bomb(twice, 'gzip, gzip'),
      'a hundred codings': bomb(twice, Array.from({ length: 100 }, () => 'gzip').join(', ')),
      'more than the limit': faults.gzipBomb(100 * MiB),
      'a coding that nobody knows': bomb(twice, 'x-bomb'),
      'no coding, and no end': faults.endless()
    }
    const before = process.memoryUsage().rss
    for (const [name, fault] of Object.entries(bombs)) {
      await Promise.all((['discovery', 'jwks', 'token'] as const).map(async endpoint => { await survives(t, name, endpoint, fault) }))
    }
    t.ok(process.memoryUsage().rss - before < 500 * MiB, 'the memory is not a gigabyte larger')
  }
})
