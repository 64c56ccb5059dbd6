import type { Test } from 'tap'
import { Counters } from '../../src/inbound/counters.ts'
import { get, request, type Gatehouse, type Wanted } from '../gateway/gatehouse.ts'
import { startGateway } from '../support/gateway.ts'
import { rawRequest } from '../support/raw-http.ts'
import { runSection, startAttacked } from './gauntlet.ts'
import { abuse } from './rows/j-abuse.ts'

const path = '/a'
const PUBLIC = [{ match: 'ANY /a', require: 'public' }]
const limited = (max: number): Wanted => ({ status: 429, code: 'rate-limited', headers: { 'ratelimit-limit': String(max), 'ratelimit-remaining': '0', 'retry-after': /^\d+$/ } })
/** The gauntlet's own look afterwards comes from an address of its own. */
const hour = (max: number) => ({ max, per: '1h' })

/** Many requests on one connection, and the statuses of their answers. */
async function pipelined (port: number, requests: readonly string[]): Promise<number[]> {
  const statuses: number[] = []
  for (let at = 0; at < requests.length; at += 500) {
    const some = requests.slice(at, at + 500)
    const { responses } = await rawRequest(port, some.join(''), { methods: some.map(one => one.split(' ')[0] ?? ''), responses: some.length, idle: 20, timeout: 30_000 })
    statuses.push(...responses.map(({ status }) => status))
  }
  return statuses
}

const kept = (method: string, target: string, ...lines: readonly string[]): string => request(method, target, ...lines).replace('Connection: close\r\n', '')

/** A gateway that believes this machine's X-Forwarded-For; without it a request is the gauntlet's own. */
async function behindProxy (t: Test, max: number, routes: ReadonlyArray<Record<string, unknown>> = PUBLIC): Promise<Gatehouse> {
  return await startAttacked(t, { routes, changes: { listen: { rate_limit: hour(max), trusted_proxies: ['127.0.0.1', '10.0.0.0/8'] } } })
}

const from = (address: string): string => `X-Forwarded-For: ${address}`

