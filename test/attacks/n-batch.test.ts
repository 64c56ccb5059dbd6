// OData batches: one POST that carries many requests. Whoever checks the POST alone has checked nothing, and whoever reads
// its body otherwise than the server behind has checked other requests than those that are carried out. The stories are
// those of e-mail and of web firewalls, retold: parts that MIME readers cut differently ("Inbox Invasion", 2024; WAFFLED,
// 2025), names that JSON readers take for others ("An Exploration of JSON Interoperability Vulnerabilities", 2021),
// Content-ID references that ASP.NET's OData puts in wherever they stand, and pipelines within application/http.
// Each body here would delete a secret for some reader; the caller may read orders and no more.
import t from 'tap'
import { changeSet, delimited, httpPart, MULTIPART, writing } from '../support/batch-body.ts'
import { startAttacked } from './gauntlet.ts'

const ROUTES = [
  { match: 'POST /svc/$batch', require: 'user', batch: { each: 'same_rules', max_parts: 20 } },
  { match: 'GET|POST /svc/Orders', require: 'user' },
  { match: 'GET /svc/Orders/:id', require: 'user' },
  { match: 'ANY /svc/Secrets/:id', require: { client: { scope: 'never' } } },
  { match: 'ANY /svc/Secrets', require: { client: { scope: 'never' } } }
]

const READ = httpPart({ target: 'Orders' })
const EVIL_LINE = 'DELETE Secrets/1 HTTP/1.1'
const EVIL = `Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n${EVIL_LINE}\r\n\r\n`
const post = (body: string, ...headers: readonly string[]): string => httpPart({ method: 'POST', target: 'Orders', headers, body })
const hidden = (text: string): string => delimited([READ, text])
const lf = (text: string): string => text.replaceAll('\r\n', '\n')
const json = (members: string): string => `{"requests":[{"id":"1","method":"get","url":"Orders"${members}}]}`
const made = httpPart({ ...writing('POST', 'Orders', '{}'), around: ['Content-Type: application/http', 'Content-ID: 1'] })

/** What is sent, and as what. */
type Body = string | readonly [body: string, type: string]

