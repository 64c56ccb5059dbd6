import t from 'tap'
import { join } from 'node:path'
import { loadConfiguration } from '../../src/config/load.ts'
import { explain } from '../../src/explain/explain.ts'
import type { Explanation } from '../../src/explain/explanation.ts'
import { openFiles } from '../../src/file-world.ts'
import { openIdpClient } from '../../src/outbound/idp-client.ts'
import { startErp } from '../support/erp.ts'
import { startGateway } from '../support/gateway.ts'
import { startIdp, type Idp } from '../support/idp.ts'
import { signCompact } from '../support/signing-keys.ts'

const routes = [
  { match: 'POST /addresses', require: 'user' },
  { match: 'GET /addresses/:id', require: ['user', { client: { scope: 'read:address' } }] },
  { match: 'PUT|PATCH /addresses/:id', require: { client: { scope: 'write:address' } } },
  { match: 'GET /addresses/vip', require: { user: { claims: { tier: 'gold' }, any_scope: ['vip', 'admin'] } } },
  { match: 'DELETE /addresses/:id', require: { 'user|client': { client_id: ['saas', 'billing'], permission: ['erase'] } } },
  { match: 'GET /fresh', require: { user: { max_age: '5m', acr: ['high'] } } },
  { match: 'GET /own/:user', require: { user: { where: 'request.params.user == principal.subject' } } },
  { match: 'ANY /staff/*', require: { user: { role: 'clerk' } } },
  { match: 'GET /other', require: 'user|client', issuers: 'second' },
  { match: 'GET /tried', require: { user: { scope: 'tried', acr: ['high'] } }, enforce: 'report' },
  { match: 'GET /status', require: 'public' }
]
const requests = [
  ['POST', '/addresses'], ['GET', '/addresses/17'], ['PUT', '/addresses/17'], ['PATCH', '/addresses/17?q=1'], ['GET', '/addresses/vip'],
  ['DELETE', '/addresses/17'], ['GET', '/fresh'], ['GET', '/own/user-1'], ['GET', '/own/user-2'], ['DELETE', '/staff/a/b'], ['GET', '/other'], ['GET', '/tried'], ['GET', '/status'],
  ['GET', '/none'], ['POST', '/status'], ['GET', '/Addresses/17'], ['GET', '/addresses/../x'], ['GET', '/addresses//x'], ['GET', '/status?access_token=x'], ['GET', '/addresses/%31']
] as const

type Mint = (idp: Idp) => string | undefined
const seconds = (): number => Math.floor(Date.now() / 1000)
const tokens: Readonly<Record<string, Mint>> = {
  nobody: () => undefined,
  user: idp => idp.mintUser(),
  'user, all of it': idp => idp.mintUser({ scope: 'vip admin read:address', tier: 'gold', permissions: ['erase'], roles: ['clerk'], acr: 'high', auth_time: seconds() - 10 }),
  'user, a lesser tier': idp => idp.mintUser({ scope: 'vip', tier: 'silver' }),
  'user, an old login': idp => idp.mintUser({ acr: 'high', auth_time: seconds() - 4000 }),
  client: idp => idp.mintClient(),
  'client, read': idp => idp.mintClient({ scope: 'read:address' }),
  'client, write': idp => idp.mintClient({ scope: 'read:address write:address', permissions: ['erase'] }),
  'client of another name': idp => idp.mintClient({ client_id: 'other', permissions: ['erase'] }),
  'ID token': idp => idp.mintIdToken(),
  expired: idp => idp.mintUser({ exp: seconds() - 100 }),
  'not yet': idp => idp.mintUser({ nbf: seconds() + 1000 }),
  'no end': idp => idp.mintUser({ exp: undefined }),
  'wrong audience': idp => idp.mintUser({ aud: 'https://other.example.com' }),
  'unknown issuer': idp => idp.mintUser({ iss: 'https://evil.example.com' }),
  'nearly the issuer': idp => idp.mintUser({ iss: `${idp.issuer}/` }),
  'alg none': idp => `${idp.mintUser().split('.').slice(0, 2).join('.')}.`,
  'another signature': idp => `${idp.mintUser().slice(0, -8)}AAAAAAAA`,
  'unknown kid': idp => idp.mintUser({}, { header: { kid: 'nobody' } }),
  'a refresh token': idp => idp.mintUser({}, { header: { typ: 'Refresh' } }),
  unproven: idp => idp.mintUser({ auth_time: undefined }),
  'an agent': idp => idp.mintUser({ sub_profile: 'ai_agent' }),
  opaque: () => 'opaque-token-of-no-meaning',
  'crit in the header': idp => signCompact({ alg: idp.keys.current.alg, kid: idp.keys.current.kid, crit: ['x'] }, { iss: idp.issuer }, idp.keys.current),
  'claims that are none': idp => signCompact({ alg: idp.keys.current.alg, kid: idp.keys.current.kid }, '[]', idp.keys.current),
  'very large': idp => idp.mintUser({ padding: 'x'.repeat(20_000) }),
  'with a space': idp => `${idp.mintUser()} x`,
  'machine token of the gateway': idp => idp.mintClient({ client_id: 'middleware', aud: 'https://erp.example.com' })
}

