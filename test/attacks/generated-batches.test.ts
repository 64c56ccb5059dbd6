// Batches put together at random, and spoilt at random: what the gateway reads is what was written, and what it lets
// through has only requests that are allowed for whoever reads it more loosely than the gateway does.
import fc from 'fast-check'
import t from 'tap'
import { resolveTarget } from '../../src/policy/batch/target.ts'
import { bodyReader } from '../../src/policy/batch/read.ts'
import { Refusal } from '../../src/policy/problems.ts'
import { changeSet, delimited, httpPart, MULTIPART } from '../support/batch-body.ts'
import { tally } from './gauntlet.ts'
import { generation } from './generated.ts'

const { seed, numRuns } = generation('generated batches')

const ALLOWED = new Set(['GET A', 'GET A(1)', 'POST B', 'PATCH B(1)', 'DELETE C'])
const FORBIDDEN = 'DELETE Secret(1)'

/** `GET A`, for each request that the gateway lets through; undefined where it refuses the batch. */
function passing (body: string, type: string): string[] | undefined {
  try {
    const { parts, ids } = bodyReader(['Content-Type', type])(Buffer.from(body, 'latin1'), 50)
    const requests = parts.map(({ method, target }) => `${method} ${resolveTarget(target, '/svc/', ids).path.slice(5)}`)
    return requests.every(one => ALLOWED.has(one)) ? requests : undefined
  } catch (error) {
    if (error instanceof Refusal) return undefined
    throw error
  }
}

interface Request { readonly method: string, readonly target: string, readonly body: string, readonly hasLength: boolean }
type Entry = Request | readonly Request[]

const request = fc.record({
  line: fc.constantFrom(...ALLOWED),
  query: fc.constantFrom('', '?$top=1', '?a=b'),
  body: fc.constantFrom('', '{}', '{"a":"b"}', '<a>\n</a>', '{"x":"DELETE Secret(1)"}'),
  hasLength: fc.boolean()
}).map(({ line, query, body, hasLength }): Request => {
  const [method = '', target = ''] = line.split(' ')
  const isRead = method === 'GET'
  return { method, target: target + query, body: isRead ? '' : body, hasLength: hasLength && !isRead }
})
const write = request.filter(({ method }) => method !== 'GET')
const entries: fc.Arbitrary<Entry[]> = fc.array(fc.oneof(request, fc.array(write, { minLength: 1, maxLength: 3 })), { minLength: 1, maxLength: 4 })

function partOf ({ method, target, body, hasLength }: Request): string {
  return httpPart({ method, target, body, headers: hasLength ? ['Content-Type: application/json', `Content-Length: ${body.length}`] : ['Accept: a'] })
}

const multipartOf = (all: readonly Entry[]): string => delimited(all.map((entry, at) => 'method' in entry ? partOf(entry) : changeSet(entry.map(partOf), `set_${String.fromCharCode(97 + at)}`)))
const jsonOf = (all: readonly Entry[]): string => JSON.stringify({ requests: all.flat().map(({ method, target, body }, at) => ({ id: `r${at}`, method: method.toLowerCase(), url: target, ...body !== '' && { headers: { 'content-type': 'text/plain' }, body } })) })
const lineOf = ({ method, target }: Request): string => `${method} ${target.split('?')[0] ?? ''}`

t.test('what was written by the letter passes, and is read as it was written', async t => {
  fc.assert(fc.property(entries, all => {
    const written = all.flat().map(lineOf)
    for (const [body, type] of [[multipartOf(all), MULTIPART], [jsonOf(all), 'application/json']] as const) {
      const read = passing(body, type)
      if (read?.join() !== written.join()) throw new Error(`${JSON.stringify(body)} was read as ${String(read)}`)
    }
  }), { seed, numRuns: Math.ceil(numRuns / 4) })
  t.pass('it was')
})

const HIDDEN = `${FORBIDDEN} HTTP/1.1\r\n\r\n`
const AROUND = 'Content-Type: application/http\r\n\r\n'
const SPLICES = [
  '\n', '\r', '\r\n', '\r\n\r\n', '\n\n', ' ', '\t', '-', '--', '--batch_1', '\r\n--batch_1\r\n', '\n--batch_1\n', '\r\n--batch_1--\r\n', '\n--batch_1--\n', '--BATCH_1\r\n', '--set_a', '\r\n--set_a\r\n', '\n--set_b\n', '--set_a--\r\n',
  HIDDEN, AROUND, `\r\n--batch_1\r\n${AROUND}${HIDDEN}`, `\n--batch_1\n${AROUND}${HIDDEN}`, `\r\n--set_a\r\n${AROUND}${HIDDEN}`, `\r\n--set_b \r\n${AROUND}${HIDDEN}`, `\r\n--batch_1--\r\n--batch_1\r\n${AROUND}${HIDDEN}`, HIDDEN.replaceAll('\r\n', '\n'), 'DELETE Secret(1)\r\n\r\n',
  'Content-Length: 0\r\n', 'Content-Length: 2\r\n', 'Content-Length: 30\r\n', 'content-length: 9\r\n', 'Content-Type: multipart/mixed; boundary=set_b\r\n', 'Content-Type: application/http\r\n', 'X: y\r\n', '../Secret(1)', 'Secret(1)', 'Secret', 'DELETE', '/svc/Secret(1)', '"', ':', ';', '\0'
]
const JSON_SPLICES = [
  '"url":"Secret(1)",', '"\\u0075rl":"Secret(1)",', '"URL":"Secret(1)",', '"Url": "Secret(1)",', '"method":"delete",', '"METHOD":"delete",', '"method":"delete","url":"Secret(1)",', '"__proto__":{"url":"Secret(1)"},', '{"id":"x","method":"delete","url":"Secret(1)"},',
  '"requests":[{"id":"x","method":"delete","url":"Secret(1)"}],', '"Requests":[{"id":"x","method":"delete","url":"Secret(1)"}],', '/*', '*/', '//', '\n', ',', '{', '}', '[', ']', '"', '\\', '\\u0000', 'Secret(1)', '../Secret(1)', 'delete', "'", '\ufeff', ' '
]

