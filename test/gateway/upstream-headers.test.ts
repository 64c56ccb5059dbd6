import t from 'tap'
import { scene } from './upstream-scene.ts'

/** Headers that no caller gets past the gateway, whatever the rule. */
const REMOVED = [
  'Authorization', 'Proxy-Authorization', 'Cookie', 'DPoP', 'X-Api-Key', 'X-Forwarded-User', 'X-Forwarded-Email', 'X-Forwarded-Groups',
  'X-Forwarded-Access-Token', 'X-Forwarded-Anything', 'X-Forwarded-Port', 'Forwarded', 'X-Real-IP', 'Remote-User', 'X-Auth-Request-User', 'X-Auth-Request-Email',
  'X-Remote-User', 'X-Remote-Group', 'SSL-Client-Verify', 'SSL-Client-S-DN', 'X-Original-URL', 'X-Rewrite-URL', 'Expect', 'Keep-Alive', 'Proxy-Connection',
  'TE', 'Trailer', 'Upgrade', 'HTTP2-Settings', 'Proxy-Authenticate'
]
/** What the gateway itself sends, which a caller's value must not replace. */
const WRITTEN = ['X-Forwarded-For', 'X-Forwarded-Proto', 'X-Forwarded-Host', 'X-Erp-Client', 'X-User-Id']

const named = (raw: readonly string[], name: string) => raw.filter((_value, at) => at % 2 === 1 && raw[at - 1]?.toLowerCase() === name)
const SPELLINGS: ReadonlyArray<(name: string) => string> = [name => name, name => name.toLowerCase(), name => name.toUpperCase(), name => name.replaceAll('-', '.'), name => name.replaceAll('-', '~')]

t.test('what is removed is removed in every spelling that passes for it', async t => {
  const { erp, gateway, head, token } = await scene(t, undefined, { rule: { headers: { set: { 'X-Erp-Client': 'ours' }, remove: 'X-Debug' }, identity: { headers: { 'X-User-Id': 'sub' } } } })
  for (const spell of SPELLINGS) {
    const names = [...REMOVED, ...WRITTEN, 'X-Debug'].map(spell).filter(name => name.toLowerCase() !== 'authorization')
    t.equal((await gateway.raw(head('GET /x', ...names.map(name => `${name}: smuggled`)))).response.status, 200)
    const raw = erp.requests.at(-1)?.rawHeaders ?? []
    t.same(raw.filter((_value, at) => raw[at + 1] === 'smuggled'), [])
  }
  t.match(erp.requests.at(-1)?.headers, { 'x-erp-client': 'ours', 'x-user-id': 'user-1' })
  t.notMatch(erp.requests.map(one => one.rawHeaders.join()).join(), token)
})

t.test('a name with _ that spells one of them is a 400', async t => {
  const { erp, gateway, head } = await scene(t, undefined, { rule: { headers: { set: { 'X-Erp-Client': 'ours' }, remove: 'X-Debug' }, identity: { headers: { 'X-User-Id': 'sub' } } } })
  for (const name of [...REMOVED, ...WRITTEN, 'X-Debug'].filter(one => one.includes('-'))) {
    const { response } = await gateway.raw(head('GET /x', `${name.replace('-', '_').toUpperCase()}: smuggled`), { idle: 10 })
    t.equal(response.status, 400, name)
  }
  t.equal(erp.requests.length, 0)
  t.match((await gateway.raw(head('GET /x', 'X_Innocent: 1'))).response, { status: 200 })
})

t.test('other headers pass: values, order, spelling and repetition as sent', async t => {
  const { erp, gateway, head } = await scene(t)
  const sent = ['Accept: a/b;q=0.5, */*', 'X-Twice: 1', 'x-ONCE: a  b\tc', 'X-Twice: 2', 'X-Empty:', 'X-High: caf\xe9', 'If-Match: "a", W/"b"', 'Range: bytes=0-1', 'Accept-Encoding: gzip', 'User-Agent: t', 'Cache-Control: no-cache', 'Origin: https://saas.example.com', 'Content-Language: de']
  t.equal((await gateway.raw(head('GET /x', ...sent))).response.status, 200)
  const raw = erp.requests[0]?.rawHeaders ?? []
  const pairs = raw.flatMap((value, at) => at % 2 === 1 ? [`${raw[at - 1]}: ${value}`] : [])
  t.same(pairs.filter(pair => sent.map(one => one.trimEnd()).includes(pair.trimEnd())).map(pair => pair.trimEnd()), sent)
})

