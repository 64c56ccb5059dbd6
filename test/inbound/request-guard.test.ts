import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import t from 'tap'
import { createRequestGuard, type GuardedRequest } from '../../src/inbound/request-guard.ts'
import { Refusal } from '../../src/policy/problems.ts'

type Lines = readonly string[]

const socket = new Socket()
const asked = new Set<string>()
const guard = createRequestGuard(name => {
  asked.add(name)
  return name === 'x-our-own'
})

function look (rawHeaders: Lines, method: string, httpVersion: string): GuardedRequest {
  return guard(Object.assign(new IncomingMessage(socket), { method, httpVersion, rawHeaders: [...rawHeaders] }))
}

/** What the guard saw, or the refusal's code, with ", close" where the connection ends with it. */
function outcome (rawHeaders: Lines, method = 'POST', httpVersion = '1.1'): GuardedRequest | string {
  try {
    return look(rawHeaders, method, httpVersion)
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return [error.code, ...Object.entries(error.extras.headers ?? {}).flat()].join(', ')
  }
}

const HOST = ['Host', 'a']
const MALFORMED = 'request-malformed, Connection, close'
const seen = (more: Partial<GuardedRequest> = {}): GuardedRequest => ({ authorization: undefined, host: 'a', hasBody: false, ...more })

t.test('what it saw is given as it was sent, in whatever case and order', async t => {
  t.same(outcome(HOST), seen())
  t.same(outcome(['Authorization', 'Basic x', 'Accept', '*/*', 'Accept', 'a', 'HOST', 'A.b:80', 'X-Y', '']), seen({ authorization: 'Basic x', host: 'A.b:80' }))
  t.same(outcome(['aUTHORIZATION', '', ...HOST]), seen({ authorization: '' }))
  // A value is not a name.
  t.same(outcome([...HOST, 'X-A', 'Host', 'X-B', 'X-HTTP-Method']), seen())
})

t.test('HTTP/1.1 and 1.0 alone are served, the second without a Host too', async t => {
  t.same(outcome(HOST, 'GET', '1.0'), seen())
  t.same(outcome([], 'GET', '1.0'), seen({ host: undefined }))
  t.equal(outcome([], 'GET'), MALFORMED)
  for (const version of ['none', '0.9', '1.2', '2.0', '']) t.equal(outcome(HOST, 'GET', version), MALFORMED, version)
  for (const version of ['1.0', '1.1']) {
    for (const host of ['', 'a b', 'a/b', 'a,b']) t.equal(outcome(['Host', host], 'GET', version), MALFORMED, `${host} in ${version}`)
  }
})

t.test('what may come once comes once, the same twice and an empty one too', async t => {
  for (const [name, value, code] of [
    ['Host', 'a', MALFORMED],
    ['Authorization', 'Bearer x', 'credential-ambiguous'],
    ['Content-Length', '1', MALFORMED],
    ['Transfer-Encoding', 'chunked', MALFORMED]
  ] as const) {
    const host = name === 'Host' ? [] : HOST
    for (const second of [[name, value], [name.toLowerCase(), value]]) t.equal(outcome([...host, name, value, ...second]), code, second.join())
    if (name === 'Authorization') t.equal(outcome([...HOST, name, '', name, '']), code)
    // The log is told which one it was.
    else t.throws(() => look([...host, name, value, name, value], 'POST', '1.1'), { code: 'request-malformed', extras: { saw: name } })
  }
})