const BODIES: Readonly<Record<string, Body>> = {
  'a plain part': delimited([READ, EVIL]),
  'in a change set': delimited([READ, changeSet([EVIL])]),
  'the last of twenty': delimited([...Array.from({ length: 19 }, () => READ), EVIL]),
  'one more than is looked at': delimited([...Array.from({ length: 20 }, () => READ), EVIL]),
  'ten thousand parts before it': delimited([...Array.from({ length: 5000 }, () => READ), EVIL]),

  'a preamble that some read': `${lf(delimited([EVIL]))}\r\n${delimited([READ])}`,
  'a preamble of a part without its delimiter': `${EVIL}\r\n${delimited([READ])}`,
  'an epilogue that some read': delimited([READ]) + delimited([EVIL]),
  'an epilogue behind an end that is none to some': `--batch_1\r\n${READ}\r\n--batch_1--x\r\n${EVIL}\r\n--batch_1--\r\n`,
  'LF before a delimiter, within a body': delimited([post(`{}\n--batch_1\r\n${EVIL}`)]),
  'CR before a delimiter, within a body': delimited([post(`{}\r--batch_1\r\n${EVIL}`)]),
  'a blank before a delimiter': delimited([post(`{}\r\n --batch_1\r\n${EVIL}`)]),
  'a blank behind a delimiter': delimited([post(`{}\r\n--batch_1 \r\n${EVIL}`)]),
  'a tab behind a delimiter': delimited([post(`{}\r\n--batch_1\t\r\n${EVIL}`)]),
  'a delimiter in capitals': delimited([post(`{}\r\n--BATCH_1\r\n${EVIL}`)]),
  'a delimiter in the middle of a line': delimited([post(`{"a":"--batch_1\r\n${EVIL}"}`)]),
  'three dashes': delimited([post(`{}\r\n---batch_1\r\n${EVIL}`)]),
  'all in LF': lf(delimited([READ, EVIL])),
  'a boundary that begins like that of the batch': hidden(changeSet([post('{}')], 'batch_12').replace('--batch_12--', `--batch_12\r\n${EVIL}\r\n--batch_12--`)),
  'the boundary of the batch for a change set': delimited([READ, changeSet([EVIL], 'batch_1')]),
  'a change set without an end': delimited([changeSet([EVIL]).replace('--changeset_1--\r\n', '')]),
  'a change set in a change set': delimited([changeSet([changeSet([EVIL], 'inner')])]),
  'a change set that some take for text': delimited([changeSet([EVIL]).replace('multipart/mixed; boundary=changeset_1', 'multipart/mixed; boundary="changeset_1"')]),
  'a part of another multipart': delimited([changeSet([EVIL]).replace('multipart/mixed', 'multipart/related')]),
  'text before a change set': delimited([changeSet([post('{}')]).replace('--changeset_1', `--other\r\n${EVIL}\r\n--changeset_1`)]),
  'a delimiter of the change set behind its end': delimited([`${changeSet([post('{}')])}--changeset_1\r\n${EVIL}\r\n--changeset_1--`]),
  'the batch never ends': delimited([READ, EVIL]).slice(0, -13),

  'a boundary in quotes': [delimited([post('{}\r\n--"batch_1"\r\n')]), 'multipart/mixed; boundary="batch_1"'],
  'two boundaries': [`${delimited([READ])}${delimited([EVIL], 'other')}`, 'multipart/mixed; boundary=batch_1; boundary=other'],
  'a boundary with a comment': [`${delimited([READ])}${delimited([EVIL], 'batch')}`, 'multipart/mixed; boundary=batch(1)'],
  'a boundary by RFC 2231': [delimited([EVIL]), "multipart/mixed; boundary*=utf-8''batch%5f1"],
  'a boundary in pieces': [delimited([EVIL]), 'multipart/mixed; boundary*0=batch_; boundary*1=1'],
  'two types in one': [delimited([EVIL]), 'application/json, multipart/mixed; boundary=batch_1'],
  'a type that nobody reads': [delimited([EVIL]), 'text/plain'],
  'a charset': [delimited([EVIL]), 'multipart/mixed; boundary=batch_1; charset=utf-7'],
  'UTF-16': [Buffer.from(json('').replace('get', 'delete').replace('Orders', 'Secrets/1'), 'utf16le').toString('latin1'), 'application/json; charset=utf-16'],

  'a Content-Length that ends before it': delimited([post(`{}${EVIL_LINE}\r\n\r\n`, 'Content-Length: 2')]),
  'a Content-Length of the part that ends before it': delimited([httpPart({ method: 'POST', target: 'Orders', body: `{}${EVIL_LINE}\r\n\r\n`, around: ['Content-Type: application/http', 'Content-Length: 30'] })]),
  'two lengths': delimited([post(`${EVIL_LINE}\r\n\r\n`, 'Content-Length: 0', `Content-Length: ${EVIL_LINE.length + 4}`)]),
  'two lengths, one with _': delimited([post(`${EVIL_LINE}\r\n\r\n`, 'Content_Length: 0', `Content-Length: ${EVIL_LINE.length + 4}`)]),
  'a length that reaches into the next part': delimited([post('{}', 'Content-Length: 200'), EVIL]),
  'a pipeline behind a GET': delimited([httpPart({ target: 'Orders', body: `${EVIL_LINE}\r\n\r\n` })]),
  'a pipeline behind a GET with a length': delimited([httpPart({ target: 'Orders', headers: [`Content-Length: ${EVIL_LINE.length + 4}`], body: `${EVIL_LINE}\r\n\r\n` })]),
  'a pipeline behind a POST without a length': delimited([post(`${EVIL_LINE}\r\n\r\n`)]),
  'a pipeline of HTTP/0.9': delimited([post('DELETE Secrets/1\r\n\r\n')]),
  'a pipeline behind a body without a length': delimited([post(`{}\r\n${EVIL_LINE}\r\n\r\n`)]),
  chunks: delimited([post(`0\r\n\r\n${EVIL_LINE}\r\n\r\n`, 'Transfer-Encoding: chunked')]),
  'a second line in the target': delimited([`Content-Type: application/http\r\n\r\nGET Orders HTTP/1.1\n${EVIL_LINE}\r\n\r\n`]),
  'a line before the line': delimited([`Content-Type: application/http\r\n\r\nX\r\n${EVIL_LINE}\r\n\r\n`]),
  'a folded line': delimited([`Content-Type: application/http\r\n\r\nGET Orders HTTP/1.1\r\n ${EVIL_LINE}\r\n\r\n`]),
  'a request line in small letters': delimited([`Content-Type: application/http\r\n\r\n${EVIL_LINE.replace('DELETE', 'delete')}\r\n\r\n`]),
  base64: delimited([`Content-Type: application/http\r\nContent-Transfer-Encoding: base64\r\n\r\n${Buffer.from(`${EVIL_LINE}\r\n\r\n`).toString('base64')}`]),
  'two types of a part': delimited([`Content-Type: application/http\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\nGET Orders HTTP/1.1\r\n\r\n--x\r\n${EVIL}\r\n--x--`]),
  'a batch as a body': delimited([post(`--x\r\n${EVIL}\r\n--x--`, 'Content-Type: multipart/mixed; boundary=x')]),
  'a batch in a batch': delimited([httpPart({ method: 'POST', target: '$batch', headers: ['Content-Type: multipart/mixed; boundary=x'], body: `--x\r\n${EVIL}\r\n--x--` })]),
  'a batch in a batch, in JSON': [`{"requests":[{"id":"1","method":"post","url":"$batch","body":${json('')}}]}`, 'application/json'],

  'an override': delimited([post('', 'X-HTTP-Method: DELETE').replace('Orders', 'Secrets/1')]),
  'an override where it may write': delimited([post('', 'X_HTTP_Method_Override: DELETE')]),
  'a URL of the header': delimited([httpPart({ target: 'Orders', headers: ['X-Original-URL: /svc/Secrets/1'] })]),
  'another base': delimited([httpPart({ target: 'Orders', around: ['Content-Type: application/http', 'Content-Location: /svc/Secrets/'] })]),
  'a credential': delimited([httpPart({ target: 'Orders', headers: ['Authorization: Basic YWRtaW46YWRtaW4='] })]),
  'an identity': delimited([httpPart({ target: 'Orders', headers: ['X-Remote-User: admin'] })]),

  ...Object.fromEntries(['/svc/Secrets/1', '../svc/Secrets/1', './Secrets/1', 'Orders/../Secrets/1', 'Orders/%2e%2e/Secrets/1', 'Orders%2f..%2fSecrets/1', 'Secrets%2f1', 'Sec%72ets/1', 'SECRETS/1', 'Secrets/1/', '//svc/Secrets/1', 'Orders//../Secrets/1', 'Orders;/../Secrets/1', 'http://gateway.test/svc/Secrets/1',
    'Secrets\\1', 'Secrets/1?$top=1', 'Secrets/1#', '%53ecrets/1', 'Secrets/%31', '/svc//Secrets/1', '/../svc/Secrets/1', '/svc/Secrets/1.'].flatMap((target): Array<[string, Body]> => [
    [`the target ${target}`, delimited([READ, httpPart({ method: 'DELETE', target })])],
    [`the target ${target}, in JSON`, [JSON.stringify({ requests: [{ id: '1', method: 'delete', url: target }] }), 'application/json']]
  ])),
  'a reference': delimited([changeSet([made, httpPart({ method: 'POST', target: '$1/../Secrets', headers: ['Content-Length: 0'] })])]),
  'a reference in the path': delimited([changeSet([made, post('{}').replace('Orders', 'Orders/$1')])]),
  'a reference in the query': delimited([changeSet([made, post('{}').replace('Orders', 'Orders?$1/Secret')])]),
  'a reference with an escape': delimited([changeSet([made, post('{}').replace('Orders', 'Orders?a=%241/Secret')])]),

  'a name twice': [json(',"method":"delete","url":"Secrets/1"'), 'application/json'],
  'a name twice, the first one bad': ['{"requests":[{"id":"1","method":"delete","url":"Secrets/1","method":"get","url":"Orders"}]}', 'application/json'],
  'a name twice by an escape': [json(',"\\u0075rl":"Secrets/1"'), 'application/json'],
  'a name in capitals': [json(',"Method":"DELETE","URL":"Secrets/1"'), 'application/json'],
  'a name with a blank': [json(',"url ":"Secrets/1"'), 'application/json'],
  'a name with NUL': [json(',"url\\u0000":"Secrets/1"'), 'application/json'],
  requests: ['{"requests":[{"id":"1","method":"get","url":"Orders"}],"requests":[{"id":"1","method":"delete","url":"Secrets/1"}]}', 'application/json'],
  Requests: ['{"requests":[{"id":"1","method":"get","url":"Orders"}],"Requests":[{"id":"1","method":"delete","url":"Secrets/1"}]}', 'application/json'],
  'a prototype': [json(',"__proto__":{"method":"delete","url":"Secrets/1"}'), 'application/json'],
  'a comment that some leave out': [json('/*"*/,"url":"Secrets/1"//"'), 'application/json'],
  'two texts': [`${json('')}\n${json('').replace('get', 'delete').replace('Orders', 'Secrets/1')}`, 'application/json'],
  'a byte order mark': [`\xef\xbb\xbf${json('')}`, 'application/json'],
  'a url that is a list': ['{"requests":[{"id":"1","method":"get","url":["Secrets/1"]}]}', 'application/json'],
  'a header that is a line': [json(',"headers":{"a":"b\\r\\nX-HTTP-Method: DELETE"}'), 'application/json'],
  'a url with a line': ['{"requests":[{"id":"1","method":"get","url":"Orders HTTP/1.1\\r\\n\\r\\nDELETE Secrets/1"}]}', 'application/json'],
  'a multipart for JSON': [delimited([EVIL]), 'application/json'],
  'JSON for a multipart': [json('').replace('get', 'delete').replace('Orders', 'Secrets/1'), MULTIPART]
}

