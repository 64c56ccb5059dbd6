import type { Socket } from 'node:net'
import type { Test } from 'tap'
import { get, request, startGatehouse, type Gatehouse, type Wanted } from '../gateway/gatehouse.ts'
import { rawScene, scene, until } from '../gateway/upstream-scene.ts'
import { rawAnswers, sends } from '../support/raw-erp.ts'
import type { RawInput } from '../support/raw-http.ts'
import { runSection, startAttacked } from './gauntlet.ts'
import { framing } from './rows/g-framing.ts'

const PUBLIC = [{ match: 'ANY /x', require: 'public' }, { match: 'ANY /smuggled', require: 'public' }, { match: 'GET /mine', require: 'user' }]
const refusal = (status: number, code: string): Wanted => ({ status, code, headers: { connection: 'close' } })
const MALFORMED = refusal(400, 'request-malformed')
const NO_UPGRADE = refusal(400, 'upgrade-unsupported')
const AMBIGUOUS: Wanted = { status: 400, code: 'target-ambiguous' }
const raw = (...lines: readonly string[]): string => [...lines, '', ''].join('\r\n')
const open = (method: string, target: string, ...lines: readonly string[]) => raw(`${method} ${target} HTTP/1.1`, 'Host: gateway.test', ...lines)
const SMUGGLED = open('GET', '/smuggled')

/** One answer, and nobody after it: neither what is smuggled nor what honestly follows. */
async function endsThere (t: Test, house: Gatehouse, input: string): Promise<void> {
  const before = house.erp.requests.length
  await house.refuses(t, input, MALFORMED, { idle: 20 })
  for (const pieces of [[input + SMUGGLED], [input, 30, SMUGGLED]] satisfies RawInput[]) {
    const { responses, ending, rest } = await house.gateway.raw(pieces, { responses: 2, timeout: 3000 })
    t.same([responses.map(({ status }) => status), rest.length], [[400], 0], input)
    t.not(ending, 'open')
  }
  t.equal(house.erp.requests.length, before, 'the ERP saw nothing')
}

/** Some at a time: none of them reaches the ERP, so that each can tell. */
async function each<T> (inputs: readonly T[], attack: (input: T) => Promise<unknown>): Promise<void> {
  for (let at = 0; at < inputs.length; at += 8) await Promise.all(inputs.slice(at, at + 8).map(attack))
}

/** The same where what is wrong comes after the start of a good body, which is on its way to the ERP by then. */
async function breaksOff (t: Test, house: Gatehouse, input: string): Promise<void> {
  for (const pieces of [[input], [input + SMUGGLED], [input, 30, SMUGGLED]] satisfies RawInput[]) {
    const { responses, ending, rest } = await house.gateway.raw(pieces, { responses: 2, timeout: 3000 })
    t.same([responses.map(({ status }) => status), rest.length], [[400], 0], JSON.stringify(input))
    t.not(ending, 'open')
  }
  t.same(await wholeAtErp(house), [])
}

/** What reached the ERP in one piece: the start of a body may, before what is wrong with it is sent. */
async function wholeAtErp ({ erp }: Gatehouse): Promise<string[]> {
  // Those of the attacks that go on beside this one are theirs to look at.
  const seen = [...erp.requests]
  await Promise.all(seen.map(({ closed }) => closed))
  return seen.filter(({ aborted }) => !aborted).map(({ method, url }) => `${method} ${url}`)
}

/** The same lines frame a request that passes, once what is wrong with them is left out. */
async function passes (t: Test, house: Gatehouse, input: string, body: string): Promise<void> {
  const seen = await house.lets(t, input, { idle: 20 })
  await seen.received
  t.equal(seen.body.toString(), body)
}

/** The number in the query, which the ERP says back. */
function numberOf (body: Buffer): number {
  return Number(/"url":"[^"?]*\?(\d+)/.exec(body.toString())?.[1] ?? NaN)
}