t.test('a body is announced by a coding, or by a length that is not zero', async t => {
  for (const [value, hasBody] of [['0', false], ['000', false], ['1', true], ['10', true], ['01', true], ['999999999999999', true]] as const) {
    for (const version of ['1.0', '1.1']) t.same(outcome([...HOST, 'Content-Length', value], 'POST', version), seen({ hasBody }), value)
  }
  for (const value of ['', 'x', '1x', 'x1', '-1', '+1', '1.0', '1 ', ' 1', '1, 1', '1e3', '0x1', '1000000000000000', '0000000000000000']) {
    for (const method of ['POST', 'GET']) t.equal(outcome([...HOST, 'Content-Length', value], method), MALFORMED, value)
  }
  for (const value of ['chunked', 'Chunked', 'CHUNKED']) {
    t.same(outcome([...HOST, 'Transfer-Encoding', value]), seen({ hasBody: true }), value)
    t.equal(outcome([...HOST, 'Transfer-Encoding', value], 'POST', '1.0'), MALFORMED, value)
  }
  for (const value of ['', 'gzip', 'identity', 'gzip, chunked', 'chunked, chunked', 'xchunked', 'chunkedx']) {
    for (const method of ['POST', 'GET']) t.equal(outcome([...HOST, 'Transfer-Encoding', value], method), MALFORMED, value)
  }
})

t.test('GET and HEAD take no body, every other method does', async t => {
  for (const framing of [['Content-Length', '1'], ['Transfer-Encoding', 'chunked']]) {
    for (const method of ['GET', 'HEAD']) t.equal(outcome([...HOST, ...framing], method), 'body-unexpected', method)
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) t.same(outcome([...HOST, ...framing], method), seen({ hasBody: true }), method)
  }
  for (const method of ['GET', 'HEAD']) t.same(outcome([...HOST, 'Content-Length', '0'], method), seen(), method)
})

t.test('an upgrade to WebSocket is refused and ends the connection; any other is ignored', async t => {
  for (const value of ['websocket', 'WebSocket', 'h2c, websocket', 'websocket/13', 'h2c,websocket,x']) t.equal(outcome([...HOST, 'Upgrade', value]), 'upgrade-unsupported, Connection, close', value)
  t.equal(outcome([...HOST, 'Upgrade', 'h2c', 'UPGRADE', 'websocket']), 'upgrade-unsupported, Connection, close')
  for (const value of ['', 'h2c', 'xwebsocket', 'websocketx']) t.same(outcome([...HOST, 'Upgrade', value, 'Authorization', 'x']), seen({ authorization: 'x' }), value)
})

t.test('a method override is refused in every spelling that a server behind may read as one', async t => {
  for (const name of ['X-HTTP-Method', 'X-HTTP-Method-Override', 'X-Method-Override']) {
    for (const one of [name, name.toLowerCase(), name.toUpperCase(), ...['_', '.', '!', '~'].map(sign => name.replaceAll('-', sign)), name.replace('-', '_')]) t.equal(outcome([...HOST, one, '']), 'method-override', one)
  }
  for (const name of ['X-HTTP-Methods', 'X-Method', 'X-HTTP', 'XX-HTTP-Method', 'X-HTTP--Method', 'XHTTPMethod', 'X-9-Method']) t.same(outcome([...HOST, name, 'PUT']), seen(), name)
})

t.test('a name with _ that spells one of the gateway\'s is refused, and told to the log as it was sent', async t => {
  for (const name of ['X_Our_Own', 'x_our-own', 'X-OUR_OWN']) t.throws(() => look([...HOST, name, ''], 'GET', '1.1'), { code: 'header-ambiguous', extras: { saw: name } }, name)
  t.same(outcome([...HOST, 'X-Our-Own', '', 'X_Other', '', '_', '', 'X.Our.Own', '']), seen())
  t.same([...asked].sort(), ['-', 'x-other', 'x-our-own'])
  const every = createRequestGuard(() => true)
  for (const length of [99, 100, 101]) {
    const name = 'X_'.padEnd(length, 'y')
    const request = Object.assign(new IncomingMessage(socket), { method: 'GET', httpVersion: '1.1', rawHeaders: [...HOST, name, ''] })
    try {
      every(request)
      t.fail(name)
    } catch (error) {
      t.same(error instanceof Refusal ? [error.code, error.extras] : error, ['header-ambiguous', { saw: name.slice(0, 100) }])
    }
  }
})
