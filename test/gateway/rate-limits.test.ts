import t, { type Test } from 'tap'
import { get, startGatehouse, type Asked, type Gatehouse, type Wanted } from './gatehouse.ts'

const path = '/a'
const limited = (max: number, granted = false): Wanted => ({
  status: 429,
  code: 'rate-limited',
  granted,
  headers: { 'ratelimit-limit': String(max), 'ratelimit-remaining': '0', 'ratelimit-reset': /^[1-9]\d?$/, 'retry-after': /^[1-9]\d?$/ }
})
const MINUTE = { max: 3, per: '60s' }

async function letsThenRefuses (t: Test, { lets, refuses }: Gatehouse, times: number, asked: Asked, max = times): Promise<void> {
  for (let at = 0; at < times; at++) await lets(t, asked)
  await refuses(t, asked, limited(max))
}

t.test('listen.rate_limit stops a flood of bad tokens before any is verified', async t => {
  const { idp, refuses } = await startGatehouse(t, { routes: [{ match: 'GET /a', require: 'user' }], changes: { listen: { rate_limit: { max: 5, per: '60s' } } } })
  for (let at = 0; at < 5; at++) await refuses(t, { path, token: idp.mint({ iss: 'urn:x' }) }, { status: 401, code: 'token-invalid', challenge: { error: 'invalid_token' } })
  for (let at = 0; at < 20; at++) await refuses(t, { path, token: idp.mint({}, { header: { kid: `k${at}` } }) }, limited(5))
  await refuses(t, { path, token: idp.mint() }, limited(5))
  t.ok(idp.requests.jwks <= 1, 'no key was looked for but at the start')
})

t.test('listen.rate_limit counts whatever comes: unknown paths, other methods, ambiguous ones, public ones', async t => {
  const { lets, refuses } = await startGatehouse(t, { routes: [{ match: 'GET /a', require: 'public' }], changes: { listen: { rate_limit: { max: 5, per: '60s' } } } })
  await lets(t, { path })
  await refuses(t, { path: '/nowhere' }, { status: 404, code: 'route-not-found' })
  await refuses(t, { path, method: 'POST' }, { status: 405, code: 'method-not-allowed' })
  await refuses(t, get('/a/../b'), { status: 400, code: 'target-ambiguous' })
  await refuses(t, get(path, 'X-Method-Override: x'), { status: 400, code: 'method-override' })
  for (const asked of [{ path }, { path: '/nowhere' }, { path, method: 'POST' }, get('/a/../b'), get(path, 'Upgrade: websocket')]) await refuses(t, asked, limited(5))
})

t.test('an address is the peer\'s: nothing that a caller writes makes it another', async t => {
  const { lets, refuses } = await startGatehouse(t, { routes: [{ match: 'GET /a', require: 'public' }], changes: { listen: { rate_limit: MINUTE } } })
  for (const ip of ['192.0.2.1', '192.0.2.2', '192.0.2.3']) await lets(t, get(path, `X-Forwarded-For: ${ip}`))
  for (const line of ['X-Forwarded-For: 192.0.2.9', 'Forwarded: for=192.0.2.9', 'X-Real-IP: 192.0.2.9', 'True-Client-IP: 192.0.2.9', 'CF-Connecting-IP: 192.0.2.9']) await refuses(t, get(path, line), limited(3))
})

t.test('behind a trusted proxy an address is the caller\'s, as that proxy saw it', async t => {
  const house = await startGatehouse(t, { routes: [{ match: 'GET /a', require: 'public' }], changes: { listen: { rate_limit: MINUTE, trusted_proxies: ['127.0.0.1'] } } })
  await letsThenRefuses(t, house, 3, get(path, 'X-Forwarded-For: 192.0.2.1'))
  await house.refuses(t, get(path, 'X-Forwarded-For: 203.0.113.7, 192.0.2.1'), limited(3))
  await house.lets(t, get(path, 'X-Forwarded-For: 192.0.2.2'))
})

t.test('the limit is over when it says so', async t => {
  const house = await startGatehouse(t, { routes: [{ match: 'GET /a', require: 'public' }], changes: { listen: { rate_limit: { max: 2, per: '1s' } } } })
  let status = 200
  for (let at = 0; status === 200; at++) status = (await house.gateway.call({ path })).status
  t.equal(status, 429)
  for (let at = 0; status === 429 && at < 100; at++) {
    await new Promise(resolve => { setTimeout(resolve, 100) })
    status = (await house.gateway.call({ path })).status
  }
  t.equal(status, 200)
})

t.test('a rule\'s limit by user counts each user, and a client for itself', async t => {
  const house = await startGatehouse(t, { routes: [{ match: 'GET /a', require: 'user|client', rate_limit: { ...MINUTE, by: 'user' } }] })
  const { idp } = house
  await letsThenRefuses(t, house, 3, { path, token: idp.mintUser() })
  await house.lets(t, { path, token: idp.mintUser({ sub: 'user-2' }) })
  await letsThenRefuses(t, house, 3, { path, token: idp.mintClient() })
  await house.lets(t, { path, token: idp.mintClient({ client_id: 'batch' }) })
  // Another token of the same user is the same user.
  await house.refuses(t, { path, token: idp.mintUser({ client_id: 'other', jti: 'x' }) }, limited(3))
})

