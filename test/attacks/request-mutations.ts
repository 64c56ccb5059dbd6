import fc from 'fast-check'

/** What goes over one connection: requests that are well-formed, one behind the other, and what is done to their bytes. */
export interface Conversation {
  readonly requests: readonly RequestPlan[]
  readonly mutations: readonly Mutation[]
  /** Where the bytes are cut into packets: parts of the whole. */
  readonly cuts: readonly number[]
}

interface RequestPlan {
  readonly method: string
  readonly path: string
  readonly credential: 'good' | 'bad' | 'none'
  readonly body: string
  readonly chunked: boolean
}

/** `at` is a part of the whole, from 0 to 1. */
export type Mutation =
  | { readonly do: 'insert' | 'insert line' | 'replace', readonly at: number, readonly text: string }
  | { readonly do: 'delete' | 'repeat', readonly at: number, readonly length: number }
  | { readonly do: 'truncate' | 'repeat line' | 'delete line' | 'change digit' | 'change case', readonly at: number }

const SMUGGLED = 'GET /open?smuggled HTTP/1.1\r\nHost: a\r\n\r\n'
const LINES = [
  'Content-Length: 5', 'Content-Length: 0', 'content-length : 5', 'Content-Length: 5, 5', 'Content-Length:', 'Content-Length: 99', 'Content-Length: 0x5', 'Content-Length: 40', 'Transfer-Encoding: chunked', 'Transfer-Encoding: gzip, chunked', 'Transfer-Encoding: identity',
  'Transfer-Encoding:', 'Transfer-Encoding : chunked', 'Transfer_Encoding: chunked', 'Transfer-Encoding: \u000bchunked', ' folded', '\tchunked', 'Host: b', 'Host: a/b', 'Connection: close', 'Connection: keep-alive', 'Connection: Upgrade\r\nUpgrade: foo', 'Upgrade: h2c', 'Upgrade: websocket', 'Expect: 100-continue', 'Expect: x',
  'Connection: content-length, host, authorization', 'Authorization: Bearer x', 'X-HTTP-Method-Override: PUT', 'Trailer: X', 'TE: trailers', ': x', 'X', 'X: \u0000', 'X: \u00ff', '', '0', '0\r\n', '5\r\nhello', SMUGGLED, 'GET /open?line HTTP/1.1', 'PRI * HTTP/2.0', 'CONNECT a:443 HTTP/1.1'
]
const FRAGMENTS = ['\r\n', '\n', '\r', '\r\n\r\n', '\n\n', '\r\r', '\u0000', ' ', '\t', '\u000b', ':', ',', ';', ';a=b', '-', '+', '0', '5', 'f', '_', '%', '/', '?', '#', '\\', '\u007f', '\u0080', '\u00ff', 'chunked', 'HTTP/1.1', 'HTTP/1.0', 'HTTP/2.0', SMUGGLED, '0\r\n\r\n']

// Evenly: a floating-point number would mostly be next to 0 or 1.
const part = fc.noBias(fc.nat({ max: 9999 })).map(at => at / 10_000)
const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.record({ do: fc.constant('insert line' as const), at: part, text: fc.constantFrom(...LINES) }),
  fc.record({ do: fc.constantFrom('insert' as const, 'replace' as const), at: part, text: fc.oneof(fc.constantFrom(...FRAGMENTS), fc.integer({ min: 0, max: 255 }).map(code => String.fromCharCode(code))) }),
  fc.record({ do: fc.constantFrom('delete' as const, 'repeat' as const), at: part, length: fc.integer({ min: 1, max: 60 }) }),
  fc.record({ do: fc.constantFrom('truncate' as const, 'repeat line' as const, 'delete line' as const, 'change digit' as const, 'change digit' as const, 'change case' as const), at: part })
)
const request: fc.Arbitrary<RequestPlan> = fc.record({
  method: fc.constantFrom('GET', 'POST', 'POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS'),
  path: fc.constantFrom('/open', '/open', '/mine', '/mine', '/nowhere'),
  credential: fc.constantFrom('good', 'good', 'none', 'bad'),
  body: fc.oneof(fc.constantFrom('', 'hello', SMUGGLED, '0\r\n\r\n', '5\r\nhello\r\n0\r\n\r\n'), fc.string({ maxLength: 40 })),
  chunked: fc.boolean()
})

/** One conversation in ten is left as it is: those are answered in full. */
export const conversation: fc.Arbitrary<Conversation> = fc.record({
  requests: fc.array(request, { minLength: 1, maxLength: 4 }),
  mutations: fc.oneof({ weight: 1, arbitrary: fc.constant([]) }, { weight: 6, arbitrary: fc.array(mutation, { minLength: 1, maxLength: 1 }) }, { weight: 3, arbitrary: fc.array(mutation, { minLength: 2, maxLength: 4 }) }),
  cuts: fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: fc.array(part, { minLength: 1, maxLength: 3 }) })
})

/** The bytes (latin1) as they are sent; each request has its number in the query. */
export function bytesOf ({ requests, mutations }: Conversation, number: string, token: string): string {
  const well = requests.map((plan, at) => textOf(plan, `${number}.${at}`, token)).join('')
  return mutations.reduce(mutate, well)
}

function textOf ({ method, path, credential, body, chunked }: RequestPlan, number: string, token: string): string {
  const hasBody = method !== 'GET' && method !== 'HEAD' && body !== ''
  const content = latin1(body)
  const lines = [
    `${method} ${path}?n=${number} HTTP/1.1`, 'Host: gateway.test',
    ...credential === 'good' ? [`Authorization: Bearer ${token}`] : credential === 'bad' ? ['Authorization: Bearer a.b.c'] : [],
    ...hasBody ? [chunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${content.length}`] : [], '', ''
  ]
  const half = content.length >> 1
  const chunks = [content.slice(0, half), content.slice(half)].filter(chunk => chunk !== '')
  const framed = chunked ? [...chunks.map(chunk => `${chunk.length.toString(16)}\r\n${chunk}\r\n`), '0\r\n\r\n'].join('') : content
  return lines.join('\r\n') + (hasBody ? framed : '')
}

function latin1 (text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1')
}

function mutate (bytes: string, mutation: Mutation): string {
  const at = Math.floor(mutation.at * bytes.length)
  const line = Math.max(0, bytes.lastIndexOf('\r\n', at) + 2)
  const lineEnd = (bytes.indexOf('\r\n', line) + 2) || bytes.length
  const splice = (from: number, to: number, text: string) => bytes.slice(0, from) + text + bytes.slice(to)
  switch (mutation.do) {
    case 'insert': return splice(at, at, mutation.text)
    case 'replace': return splice(at, at + 1, mutation.text)
    case 'insert line': return splice(line, line, `${mutation.text}\r\n`)
    case 'delete': return splice(at, at + mutation.length, '')
    case 'repeat': return splice(at, at, bytes.slice(at, at + mutation.length))
    case 'repeat line': return splice(line, line, bytes.slice(line, lineEnd))
    case 'delete line': return splice(line, lineEnd, '')
    case 'truncate': return bytes.slice(0, at)
    case 'change digit': return bytes.slice(0, at) + bytes.slice(at).replace(/[0-9a-f](?=[0-9a-f]*\r\n)/, digit => String((Number.parseInt(digit, 16) + 1) % 10))
    case 'change case': return bytes.slice(0, at) + bytes.slice(at).replace(/[A-Za-z]/, letter => letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase())
  }
}
