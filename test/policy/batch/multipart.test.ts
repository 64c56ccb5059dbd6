import t from 'tap'
import { changeSet, delimited, httpPart, writing } from '../../support/batch-body.ts'
import { reading, readingBy, requestsOf } from './reading.ts'

const A = httpPart({ target: 'A' })
const POST = httpPart(writing('POST', 'B', '{"a":1}'))

t.test('requests and change sets are read in order, with their headers and lengths', async t => {
  const body = delimited([A, changeSet([POST, httpPart({ method: 'DELETE', target: 'C(1)' })]), httpPart({ target: 'D?$top=1', headers: ['Accept: application/json'] })])
  t.same(reading(body), {
    parts: [
      { number: 1, method: 'GET', target: 'A', headers: [], bodyLength: 0 },
      { number: 2, method: 'POST', target: 'B', headers: ['Content-Type', 'Content-Length'], bodyLength: 7 },
      { number: 3, method: 'DELETE', target: 'C(1)', headers: [], bodyLength: 0 },
      { number: 4, method: 'GET', target: 'D?$top=1', headers: ['Accept'], bodyLength: 0 }
    ],
    ids: new Set()
  })
})

t.test('what clients write is read', async t => {
  const rows: Readonly<Record<string, string>> = {
    'a line break before the first delimiter': `\r\n${delimited([A])}`,
    'no line break after the last delimiter': delimited([A]).slice(0, -2),
    'an empty line in the place of a body': delimited([`${A}\r\n`]),
    'no blank behind a colon': delimited(['Content-Type:application/http\r\nContent-Transfer-Encoding:binary\r\n\r\nGET A HTTP/1.1\r\nAccept:a\r\n\r\n']),
    'no transfer encoding': delimited([httpPart({ target: 'A', around: ['Content-Type: application/http'] })]),
    'msgtype=request': delimited([httpPart({ target: 'A', around: ['content-type: application/http; msgtype=request'] })]),
    'a length of the part': delimited([httpPart({ target: 'A', around: ['Content-Type: application/http', 'Content-Length: 18'] })])
  }
  for (const [what, body] of Object.entries(rows)) t.same(requestsOf(reading(body)), ['GET A'], what)
  const json = '{"a":"\n--nothing\r\n"}'
  for (const [what, part] of Object.entries({
    'a body without its length': httpPart({ method: 'POST', target: 'A', body: json }),
    'a body of many lines': httpPart(writing('POST', 'A', json)),
    'a body that is text, with its length': httpPart(writing('POST', 'A', 'GET B HTTP/1.1\r\n\r\n'))
  })) t.same(requestsOf(reading(delimited([changeSet([part])]))), ['POST A'], what)
})

t.test('ids of both places are known, whatever their letter case', async t => {
  const batch = reading(delimited([changeSet([httpPart({ method: 'POST', target: 'A', headers: ['content-id: One'], around: ['Content-Type: application/http', 'Content-ID: id-2.0~'] })])]))
  t.same(typeof batch === 'string' ? batch : batch.ids, new Set(['id-2.0~', 'one']))
})