const spoil = (splices: readonly string[]) => fc.array(fc.record({ at: fc.nat(), remove: fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, fc.nat(4), fc.nat(60)), insert: fc.constantFrom('', ...splices), atBreak: fc.boolean() }), { minLength: 1, maxLength: 3 })

interface Spoiling { readonly at: number, readonly remove: number, readonly insert: string, readonly atBreak: boolean }

/** Mostly where something begins: the middle of a word is seldom of use. */
function spoilt (text: string, all: readonly Spoiling[], breaks: RegExp): string {
  for (const { at, remove, insert, atBreak } of all) {
    const places = [...text.matchAll(breaks)].map(({ index, 0: found }) => index + found.length)
    const place = (atBreak && places.length > 0 ? places[at % places.length] : at % (text.length + 1)) ?? 0
    text = text.slice(0, place) + insert + text.slice(place + remove)
  }
  return text
}

t.test('whatever was spoilt, no reader finds a request that is not allowed in what passes', async t => {
  let passed = 0
  fc.assert(fc.property(entries, spoil(SPLICES), (all, spoilings) => {
    const body = spoilt(multipartOf(all), spoilings, /\r\n/g)
    const strict = passing(body, MULTIPART)
    if (strict === undefined) return
    passed++
    for (const read of [byLines, byLengths]) {
      const seen = read(body)
      const bad = seen.filter(one => !ALLOWED.has(one))
      if (bad.length > 0) throw new Error(`${read.name} finds ${bad.join()} in ${JSON.stringify(body)}, which passes as ${strict.join()}`)
    }
    const letters = byTheLetter(body)
    if (letters?.join() !== strict.join()) throw new Error(`${JSON.stringify(body)} is ${String(letters)} by the letter, and passes as ${strict.join()}`)
  }), { seed, numRuns })
  t.ok(numRuns < 1000 || (passed > numRuns / 50 && passed < numRuns * 0.8), `some pass and some do not: ${passed}`)
  if (t.passing()) tally('generated batches', { of: numRuns, held: numRuns })
})

t.test('the same for JSON', async t => {
  let passed = 0
  fc.assert(fc.property(entries, spoil(JSON_SPLICES), (all, spoilings) => {
    const body = spoilt(jsonOf(all), spoilings, /[{[,]/g)
    const strict = passing(Buffer.from(body).toString('latin1'), 'application/json')
    if (strict === undefined) return
    passed++
    for (const read of [lastOfTwo, firstOfTwo]) {
      const bad = read(body).filter(one => !ALLOWED.has(one))
      if (bad.length > 0) throw new Error(`${read.name} finds ${bad.join()} in ${JSON.stringify(body)}, which passes as ${strict.join()}`)
    }
  }), { seed, numRuns })
  t.ok(numRuns < 1000 || (passed > numRuns / 100 && passed < numRuns * 0.8), `some pass and some do not: ${passed}`)
  if (t.passing()) tally('generated batches', { of: numRuns, held: numRuns })
})

t.test('the readers find what they are there to find', t => {
  const good = multipartOf([{ method: 'POST', target: 'B', body: '{}', hasLength: false }])
  for (const text of [`\n--batch_1\n${AROUND}${HIDDEN}`, `\r\n--batch_1 \r\n${AROUND}${HIDDEN}`]) t.same(byLines(good.replace('{}', `{}${text}`)), ['POST B', FORBIDDEN])
  t.same(byLines(`${good}--batch_1\r\n${AROUND}${HIDDEN}`), ['POST B', FORBIDDEN], 'beyond the end too')
  t.same(byLengths(good.replace('{}', HIDDEN)), ['POST B', FORBIDDEN])
  t.same(byLengths(good.replace('Accept: a', 'Content-Length: 2').replace('{}', `{}${HIDDEN}`)), ['POST B', FORBIDDEN])
  t.same(byTheLetter(good), ['POST B'])
  const twice = '{"requests":[{"id":"1","method":"get","url":"A","URL":"Secret(1)","method":"delete"}]}'
  t.same(lastOfTwo(twice), ['DELETE Secret(1)'])
  t.same(firstOfTwo(twice.replace('"url":"A","URL":"Secret(1)"', '"URL":"Secret(1)","url":"A"')), ['GET Secret(1)'])
  t.end()
})

// Lines end as they like, a delimiter is any line that begins like one, blanks around it or not, capitals or not, of any
// boundary that the head of a part has named, before and behind the end; a request is the first line behind one that
// looks like a request.
function byLines (body: string): string[] {
  const lines = body.split(/\r\n|\r|\n/)
  const isDelimiter = (line: string): boolean => boundaries.some(one => line.trim().toLowerCase().startsWith(`--${one}`))
  const boundaries = ['batch_1']
  let inHead = false
  for (const line of lines) {
    inHead = line.trim() !== '' && (inHead || isDelimiter(line))
    const [, named] = /boundary\s*=\s*"?([^\s";]+)/i.exec(inHead ? line : '') ?? []
    if (named !== undefined) boundaries.push(named.toLowerCase())
  }
  const seen: string[] = []
  let looks = false
  for (const line of lines) {
    if (isDelimiter(line)) looks = true
    const [, found] = /^\s*([A-Za-z]+\s+\S+)(?:\s+HTTP\/[\d.]+)?\s*$/.exec(line) ?? []
    if (!looks || found === undefined) continue
    seen.push(plain(found))
    looks = false
  }
  return seen
}