t.test('a rule\'s limit by client counts all users of a client together, with the client itself', async t => {
  const house = await startGatehouse(t, { routes: [{ match: 'GET /a', require: 'user|client', rate_limit: { ...MINUTE, by: 'client' } }] })
  const { idp } = house
  await house.lets(t, { path, token: idp.mintUser() })
  await house.lets(t, { path, token: idp.mintUser({ sub: 'user-2' }) })
  await house.lets(t, { path, token: idp.mintClient() })
  for (const token of [idp.mintUser(), idp.mintUser({ sub: 'user-3' }), idp.mintClient()]) await house.refuses(t, { path, token }, limited(3))
  await house.lets(t, { path, token: idp.mintUser({ client_id: 'other' }) })
})

t.test('a user and a client of one name are not one', async t => {
  const house = await startGatehouse(t, { routes: [{ match: 'GET /a', require: 'user|client', rate_limit: [{ ...MINUTE, by: 'client' }, { max: 9, per: '60s', by: 'user' }] }] })
  const { idp } = house
  await letsThenRefuses(t, house, 3, { path, token: idp.mintClient({ client_id: 'x' }) })
  await house.lets(t, { path, token: idp.mintUser({ sub: 'x' }) })
})

t.test('a public rule counts by address, whatever it is asked by, and a rule may say address itself', async t => {
  for (const by of ['user', 'client', 'address']) {
    const house = await startGatehouse(t, { routes: [{ match: 'GET /a', require: 'public', rate_limit: { ...MINUTE, by } }, { match: 'GET /b', require: 'public' }] })
    await letsThenRefuses(t, house, 3, { path, token: house.idp.mint() })
    await house.refuses(t, { path, token: house.idp.mint({ sub: 'user-2' }) }, limited(3))
    await house.lets(t, { path: '/b' })
  }
  const house = await startGatehouse(t, { routes: [{ match: 'GET /a', require: 'user', rate_limit: { ...MINUTE, by: 'address' } }] })
  await letsThenRefuses(t, house, 3, { path, token: house.idp.mint() })
  await house.refuses(t, { path, token: house.idp.mint({ sub: 'user-2', client_id: 'other' }) }, limited(3))
})

t.test('of a list of limits each holds', async t => {
  const house = await startGatehouse(t, { routes: [{ match: 'GET /a', require: 'user', rate_limit: [{ max: 2, per: '60s', by: 'user' }, { max: 3, per: '60s', by: 'client' }] }] })
  const { idp, lets, refuses } = house
  await letsThenRefuses(t, house, 2, { path, token: idp.mintUser() })
  await lets(t, { path, token: idp.mintUser({ sub: 'user-2' }) })
  await refuses(t, { path, token: idp.mintUser({ sub: 'user-3' }) }, limited(3))
})

t.test('the limit of defaults is one counter over all rules, a rule\'s own is its own', async t => {
  const house = await startGatehouse(t, {
    routes: {
      defaults: { rate_limit: { ...MINUTE, by: 'user' } },
      routes: [{ match: 'GET /a', require: 'user' }, { match: 'GET /b', require: 'user' }, { match: 'GET /own', require: 'user', rate_limit: { max: 2, per: '60s', by: 'user' } }]
    }
  })
  const token = house.idp.mint()
  for (const path of ['/a', '/b', '/a']) await house.lets(t, { path, token })
  for (const path of ['/a', '/b']) await house.refuses(t, { path, token }, limited(3))
  await letsThenRefuses(t, house, 2, { path: '/own', token })
})

t.test('two rules with limits of the same words have a counter each', async t => {
  const rate_limit = { ...MINUTE, by: 'user' }
  const house = await startGatehouse(t, { routes: [{ match: 'GET /a', require: 'user', rate_limit }, { match: 'GET /b', require: 'user', rate_limit }] })
  const token = house.idp.mint()
  await letsThenRefuses(t, house, 3, { path: '/a', token })
  await letsThenRefuses(t, house, 3, { path: '/b', token })
})

t.test('who is refused by the rule does not use up its limit', async t => {
  const house = await startGatehouse(t, { routes: [{ match: 'GET /a', require: { user: { scope: 'x' } }, rate_limit: { ...MINUTE, by: 'user' } }] })
  const { idp, refuses } = house
  for (let at = 0; at < 5; at++) await refuses(t, { path, token: idp.mint() }, { status: 403, code: 'scope-missing', challenge: { error: 'insufficient_scope', scope: 'x' } })
  await letsThenRefuses(t, house, 3, { path, token: idp.mint({ scope: 'x' }) })
})

t.test('the same subject at another issuer is another user', async t => {
  const other = await startGatehouse(t, { routes: [{ match: 'GET /a', require: 'public' }] })
  const house = await startGatehouse(t, {
    routes: [{ match: 'GET /a', require: 'user', issuers: ['main', 'partner'], rate_limit: { ...MINUTE, by: 'user' } }],
    changes: { issuers: { partner: { issuer: other.idp.issuer, audience: 'https://api.example.com' } } }
  })
  await letsThenRefuses(t, house, 3, { path, token: house.idp.mint() })
  await house.lets(t, { path, token: other.idp.mint() })
})