t.test('what Connection lists goes no further, and never what the gateway sends itself', async t => {
  const { erp, gateway, head } = await scene(t, undefined, { rule: { headers: { set: { 'X-Erp-Client': 'ours' } }, identity: { headers: { 'X-User-Id': 'sub' } } } })
  const listed = 'Connection: keep-alive, X-Hop , authorization,x-user-id, X-Erp-Client, x-forwarded-for, x-request-id, traceparent, host, content-length'
  const { response } = await gateway.raw(head('POST /x', listed, 'Connection: x-more', 'X-Hop: 1', 'X-More: 1', 'X-Stays: 1', 'Content-Length: 2') + 'ok')
  t.equal(response.status, 200)
  const seen = erp.requests[0]
  t.match(seen?.headers, {
    authorization: /^Bearer eyJ/, 'x-user-id': 'user-1', 'x-erp-client': 'ours', 'x-stays': '1', 'content-length': '2', host: new URL(erp.origin).host,
    'x-forwarded-for': '127.0.0.1', 'x-request-id': /./, traceparent: /^00-/
  })
  t.same([seen?.headers['x-hop'], seen?.headers['x-more']], [undefined, undefined])
  t.equal(seen?.body.toString(), 'ok')
  t.notMatch(seen?.headers.connection, /x-/i)
})

t.test('headers can be set, removed and kept; the rule has the last word', async t => {
  const { erp, gateway, token } = await scene(t, undefined, {
    changes: { upstreams: { erp: { headers: { set: { 'X-Sap-Client': '100', 'X-From-Upstream': 'erp' }, remove: 'X-Debug', keep: 'X-Api-Key' } } } },
    routes: {
      defaults: { headers: { set: { 'X-Sap-Client': '200' }, keep: 'X-Forwarded-Prefix' } },
      routes: [
        { match: 'GET /a', require: 'user' },
        { match: 'GET /b', require: 'user', headers: { set: { 'X-Sap-Client': '300', 'Content-Language': 'en' }, remove: ['X-From-Upstream', 'X-Api-Key'] } }
      ]
    }
  })
  const headers = { 'X-Sap-Client': 'mine', 'X-Debug': '1', 'X-Api-Key': 'key', 'X-Forwarded-Prefix': '/p', 'X-Forwarded-User': 'root', 'Content-Language': 'de', 'X-From-Upstream': 'mine' }
  t.equal((await gateway.call({ path: '/a', token, headers })).status, 200)
  t.match(erp.requests[0]?.headers, { 'x-sap-client': '200', 'x-from-upstream': 'erp', 'x-api-key': 'key', 'x-forwarded-prefix': '/p', 'content-language': 'de' })
  t.same(['x-debug', 'x-forwarded-user'].filter(name => name in (erp.requests[0]?.headers ?? {})), [])
  t.equal((await gateway.call({ path: '/b', token, headers })).status, 200)
  t.match(erp.requests[1]?.headers, { 'x-sap-client': '300', 'content-language': 'en', 'x-forwarded-prefix': '/p' })
  t.same(['x-debug', 'x-api-key', 'x-from-upstream', 'x-forwarded-user'].filter(name => name in (erp.requests[1]?.headers ?? {})), [])
})

t.test('an identity is what the token says, as one line of visible ASCII', async t => {
  const { erp, gateway, idp } = await scene(t, undefined, {
    rule: { identity: { headers: { 'X-User-Id': 'sub', 'X-Name': 'name', 'X-Org': 'org.id', 'X-Place': 'https://example.com/org.id', 'X-Groups': 'groups', 'X-Admin': 'admin', 'X-None': 'constructor' } } }
  })
  const seenFor = async (claims: Record<string, unknown>) => {
    t.equal((await gateway.call({ token: idp.mintUser(claims), headers: { 'X-Name': 'mine', 'X-Groups': 'admin', 'x-none': 'mine' } })).status, 200)
    return erp.requests.at(-1)?.headers
  }
  t.match(await seenFor({ sub: 'Zoë Ångström', name: 'a\r\nX-Admin: true', org: { id: 7 }, 'https://example.com/org.id': '8', groups: ['a', 'b c'], admin: true }), {
    'x-user-id': 'Zo%C3%AB%20%C3%85ngstr%C3%B6m', 'x-name': 'a%0D%0AX-Admin:%20true', 'x-org': '7', 'x-place': '8', 'x-groups': 'a,b%20c', 'x-admin': 'true'
  })
  const absent = await seenFor({})
  t.same(['x-name', 'x-org', 'x-groups', 'x-admin', 'x-none'].filter(name => name in (absent ?? {})), [])
  t.match(await seenFor({ name: '\u0000\ud800\u2028x', admin: false, groups: [] }), { 'x-name': '%00%EF%BF%BD%E2%80%A8x', 'x-admin': 'false' })
  t.match(await seenFor({ name: null, groups: { a: ['é'] } }), { 'x-groups': '{"a":["%C3%A9"]}' })
})