runSection(abuse, {
  async J01 (t) {
    const house = await behindProxy(t, 50, [{ match: 'ANY /a', require: 'user' }])
    const { idp, gateway, erp } = house
    const [header = '', payload = ''] = idp.mintUser().split('.')
    const bad = Array.from({ length: 1000 }, (_value, at) => kept('GET', path, from('192.0.2.1'), `Authorization: Bearer ${header}.${payload}.${Buffer.from(`signature ${at}`).toString('base64url')}`))
    const before = idp.requests.jwks
    const statuses = await pipelined(gateway.port, bad)
    t.equal(statuses.length, 1000)
    t.same([...new Set(statuses.slice(0, 50))], [401])
    t.same([...new Set(statuses.slice(50))], [429])
    t.ok(idp.requests.jwks - before <= 2)
    const good = idp.mintUser()
    await house.refuses(t, get(path, from('192.0.2.1'), `Authorization: Bearer ${good}`), limited(50))
    t.equal(erp.requests.length, 0)
    await house.lets(t, get(path, from('192.0.2.2'), `Authorization: Bearer ${good}`))
    // Bad tokens, none, and good ones count together.
    const mixed = await pipelined(gateway.port, Array.from({ length: 60 }, (_value, at) => kept('GET', path, from('192.0.2.3'), ...[[`Authorization: Bearer ${good}`], [], ['Authorization: Bearer x'], ['Authorization: Basic eDp5']][at % 4] ?? [])))
    t.equal(mixed.filter(status => status === 429).length, 10)
  },

  async J02 (t) {
    const house = await behindProxy(t, 20)
    const { gateway, erp } = house
    const kinds: Record<string, (at: number) => string> = {
      'unknown paths': at => kept('GET', `/nowhere/${at}`, from('192.0.2.1')),
      'ambiguous paths': at => kept('GET', `/a/../${at}`, from('192.0.2.2')),
      'escapes that are none': () => kept('GET', '/a%zz', from('192.0.2.3')),
      'other methods': at => kept(['TRACE', 'PROPFIND', 'QUERY', 'OPTIONS', 'REPORT'][at % 5] ?? '', '/nowhere', from('192.0.2.4')),
      'targets that are too long': () => kept('GET', `/${'a'.repeat(17_000)}`, from('192.0.2.5')),
      'method overrides': () => kept('GET', path, from('192.0.2.6'), 'X-HTTP-Method-Override: PUT'),
      'bad queries': () => kept('GET', `${path}?access_token=x`, from('192.0.2.7')),
      'all of them': at => [kept('GET', '/b', from('192.0.2.8')), kept('DELETE', '/%2e', from('192.0.2.8')), kept('GET', path, from('192.0.2.8'), 'Authorization: Bearer'), kept('HEAD', '/nowhere', from('192.0.2.8'))][at % 4] ?? ''
    }
    for (const [name, make] of Object.entries(kinds)) {
      const statuses = await pipelined(gateway.port, Array.from({ length: 40 }, (_value, at) => make(at)))
      t.equal(statuses.length, 40, name)
      t.ok(statuses.slice(0, 20).every(status => [400, 404, 405, 414].includes(status)), `${name}: ${[...new Set(statuses.slice(0, 20))].join()}`)
      t.same([...new Set(statuses.slice(20))], [429], name)
    }
    // These end their connection.
    for (let at = 0; at < 25; at++) {
      const { status } = (await gateway.raw(get(path, from('192.0.2.9'), 'Upgrade: websocket', 'Connection: upgrade'), { idle: 0 })).response
      t.equal(status, at < 20 ? 400 : 429)
    }
    const { response, ending } = await gateway.raw('NONSENSE / HTTP/1.1\r\nHost: a\r\n\r\n')
    t.match([response.status, ending], [400, 'closed'])
    t.equal(erp.requests.length, 0)
  },

  async J03 (t) {
    const spread = (at: number): string => `198.51.${at >> 8}.${at & 255}`
    const names = ['X-Forwarded-For', 'Forwarded', 'X-Real-IP', 'X-Client-IP', 'True-Client-IP', 'CF-Connecting-IP', 'X-Forwarded', 'X-Cluster-Client-IP', 'Via', 'X-Originating-IP']
    const alone = await startAttacked(t, { routes: [...PUBLIC, { match: 'GET /limited', require: 'public', rate_limit: { max: 5, per: '1h', by: 'address' } }], changes: { listen: { rate_limit: hour(2000) } } })
    const rule = await pipelined(alone.gateway.port, Array.from({ length: 1000 }, (_value, at) => kept('GET', '/limited', `${names[at % names.length]}: ${at % names.length === 1 ? `for=${spread(at)}` : spread(at)}`)))
    t.same(rule, [...Array.from({ length: 5 }, () => 200), ...Array.from({ length: 995 }, () => 429)])
    t.equal(alone.erp.requests.length, 5)
    // Behind a proxy that is named, its word counts: the last address that it does not know itself.
    const house = await behindProxy(t, 10)
    for (const [name, chain] of Object.entries<(at: number) => string>({
      'addresses before the one that the proxy saw': at => `${spread(at)}, 203.0.113.1`,
      'a long chain': at => `${Array.from({ length: 20 }, (_value, hop) => spread(at + hop)).join(', ')}, 203.0.113.2`,
      'as if it came through a proxy that is trusted': at => `${spread(at)}, 10.0.0.1, 203.0.113.3`,
      'what is no address': at => `x${at}, unknown, 203.0.113.4`,
      'through two proxies': at => `${spread(at)}, 203.0.113.5, 10.0.0.7`
    })) {
      const statuses = await pipelined(house.gateway.port, Array.from({ length: 100 }, (_value, at) => kept('GET', '/nowhere', from(chain(at)))))
      t.equal(statuses.filter(status => status === 429).length, 90, name)
    }
    await house.lets(t, get(path, from('203.0.113.9')))
  },

  async J04 (t) {
    const house = await behindProxy(t, 12, [{ match: 'ANY /a', require: 'public' }, { match: 'ANY /a/*', require: 'public', credential: 'none' }])
    const spellings = ['/a', '/A', '/a/', '/a?x=1', '/a?x=2', '/%61', '//a', '/a//b', '/a/./b', '/a;x', '/a/b', '/a/%62', '/a/b?c', '/a#b', '/a%2f']
    const methods = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS']
    const statuses = await pipelined(house.gateway.port, Array.from({ length: 90 }, (_value, at) => kept(methods[at % methods.length] ?? '', spellings[at % spellings.length] ?? '', from('192.0.2.1'), `Host: h${at}.test`).replace('Host: gateway.test\r\n', '')))
    t.equal(statuses.length, 90)
    t.same([...new Set(statuses.slice(12))], [429])
    // One caller's address, however it is written: 12 pass, the rest do not.
    for (const [name, addresses] of Object.entries<(at: number) => string>({
      'an IPv6 network of one\'s own': at => `2001:db8:1:2:${at.toString(16)}::${at + 1}`,
      'IPv6 in other spellings': at => ['2001:db8:3::1', '2001:DB8:3::1', '2001:0db8:0003:0000::0001', '2001:db8:3:0:0:0:0:1'][at % 4] ?? '',
      'IPv4 within IPv6': at => ['192.0.2.20', '::ffff:192.0.2.20'][at % 2] ?? '',
      'with the port that some proxies add': at => `192.0.2.30:${1024 + at}`,
      'IPv6 with a port': at => `[2001:db8:4::1]:${1024 + at}`,
      'IPv6 in brackets': at => ['2001:db8:5::1', '[2001:db8:5::1]'][at % 2] ?? ''
    })) {
      const some = await pipelined(house.gateway.port, Array.from({ length: 40 }, (_value, at) => kept('GET', '/nowhere', from(addresses(at)))))
      t.equal(some.filter(status => status === 429).length, 28, name)
    }
    for (const address of ['fe80::1%eth0', '2001:db8:9::1', '192.0.2.99']) t.match(await pipelined(house.gateway.port, [kept('GET', '/nowhere', from(address))]), [404], `${address} is another caller`)
    // A rule's own counters are by who is called, not by what: one client, many tokens, users and spellings.
    const byClient = await startAttacked(t, { routes: [{ match: 'ANY /*', require: 'user', rate_limit: { max: 10, per: '1h', by: 'client' } }] })
    const tokens = Array.from({ length: 8 }, (_value, at) => byClient.idp.mintUser({ sub: `user-${at}`, jti: String(at) }))
    const answers = await pipelined(byClient.gateway.port, Array.from({ length: 40 }, (_value, at) => kept('GET', `/x/${at}?${at}`, `Authorization: ${['Bearer', 'bearer', 'BEARER'][at % 3]} ${tokens[at % tokens.length]}`)))
    t.same(answers.map(status => status === 429), Array.from({ length: 40 }, (_value, at) => at >= 10))
    t.equal(byClient.erp.requests.length, 10)
  },

  async J06 (t) {
    const house = await behindProxy(t, 3)
    const first = kept('GET', '/nowhere', from('192.0.2.1'))
    t.same(await pipelined(house.gateway.port, [first, first, first, first]), [404, 404, 404, 429])
    const others = Array.from({ length: 6000 }, (_value, at) => kept('GET', '/nowhere', from(`198.${18 + (at >> 12)}.${(at >> 6) & 63}.${at & 63}`)))
    t.same([...new Set(await pipelined(house.gateway.port, others))], [404])
    t.same(await pipelined(house.gateway.port, [first, others[0] ?? '', others[5999] ?? '']), [429, 404, 404])
    await house.refuses(t, get(path, from('192.0.2.1')), limited(3))
  },

  async J07 (t) {
    const house = await startAttacked(t, { routes: [...PUBLIC, { match: 'GET /limited', require: 'public', rate_limit: { max: 100, per: '1h', by: 'address' } }] })
    for (const more of [{ store: 'redis' }, { redis: 'redis://127.0.0.1' }, { skip_on_error: true }, { skipOnError: true }]) {
      await t.rejects(startGateway(t, { idp: house.idp, erp: house.erp, routes: PUBLIC, changes: { listen: { rate_limit: { ...hour(3), ...more } } } }), 'there is no store to configure')
    }
    await house.lets(t, get('/limited'))
    // The one that is there, made to fail.
    const incr = Object.getOwnPropertyDescriptor(Counters.prototype, 'incr') ?? {}
    for (const [name, broken] of Object.entries<Counters['incr']>({
      throws () { throw new Error('the counters are at 192.0.2.1') },
      'calls back with an error' (_key, done) { done(new Error('the counters are at 192.0.2.1')) }
    })) {
      Counters.prototype.incr = broken
      try {
        const { body } = await house.refuses(t, get('/limited'), { status: 500, code: 'internal' })
        t.notMatch(body.toString(), /counters are|192\.0/, name)
      } finally {
        Object.defineProperty(Counters.prototype, 'incr', incr)
      }
    }
    await house.lets(t, get('/limited'))
  },

  async J08 (t) {
    const house = await startAttacked(t, { routes: [{ match: 'ANY /a', require: 'user', headers: { set: { 'X-Channel': 'x' } } }], changes: { listen: { trusted_proxies: ['127.0.0.1'], max_token_size: '32KiB' } } })
    const token = house.idp.mintUser()
    const names = ['Accept', 'Cookie', 'Forwarded', 'Access-Control-Request-Headers', 'X-Forwarded-For', 'X-Forwarded-Host', 'X-Forwarded-Proto', 'Connection', 'Via', 'TE', 'Expect', 'Upgrade', 'Content-Type', 'Accept-Encoding', 'Prefer', 'traceparent', 'tracestate', 'X-Request-Id', 'Host', 'Transfer-Encoding', 'Content-Length', 'Authorization']
    const fillers = [' ', ',', ', ', ';', 'a,', '"', '\\"', '\t', '=', 'a=b;', '%20', ' ,']
    for (const name of names) {
      const lines = fillers.map(filler => `${name}: x${filler.repeat(Math.floor(15_000 / filler.length))}x`)
      const authorised = name === 'Authorization' ? [] : [`Authorization: Bearer ${token}`]
      const began = process.cpuUsage()
      for (const line of lines) {
        const bytes = get(path, ...authorised, line)
        const { response } = await house.gateway.raw(name === 'Host' ? bytes.replace('Host: gateway.test\r\n', '') : bytes, { idle: 0 })
        t.match(String(response.status), /^(200|40[0135])$/, `${name} ${JSON.stringify(line.slice(name.length + 3, name.length + 7))}`)
      }
      const { user, system } = process.cpuUsage(began)
      // In it are the caller's and the ERP's work, and collections of garbage.
      t.ok((user + system) / 1000 / lines.length < 100, `${name}: ${Math.round((user + system) / 10 / lines.length) / 100} ms for each`)
    }
    // A token that long, and paths and queries.
    for (const bytes of [get(path, `Authorization: Bearer ${'a.'.repeat(7500)}`), get(path, `Authorization: Bearer ${' '.repeat(15_000)}x`), get(`/${'a/'.repeat(7500)}`), get(`/a?${'a=b&'.repeat(3700)}`, `Authorization: Bearer ${token}`), get(`/${'%20'.repeat(5000)}`)]) {
      const began = process.cpuUsage()
      const { response } = await house.gateway.raw(bytes, { idle: 0 })
      const { user, system } = process.cpuUsage(began)
      t.ok(response.status > 0 && (user + system) / 1000 < 500, `${response.status}: ${Math.round((user + system) / 1000)} ms`)
    }
  }
})
