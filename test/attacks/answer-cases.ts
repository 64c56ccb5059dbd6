import fc from 'fast-check'

/** One answer of an ERP, and how it is asked for and sent. */
export interface AnswerCase {
  readonly method: 'GET' | 'POST' | 'HEAD'
  readonly version: '1.1' | '1.0'
  readonly start: string
  readonly interim: string
  readonly lines: readonly string[]
  readonly framing: 'length' | 'chunks' | 'close'
  readonly chunks: readonly number[]
  /** what is done to the bytes then */
  readonly mutations: readonly Mutation[]
  /** a second answer, or bytes, that come with the end of the first */
  readonly extra: string
  /** of the bytes that are sent, in ten thousandths; all of them where it is left out */
  readonly cut: number | undefined
  /** where the bytes are split, likewise: each piece is sent by itself */
  readonly splits: readonly number[]
  readonly ending: 'stays' | 'ends' | 'resets'
}

interface Mutation { readonly op: 'flip' | 'remove' | 'insert' | 'repeat', readonly at: number, readonly inHead: boolean, readonly length: number, readonly text: string }

/** Of a case, the bytes and what they were before anything was done to them. */
export interface BuiltAnswer {
  readonly bytes: Buffer
  readonly body: string
  /** nothing was done to them, and all of them are sent */
  readonly isIntact: boolean
  /** nothing was done to them, but they are not all sent */
  readonly isCut: boolean
  /** where the body begins */
  readonly bodyAt: number
  readonly status: number
}

const STARTS = [
  'HTTP/1.1 200 OK', 'HTTP/1.1 200', 'HTTP/1.0 200 OK', 'HTTP/1.1 201 Created', 'HTTP/1.1 204 No Content', 'HTTP/1.1 206 Partial Content', 'HTTP/1.1 302 Found', 'HTTP/1.1 304 Not Modified',
  'HTTP/1.1 400 Bad Request', 'HTTP/1.1 401 Unauthorized', 'HTTP/1.1 403 Forbidden', 'HTTP/1.1 404 Not Found', 'HTTP/1.1 500 Oops', 'HTTP/1.1 503 Busy', 'HTTP/1.1 599 Last'
]
const BAD_STARTS = [
  'HTTP/1.1 100 Continue', 'HTTP/1.1 101 Switching Protocols', 'HTTP/1.1 103 Early Hints', 'HTTP/1.1 000 Zero', 'HTTP/1.1 099 Low', 'HTTP/1.1 600 High', 'HTTP/1.1 999 What', 'HTTP/1.1 20 OK', 'HTTP/1.1 2000 OK', 'HTTP/1.1 -200 OK',
  'HTTP/2.0 200 OK', 'HTTP/0.9 200 OK', 'HTTP/1.2 200 OK', 'http/1.1 200 OK', 'HTTP/1.1  200 OK', 'HTTP/1.1\t200 OK', ' HTTP/1.1 200 OK', 'HTTP/1.1 200 O\0K', 'ICY 200 OK', 'RTSP/1.0 200 OK', '\r\nHTTP/1.1 200 OK', 'GET / HTTP/1.1', ''
]
const INTERIM = ['HTTP/1.1 102 Processing\r\n\r\n', 'HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n', 'HTTP/1.1 103 Early Hints\r\nLink: a\x80b\r\nLink: <\r\n\r\n', 'HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\n', 'HTTP/1.1 100 Continue\r\n\r\n', 'HTTP/1.1 199 Hm\r\nTransfer-Encoding: chunked\r\n\r\n']
const GOOD_LINES = ['X-A: b', 'X-Empty:', 'X-Latin: caf\xe9', 'x-many: 1', 'X-Many: 2', 'Content-Type: text/plain; charset="x"', 'Set-Cookie: a=b', 'Location: /x/../y', 'Location: //evil.example.com/x', 'Location: http://[', 'Trailer: X-T', 'Vary: *', 'Keep-Alive: timeout=1, max=1', 'Server: x', 'Date: never', 'X-Request-Id: theirs', 'ETag: W/"1"']
const BAD_LINES = [
  'Content-Length: 3', 'Content-Length: 0', 'Content-Length: 99999', 'Content-Length: +3', 'Content-Length: 0x3', 'Content-Length: 3, 3', 'Content-Length: -1', 'Content-Length:', 'Content-Length: 18446744073709551619', 'Content_Length: 3', 'Content-Length : 3', 'content-LENGTH: 3',
  'Transfer-Encoding: chunked', 'Transfer-Encoding: gzip, chunked', 'Transfer-Encoding: chunked, identity', 'Transfer-Encoding: identity', 'Transfer-Encoding : chunked', 'Transfer-Encoding: \x0bchunked', 'Transfer-Encoding: xchunked', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked',
  'Connection: close', 'Connection: keep-alive', 'Connection: Content-Length', 'Connection: Transfer-Encoding, X-A', 'Connection: Upgrade\r\nUpgrade: websocket', 'Upgrade: h2c', 'Keep-Alive: timeout=-1', 'Keep-Alive: timeout=999999999999',
  'X-A: b\r\n folded', 'X-A: b\nX-B: c', 'X-A: b\rX-B: c', 'X-A: b\0c', 'X A: b', ': b', 'X-A', 'X-\x80: b', 'X-A: \x7f', ' X-A: b', 'Set-Cookie\0: a', '__proto__: x', 'constructor: x', 'HTTP/1.1 200 OK', `X-Long: ${'l'.repeat(70_000)}`
]
const TEXTS = ['\r\n', '\n', '\r', '\r\n\r\n', '\n\n', '\0', ' ', '\t', ':', ',', ';', '0\r\n\r\n', '5\r\n', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc', 'Content-Length: 1\r\n', 'Transfer-Encoding: chunked\r\n', 'chunked', 'fffffffffffffffff', '-1', '0x', '\xff', 'Connection: close\r\n', ';a=b', '\x80\x81']

const place = fc.nat(9999)

const mutation: fc.Arbitrary<Mutation> = fc.record({
  op: fc.constantFrom('flip', 'remove', 'insert', 'insert', 'repeat'),
  at: place,
  inHead: fc.boolean(),
  length: fc.oneof(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 60 })),
  text: fc.oneof(fc.constantFrom(...TEXTS), fc.integer({ min: 0, max: 255 }).map(code => String.fromCharCode(code)))
})