t.test('X-Forwarded-* say what is known, and are believed of no stranger', async t => {
  const { erp, gateway, head } = await scene(t)
  const forged = ['X-Forwarded-For: 198.51.100.7', 'X-Forwarded-Proto: https', 'X-Forwarded-Host: evil.example.com', 'Forwarded: for=198.51.100.7', 'X-Real-IP: 198.51.100.7']
  await gateway.raw(head('GET /x', ...forged))
  const raw = erp.requests[0]?.rawHeaders ?? []
  t.same([named(raw, 'x-forwarded-for'), named(raw, 'x-forwarded-proto'), named(raw, 'x-forwarded-host')], [['127.0.0.1'], ['http'], ['gateway.test']])
  t.same([named(raw, 'forwarded'), named(raw, 'x-real-ip')], [[], []])
  t.same(named(raw, 'host'), [new URL(erp.origin).host])
})

t.test('of a trusted proxy they are', async t => {
  const { erp, gateway, head } = await scene(t, undefined, { changes: { listen: { trusted_proxies: ['127.0.0.0/8', '203.0.113.0/24'] } } })
  const seenFor = async (...headers: string[]) => {
    t.equal((await gateway.raw(head('GET /x', ...headers))).response.status, 200)
    const raw = erp.requests.at(-1)?.rawHeaders ?? []
    return [named(raw, 'x-forwarded-for'), named(raw, 'x-forwarded-proto'), named(raw, 'x-forwarded-host')].map(values => values.join(' | '))
  }
  t.same(await seenFor('X-Forwarded-For: 198.51.100.7', 'X-Forwarded-Proto: https', 'X-Forwarded-Host: api.example.com'), ['198.51.100.7, 127.0.0.1', 'https', 'api.example.com'])
  // What the first stranger in the chain says of those before him is his word only.
  t.same(await seenFor('X-Forwarded-For: 10.0.0.1, 198.51.100.7, 203.0.113.9'), ['198.51.100.7, 203.0.113.9, 127.0.0.1', 'http', 'gateway.test'])
  t.same(await seenFor('X-Forwarded-Proto: gopher', 'X-Forwarded-Host: a/b'), ['127.0.0.1', 'http', 'gateway.test'])
  t.same(await seenFor('X-Forwarded-Host: a.example.com, b.example.com', 'X-Forwarded-Proto: https, http'), ['127.0.0.1', 'http', 'gateway.test'])
})

t.test('X-Request-Id: the caller\'s own where it is one, and the same everywhere', async t => {
  const { erp, gateway, head } = await scene(t)
  for (const good of ['a', 'A.b_c-9', 'x'.repeat(64)]) {
    const { response } = await gateway.raw(head('GET /x', `X-Request-Id: ${good}`))
    t.equal(response.headers['x-request-id'], good)
    t.same(named(erp.requests.at(-1)?.rawHeaders ?? [], 'x-request-id'), [good])
    t.match(gateway.logLines().filter(line => line['msg'] === 'request').at(-1), { request: good })
  }
  for (const bad of ['X-Request-Id: ', `X-Request-Id: ${'x'.repeat(65)}`, 'X-Request-Id: a b', 'X-Request-Id: a\r\nX-Request-Id: b', 'X-Request-Id: é']) {
    const { response } = await gateway.raw(head('GET /x', bad))
    t.match(response.headers['x-request-id'], /^[0-9a-f-]{36}$/)
    t.same(named(erp.requests.at(-1)?.rawHeaders ?? [], 'x-request-id'), [response.headers['x-request-id']])
  }
})

t.test('traceparent: one that is well-formed goes on; else a trace begins, without a state', async t => {
  const { erp, gateway, head } = await scene(t)
  const id = '4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7'
  const seenFor = async (...headers: string[]) => {
    t.equal((await gateway.raw(head('GET /x', ...headers, 'tracestate: a=b'))).response.status, 200)
    return [named(erp.requests.at(-1)?.rawHeaders ?? [], 'traceparent'), named(erp.requests.at(-1)?.rawHeaders ?? [], 'tracestate')]
  }
  for (const good of [`00-${id}-01`, `00-${id}-00`, `cc-${id}-01`, `cc-${id}-01-what-the-future-will-be-like`]) {
    t.same(await seenFor(`traceparent: ${good}`), [[good], ['a=b']])
  }
  const bad = [
    [], [`traceparent: 00-${id}-01`, `traceparent: 00-${id}-01`], [`traceparent: ff-${id}-01`], [`traceparent: 00-${id}-01-more`], [`traceparent: 00-${id.toUpperCase()}-01`],
    [`traceparent: 00-${'0'.repeat(32)}-00f067aa0ba902b7-01`], [`traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-${'0'.repeat(16)}-01`], [`traceparent: ${id}`]
  ]
  for (const headers of bad) {
    const [parents, states] = await seenFor(...headers)
    t.match(parents, [/^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$/])
    t.equal(parents?.length, 1)
    t.notMatch(parents?.join(), new RegExp(id))
    t.same(states, [])
  }
})
