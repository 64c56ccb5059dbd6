import t, { type Test } from 'tap'
import { startErp } from '../support/erp.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { startIdp } from '../support/idp.ts'
import type { Settings } from '../support/settings.ts'
import { movableClock } from './idp-scene.ts'

const routes = [
  { match: 'GET /orders', require: 'user' },
  { match: 'GET /jobs', require: 'client' },
  { match: 'GET /secret', require: { user: { scope: 'secret' } } },
  { match: 'GET /fresh', require: { user: { max_age: 60 } } },
  { match: 'GET /own/:id', require: { user: { where: 'request.params.id == claims.sub' } } }
]

/** One IdP and one clock; a gateway that remembers tokens, and one that verifies each token on each request. */
async function startBoth (t: Test, issuer: Settings = {}) {
  const clock = movableClock()
  const idp = await startIdp(t, { alg: 'ES256', clock })
  const erp = await startErp(t)
  const changes = (max: number): Settings => ({ listen: { token_cache: { max } }, issuers: { main: issuer }, upstreams: { erp: { credential: 'none' } } })
  const start = async (max: number): Promise<TestGateway> => await startGateway(t, { idp, erp, routes, clock, changes: changes(max) })
  const [remembers, forgets] = await Promise.all([start(1000), start(0)])

  async function same (path: string, token: string, status: number): Promise<void> {
    // Twice, so that the second is the one that was remembered.
    const answers = [await remembers.call({ path, token }), await remembers.call({ path, token }), await forgets.call({ path, token })]
    t.same(answers.map(answer => `${answer.status} ${answer.code ?? ''}`), Array(3).fill(`${status} ${answers[2]?.code ?? ''}`), `${path} at ${clock.by} ms`)
  }

  return { clock, idp, erp, remembers, forgets, same }
}

t.test('a token that is remembered ends at the millisecond at which it would', async t => {
  const { clock, idp, same } = await startBoth(t)
  const began = Math.floor(clock() / 1000)
  clock.by -= clock() - began * 1000
  const token = idp.mint({ iat: began, exp: began + 60 })
  const at = async (ms: number, status: number) => {
    clock.by += began * 1000 + ms - clock()
    await same('/orders', token, status)
  }
  await at(0, 200)
  await at(30_000, 200)
  await at(64_000, 200)
  await at(65_000, 401)
  await at(100_000, 401)
})

t.test('a clock that is set back finds it not valid yet, remembered or not', async t => {
  const { clock, idp, same } = await startBoth(t)
  const token = idp.mint()
  await same('/orders', token, 200)
  clock.by -= 60_000
  await same('/orders', token, 401)
  clock.by += 60_000
  await same('/orders', token, 200)
})

t.test('it goes when its key leaves the set', async t => {
  const { idp, same } = await startBoth(t)
  const token = idp.mint()
  const old = idp.keys.current
  await same('/orders', token, 200)
  await idp.keys.rotate()
  idp.keys.remove(old)
  // A key that is not known yet makes both fetch the set.
  await same('/orders', idp.mint(), 200)
  await same('/orders', token, 401)
})

t.test('keys that are too old are a 503 for it as for any other, and it is good again once there are new ones', async t => {
  const { clock, idp, same } = await startBoth(t, { keys_max_stale: '1m' })
  const token = idp.mint({ exp: Math.floor(clock() / 1000) + 3600 })
  await same('/orders', token, 200)
  await idp.stop()
  clock.by += 61_000
  await same('/orders', token, 503)
  await idp.start()
  clock.by += 10_000
  await same('/orders', token, 200)
})

t.test('what one rule said of it is not what another says', async t => {
  const { clock, idp, erp, same } = await startBoth(t)
  const user = idp.mint({ scope: 'other', auth_time: Math.floor(clock() / 1000), exp: Math.floor(clock() / 1000) + 3600 })
  const client = idp.mintClient()
  for (let round = 0; round < 2; round++) {
    for (const [path, token, status] of [['/orders', user, 200], ['/jobs', user, 403], ['/secret', user, 403], ['/orders', client, 403], ['/jobs', client, 200], ['/secret', client, 403]] as const) await same(path, token, status)
  }
  // What depends on the clock or the request is decided anew.
  await same('/fresh', user, 200)
  clock.by += 120_000
  await same('/fresh', user, 401)
  await same('/own/user-1', user, 200)
  await same('/own/user-2', user, 403)
  t.ok(erp.requests.every(({ url }) => ['/orders', '/jobs', '/fresh', '/own/user-1'].includes(url)))
})

t.test('another token that ends in the same signature is another token', async t => {
  const { idp, remembers } = await startBoth(t)
  const token = idp.mint({ scope: 'other' })
  t.equal((await remembers.call({ path: '/orders', token })).status, 200)
  const [header, payload, signature = ''] = token.split('.')
  const forged = Buffer.from(JSON.stringify({ ...JSON.parse(Buffer.from(payload ?? '', 'base64url').toString()) as object, scope: 'secret' })).toString('base64url')
  for (const other of [`${header}.${forged}.${signature}`, `${header}.${payload}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`, `x${token}`, token.slice(1)]) {
    t.equal((await remembers.call({ path: '/secret', token: other })).status, 401)
  }
  t.equal((await remembers.call({ path: '/orders', token })).status, 200)
})

t.test('it is bounded: the one that was not seen longest goes, and is verified again', async t => {
  const idp = await startIdp(t, { alg: 'ES256' })
  const erp = await startErp(t)
  const gateway = await startGateway(t, { idp, erp, routes, changes: { listen: { token_cache: { max: 10 } }, upstreams: { erp: { credential: 'none' } } } })
  const tokens = Array.from({ length: 30 }, (_, at) => idp.mint({ jti: `token-${at}` }))
  for (const token of [...tokens, ...tokens]) t.equal((await gateway.call({ path: '/orders', token })).status, 200)
  t.match((await gateway.admin('/metrics')).text, /^countersign_tokens_known 10$/m)
})