t.test('what is not well-formed, or could be read in another way, is refused', async t => {
  const whole = delimited([A, A])
  const around = (...lines: readonly string[]): string => delimited([httpPart({ target: 'A', around: lines })])
  const heads = (...headers: readonly string[]): string => delimited([httpPart({ method: 'POST', target: 'A', headers })])
  const rows: Readonly<Record<string, readonly [code: string, body: string]>> = {
    nothing: ['batch-malformed', ''],
    'no part': ['batch-malformed', '--batch_1--\r\n'],
    'an empty part': ['batch-malformed', delimited(['', A])],
    'parts that touch': ['batch-malformed', `--batch_1\r\n${delimited([A])}`],
    'no last delimiter': ['batch-malformed', whole.slice(0, -'--batch_1--\r\n'.length)],
    'a last delimiter with one dash': ['batch-ambiguous', `${whole.slice(0, -3)}\r\n`],
    'LF in the place of CRLF': ['batch-ambiguous', whole.replaceAll('\r\n', '\n')],
    'LF before one delimiter': ['batch-ambiguous', whole.replace('\r\n--batch_1\r\n', '\n--batch_1\r\n')],
    'LF behind one delimiter': ['batch-ambiguous', whole.replace('\r\n--batch_1\r\n', '\r\n--batch_1\n')],
    'CR before one delimiter': ['batch-ambiguous', whole.replace('\r\n--batch_1\r\n', '\r--batch_1\r\n')],
    'LF in a head': ['batch-malformed', whole.replace('http\r\n', 'http\n')],
    'LF behind a request line': ['batch-malformed', whole.replace('HTTP/1.1\r\n', 'HTTP/1.1\n')],
    'an empty line of LF': ['batch-malformed', delimited([`${A.slice(0, -4)}\n\n`])],
    'blanks behind a delimiter': ['batch-ambiguous', whole.replace('--batch_1\r\n', '--batch_1 \r\n')],
    'text behind a delimiter': ['batch-ambiguous', whole.replace('--batch_1\r\n', '--batch_10\r\n')],
    'a blank before a delimiter': ['batch-ambiguous', whole.replace('\r\n--batch_1', '\r\n --batch_1')],
    'a preamble': ['batch-ambiguous', `hello\r\n${whole}`],
    'an empty line more before it': ['batch-ambiguous', `\r\n\r\n${whole}`],
    'an epilogue': ['batch-ambiguous', `${whole}hello`],
    'an epilogue that is a batch': ['batch-ambiguous', whole + whole],
    'a delimiter in other letter case': ['batch-ambiguous', delimited([`${POST}\r\n--BATCH_1\r\n`])],
    'a delimiter in the middle of a body': ['batch-ambiguous', delimited([httpPart(writing('POST', 'A', '{"a":"--batch_1"}'))])],
    'a delimiter of the batch in a change set': ['batch-ambiguous', delimited([changeSet([POST]).replace('--changeset_1--', '--batch_1--')])],
    'a change set without its end': ['batch-malformed', delimited([changeSet([POST]).replace('--changeset_1--', '')])],
    'a change set of nothing': ['batch-malformed', delimited([changeSet([])])],
    'a change set in a change set': ['batch-malformed', delimited([changeSet([changeSet([POST], 'inner')])])],
    'text before a change set': ['batch-ambiguous', delimited([changeSet([POST]).replace('\r\n\r\n', '\r\n\r\nhello\r\n')])],
    'text behind a change set': ['batch-ambiguous', delimited([`${changeSet([POST])}hello`])],
    'a change set by the boundary of the batch': ['batch-ambiguous', delimited([changeSet([POST], 'batch_1')])],
    'a change set whose boundary begins like that of the batch': ['batch-ambiguous', delimited([changeSet([POST], 'batch_12')])],
    'a change set whose boundary is the beginning of that of the batch': ['batch-ambiguous', delimited([changeSet([POST], 'batch')])],
    'two change sets of one boundary': ['batch-ambiguous', delimited([changeSet([POST]), changeSet([POST])])],
    'change sets whose boundaries begin alike, in other letter case': ['batch-ambiguous', delimited([changeSet([POST], 'c'), changeSet([POST], 'C0')])],
    'a delimiter of a change set before it': ['batch-ambiguous', delimited([httpPart(writing('POST', 'A', '{}\r\n--changeset_1\r\n')), changeSet([POST])])],
    'a delimiter of a change set behind it, with LF and blanks': ['batch-ambiguous', delimited([changeSet([POST]), httpPart(writing('POST', 'A', '{}\n \t--ChangeSet_1x'))])],
    'a change set that reads': ['batch-malformed', delimited([changeSet([A])])],
    'a change set with an id': ['batch-malformed', delimited([`Content-ID: 1\r\n${changeSet([POST])}`])],
    'no type': ['batch-malformed', around('Content-Transfer-Encoding: binary')],
    'two types': ['batch-ambiguous', around('Content-Type: application/http', 'content-type: multipart/mixed; boundary=a')],
    'a type with _': ['batch-ambiguous', around('Content_Type: application/http')],
    'two types, one with _': ['batch-ambiguous', around('Content-Type: application/http', 'Content_Type: multipart/mixed; boundary=a')],
    'a type of an answer': ['batch-malformed', around('Content-Type: application/http; msgtype=response')],
    'a type with two parameters': ['batch-malformed', around('Content-Type: application/http; msgtype=request; version=1.1')],
    'another type': ['batch-malformed', around('Content-Type: text/plain')],
    'a type with a comment': ['batch-malformed', around('Content-Type: application/http (a)')],
    'a boundary in quotes': ['batch-malformed', around('Content-Type: multipart/mixed; boundary="a"')],
    base64: ['batch-malformed', around('Content-Type: application/http', 'Content-Transfer-Encoding: base64')],
    'another header of a part': ['batch-malformed', around('Content-Type: application/http', 'Content-Location: /x/')],
    'a length of the part that is none of it': ['batch-ambiguous', around('Content-Type: application/http', 'Content-Length: 17')],
    'a head that does not end': ['batch-malformed', delimited(['Content-Type: application/http\r\n\r\nGET A HTTP/1.1'])],
    'a folded header': ['batch-malformed', heads('Accept: a', ' b')],
    'a blank before a colon': ['batch-malformed', heads('Accept : a')],
    'a header without a colon': ['batch-malformed', heads('Accept')],
    'a header without a name': ['batch-malformed', heads(': a')],
    'NUL in a header': ['batch-malformed', heads('Accept: a\0')],
    'LF in a header': ['batch-malformed', heads('Accept: a\nX: y')],
    'CR in a header': ['batch-malformed', heads('Accept: a\rX: y')],
    'a header twice': ['batch-ambiguous', heads('Accept: a', 'accept: b')],
    'a header twice, once with _': ['batch-ambiguous', heads('X-Id: a', 'X_Id: b')],
    'too many headers': ['batch-malformed', heads(...Array.from({ length: 101 }, (_, at) => `X-${at}: a`))],
    'too long a header': ['batch-malformed', heads(`X: ${'a'.repeat(9000)}`)],
    'a length twice': ['batch-ambiguous', heads('Content-Length: 0', 'Content-Length: 0')],
    'a length that is too small': ['batch-ambiguous', delimited([httpPart({ method: 'POST', target: 'A', headers: ['Content-Length: 1'], body: '{}' })])],
    'a length that is too large': ['batch-ambiguous', delimited([httpPart({ method: 'POST', target: 'A', headers: ['Content-Length: 3'], body: '{}' })])],
    'a length of none': ['batch-ambiguous', delimited([httpPart({ method: 'POST', target: 'A', headers: ['Content-Length: 0'], body: '\r\n' })])],
    ...Object.fromEntries(['+2', '-2', '0x2', '02', '2.0', '2e0', ' ', '2, 2', '2;', '1'.repeat(16)].map(length => [`a length of ${length}`, ['batch-malformed', heads(`Content-Length: ${length}`)]] as const)),
    'a length with _': ['batch-ambiguous', heads('Content_Length: 0')],
    'a body that is a request': ['batch-ambiguous', delimited([httpPart({ method: 'POST', target: 'A', body: 'DELETE B HTTP/1.1\r\n\r\n' })])],
    'a body that is a request of no version': ['batch-ambiguous', delimited([httpPart({ method: 'POST', target: 'A', body: '\r\n\r\nDELETE B\r\n\r\n' })])],
    'a body with a request in it': ['batch-ambiguous', delimited([httpPart({ method: 'POST', target: 'A', body: '{}\r\nDELETE B HTTP/1.1\r\n\r\n' })])],
    'a body that is a batch': ['batch-ambiguous', heads('Content-Type: multipart/mixed; boundary=a')],
    'an id with other characters': ['batch-malformed', heads('Content-ID: <a@b>')],
    'an empty id': ['batch-malformed', heads('Content-ID:')],
    ...Object.fromEntries(['GET A', 'GET A HTTP/1.0', 'GET A HTTP/2', 'GET  A HTTP/1.1', 'GET A  HTTP/1.1', ' GET A HTTP/1.1', 'GET A HTTP/1.1 ', 'GET\tA\tHTTP/1.1', 'get A HTTP/1.1', 'GET A B HTTP/1.1', 'GET A\u00e9 HTTP/1.1', 'GET A\0 HTTP/1.1', 'A HTTP/1.1', 'G(T A HTTP/1.1', ''].map(line => [`the line "${line}"`, ['batch-malformed', delimited([`Content-Type: application/http\r\n\r\n${line}\r\n\r\n`])]] as const)),
    'a target that is too long': ['target-too-long', delimited([httpPart({ target: 'a'.repeat(17_000) })])],
    'an empty line before the line': ['batch-malformed', delimited(['Content-Type: application/http\r\n\r\n\r\nGET A HTTP/1.1\r\n\r\n'])],
    'more than it may have': ['batch-too-large', delimited(Array.from({ length: 11 }, () => A))],
    'more than it may have in change sets': ['batch-too-large', delimited([changeSet(Array.from({ length: 11 }, () => POST))])]
  }
  for (const [what, [code, body]] of Object.entries(rows)) t.equal(requestsOf(reading(body)), code, what)
})