const common = {
  method: fc.constantFrom('GET', 'GET', 'GET', 'POST', 'HEAD'),
  version: fc.constantFrom('1.1', '1.1', '1.1', '1.0'),
  framing: fc.constantFrom('length', 'length', 'chunks', 'chunks', 'close'),
  chunks: fc.array(fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 400 }), fc.constant(20_000)), { maxLength: 4 }),
  interim: fc.oneof({ weight: 8, arbitrary: fc.constant('') }, { weight: 1, arbitrary: fc.constantFrom(...INTERIM) })
} as const

const splits = fc.oneof(fc.constant([]), fc.array(place, { minLength: 1, maxLength: 4 }))
const ending = fc.constantFrom('stays', 'ends', 'resets')

/** Whole and well-formed: what stands between the others, and has to arrive to the byte. */
const healthy: fc.Arbitrary<AnswerCase> = fc.record({
  ...common, start: fc.constantFrom('HTTP/1.1 200 OK', 'HTTP/1.1 404 Not Found', 'HTTP/1.1 503 Busy'), interim: fc.constant(''), framing: fc.constantFrom('length', 'chunks'), lines: fc.array(fc.constantFrom(...GOOD_LINES), { maxLength: 3 }),
  mutations: fc.constant([]), extra: fc.constant(''), cut: fc.constant(undefined), splits, ending: fc.constant('stays')
})

/** Well-formed, and cut off, split, reset, followed by what nobody asked for. */
const interrupted: fc.Arbitrary<AnswerCase> = fc.record({
  ...common, start: fc.constantFrom(...STARTS), lines: fc.array(fc.constantFrom(...GOOD_LINES), { maxLength: 4 }),
  mutations: fc.constant([]), extra: fc.constantFrom('', '', 'answer', 'bytes'), cut: fc.option(place, { nil: undefined, freq: 3 }), splits, ending
})