runSection(framing, {
  G01: async t => {
    const house = await startAttacked(t, { routes: PUBLIC })
    const inside = `0\r\n\r\n${SMUGGLED}`
    for (const [length, coding] of [[`Content-Length: ${inside.length}`, 'Transfer-Encoding: chunked'], ['Content-Length: 4', 'Transfer-Encoding: chunked'], ['content-length: 0', 'TRANSFER-ENCODING: CHUNKED'], ['Content-Length: 5', 'Transfer-Encoding: identity'], ['Content-Length: 5', 'Transfer-Encoding:'], ['Content-Length: +5', 'Transfer-Encoding: chunked']] as const) {
      const orders = [[length, coding], [coding, length], [coding, 'X-Between: 1', length]]
      await each([...orders, ...orders.map(lines => [...lines, 'Connection: keep-alive', 'Expect: 100-continue'])], async lines => { await endsThere(t, house, open('POST', '/x', ...lines) + inside) })
    }
    await passes(t, house, open('POST', '/x', 'Transfer-Encoding: chunked') + '2\r\nok\r\n0\r\n\r\n', 'ok')
  },

  G02: async t => {
    const house = await startAttacked(t, { routes: PUBLIC })
    const values = ['xchunked', 'chunkedx', 'chunked, identity', 'identity, chunked', 'chunked, chunked', 'chunked chunked', '"chunked"', '\'chunked\'', 'chunked;a=b', 'chunke', 'identity', '', '\u000bchunked', '\u000cchunked', 'chunked\u000b', '\u00a0chunked', 'ch\u00fcnked', 'chunked\u0000', 'deflate', '\r\n chunked', 'chunked\r\n , identity', 'chunked\r\n\tx']
    const lines = [
      ...values.map(value => `Transfer-Encoding: ${value}`), 'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity', 'Transfer-Encoding: x\r\ntransfer-encoding: chunked',
      'Transfer-Encoding : chunked', 'Transfer-Encoding\t: chunked', 'Transfer-Encoding\u000b: chunked', ' Transfer-Encoding: chunked', 'X: y\r\n Transfer-Encoding: chunked', 'X: y\rTransfer-Encoding: chunked', 'X: y\nTransfer-Encoding: chunked', 'Transfer-Encoding\u0000: chunked', 'Transfer-\r\n Encoding: chunked', 'Transfer Encoding: chunked',
      'Content-Length : 5', 'Content-Length\t: 5', ' Content-Length: 5', 'X: y\rContent-Length: 5', 'X: y\nContent-Length: 5', 'Content-Length\u0000: 5', 'Content-Length: 5\r\n , 6', 'X: y\r\n\rContent-Length: 5'
    ]
    await each(lines, async line => { await endsThere(t, house, open('POST', '/x', line) + '5\r\nhello\r\n0\r\n\r\n') })
    for (const end of ['\r\n\rX', '\r\r\n', '\n\n', '\r\n\n', '\n\r\n', '\r\n \r\n', '\r\r']) {
      const { responses, ending } = await house.gateway.raw(`POST /x HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: 0${end}${SMUGGLED}`, { responses: 2, timeout: 3000 })
      t.same(responses.map(({ status }) => status), [400], JSON.stringify(end))
      t.not(ending, 'open')
    }
    for (const line of ['Transfer_Encoding: chunked', 'Content_Length: 5', 'transfer_encoding: identity']) await house.refuses(t, open('POST', '/x', line), { status: 400, code: 'header-ambiguous' })
    t.equal(house.erp.requests.length, 0)
    for (const line of ['Transfer-Encoding: chunked', 'transfer-encoding:chunked', 'Transfer-Encoding:\tChunked']) await passes(t, house, open('POST', '/x', line) + '5\r\nhello\r\n0\r\n\r\n', 'hello')
  },

  G03: async t => {
    const house = await startAttacked(t, { routes: PUBLIC })
    for (const coding of ['gzip, chunked', 'gzip,chunked', ',chunked', ', chunked', 'chunked,', 'chunked, ', ',', 'gzip', 'x-gzip, chunked', 'deflate, gzip, chunked', 'br, chunked', 'identity, chunked', 'trailers, chunked', 'gzip;q=0, chunked']) {
      for (const method of ['POST', 'DELETE', 'OPTIONS']) await house.refuses(t, open(method, '/x', `Transfer-Encoding: ${coding}`) + '2\r\nok\r\n0\r\n\r\n', MALFORMED, { idle: 20 })
      await endsThere(t, house, open('PUT', '/x', `Transfer-Encoding: ${coding}`) + '2\r\nok\r\n0\r\n\r\n')
    }
    await house.refuses(t, open('POST', '/x', 'Transfer-Encoding: gzip', 'Transfer-Encoding: chunked') + '2\r\nok\r\n0\r\n\r\n', MALFORMED)
  },

  G04: async t => {
    const house = await startAttacked(t, { routes: PUBLIC })
    for (const keep of [[], ['Connection: keep-alive']]) {
      for (const lines of [['Transfer-Encoding: chunked'], ['Transfer-Encoding: identity'], ['Transfer-Encoding: chunked', 'Content-Length: 5']]) {
        await endsThere(t, house, raw('POST /x HTTP/1.0', 'Host: gateway.test', ...keep, ...lines) + '2\r\nok\r\n0\r\n\r\n')
      }
    }
    const post = (body: string, ...lines: readonly string[]) => raw('POST /x HTTP/1.0', 'Host: gateway.test', ...lines, `Content-Length: ${body.length}`) + body
    const kept = await house.gateway.raw(post('three', 'Connection: keep-alive'))
    t.same(kept.responses.map(({ status }) => status), [200])
    // What follows is nobody's request.
    const once = await house.gateway.raw(post('one') + SMUGGLED, { responses: 2 })
    t.same(once.responses.map(({ status }) => status), [200])
    // Without a length, there is no body.
    const bodiless = await house.gateway.raw(raw('POST /x HTTP/1.0') + SMUGGLED, { responses: 2 })
    t.same(bodiless.responses.map(({ status }) => status), [200])
    for (const { ending } of [once, bodiless]) t.not(ending, 'open')
    t.same(house.erp.requests.map(({ url, bodyLength }) => [url, bodyLength]), [['/x', 5], ['/x', 3], ['/x', 0]])
  },

  G05: async t => {
    const { erp, gateway, head } = await rawScene(t, sends(rawAnswers.whole))
    const post = head('POST /x', 'Transfer-Encoding: chunked')
    for (const body of ['2;ext=1\r\nok\r\n0\r\n\r\n', '2;ext="a;b"\r\nok\r\n0;ext\r\n\r\n', '2;ext;more=1;ext\r\nok\r\n0;ext=last\r\n\r\n', `2;ext=${'x'.repeat(4000)}\r\nok\r\n0\r\n\r\n`]) {
      t.equal((await gateway.raw(post + body)).response.status, 200)
      const sent = erp.requests.at(-1)?.toString('latin1') ?? ''
      t.notMatch(sent, /ext/)
      t.match(sent, /transfer-encoding: chunked\r\n[^]*\r\n2\r\nok\r\n0\r\n\r\n$/i)
    }
    const house = await startAttacked(t, { routes: PUBLIC })
    const chunked = open('POST', '/x', 'Transfer-Encoding: chunked')
    await each([`2;${'x'.repeat(65_536)}\r\nok\r\n0\r\n\r\n`, `2;a=${'x'.repeat(65_536)}\r\nok\r\n0\r\n\r\n`, '2;\nok\r\n0\r\n\r\n', '2;a\nok\r\n0\r\n\r\n', '2;a\rb\r\nok\r\n0\r\n\r\n', '2;\u0000\r\nok\r\n0\r\n\r\n', '2 ;a\r\nok\r\n0\r\n\r\n', '2\t\r\nok\r\n0\r\n\r\n', '2;a=b[\r\nok\r\n0\r\n\r\n', `0;${'x'.repeat(65_536)}\r\n\r\n`], async body => { await endsThere(t, house, chunked + body) })
    // Small chunks, each with its extension, and one that never ends: neither may be kept waiting for.
    const endless = await house.gateway.raw([`${chunked}1;`, ...Array.from({ length: 100 }, () => 'x'.repeat(10_000))], { timeout: 5000 })
    t.same(endless.responses.map(({ status }) => status), [400])
    t.not(endless.ending, 'open')
    t.same(await wholeAtErp(house), [])
  },

  G06: async t => {
    const house = await startAttacked(t, { routes: PUBLIC })
    const chunked = open('POST', '/x', 'Transfer-Encoding: chunked')
    await each(['5\nhello\n0\n\n', '5\nhello\r\n0\r\n\r\n', '5\rhello\r\n0\r\n\r\n', '\n5\r\nhello\r\n0\r\n\r\n'], async body => { await endsThere(t, house, chunked + body) })
    await each(['5\r\nhello\n0\r\n\r\n', '5\r\nhello\r0\r\n\r\n', '5\r\n\nhello\r\n0\r\n\r\n', '5\r\nhello0\r\n\r\n', '5\r\nhello!\r\n0\r\n\r\n'], async body => { await breaksOff(t, house, chunked + body) })
    await each(['0x5', '+5', '-5', ' 5', '5 ', '5_0', '', 'g', '5,5', 'FFFFFFFFFFFFFFFF0', '10000000000000005', '5.0', '5\u0000'], async size => { await endsThere(t, house, `${chunked}${size}\r\nhello\r\n0\r\n\r\n`) })
    // The last chunk's own lines: what stands after a broken one must not be the next request.
    for (const end of ['0\n\r\n', '0\r\n\n', '0\r\n\r', '0\r\n\rX\r\n\r\n', '00\n\n', '0\r\nX: y\n\r\n']) {
      const { responses, ending } = await house.gateway.raw(`${chunked}5\r\nhello\r\n${end}${SMUGGLED}`, { responses: 2, timeout: 3000 })
      t.same(responses.map(({ status }) => status), [400], JSON.stringify(end))
      t.not(ending, 'open')
    }
    t.same(await wholeAtErp(house), [])
    for (const size of ['5', '05', '00000005']) await passes(t, house, `${chunked}${size}\r\nhello\r\n000\r\n\r\n`, 'hello')
    await passes(t, house, `${chunked}A\r\nhelloworld\r\n0\r\n\r\n`, 'helloworld')
  },

  G07: async t => {
    const house = await startAttacked(t, { routes: PUBLIC })
    await each([': x', ':', ' : x', '\t: x', ':x: y', '\u0000: x', ': x\r\nContent-Length: 5', '""', '=: x', '(): x', '@a: b', 'a\u00e9: b', 'a b: c', 'a/b: c', 'a,b: c', 'a\u007f: b'], async line => {
      for (const lines of [[line], ['X-Before: 1', line, 'X-After: 1']]) await endsThere(t, house, open('GET', '/x', ...lines))
      await house.refuses(t, raw('GET /x HTTP/1.1', line, 'Host: gateway.test'), MALFORMED, { idle: 20 })
    })
  },

  G08: async t => {
    const house = await startAttacked(t, { routes: PUBLIC })
    const values = ['9223372036854775808', '9007199254740993', '18446744073709551617', '18446744073709551621', '99999999999999999999', '4294967301 5', '', ' ', '+5', '-5', '-0', '5, 5', '5,5', '5, 6', '5,', ',5', '0x5', '0o5', '5e0', '5.0', '5 ;', '5\u00006', '5a', 'a5', '5 5', '5\u000b', '"5"', 'NaN', 'Infinity', '5\r\n 5']
    await each(values, async value => { await endsThere(t, house, `${open('POST', '/x', `Content-Length: ${value}`)}hello`) })
    for (const lines of [['5', '5'], ['5', '6'], ['0', '5'], ['5', '']]) {
      await endsThere(t, house, `${open('POST', '/x', ...lines.map(value => `Content-Length: ${value}`))}hello`)
      await endsThere(t, house, `${open('POST', '/x', `Content-Length: ${lines[0]}`, 'X-Between: 1', `content-LENGTH: ${lines[1]}`)}hello`)
    }
    await passes(t, house, `${open('POST', '/x', 'Content-Length: 5')}hello`, 'hello')
    await passes(t, house, `${open('POST', '/x', 'content-length:\t5 ')}hello`, 'hello')
  },

  G09: async t => {
    const { erp, gateway, head } = await rawScene(t, sends(rawAnswers.whole))
    const sentOf = async (...lines: readonly string[]) => {
      t.equal((await gateway.raw(head('POST /x', ...lines.slice(0, -1)) + lines.at(-1))).response.status, 200)
      const [sent = '', ...rest] = (erp.requests.at(-1)?.toString('latin1') ?? '').split('\r\n\r\n')
      return [[...sent.matchAll(/^(?:content-length|transfer-encoding):.*$/gim)].map(([line]) => line.toLowerCase()), rest.join('\r\n\r\n')]
    }
    for (const name of ['Content-Length', 'content-length', 'CONTENT-LENGTH', 'cOnTeNt-LeNgTh']) t.same(await sentOf(`${name}: 5`, 'hello'), [['content-length: 5'], 'hello'])
    t.same(await sentOf('Connection: content-length', 'Content-Length: 5', 'hello'), [['content-length: 5'], 'hello'])
    t.same(await sentOf('Expect: 100-continue', 'Content-Length: 5', 'hello'), [['content-length: 5'], 'hello'])
    t.same(await sentOf('Content-Length: 0', ''), [['content-length: 0'], ''])
    t.same(await sentOf('X-Bodiless: 1', ''), [['content-length: 0'], ''])
    t.same(await sentOf('TRANSFER-ENCODING: Chunked', '5\r\nhello\r\n0\r\n\r\n'), [['transfer-encoding: chunked'], '5\r\nhello\r\n0\r\n\r\n'])
    // Dots and tildes fold into the same variable of a CGI-like server as dashes do.
    t.same(await sentOf('Content.Length: 9', 'Content~Length: 9', 'Transfer.Encoding: chunked', 'Content-Length: 5', 'hello'), [['content-length: 5'], 'hello'])
    t.notMatch(erp.requests.at(-1)?.toString('latin1'), /content[.~]length|transfer.encoding/i)
    for (const name of ['Content-Length', 'content_length', 'Transfer-Encoding']) {
      await t.rejects(startGatehouse(t, { routes: [{ match: 'POST /x', require: 'public', headers: { set: { [name]: '5' } } }] }), 'the operator sets no framing either')
    }
  },

  G11: async t => {
    const house = await startAttacked(t, { routes: PUBLIC })
    const good = `Authorization: Bearer ${house.idp.mintUser()}`
    const with_ = (body: string) => `Content-Length: ${body.length}`
    const well: ReadonlyArray<readonly [number, string]> = [
      [200, open('GET', '/mine?1', good)], [401, open('GET', '/mine?2')], [200, `${open('POST', '/x?3', with_(SMUGGLED))}${SMUGGLED}`], [404, open('GET', '/nowhere?4')], [400, open('GET', '//x?5')], [200, `${open('PUT', '/x?6', 'Transfer-Encoding: chunked')}3\r\nabc\r\n0\r\n\r\n`],
      [405, open('DELETE', '/mine?7')], [400, open('POST', '/x?8', 'X-HTTP-Method: PUT', 'Content-Length: 0')], [200, open('HEAD', '/x?9')], [200, open('GET', '/x?10')]
    ]
    const seen = () => house.erp.requests.map(({ url }) => Number(url.split('?')[1])).sort((one, other) => one - other)
    const inOrder = await house.gateway.raw(well.map(([, text]) => text).join(''), { responses: 10, methods: well.map(([, text]) => text.split(' ')[0] ?? '') })
    t.same(inOrder.responses.map(({ status }) => status), well.map(([status]) => status))
    t.same(inOrder.responses.filter(({ status }) => status === 200).map(({ body }) => body.length === 0 ? 9 : numberOf(body)), [1, 3, 6, 9, 10])
    t.same([inOrder.rest.length, inOrder.ending, seen()], [0, 'open', [1, 3, 6, 9, 10]])

    const broken = ['GET /x HTTP/1.1\r\nHost : a\r\n\r\n', 'garbage\r\n\r\n', 'CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n', open('POST', '/x', 'Content-Length: 1', 'Content-Length: 1'), `${open('POST', '/x', 'Transfer-Encoding: chunked')}zz\r\n`, `${open('POST', '/x', 'Transfer-Encoding: gzip')}2\r\n`, `${open('POST', '/x', 'Transfer-Encoding: chunked')}1\r\nx\r\n0\r\nTransfer-Encoding: x\r\n\r\n`, open('GET', '/x', `X-Long: ${'x'.repeat(40_000)}`), `${open('GET', '/x', 'Content-Length: 5')}hello`]
    for (const one of broken) {
      house.erp.requests.length = 0
      const before = well.map(([, text]) => text)
      const { responses, rest, ending } = await house.gateway.raw([...before.slice(0, 5), one, ...before.slice(5)].join(''), { responses: 7, timeout: 5000, methods: Array.from({ length: 20 }, () => 'GET') })
      const wanted = [...well.slice(0, 5).map(([status]) => status), one.includes('x'.repeat(40_000)) ? 431 : 400]
      // What GET brings as a body is framed as it should be: the next request begins where it ends.
      if (one.includes('hello')) t.same(responses.slice(0, 6).map(({ status }) => status), wanted, one)
      else t.same([responses.map(({ status }) => status), rest.length, ending, seen().filter(id => id > 0)], [wanted, 0, 'closed', [1, 3]], one.slice(0, 200))
    }
  },

  G12: async t => {
    const house = await startAttacked(t, { routes: PUBLIC })
    await each(['GET /x', 'GET /x ', 'GET /x HTTP/0.9', 'GET /x HTTP/2.0', 'GET /x HTTP/2', 'GET /x HTTP/3.0', 'GET /x HTTP/1.2', 'GET /x HTTP/1.9', 'GET /x HTTP/1.10', 'GET /x HTTP/01.1', 'GET /x HTTP/1', 'GET /x HTTP/1.', 'GET /x HTTP/11', 'GET /x HTTP/ 1.1', 'GET /x http/1.1', 'GET /x HTTPS/1.1', 'GET /x HTTP/1.1 ', 'GET /x HTTP/1.1 x', 'GET /x HTTP/1.1\t', 'GET\t/x\tHTTP/1.1', 'PRI * HTTP/2.0', 'DESCRIBE /x RTSP/1.0', 'DESCRIBE /x HTTP/1.1', 'ANNOUNCE /x RTSP/1.0'], async line => {
      await house.refuses(t, raw(line, 'Host: gateway.test'), MALFORMED, { idle: 20 })
      const { responses, ending } = await house.gateway.raw(`${line}\r\n\r\n${SMUGGLED}`, { responses: 2, timeout: 3000 })
      t.same(responses.map(({ status }) => status), [400], line)
      t.not(ending, 'open')
    })
    const preface = await house.gateway.raw(Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0', 'latin1'))
    t.match(preface, { response: { status: 400 }, ending: 'closed' })
    t.equal(house.erp.requests.length, 0)
    for (const version of ['1.0', '1.1']) await house.lets(t, raw(`GET /x HTTP/${version}`, 'Host: gateway.test'), { idle: 20 })
  },

  G13: async t => {
    const house = await startAttacked(t, { routes: PUBLIC })
    const good = `Authorization: Bearer ${house.idp.mintUser()}`
    for (const connection of ['Upgrade, HTTP2-Settings', 'Upgrade', 'HTTP2-Settings', 'keep-alive', 'close, Upgrade, HTTP2-Settings']) {
      for (const upgrade of ['h2c', 'H2C', 'h2', 'h2c, foo', 'h2c-14']) {
        const lines = [`Connection: ${connection}`, `Upgrade: ${upgrade}`, 'HTTP2-Settings: AAMAAABkAAQAAP__']
        await house.refuses(t, open('GET', '/mine', ...lines), { status: 401, code: 'credential-missing', challenge: {} }, { idle: 20 })
        const seen = await house.lets(t, open('GET', '/mine', good, ...lines), { idle: 20 })
        t.same(['upgrade', 'http2-settings'].filter(name => name in seen.headers), [])
        t.notMatch(seen.headers.connection, /upgrade|http2/i)
      }
    }
    // What is sent as if the upgrade had come about is no HTTP/1.1.
    const frames = Buffer.concat([Buffer.from(open('GET', '/x', 'Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__') + 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0])])
    const { responses, ending } = await house.gateway.raw(frames, { responses: 2, timeout: 3000 })
    t.same([responses.map(({ status }) => status), ending], [[200], 'closed'])
  },

  G14: async t => {
    const house = await startAttacked(t, { routes: PUBLIC })
    const good = `Authorization: Bearer ${house.idp.mintUser()}`
    for (const path of ['/mine', '/x', '/nowhere']) {
      for (const credential of [[], [good], ['Cookie: session=abcdefgh'], ['Sec-WebSocket-Protocol: bearer, abcdefgh']]) {
        for (const upgrade of ['websocket', 'WebSocket', 'foo, websocket', 'websocket/13']) {
          await each(['Upgrade', 'keep-alive, Upgrade', 'close'], async connection => {
            const input = open('GET', path, `Connection: ${connection}`, `Upgrade: ${upgrade}`, 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Version: 13', ...credential)
            await house.refuses(t, input, NO_UPGRADE, { idle: 10 })
          })
        }
      }
    }
    const { responses, ending } = await house.gateway.raw(open('GET', '/x', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Version: 13') + '\u0081\u0085\u0000\u0000\u0000\u0000hello' + SMUGGLED, { responses: 2 })
    t.same([responses.map(({ status }) => status), ending], [[400], 'closed'])
    await house.lets(t, open('GET', '/mine', good))
  },

  G15: async t => {
    const house = await startAttacked(t, { routes: PUBLIC })
    for (const target of ['erp.example.com:443', `127.0.0.1:${house.erp.port}`, '/x', '*', 'http://gateway.test/x']) {
      for (const early of ['', SMUGGLED, '\u0016\u0003\u0001']) {
        const { responses, ending } = await house.gateway.raw(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n${early}`, { responses: 2, timeout: 3000 })
        t.match(responses.map(({ status }) => status), [400], target)
        t.same([responses.length, ending], [1, 'closed'])
      }
    }
    t.same([house.erp.requests.length, house.erp.malformed], [0, 0])
    // Node drops what comes with an upgrade that it ignores: nobody may wait for its answer.
    for (const early of ['early bytes\r\n\r\n', SMUGGLED, SMUGGLED.repeat(3)]) {
      for (const head of [open('GET', '/x', 'Connection: Upgrade', 'Upgrade: foo'), open('GET', '/nowhere', 'Connection: Upgrade', 'Upgrade: TLS/1.2'), open('POST', '/x', 'Connection: keep-alive, Upgrade', 'Upgrade: foo', 'Expect: 100-continue', 'Content-Length: 2') + 'ok', open('POST', '/x', 'Connection: Upgrade', 'Upgrade: foo', 'Transfer-Encoding: chunked') + '2\r\nok\r\n0\r\n\r\n']) {
        const { responses, ending } = await house.gateway.raw([head + early, 20, early], { responses: 2, timeout: 3000 })
        t.match(responses, [{ status: head.includes('nowhere') ? 404 : 200, headers: { connection: 'close' }, complete: true }], head)
        t.same([responses.length, ending], [1, 'closed'])
      }
    }
    t.same(house.erp.requests.filter(({ url }) => url !== '/x'), [])

    const poison = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison'
    for (const answer of [rawAnswers.switchingProtocols + poison, 'HTTP/1.1 101 Switching Protocols\r\n\r\n' + poison, 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 0\r\n\r\n' + poison]) {
      const poisoned: Socket[] = []
      const { erp, gateway, head } = await rawScene(t, (socket, request) => {
        poisoned.push(socket)
        sends(answer)(socket, request)
      })
      for (const lines of [[], ['Connection: Upgrade', 'Upgrade: foo'], []]) {
        const { responses } = await gateway.raw(head('GET /x', ...lines))
        t.match(responses, [{ status: 502, complete: true }])
        t.equal(responses.length, 1)
      }
      erp.answerWith((socket, request) => {
        t.notOk(poisoned.includes(socket), 'on a connection of its own')
        sends(rawAnswers.whole)(socket, request)
      })
      t.match((await gateway.raw(head('GET /x'))).response, { status: 200, body: Buffer.from('ok') })
      t.same(new Set(poisoned).size, 3)
      await until(() => poisoned.every(({ destroyed }) => destroyed))
    }
  },

  G18: async t => {
    const house = await startAttacked(t, { routes: PUBLIC })
    const good = `Authorization: Bearer ${house.idp.mintUser()}`
    for (const path of ['/x', '/mine']) {
      await each(['TRACE', 'PROPFIND', 'PURGE', 'QUERY', 'LOCK', 'MKCOL', 'SEARCH', 'M-SEARCH', 'LINK', 'REPORT', 'SOURCE'], async method => {
        await house.refuses(t, request(method, path, good), { status: 405, code: 'method-not-allowed', headers: { allow: path === '/x' ? /GET.*POST/ : /^GET, HEAD$/ } }, { idle: 20 })
      })
      await each(['TRACK', 'DEBUG', 'get', 'Get', 'FOO', 'constructor', '__proto__', 'toString', 'hasOwnProperty', 'ANY', 'GET|POST', 'POST,GET', 'G', 'GETT', 'GE T', '', 'GET\u0000', 'PRI', '*'], async method => { await house.refuses(t, request(method, path, good), MALFORMED, { idle: 20 }) })
      const traced = await house.gateway.raw(request('TRACE', path, good, 'X-Echo: me'))
      t.notMatch(traced.bytes.toString(), /echo|Bearer e/i)
    }
    await house.lets(t, request('OPTIONS', '/x'))
  },

  G19: async t => {
    const { erp, gateway, head } = await scene(t)
    for (const method of ['OPTIONS', 'GET', 'HEAD', 'POST', 'DELETE']) {
      for (const target of ['*', '*/', '*x', '**']) {
        const { response } = await gateway.raw(head(`${method} ${target}`))
        t.equal(response.status, 400, `${method} ${target}`)
      }
    }
    t.equal(erp.requests.length, 0)
    t.equal((await gateway.raw(head('GET /*'))).response.status, 200, 'in a path it is a character as others are')
    const house = await startAttacked(t, { routes: [{ match: 'ANY /*', require: 'public', credential: 'none' }] })
    for (const method of ['OPTIONS', 'GET', 'POST']) await house.refuses(t, request(method, '*'), AMBIGUOUS)
    await house.refuses(t, get('http://gateway.test/*'), AMBIGUOUS)
  }
})
