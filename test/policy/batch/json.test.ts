import t from 'tap'
import { reading, requestsOf } from './reading.ts'

const read = (body: string | Buffer, type = 'application/json') => reading(typeof body === 'string' ? Buffer.from(body) : body, type)
const one = (members: string): string => `{"requests":[{${members}}]}`
const GOOD = '"id":"1","method":"get","url":"A"'

t.test('requests are read in order, with their headers and lengths', async t => {
  const body = { requests: [{ id: '1', method: 'get', url: 'A' }, { id: 'B.2', atomicityGroup: 'G', method: 'Post', url: 'B', headers: { 'content-type': 'application/json' }, body: { n: 'é', l: [1, -0.5e+3, true, null, {}, []] } }, { id: '3', method: 'DELETE', url: 'C(1)', if: '$1/status', dependsOn: ['1', 'G'] }] }
  t.same(read(JSON.stringify(body, undefined, 2)), {
    parts: [
      { number: 1, method: 'GET', target: 'A', headers: [], bodyLength: 0 },
      { number: 2, method: 'POST', target: 'B', headers: ['content-type'], bodyLength: Buffer.byteLength(JSON.stringify(body.requests[1]?.body, undefined, 2).replaceAll('\n', '\n      ')) },
      { number: 3, method: 'DELETE', target: 'C(1)', headers: [], bodyLength: 0 }
    ],
    ids: new Set(['1', 'b.2', '3', 'g'])
  })
  for (const type of ['Application/JSON;charset=UTF-8', 'application/json; odata.metadata=minimal; IEEE754Compatible=true']) t.same(requestsOf(read(one(GOOD), type)), ['GET A'], type)
  t.equal(requestsOf(read(one(`${GOOD},"body":null`)))[0], 'GET A')
})