t.test('no request gets past the check of a batch', async t => {
  const { gateway, erp, idp } = await startAttacked(t, { routes: ROUTES })
  const token = idp.mintUser()
  const send = async (body: Body) => {
    const [bytes, type] = typeof body === 'string' ? [body, MULTIPART] : body
    return await gateway.call({ method: 'POST', path: '/svc/$batch', token, body: Buffer.from(bytes, 'latin1'), headers: { 'content-type': type } })
  }
  for (const [what, body] of Object.entries(BODIES)) {
    const { status, code } = await send(body)
    t.ok(status >= 400 && status < 500 && code !== undefined, `${what}: ${status} ${code ?? ''}`)
    t.equal(erp.requests.length, 0, what)
  }
  t.ok(Object.keys(BODIES).length > 40)
  for (const body of [delimited([READ, changeSet([made, post('{}')])]), [json(''), 'application/json']] as const) t.equal((await send(body)).status, 200, 'what is no attack passes')
  t.equal(erp.requests.length, 2)
})

t.test('headers of the batch that make another body of it', async t => {
  const { gateway, erp, idp } = await startAttacked(t, { routes: ROUTES })
  const body = delimited([READ])
  const rows: Readonly<Record<string, readonly string[]>> = {
    'two types': [`Content-Type: ${MULTIPART}`, 'Content-Type: multipart/mixed; boundary=other'],
    'two types, one with _': [`Content-Type: ${MULTIPART}`, 'Content_Type: multipart/mixed; boundary=other'],
    'no type': [],
    gzip: [`Content-Type: ${MULTIPART}`, 'Content-Encoding: gzip'],
    'gzip with _': [`Content-Type: ${MULTIPART}`, 'Content_Encoding: gzip'],
    'another base': [`Content-Type: ${MULTIPART}`, 'Content-Location: /svc/Secrets/'],
    'another method': [`Content-Type: ${MULTIPART}`, 'X-HTTP-Method: DELETE']
  }
  for (const [what, lines] of Object.entries(rows)) {
    const head = ['POST /svc/$batch HTTP/1.1', 'Host: a', 'Connection: close', `Authorization: Bearer ${idp.mintUser()}`, ...lines, `Content-Length: ${body.length}`, '', '']
    t.equal((await gateway.raw(head.join('\r\n') + body)).response.status, 400, what)
    t.equal(erp.requests.length, 0, what)
  }
  for (const path of ['/svc/%24batch', '/svc/$BATCH', '/svc/$batch/', '/svc/$batch.']) {
    const { status } = await gateway.call({ method: 'POST', path, token: idp.mintUser(), body: delimited([EVIL]), headers: { 'content-type': MULTIPART } })
    t.ok([400, 404].includes(status), `${path}: ${status}`)
    t.equal(erp.requests.length, 0, path)
  }
})

