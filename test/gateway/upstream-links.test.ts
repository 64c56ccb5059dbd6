import t from 'tap'
import { startErp } from '../support/erp.ts'
import { startGateway } from '../support/gateway.ts'
import { startIdp } from '../support/idp.ts'
import type { Settings } from '../support/settings.ts'

const HEADERS = ['Location', 'Content-Location', 'OData-EntityId'] as const

interface Setting {
  readonly base?: string
  readonly publicUrl?: string
  readonly routes?: readonly Settings[]
}

/** The path that is called, the link that the caller sends, and what the ERP gets (ORIGIN is its own). */
type Case = readonly [path: string, sent: string, seen: string]

function promise (name: string, { base = '', publicUrl, routes = [{ match: 'ANY /*', require: 'user' }] }: Setting, cases: readonly Case[]): void {
  t.test(name, async t => {
    const [idp, erp] = [await startIdp(t), await startErp(t)]
    const changes = { ...(publicUrl !== undefined && { listen: { public_url: publicUrl } }), upstreams: { erp: { url: erp.origin + base } } }
    const gateway = await startGateway(t, { idp, erp, routes, changes })
    for (const [path, sent, seen] of cases) {
      const headers = { host: 'api.example.com', 'x-other': sent, ...Object.fromEntries(HEADERS.map(header => [header, sent])) }
      t.equal((await gateway.call({ path, token: idp.mintUser(), headers })).status, 200)
      const got = erp.requests.at(-1)?.headers ?? {}
      for (const header of HEADERS) t.equal(got[header.toLowerCase()], seen.replace('ORIGIN', erp.origin), `${header} at ${path}: ${sent}`)
      t.equal(got['x-other'], sent, 'and no other header is looked at')
    }
  })
}

promise('a link under the gateway\'s own URL is one under the upstream\'s', { base: '/erp/v1' }, [
  ['/a', 'http://api.example.com/addresses/7', 'ORIGIN/erp/v1/addresses/7'],
  ['/a', 'http://api.example.com/addresses(7)?$select=a#b', 'ORIGIN/erp/v1/addresses(7)?$select=a#b'],
  ['/a', 'http://API.example.com:80/x', 'ORIGIN/erp/v1/x'],
  ['/a', 'http://api.example.com', 'ORIGIN/erp/v1/'],
  ['/a', '/addresses/7', '/erp/v1/addresses/7'],
  ['/a', 'http://api.example.com/x/../../../admin', 'ORIGIN/erp/v1/admin'],
  ['/a', 'http://api.example.com/%2e%2e/admin', 'ORIGIN/erp/v1/admin']
])

promise('any other passes as sent', { base: '/erp' }, [
  ['/a', 'https://api.example.com/x', 'https://api.example.com/x'],
  ['/a', 'http://api.example.com:8080/x', 'http://api.example.com:8080/x'],
  ['/a', 'http://api.example.com.evil.example.com/x', 'http://api.example.com.evil.example.com/x'],
  ['/a', 'http://user@api.example.com/x', 'http://user@api.example.com/x'],
  ['/a', '//other.example.com/x', '//other.example.com/x'],
  ['/a', 'addresses(7)', 'addresses(7)'],
  ['/a', '?a', '?a'],
  ['/a', 'mailto:a@example.com', 'mailto:a@example.com'],
  ['/a', 'http://[', 'http://[']
])

promise('of a public_url all counts, its path too', { publicUrl: 'https://api.example.org/gateway' }, [
  ['/a', 'https://api.example.org/gateway/x', 'ORIGIN/x'],
  ['/a', 'https://api.example.org/gateway', 'ORIGIN/'],
  ['/a', 'https://api.example.org/gatewayx', 'https://api.example.org/gatewayx'],
  ['/a', 'https://api.example.org/x', 'https://api.example.org/x'],
  ['/a', 'http://api.example.com/x', 'http://api.example.com/x'],
  ['/a', '/gateway/x', '/x'],
  ['/a', '/x', '/x']
])

promise('a rewrite is gone through where it fits', {
  base: '/erp',
  routes: [
    { match: 'ANY /addresses', require: 'user', rewrite: '/api/v2/address' },
    { match: 'ANY /addresses/:id', require: 'user', rewrite: '/api/v2/address/:id' },
    { match: 'ANY /files/*', require: 'user', rewrite: '/blob/store/*' },
    { match: 'ANY /t/:tenant/notes', require: 'user', rewrite: '/notes' }
  ]
}, [
  ['/addresses', 'http://api.example.com/addresses/7', 'ORIGIN/erp/api/v2/address/7'],
  ['/addresses', 'http://api.example.com/addresses', 'ORIGIN/erp/api/v2/address'],
  ['/addresses/7', 'http://api.example.com/addresses/8?x', 'ORIGIN/erp/api/v2/address/8?x'],
  ['/files/a', 'http://api.example.com/files/b/c', 'ORIGIN/erp/blob/store/b/c'],
  ['/t/acme/notes', 'http://api.example.com/t/acme/notes/7', 'ORIGIN/erp/notes/7'],
  ['/addresses', 'http://api.example.com/elsewhere', 'ORIGIN/erp/elsewhere']
])

t.test('what the gateway gave comes back to the ERP as it was', async t => {
  const [idp, erp] = [await startIdp(t), await startErp(t)]
  const gateway = await startGateway(t, { idp, erp, routes: [{ match: 'ANY /addresses', require: 'user', rewrite: '/api/v2/address' }], changes: { upstreams: { erp: { url: `${erp.origin}/erp` } } } })
  for (const link of [`${erp.origin}/erp/api/v2/address(7)`, '/erp/api/v2/address/7?x=y', `${erp.origin}/erp/api/v2/address/%C3%A9`]) {
    erp.answerWith((_request, response) => { response.writeHead(204, { 'OData-EntityId': link }).end() })
    const { headers } = await gateway.call({ path: '/addresses', token: idp.mintUser() })
    const given = String(headers['odata-entityid'])
    t.not(given, link)
    t.notMatch(given, erp.origin)
    await gateway.call({ path: '/addresses', token: idp.mintUser(), headers: { 'OData-EntityId': given } })
    t.equal(erp.requests.at(-1)?.headers['odata-entityid'], link)
  }
})