t.test('a Content-Type that can be read in two ways is none', async t => {
  const body = delimited([A])
  for (const type of ['multipart/mixed;boundary=batch_1', 'Multipart/Mixed ;\tBoundary=batch_1']) t.same(requestsOf(reading(body, type)), ['GET A'], type)
  for (const type of ['', 'multipart/mixed', 'multipart/mixed; boundary=', 'multipart/mixed; boundary="batch_1"', "multipart/mixed; boundary='batch_1'", 'multipart/mixed; boundary=batch_1; boundary=b', 'multipart/mixed; boundary=batch_1; charset=utf-8',
    'multipart/mixed; charset=utf-8; boundary=batch_1', 'multipart/mixed; boundary=batch_1;', 'multipart/mixed; boundary=batch(1)', 'multipart/mixed; boundary=batch_1 (x)', 'multipart/mixed; boundary=a b', 'multipart/mixed; boundary=batch-',
    `multipart/mixed; boundary=${'a'.repeat(71)}`, 'multipart/mixed, boundary=batch_1', 'multipart/related; boundary=batch_1', 'multipart/form-data; boundary=batch_1', 'multipart/mixed; boundary*=utf-8\'\'batch_1', 'multipart/mixed; boundary*0=batch_1', 'text/plain', 'application/http']) {
    t.equal(reading(body, type), 'batch-malformed', type)
  }
})

t.test('headers of the batch that would change the reading of it are refused', async t => {
  const body = delimited([A])
  const type = ['Content-Type', 'multipart/mixed; boundary=batch_1']
  t.same(requestsOf(readingBy(type, body)), ['GET A'])
  for (const [name, value] of [['Content-Encoding', 'gzip'], ['content_encoding', 'identity'], ['Content-Transfer-Encoding', 'binary'], ['Content-Location', '/other/'], ['Content-Base', '/other/']] as const) {
    t.equal(readingBy([...type, name, value], body), 'batch-malformed', name)
  }
  t.equal(readingBy([], body), 'batch-malformed', 'no type')
  for (const name of ['content-type', 'Content_Type', 'Content.Type']) t.equal(readingBy([...type, name, 'application/json'], body), 'batch-ambiguous', name)
  t.equal(readingBy(['Content_Type', 'multipart/mixed; boundary=batch_1'], body), 'batch-ambiguous')
})
