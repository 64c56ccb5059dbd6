import t, { type Test } from 'tap'
import { startErp, type Erp } from '../support/erp.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { startIdp, type Idp } from '../support/idp.ts'
import { apiAudience } from '../support/mint.ts'
import type { Settings } from '../support/settings.ts'
import { challengeOf } from './gatehouse.ts'

interface Scene { readonly main: Idp, readonly partner: Idp, readonly erp: Erp, readonly gateway: TestGateway }

async function scene (t: Test, routes: Settings | readonly Settings[], partner: Settings = {}): Promise<Scene> {
  const [main, other, erp] = [await startIdp(t, { alg: 'ES256' }), await startIdp(t, { alg: 'ES256' }), await startErp(t)]
  const gateway = await startGateway(t, { idp: main, erp, routes, changes: { issuers: { partner: { issuer: other.issuer, audience: 'urn:partner-api', ...partner } } } })
  return { main, partner: other, erp, gateway }
}

/** status and code; and the ERP sees just what is let through. */
async function outcome (t: Test, { gateway, erp }: Scene, path: string, token: string): Promise<string> {
  const before = erp.requests.length
  const { status, code, headers } = await gateway.call({ path, token })
  t.equal(erp.requests.length, before + (status === 200 ? 1 : 0), 'what the ERP saw')
  if (status === 401) t.same(challengeOf(headers['www-authenticate']), { error: 'invalid_token' })
  t.match(headers['x-request-id'], /./)
  return code ?? String(status)
}

t.test('a rule takes the tokens of the issuers that it names, and of no other', async t => {
  const one = await scene(t, [
    { match: 'GET /main', require: 'user', issuers: 'main' },
    { match: 'GET /partner', require: 'user|client', issuers: ['partner'] },
    { match: 'GET /both', require: 'user', issuers: ['main', 'partner'] },
    { match: 'GET /open', require: 'public' }
  ])
  const mine = one.main.mint()
  const theirs = one.partner.mint({ aud: 'urn:partner-api' })
  t.equal(await outcome(t, one, '/main', mine), '200')
  t.equal(await outcome(t, one, '/main', theirs), 'issuer-not-accepted')
  t.equal(await outcome(t, one, '/partner', theirs), '200')
  t.equal(await outcome(t, one, '/partner', mine), 'issuer-not-accepted')
  t.equal(await outcome(t, one, '/both', mine), '200')
  t.equal(await outcome(t, one, '/both', theirs), '200')
  t.equal(await outcome(t, one, '/open', theirs), '200')
})

t.test('each issuer has its own audience, keys and kinds', async t => {
  const one = await scene(t, { defaults: { issuers: ['main', 'partner'] }, routes: [{ match: 'GET /a', require: 'user' }] }, { idp: 'keycloak' })
  const { main, partner } = one
  const asKeycloak = { typ: 'Bearer', azp: 'saas', sid: 's', aud: 'urn:partner-api' }
  t.equal(await outcome(t, one, '/a', main.mint()), '200')
  t.equal(await outcome(t, one, '/a', partner.mint(asKeycloak, { header: { typ: 'JWT' } })), '200')
  t.equal(await outcome(t, one, '/a', main.mint({ aud: 'urn:partner-api' })), 'audience-mismatch')
  t.equal(await outcome(t, one, '/a', partner.mint({ ...asKeycloak, aud: apiAudience }, { header: { typ: 'JWT' } })), 'audience-mismatch')
  // One issuer's key signs nothing for the other, whatever name it goes by.
  t.equal(await outcome(t, one, '/a', partner.mint({ iss: main.issuer, aud: apiAudience })), 'token-invalid')
  t.equal(await outcome(t, one, '/a', partner.mint({ iss: main.issuer, aud: apiAudience }, { header: { kid: main.keys.current.kid } })), 'token-invalid')
  t.equal(await outcome(t, one, '/a', partner.mint({}, { header: { typ: 'JWT' } })), 'token-kind')
  t.equal(await outcome(t, one, '/a', main.mint(asKeycloak, { header: { typ: 'JWT' } })), 'token-kind')
})

t.test('issuers of a rule stand in for those of defaults', async t => {
  const one = await scene(t, { defaults: { issuers: 'main' }, routes: [{ match: 'GET /default', require: 'user' }, { match: 'GET /own', require: 'user', issuers: 'partner' }] })
  const mine = one.main.mint()
  const theirs = one.partner.mint({ aud: 'urn:partner-api' })
  t.equal(await outcome(t, one, '/default', mine), '200')
  t.equal(await outcome(t, one, '/default', theirs), 'issuer-not-accepted')
  t.equal(await outcome(t, one, '/own', theirs), '200')
  t.equal(await outcome(t, one, '/own', mine), 'issuer-not-accepted')
})

t.test('another issuer\'s token is told so only where it is a good one', async t => {
  const one = await scene(t, [{ match: 'GET /main', require: { user: { scope: 'x' } }, issuers: 'main' }])
  const { partner } = one
  const aud = 'urn:partner-api'
  t.equal(await outcome(t, one, '/main', partner.mint({ aud, iss: 'urn:unknown' })), 'token-invalid')
  t.equal(await outcome(t, one, '/main', partner.mint({ aud, exp: 1 })), 'token-expired')
  t.equal(await outcome(t, one, '/main', partner.mintIdToken({ aud })), 'id-token')
  t.equal(await outcome(t, one, '/main', partner.mint({ aud: 'urn:x' })), 'audience-mismatch')
  t.equal(await outcome(t, one, '/main', partner.mint({ aud })), 'issuer-not-accepted')
})

t.test('with one issuer down the other\'s callers come in', async t => {
  const [main, down, erp] = [await startIdp(t, { alg: 'ES256' }), await startIdp(t, { alg: 'ES256' }), await startErp(t)]
  await down.stop()
  const gateway = await startGateway(t, {
    idp: main,
    erp,
    changes: { issuers: { down: { issuer: down.issuer, audience: apiAudience } } },
    routes: [{ match: 'GET /a', require: 'user', issuers: ['main', 'down'] }]
  })
  t.equal((await gateway.call({ path: '/a', token: main.mint() })).status, 200)
  const refused = await gateway.call({ path: '/a', token: down.mint() })
  t.match(refused, { status: 503, code: 'issuer-keys-unavailable' })
  t.notOk('www-authenticate' in refused.headers)
  t.ok(Number(refused.headers['retry-after']) >= 1 && Number(refused.headers['retry-after']) <= 10)
  t.equal(erp.requests.length, 1)
})