t.test('what is not well-formed, or could be read in another way, is refused', async t => {
  const rows: Readonly<Record<string, readonly [code: string, body: string | Buffer]>> = {
    nothing: ['batch-malformed', ''],
    'no object': ['batch-malformed', `[${one(GOOD)}]`],
    'no requests': ['batch-malformed', '{}'],
    'requests that are no list': ['batch-malformed', '{"requests":{}}'],
    'no request': ['batch-malformed', '{"requests":[]}'],
    'a request that is none': ['batch-malformed', '{"requests":[1]}'],
    'more than it may have': ['batch-too-large', `{"requests":[${Array.from({ length: 11 }, () => '1').join()}]}`],
    'requests twice': ['batch-ambiguous', `{"requests":[{${GOOD}}],"requests":[{"id":"1","method":"delete","url":"Z"}]}`],
    'requests in another spelling': ['batch-malformed', `{"requests":[{${GOOD}}],"Requests":[]}`],
    'a url twice': ['batch-ambiguous', one(`${GOOD},"url":"Z"`)],
    'a url twice, once with an escape': ['batch-ambiguous', one(`${GOOD},"\\u0075rl":"Z"`)],
    'a url with an escape in its name': ['batch-ambiguous', one('"id":"1","method":"get","\\u0075rl":"A"')],
    'a url in another spelling': ['batch-malformed', one(`${GOOD},"URL":"Z"`)],
    'a url and a uri': ['batch-malformed', one(`${GOOD},"uri":"Z"`)],
    'a method twice': ['batch-ambiguous', one(`${GOOD},"method":"delete"`)],
    'the name __proto__': ['batch-malformed', one('"id":"1","method":"get","__proto__":{"url":"Z"}')],
    'the name constructor': ['batch-malformed', one(`${GOOD},"constructor":{}`)],
    'a name twice deep in a body': ['batch-ambiguous', one('"id":"1","method":"post","url":"A","body":{"a":[{"b":1,"b":2}]}')],
    'no id': ['batch-malformed', one('"method":"get","url":"A"')],
    'an empty id': ['batch-malformed', one('"id":"","method":"get","url":"A"')],
    'an id that is a number': ['batch-malformed', one('"id":1,"method":"get","url":"A"')],
    'an id with other characters': ['batch-malformed', one('"id":"a/b","method":"get","url":"A"')],
    'an id twice, in other letter case': ['batch-ambiguous', '{"requests":[{"id":"a","method":"get","url":"A"},{"id":"A","method":"get","url":"A"}]}'],
    'a group with the name of a request': ['batch-ambiguous', one(`${GOOD},"atomicityGroup":"1"`)],
    'no method': ['batch-malformed', one('"id":"1","url":"A"')],
    'a method that is none': ['batch-malformed', one('"id":"1","method":"merge","url":"A"')],
    'a method that is one in capitals only': ['batch-malformed', one('"id":"1","method":"po\u017ft","url":"A"')],
    'a method with a blank': ['batch-malformed', one('"id":"1","method":"get ","url":"A"')],
    'a list of methods': ['batch-malformed', one('"id":"1","method":["get"],"url":"A"')],
    'no url': ['batch-malformed', one('"id":"1","method":"get"')],
    'a url that is no text': ['batch-malformed', one('"id":"1","method":"get","url":null')],
    'a url with a blank': ['batch-malformed', one('"id":"1","method":"get","url":"A B"')],
    'a url with a line break': ['batch-malformed', one('"id":"1","method":"get","url":"A\\r\\nX: y"')],
    'a url with NUL': ['batch-malformed', one('"id":"1","method":"get","url":"A\\u0000"')],
    'a url beyond ASCII': ['batch-malformed', one('"id":"1","method":"get","url":"\\u00c4"')],
    'a url that is too long': ['target-too-long', one(`"id":"1","method":"get","url":"${'a'.repeat(17_000)}"`)],
    'headers that are none': ['batch-malformed', one(`${GOOD},"headers":["a"]`)],
    'a header that is no text': ['batch-malformed', one(`${GOOD},"headers":{"a":1}`)],
    'a header with a line break': ['batch-malformed', one(`${GOOD},"headers":{"a":"b\\r\\nc: d"}`)],
    'a header with a blank in its name': ['batch-malformed', one(`${GOOD},"headers":{"a ":"b"}`)],
    'a header twice, in other letter case': ['batch-ambiguous', one(`${GOOD},"headers":{"a":"b","A":"c"}`)],
    'a length': ['batch-malformed', one(`${GOOD},"headers":{"content-length":"0"}`)],
    'a body that is a batch': ['batch-ambiguous', one(`${GOOD},"headers":{"content-type":"multipart/mixed;boundary=a"}`)],
    'dependsOn that is no list': ['batch-malformed', one(`${GOOD},"dependsOn":"1"`)],
    'if that is no text': ['batch-malformed', one(`${GOOD},"if":true`)],
    'a byte order mark': ['batch-malformed', `\ufeff${one(GOOD)}`],
    'UTF-16': ['batch-malformed', Buffer.from(one(GOOD), 'utf16le')],
    'no UTF-8': ['batch-malformed', Buffer.from(one(`${GOOD},"body":"\u00e9"`), 'latin1')],
    'half a character': ['batch-ambiguous', one(`${GOOD},"body":"\\ud800"`)],
    'text behind it': ['batch-malformed', `${one(GOOD)}{}`],
    'a comment': ['batch-malformed', one(`${GOOD}/* */`)],
    'a comment of one line': ['batch-malformed', one(`${GOOD}//\n`)],
    'a comma too many': ['batch-malformed', one(`${GOOD},`)],
    'a comma too few': ['batch-malformed', one('"id":"1" "method":"get","url":"A"')],
    'single quotes': ['batch-malformed', one("'id':'1','method':'get','url':'A'")],
    'names without quotes': ['batch-malformed', one('id:"1",method:"get",url:"A"')],
    ...Object.fromEntries(['NaN', '-Infinity', '01', '1.', '.5', '+1', '0x1', '1e', '-', 'undefined', 'True', 'nul', '"\t"', '"\\x41"', '"\\u12"', '"a', '\u00a01'].map(value => [`the value ${value}`, ['batch-malformed', one(`${GOOD},"body":${value}`)]] as const)),
    'very deep': ['batch-malformed', one(`${GOOD},"body":${'['.repeat(100_000)}${']'.repeat(100_000)}`)]
  }
  for (const [what, [code, body]] of Object.entries(rows)) t.equal(requestsOf(read(body)), code, what)
  for (const type of ['application/json; charset=utf-16', 'application/json; charset=latin1', 'application/json;', 'application/json, text/plain', 'application/json5', 'text/json', 'application/*', 'application/json; q=1']) t.equal(read(one(GOOD), type), 'batch-malformed', type)
})

t.test('a long text is no trouble', async t => {
  const text = 'x'.repeat(8_000_000)
  t.match(read(one(`${GOOD},"body":"${text}"`)), { parts: [{ bodyLength: 8_000_002 }] })
  t.equal(read(one(`${GOOD},"body":"${text}`)), 'batch-malformed')
})