const mutated: fc.Arbitrary<AnswerCase> = fc.record({
  ...common, start: fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...STARTS) }, { weight: 1, arbitrary: fc.constantFrom(...BAD_STARTS) }),
  lines: fc.array(fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...GOOD_LINES) }, { weight: 1, arbitrary: fc.constantFrom(...BAD_LINES) }), { maxLength: 4 }),
  mutations: fc.oneof(fc.array(mutation, { maxLength: 1 }), fc.array(mutation, { maxLength: 3 })), extra: fc.constantFrom('', '', '', 'answer', 'bytes'), cut: fc.option(place, { nil: undefined, freq: 1 }), splits, ending
})

export const answerCase: fc.Arbitrary<AnswerCase> = fc.oneof({ weight: 2, arbitrary: healthy }, { weight: 2, arbitrary: interrupted }, { weight: 6, arbitrary: mutated })

/** The bytes of a case, with this marker in its head and all over its body. */
export function buildAnswer (one: AnswerCase, marker: string): BuiltAnswer {
  const body = one.chunks.map(size => marker.repeat(Math.ceil(size / marker.length)).slice(0, size)).join('')
  const framed = one.framing === 'chunks' ? `${chunked(body, one.chunks)}0\r\n\r\n` : body
  const framing = one.framing === 'length' ? [`Content-Length: ${body.length}`] : one.framing === 'chunks' ? ['Transfer-Encoding: chunked'] : ['Connection: close']
  const head = [one.start, `X-Marker: ${marker}`, ...one.lines, ...framing, '', ''].join('\r\n')
  const extra = one.extra === 'answer' ? `HTTP/1.1 200 OK\r\nContent-Length: ${marker.length}\r\n\r\n${marker}` : one.extra === 'bytes' ? marker : ''
  const original = Buffer.from(`${one.interim}${head}${framed}`, 'latin1')
  const bodyAt = one.interim.length + head.length
  const bytes = Buffer.concat([one.mutations.reduce<Buffer>((before, each) => mutate(before, each, bodyAt), original), Buffer.from(extra, 'latin1')])
  const length = one.cut === undefined ? bytes.length : Math.floor(bytes.length * one.cut / 10_000)
  const isPlain = one.mutations.length === 0 && !one.lines.some(line => BAD_LINES.includes(line)) && STARTS.includes(one.start) && extra === '' && !/ 100 /.test(one.interim)
  return {
    bytes: bytes.subarray(0, length),
    body,
    isIntact: isPlain && length === bytes.length,
    isCut: isPlain && length < bytes.length,
    bodyAt,
    status: Number(one.start.slice(9, 12))
  }
}

/** The pieces in which the bytes are sent; what comes after the end of an answer is never a piece of its own. */
export function piecesOf ({ splits }: AnswerCase, bytes: Buffer): Buffer[] {
  const places = [...new Set(splits.map(place => Math.floor(bytes.length * place / 10_000)))].filter(at => at > 0).sort((a, b) => a - b)
  return [...places, bytes.length].map((end, at) => bytes.subarray(at === 0 ? 0 : places[at - 1], end)).filter(piece => piece.length > 0)
}

function chunked (body: string, sizes: readonly number[]): string {
  let at = 0
  return sizes.map(size => {
    at += size
    return `${size.toString(16)}\r\n${body.slice(at - size, at)}\r\n`
  }).join('')
}

function mutate (bytes: Buffer, { op, at, inHead, length, text }: Mutation, headLength: number): Buffer {
  const from = Math.floor((inHead ? Math.min(headLength, bytes.length) : bytes.length) * at / 10_000)
  const [before, after] = [bytes.subarray(0, from), bytes.subarray(from)]
  switch (op) {
    case 'flip': return Buffer.concat([before, Buffer.from(text.slice(0, 1), 'latin1'), after.subarray(1)])
    case 'remove': return Buffer.concat([before, after.subarray(length)])
    case 'insert': return Buffer.concat([before, Buffer.from(text, 'latin1'), after])
    case 'repeat': return Buffer.concat([before, after.subarray(0, length), after])
  }
}