t.test('explain, the console and the data plane give one verdict on 560 pairs of request and token', async t => {
  const idp = await startIdp(t)
  const second = await startIdp(t)
  const erp = await startErp(t)
  const changes = { issuers: { second: { issuer: second.issuer, audience: 'https://api.example.com' } }, listen: { max_header_size: '64KiB' } }
  const gateway = await startGateway(t, { idp, erp, changes, routes: { defaults: { issuers: 'main' }, routes } })
  const { configuration } = await loadConfiguration({ config: join(gateway.dir, 'gateway.yaml'), routes: join(gateway.dir, 'routes.yaml') }, {})
  if (configuration === undefined) throw new Error('it runs by these files')
  const world = openFiles(configuration, { now: Date.now, createClient: openIdpClient })
  t.teardown(() => { world.close() })

  let pairs = 0
  const codes = new Map<string, number>()
  for (const [name, mint] of Object.entries(tokens)) {
    for (const [method, target] of requests) {
      const token = mint(idp)
      const headers = [['Host', 'gateway.test']] as const
      const answer = await gateway.call({ method, path: target, headers: Object.fromEntries(headers), ...(token !== undefined && { token }) })
      const shown = token === undefined ? undefined : { token }
      const own = await explain({ method, target, headers, shown }, world)
      const asked = await gateway.admin('/explain', { method: 'POST', body: { method, target, headers, ...(token !== undefined && { token }) } })
      const told = asked.json() as Explanation
      const verdict = { passes: answer.status === 200, status: answer.status === 200 ? undefined : answer.status, code: answer.code }
      t.match({ passes: own.passes, status: own.status, code: own.code }, verdict, `${name}: ${method} ${target}`)
      t.match({ passes: told.passes, status: told.status, code: told.code }, verdict, `${name}: ${method} ${target}, by the admin port`)
      t.equal(own.detail, answer.problem?.detail, 'in the same words')
      if (target === '/tried') t.same([own.reported?.code, told.reported?.code], Array(2).fill(gateway.logLines().findLast(({ msg }) => msg === 'request')?.['reported']), 'and what is let through is told alike')
      if (!own.passes) t.ok(own.remedy !== undefined && own.steps.some(({ outcome }) => outcome === 'fail'), 'with the check that failed, and what to do')
      else t.ok(own.upstream !== undefined)
      if (token !== undefined) t.notOk(asked.text.includes(token) || JSON.stringify(own).includes(token), 'and the token nowhere in it')
      codes.set(answer.code ?? 'passes', (codes.get(answer.code ?? 'passes') ?? 0) + 1)
      pairs++
    }
  }
  t.equal(pairs, 560)
  for (const code of ['passes', 'credential-missing', 'token-invalid', 'token-expired', 'token-times', 'id-token', 'token-kind', 'audience-mismatch', 'token-not-jwt', 'issuer-not-accepted', 'principal-kind', 'scope-missing', 'permission-missing', 'role-missing', 'client-not-listed', 'claim-mismatch', 'where-not-met', 'login-too-old', 'login-too-weak', 'route-not-found', 'method-not-allowed', 'target-ambiguous', 'credential-in-query', 'credential-malformed']) {
    t.ok(codes.has(code), `${code} is among them`)
  }
})
