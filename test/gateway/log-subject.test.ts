import { createHmac } from 'node:crypto'
import t from 'tap'
import { startErp } from '../support/erp.ts'
import { startGateway } from '../support/gateway.ts'
import { startIdp } from '../support/idp.ts'
import { rewrite, standardGateway, type Settings } from '../support/settings.ts'
import type { TestContext } from '../support/teardown.ts'

const KEY = 'a key that nobody else has'
const ROUTES = [{ match: 'GET /a', require: 'user' }, { match: 'GET /b', require: { user: { claims: { email: 'boss@example.com' }, scope: 'b' } } }, { match: 'GET /c', require: 'client' }]

async function scene (t: TestContext, log: Settings = {}) {
  const idp = await startIdp(t)
  const erp = await startErp(t)
  const gateway = await startGateway(t, { idp, erp, routes: ROUTES, changes: { log: { level: 'trace', ...log } } })
  const lines = () => gateway.logLines().filter(({ msg }) => msg === 'request')
  return { idp, erp, gateway, lines }
}

t.test('with a hash_key the log names subjects by a hash under it, and nothing else of them', async t => {
  const { idp, gateway, lines } = await scene(t, { subject: { hash_key: KEY } })
  const claims = { sub: 'ann.smith@example.com', email: 'ann.smith@example.com' }
  t.equal((await gateway.call({ path: '/a', token: idp.mintUser(claims) })).status, 200)
  t.equal((await gateway.call({ path: '/a', token: idp.mintUser({ sub: 'bob' }) })).status, 200)
  const refused = await gateway.call({ path: '/b', token: idp.mintUser(claims) })
  t.equal(refused.status, 403)
  t.equal((await gateway.call({ path: '/c', token: idp.mintUser(claims) })).code, 'principal-kind')
  t.equal((await gateway.call({ path: '/a', token: idp.mintIdToken(claims) })).code, 'id-token')

  const hashed = (subject: string) => `hmac:${createHmac('sha256', KEY).update(subject).digest('hex').slice(0, 32)}`
  t.same(lines().map(({ subject }) => subject), [claims.sub, 'bob', claims.sub, claims.sub, claims.sub].map(hashed))
  t.notOk(gateway.log.includes('ann.smith'))
  t.match(lines()[2], { principal: 'user', client: 'saas', issuer: 'main' })

  const told = await gateway.admin(`/decisions/${refused.problem?.decision ?? ''}`)
  t.match(told.json(), { principal: { subject: hashed(claims.sub) } })
  t.notOk(told.text.includes('ann.smith'), 'nor what is remembered of a refusal')
})

t.test('without one a subject is written as it is', async t => {
  const { idp, gateway, lines } = await scene(t)
  await gateway.call({ path: '/a', token: idp.mintUser({ sub: 'ann' }) })
  t.same(lines().map(({ subject }) => subject), ['ann'])
})

t.test('another key takes effect by a reload, for tokens that are remembered too', async t => {
  const { idp, erp, gateway, lines } = await scene(t)
  const token = idp.mintUser({ sub: 'ann' })
  await gateway.call({ path: '/a', token })
  await rewrite(gateway.dir, { gateway: standardGateway({ idp, erp }, { log: { level: 'trace', subject: { hash_key: KEY } } }) })
  await gateway.reload()
  await gateway.call({ path: '/a', token })
  const [before, after] = lines()
  t.match([before?.['subject'], after?.['subject']], ['ann', /^hmac:[0-9a-f]{32}$/])
})

t.test('each line names the configuration that decided it, as the start, each reload and /readyz do', async t => {
  const { idp, gateway, lines } = await scene(t)
  await gateway.call({ path: '/a', token: idp.mintUser() })
  const named = async () => ((await gateway.admin('/readyz')).json() as { config: string }).config
  const first = await named()
  t.match(first, /^[0-9a-f]{12}$/)
  t.equal(gateway.logLines().find(({ msg }) => msg === 'listening')?.['config'], first)

  await rewrite(gateway.dir, { routes: ROUTES.slice(0, 1) })
  await gateway.reload()
  await gateway.call({ path: '/a', token: idp.mintUser() })
  const second = await named()
  t.not(second, first)
  t.equal(gateway.logLines().findLast(({ msg }) => msg === 'configuration reloaded')?.['config'], second)

  await rewrite(gateway.dir, { routes: ROUTES })
  await gateway.reload()
  await gateway.raw('GET /a HTTP/1.1\r\nHost: x\r\nBad Header: x\r\n\r\n')
  t.same(lines().map(({ config }) => config), [first, second, first], 'and the same again where it is the same again')
})