// Parts as usual; within one, one request behind the other, each as long as its last Content-Length says, or without a body.
function byLengths (body: string): string[] {
  return body.split(/\r?\n?--(?:batch_1|set_\w)[^\n]*\r?\n/).flatMap(content => {
    const seen: string[] = []
    let rest = content.replace(/^[\s\S]*?\r?\n\r?\n/, '')
    for (;;) {
      const [head, found, fields = ''] = /^\s*([A-Za-z]+ \S+)(?: HTTP\/[\d.]+)?\r?\n((?:[^\n]+\n)*?)\r?\n/.exec(rest) ?? []
      if (head === undefined || found === undefined) return seen
      seen.push(plain(found))
      const length = [...fields.matchAll(/content-length:\s*(\d+)/gi)].map(([, one]) => Number(one)).at(-1) ?? 0
      rest = rest.slice(head.length + length)
    }
  })
}

// RFC 2046 and OData with nothing left out, by one expression for all of it.
function byTheLetter (body: string): string[] | undefined {
  const field = '[!-9;-~]+:[ -~\\t]*\\r\\n'
  const inner = `(?:${field})+\\r\\n[A-Z]+ \\S+ HTTP/1\\.1\\r\\n(?:${field})*\\r\\n[^]*?`
  const set = `(?:${field})*Content-Type: multipart/mixed; boundary=(?<set>\\w+)\\r\\n(?:${field})*\\r\\n(?:\\r\\n)?--\\k<set>\\r\\n[^]*?\\r\\n--\\k<set>--(?:\\r\\n)?`
  const contents = /^(?:\r\n)?--batch_1\r\n([^]*)\r\n--batch_1--(?:\r\n)?$/.exec(body)?.[1]?.split('\r\n--batch_1\r\n')
  if (contents?.every(one => new RegExp(`^(?:${set}|${inner})$`).test(one)) !== true) return undefined
  return contents.flatMap(content => {
    const name = new RegExp(`^${set}$`).exec(content)?.groups?.['set']
    const parts = name === undefined ? [content] : content.slice(content.indexOf(`--${name}\r\n`) + name.length + 4).replace(new RegExp(`\\r\\n--${name}--(?:\\r\\n)?$`), '').split(`\r\n--${name}\r\n`)
    return parts.map(part => plain(part.slice(part.indexOf('\r\n\r\n') + 4).split(' HTTP/1.1')[0] ?? ''))
  })
}

function plain (line: string): string {
  const [method = '', target = ''] = line.trim().split(/\s+/)
  return `${method.toUpperCase()} ${target.split('?')[0] ?? ''}`
}

// Names in any letter case; of two the last.
function lastOfTwo (text: string): string[] {
  return requestsOf(JSON.parse(text, (_, value: unknown) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name.toLowerCase(), one as unknown]))
  }))
}

// Names in any letter case, escapes in them taken for what they stand for or not; of two the first.
function firstOfTwo (text: string): string[] {
  let last = 0
  // Each name is made one that stands once, with its number before it.
  const numbered = text.replace(/"((?:[^"\\]|\\.)*)"(\s*:)/g, (_, name: string, colon: string) => `"${last++} ${name}"${colon}`)
  return requestsOf(JSON.parse(numbered, (_, value: unknown) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
    const inOrder = Object.entries(value).map(([name, one]) => [name.slice(name.indexOf(' ') + 1).toLowerCase(), one as unknown] as const)
    return Object.fromEntries(inOrder.toReversed())
  }))
}

function requestsOf (batch: unknown): string[] {
  const { requests = [] } = batch as { requests?: ReadonlyArray<{ method?: unknown, url?: unknown }> }
  return requests.map(({ method, url }) => plain(`${String(method)} ${String(url)}`))
}
