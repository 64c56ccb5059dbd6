import t from 'tap'
import { join } from 'node:path'
import { loadConfiguration } from '../../src/config/load.ts'
import { explain } from '../../src/explain/explain.ts'
import type { Explanation } from '../../src/explain/explanation.ts'
import { openFiles } from '../../src/file-world.ts'
import { openIdpClient } from '../../src/outbound/idp-client.ts'
import { startErp } from '../support/erp.ts'
import { startGateway } from '../support/gateway.ts'
import { startIdp } from '../support/idp.ts'
import { requests, routes, tokens } from './pairs.ts'

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
