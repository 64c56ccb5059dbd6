import type { IncomingMessage } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { get, request, startGatehouse, type Wanted } from '../gateway/gatehouse.ts'
import { answering, startErp, type SeenRequest } from '../support/erp.ts'
import { registerSecret } from '../support/secrets.ts'
import { runSection, startAttacked } from './gauntlet.ts'
import { headers } from './rows/f-headers.ts'

const RULE = { match: 'ANY /x', require: 'user', identity: { headers: { 'X-User-Id': 'sub' } }, headers: { set: { 'X-Erp-Client': 'ours' } } }
const MALFORMED: Wanted = { status: 400, code: 'request-malformed', headers: { connection: 'close' } }
const NO_CREDENTIAL: Wanted = { status: 401, code: 'credential-missing', challenge: {} }
const raw = (...lines: readonly string[]): string => [...lines, '', ''].join('\r\n')
const named = ({ rawHeaders }: SeenRequest, name: string) => rawHeaders.filter((_value, at) => at % 2 === 1 && rawHeaders[at - 1]?.toLowerCase() === name)
const bearer = (token: string) => `Authorization: Bearer ${token}`

runSection(headers, {
  F01: async t => {
    const house = await startAttacked(t, { routes: [RULE] })
    const lines = ['Host: gateway.test', bearer(house.idp.mintUser()), 'Content-Length: 5', 'X-Hop: 1']
    const ours = ['close', 'authorization', 'x-user-id', 'x-erp-client', 'x-request-id', 'content-length', 'transfer-encoding', 'host', 'traceparent', 'forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-hop']
    const lists = [
      [ours.join(', ')], [ours.join(',').toUpperCase()], [ours.slice(1).join('\t,\t')], [',,' + ours.join(',,') + ','], [ours.map(name => `"${name}"`).join(', ') + ', x-hop'],
      ['close, x-hop', 'authorization, x-user-id'], ['keep-alive, x-hop', ours.join(', ')], ...ours.map(name => [`${name}, x-hop`])
    ]
    for (const list of lists) {
      for (const version of ['1.1', '1.0']) {
        const head = raw(`POST /x HTTP/${version}`, ...lines, ...list.map((names, at) => `${at % 2 === 0 ? 'Connection' : 'CONNECTION'}: ${names}`))
        const seen = await house.lets(t, `${head}whole`, { idle: 20 })
        await seen.received
        t.match(seen.headers, {
          authorization: /^Bearer \S{20}/, 'x-user-id': 'user-1', 'x-erp-client': 'ours', host: `127.0.0.1:${house.erp.port}`, 'content-length': '5',
          'x-forwarded-for': '127.0.0.1', 'x-forwarded-host': 'gateway.test', 'x-forwarded-proto': 'http', 'x-request-id': /./, traceparent: /^00-/
        })
        t.same([seen.body.toString(), seen.headers['x-hop'], named(seen, 'authorization').length], ['whole', undefined, 1], list.join())
      }
    }
  },

  F02: async t => {
    const house = await startAttacked(t, { routes: [RULE] })
    const token = bearer(house.idp.mintUser())
    const hops = ['TE: trailers', 'TE: gzip;q=0.5, trailers', 'Trailer: Authorization', 'Proxy-Connection: keep-alive', 'Proxy-Authorization: Basic YTpi', 'Proxy-Authenticate: Basic', 'Keep-Alive: timeout=5, max=1000', 'Keep-Alive:', 'Upgrade: foo/2', 'Upgrade: TLS/1.0, IRC/6.9', 'HTTP2-Settings: AAMAAABkAAQAAP__']
    for (const hop of [...hops, hops.filter(line => !line.startsWith('Trailer')).join('\r\n')]) {
      for (const connection of [[], ['Connection: keep-alive, TE, Upgrade']]) {
        const seen = await house.lets(t, raw('POST /x HTTP/1.1', 'Host: gateway.test', token, ...connection, hop, 'Content-Length: 2') + 'ok', { idle: 20 })
        t.same(['te', 'trailer', 'proxy-connection', 'proxy-authorization', 'proxy-authenticate', 'keep-alive', 'upgrade', 'http2-settings'].filter(name => name in seen.headers), [], hop)
      }
    }
    const trailers = ['Authorization: Bearer x', 'X-User-Id: root', 'Host: evil.example.com', 'Cookie: a=b', 'X-Trailer: 1']
    for (const announced of [[], ['Trailer: Authorization, X-User-Id, X-Trailer']]) {
      const seen = await house.lets(t, raw('POST /x HTTP/1.1', 'Host: gateway.test', token, ...announced, 'Transfer-Encoding: chunked') + raw('2', 'ok', '0', ...trailers))
      await seen.received
      t.same([seen.body.toString(), seen.rawTrailers, named(seen, 'x-user-id'), named(seen, 'x-trailer')], ['ok', [], ['user-1'], []])
    }
    for (const trailer of ['Content-Length: 0', 'Transfer-Encoding: identity', 'Transfer-Encoding: chunked, x']) {
      const { response, ending } = await house.gateway.raw(raw('POST /x HTTP/1.1', 'Host: gateway.test', token, 'Transfer-Encoding: chunked') + raw('2', 'ok', '0', trailer), { timeout: 5000 })
      t.match([response.status, ending], [400, 'closed'], trailer)
    }
  },

  F03: async t => {
    const house = await startAttacked(t, { routes: [RULE] })
    const good = bearer(house.idp.mintUser())
    for (const expect of ['100-continue', '100-Continue', '200-ok', '100-continue, x', '']) {
      for (const [framing, body] of [['Content-Length: 2', 'ok'], ['Transfer-Encoding: chunked', '2\r\nok\r\n0\r\n\r\n'], ['Content-Length: 0', '']] as const) {
        const seen = await house.lets(t, raw('POST /x HTTP/1.1', 'Host: gateway.test', good, `Expect: ${expect}`, framing) + body, { idle: 20 })
        await seen.received
        t.same([seen.body.toString(), 'expect' in seen.headers], [body === '' ? '' : 'ok', false])
      }
    }
    await house.lets(t, get('/x', good, 'Expect: 100-continue'))
    const refused: ReadonlyArray<readonly [string, Wanted]> = [
      [bearer(house.idp.mintUser({ aud: 'another' })), { status: 401, code: 'audience-mismatch', challenge: { error: 'invalid_token' } }],
      ['X-No-Credential: 1', NO_CREDENTIAL],
      ['Authorization: Bearer a.b.c', { status: 401, code: 'token-not-jwt', challenge: { error: 'invalid_token' } }]
    ]
    for (const [line, wanted] of refused) {
      for (const framing of ['Content-Length: 1000', 'Transfer-Encoding: chunked']) {
        for (const expect of ['100-continue', '200-ok']) {
          const { response, ending } = await house.gateway.raw(raw('POST /x HTTP/1.1', 'Host: gateway.test', line, `Expect: ${expect}`, framing))
          t.match(response, { status: wanted.status, informational: { length: 0 }, headers: { connection: 'close' }, complete: true })
          // One that did not ask may be sending: what it sends is read for a moment.
          if (expect === '100-continue') t.equal(ending, 'closed')
          await house.refuses(t, raw('POST /x HTTP/1.1', 'Host: gateway.test', line, `Expect: ${expect}`, framing), wanted)
        }
      }
    }
  },

  F04: async t => {
    const address = { require: { user: { where: 'request.address == "127.0.0.1" && request.path == "/w" && request.method == "GET"' } } }
    const house = await startAttacked(t, {
      routes: [RULE, { match: 'GET /w', ...address }, { match: 'GET /limited', require: 'public', rate_limit: { max: 3, per: '60s', by: 'address' } }],
      // Somebody is trusted, and it is not this peer.
      changes: { listen: { trusted_proxies: ['203.0.113.0/24'] } }
    })
    const good = bearer(house.idp.mintUser())
    const forged = (value: string) => [
      ...['X-Forwarded-For', 'X-Forwarded-By', 'X-Forwarded-Port', 'X-Forwarded-Prefix', 'X-Forwarded-Server', 'X-Forwarded-Client-Cert', 'X-Forwarded-Ssl', 'X-Forwarded-Scheme', 'X-Forwarded-User', 'X-Real-IP', 'X-Client-IP', 'True-Client-IP', 'CF-Connecting-IP', 'x-forwarded-FOR']
        .map(name => `${name}: ${value}`),
      `Forwarded: for=${value};host=evil.example.com;proto=https`, 'X-Forwarded-Proto: https', 'X-Forwarded-Host: evil.example.com', 'X-Forwarded-Uri: /admin', 'X-Forwarded-Path: /admin', 'X-Forwarded-Method: DELETE', 'X-Original-URL: /admin', 'X-Rewrite-URL: /admin'
    ]
    const seen = await house.lets(t, get('/x', good, ...forged('198.51.100.7')))
    t.same([seen.method, seen.url], ['GET', '/x'])
    t.same(['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host'].map(name => named(seen, name)), [['127.0.0.1'], ['http'], ['gateway.test']])
    t.notMatch(seen.rawHeaders.join('\n'), /198\.51|evil|\/admin/)
    t.same(Object.keys(seen.headers).filter(name => /^x-forwarded-(?!(for|host|proto)$)|^forwarded|-ip$|-url$/.test(name)), [])

    await house.lets(t, get('/w', good, ...forged('10.0.0.1')))
    for (const value of ['127.0.0.1', '10.0.0.2', '::1']) await house.refuses(t, request('POST', '/w', good, ...forged(value)), { status: 405, code: 'method-not-allowed' })
    for (let at = 0; at < 3; at++) await house.lets(t, get('/limited', ...forged(`198.51.100.${at}`)))
    for (let at = 3; at < 6; at++) await house.refuses(t, get('/limited', ...forged(`198.51.100.${at}`)), { status: 429, code: 'rate-limited' })

    house.erp.answerWith(answering(302, '', { location: `${house.erp.origin}/y` }))
    const { response } = await house.gateway.raw(get('/x', good, ...forged('198.51.100.7')))
    t.equal(response.headers['location'], 'http://gateway.test/y')
  },

  F06: async t => {
    const house = await startAttacked(t, { routes: [{ match: 'GET /x', require: 'public' }] })
    const ambiguous = [[], ['Host: a', 'Host: a'], ['Host: a', 'host: b'], ['Host: a', 'HOST:'], ['Host:'], ['Host: \t'], ['Host: a/b'], ['Host: a/'], ['Host: u@a'], ['Host: u:p@a'], ['Host: a,b'], ['Host: a, a'], ['Host: a b'], ['Host: a:b'], ['Host: a:80:80'], ['Host: http://a'], ['Host: a?b'], ['Host: a\\b'], ['Host: [::1'], ['Host: a', ' b'], ['Host : a'], ['Host: a\u0000b'], ['Host: a%2fb'], ['Host: *']]
    for (const lines of ambiguous) await house.refuses(t, raw('GET /x HTTP/1.1', 'Connection: close', ...lines), MALFORMED, { idle: 20 })
    await house.refuses(t, raw('GET http://a/x HTTP/1.1', 'Host: b', 'Connection: close'), { status: 400, code: 'target-ambiguous' })
    await house.lets(t, raw('GET /x HTTP/1.1', 'Connection: close', 'Host: gateway.test:8080'))
  },

  F07: async t => {
    const house = await startAttacked(t, { routes: [RULE, { match: 'GET /private', require: 'user', identity: RULE.identity, response_headers: { set: { 'Cache-Control': 'private, no-store' } } }] })
    const cacheable = { 'cache-control': 'public, max-age=600, s-maxage=600', etag: '"1"', 'last-modified': new Date(0).toUTCString(), expires: new Date(Date.now() + 600_000).toUTCString() }
    house.erp.answerWith(async (req, res, seen) => {
      // Long enough that two of them are under way at once.
      await sleep(30)
      await answering(200, String(req.headers['x-user-id']), cacheable)(req, res, seen)
    })
    const users = ['alice', 'bob', 'alice', 'carol']
    const tokens = new Map(users.map(sub => [sub, house.idp.mintUser({ sub })]))
    const ask = async (path: string, sub: string, ...lines: readonly string[]) => (await house.gateway.raw(get(path, bearer(tokens.get(sub) ?? ''), ...lines), { idle: 20 })).response
    for (const [path, policy] of [['/x', cacheable['cache-control']], ['/private', 'private, no-store']] as const) {
      const before = house.erp.requests.length
      for (const sub of users) t.match(await ask(path, sub), { status: 200, body: Buffer.from(sub), headers: { 'cache-control': policy, etag: '"1"' } })
      for (const sub of users) t.match(await ask(path, sub, 'If-None-Match: "1"', 'Cache-Control: only-if-cached, max-stale=600'), { status: 200, body: Buffer.from(sub) })
      const together = await Promise.all(users.map(async sub => await ask(path, sub)))
      t.same(together.map(({ body }) => body.toString()), users)
      t.equal(house.erp.requests.length, before + 3 * users.length, 'each of them reached the ERP')
    }
    const anonymous = await house.gateway.raw(get('/x'))
    t.match(anonymous.response, { status: 401, headers: { 'cache-control': 'no-store' } })
  },

  F08: async t => {
    const house = await startAttacked(t, { routes: [{ match: 'GET /x', require: 'public' }] })
    const [trace, parent] = ['4bf92f3577b34da6a3ce929d0e0e4736', '00f067aa0ba902b7']
    const good = `00-${trace}-${parent}-01`
    const malformed = [
      [good, good], [good, `00-${parent}${parent}-${parent}-00`], [''], ['00'], [`00-${trace}`], [`ff-${trace}-${parent}-01`], [`0-${trace}-${parent}-01`], [`00-${trace}-${parent}-1`], [`00-${trace}-${parent}-01-extra`], [`${good}.`],
      [`00-${'0'.repeat(32)}-${parent}-01`], [`00-${trace}-${'0'.repeat(16)}-01`], [good.toUpperCase()], [`00-${trace.slice(1)}-${parent}-01`], [`00-${trace}0-${parent}-01`], [`00_${trace}_${parent}_01`], [`00-${trace}-${parent}-zz`],
      [`${good},${good}`], [`${good}\u00e9`], [`{"evil":"${trace}"}`], ['x'.repeat(8000)], ['%0d%0aevil: 1'], [`00-${trace}-${parent}-01;evil`]
    ]
    for (const values of malformed) {
      const seen = await house.lets(t, get('/x', ...values.map(value => `traceparent: ${value}`), 'tracestate: evil=state', 'TraceState: evil=more'), { idle: 20 })
      t.match(named(seen, 'traceparent'), [/^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/])
      t.same([named(seen, 'traceparent').length, named(seen, 'tracestate')], [1, []])
      t.notMatch(named(seen, 'traceparent').join(), new RegExp(trace))
    }
    for (const values of [[good], ['\t' + good + ' ']]) {
      const seen = await house.lets(t, get('/x', ...values.map(value => `traceparent: ${value}`), 'tracestate: a=b'), { idle: 20 })
      t.same([named(seen, 'traceparent'), named(seen, 'tracestate')], [[good], ['a=b']])
    }
    for (const line of ['traceparent: \u0000', `traceparent: ${good}\rX-A: b`, 'tracestate: a\u0001b']) await house.refuses(t, get('/x', line), MALFORMED)
    t.notMatch(house.gateway.log, new RegExp(`evil|${trace}|x{100}`, 'i'))
  },

  F10: async t => {
    const house = await startAttacked(t, { routes: [RULE, { match: 'POST /public', require: 'public' }] })
    const good = bearer(house.idp.mintUser())
    // The ERP of this test drops what comes after its first two thousand.
    const many = Array.from({ length: 2100 }, () => 'a:')
    const after = (...lines: readonly string[]) => raw('GET /x HTTP/1.1', 'Host: gateway.test', ...many, ...lines)
    await house.refuses(t, after('Connection: close'), NO_CREDENTIAL)
    const seen = await house.lets(t, after(good, 'X-Hop: 1', 'X-Stays: 1', 'X-User-Id: root', 'Cookie: a=b', 'Connection: close, X-Hop'))
    t.match(seen.headers, { 'x-user-id': 'user-1', authorization: /^Bearer \S/ })
    t.same(['x-hop', 'cookie'].filter(name => name in seen.headers), [])
    await house.refuses(t, raw('GET /x HTTP/1.1', 'Host: gateway.test', good, ...many, good), { status: 400, code: 'credential-ambiguous', challenge: { error: 'invalid_request' } })
    await house.refuses(t, after(good, 'X-HTTP-Method-Override: DELETE'), { status: 400, code: 'method-override' })
    for (const line of ['Host: b', 'Content-Length: 1\r\nContent-Length: 1', 'Transfer-Encoding: gzip']) await house.refuses(t, after(good, line), MALFORMED)

    const tooLarge: Wanted = { status: 431, code: 'headers-too-large', headers: { connection: 'close' } }
    for (const lines of [[`X-Long: ${'x'.repeat(33_000)}`], [`${'x'.repeat(33_000)}: 1`], Array.from({ length: 40_000 }, () => 'a:'), Array.from({ length: 4000 }, (_one, at) => `X-${at}: value`)]) {
      await house.refuses(t, raw('GET /x HTTP/1.1', 'Host: gateway.test', good, ...lines), tooLarge)
      await house.refuses(t, raw('GET /x HTTP/1.1', ...lines, 'Host: gateway.test', good), tooLarge)
    }
    // Trailers are headers, too: they are no way around the limit.
    const before = process.memoryUsage().rss
    const endless = await house.gateway.raw([raw('POST /public HTTP/1.1', 'Host: gateway.test', 'Transfer-Encoding: chunked') + '2\r\nok\r\n0\r\n', ...Array.from({ length: 200 }, () => `X-Trailer: ${'x'.repeat(50_000)}\r\n`)], { timeout: 5000 })
    t.not(endless.ending, 'open')
    t.same(endless.responses.filter(({ status }) => status < 400 || status >= 500), [])
    t.ok(process.memoryUsage().rss - before < 200 * 1024 * 1024)
    await Promise.all(house.erp.requests.map(({ closed }) => closed))
    t.same(house.erp.requests.filter(one => one.url === '/public' && !one.aborted).length, 0)
    const smaller = await startGatehouse(t, { routes: [RULE], changes: { listen: { max_header_size: '16KiB' } } })
    await smaller.refuses(t, raw('GET /x HTTP/1.1', 'Host: gateway.test', `X-Long: ${'x'.repeat(17 * 1024)}`), tooLarge)
  },

  F11: async t => {
    const canary = await startErp(t)
    const house = await startAttacked(t, { routes: [RULE] })
    const asked: IncomingMessage[] = []
    for (const endpoint of ['discovery', 'jwks', 'token'] as const) {
      house.idp.fail(endpoint, req => {
        asked.push(req)
        return 'go on'
      })
    }
    const credentials = ['Cookie: session=caller-cookie-value', 'X-Api-Key: caller-key-value', 'Proxy-Authorization: Basic caller-proxy-value', 'DPoP: caller-proof-value']
    for (const line of credentials) registerSecret(line.slice(line.indexOf(': ') + 2), 'a credential of the caller')
    const isClean = (headers: readonly string[], token: string) => t.notMatch(headers.join('\n'), new RegExp(`caller-|${token}`))

    // A key that is not known, and a machine token that the ERP refuses: one request to each endpoint.
    await house.idp.keys.rotate('ES256')
    const token = house.idp.mintUser()
    house.erp.answerWith(async (req, res, seen) => {
      await answering(house.erp.requests.length === 1 ? 401 : 200, 'x')(req, res, seen)
    })
    const { response } = await house.gateway.raw(get('/x', bearer(token), ...credentials))
    t.equal(response.status, 200)
    t.equal(house.erp.requests.length, 2, 'asked again, with another machine token')
    t.ok(asked.some(({ url }) => url?.includes('jwks')) && asked.some(({ method }) => method === 'POST'))
    for (const { rawHeaders, url = '' } of [...asked, ...house.erp.requests]) isClean([...rawHeaders, url], token)

    for (const status of [301, 302, 303, 307, 308]) {
      house.erp.answerWith(answering(status, '', { location: `${canary.origin}/x` }))
      t.match((await house.gateway.raw(get('/x', bearer(token), ...credentials))).response, { status, headers: { location: `${canary.origin}/x` } })
    }
    for (const status of [500, 502, 503]) {
      house.erp.answerWith(answering(status, 'broken'))
      const before = house.erp.requests.length
      t.equal((await house.gateway.raw(get('/x', bearer(token), ...credentials))).response.status, status)
      t.equal(house.erp.requests.length, before + 1, 'no page of errors is fetched from anywhere')
    }
    for (const { rawHeaders } of house.erp.requests) isClean(rawHeaders, token)
    t.equal(canary.accepted, 0)
  }
})