t.test('a batch that is dear to read costs little', async t => {
  const { gateway, erp, idp } = await startAttacked(t, { routes: [{ ...ROUTES[0], batch: { each: 'same_rules', max_parts: 1000 } }, ...ROUTES.slice(1)] })
  const big = 1_000_000
  const bodies: Readonly<Record<string, Body>> = {
    'delimiters alone': '--batch_1\r\n'.repeat(big / 11),
    'dashes alone': `--batch_1\r\n${'-'.repeat(big)}`,
    'blanks in a header': delimited([httpPart({ target: 'Orders', headers: Array.from({ length: 100 }, (_, at) => `X-${at}: a${' '.repeat(8000)}b`) })]),
    'blanks in a body': delimited([post(' '.repeat(big - 1000))]),
    'change sets': delimited(Array.from({ length: 999 }, (_, at) => changeSet([post('{}').padEnd(700)], `c${at + 1000}_`))),
    'lists in JSON': [json(`,"body":${'['.repeat(60)}${'[],'.repeat(300_000)}[]${']'.repeat(60)}`), 'application/json'],
    'names in JSON': [json(`,"body":{${Array.from({ length: 60_000 }, (_, at) => `"${at}":1`).join()}}`), 'application/json'],
    'a text in JSON': [json(`,"body":"${'\\n'.repeat(490_000)}"`), 'application/json'],
    'blanks in JSON': [json(`,${' '.repeat(big - 1000)}`), 'application/json']
  }
  for (const [what, body] of Object.entries(bodies)) {
    const [text, type] = typeof body === 'string' ? [body, MULTIPART] : body
    const began = performance.now()
    const { status } = await gateway.call({ method: 'POST', path: '/svc/$batch', token: idp.mintUser(), body: text, headers: { 'content-type': type } })
    t.ok(status < 500, `${what}: ${status}`)
    t.ok(performance.now() - began < 5000, what)
  }
  t.ok(erp.malformed === 0)
})
