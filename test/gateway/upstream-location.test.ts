import t from 'tap'
import { startErp } from '../support/erp.ts'
import { startGateway } from '../support/gateway.ts'
import { startIdp } from '../support/idp.ts'
import type { Settings } from '../support/settings.ts'

interface Setting {
  /** the path of the upstream's URL */
  readonly base?: string
  readonly publicUrl?: string
  readonly routes?: readonly Settings[]
}

/** The path that is called, what the ERP answers (ORIGIN is its own), and what the caller gets. */
type Case = readonly [path: string, sent: string, seen: string]

function promise (name: string, { base = '', publicUrl, routes = [{ match: 'ANY /*', require: 'user' }] }: Setting, cases: readonly Case[]): void {
  t.test(name, async t => {
    let location = ''
    const [idp, erp] = [await startIdp(t), await startErp(t, (_req, res) => {
      res.writeHead(201, { location, 'content-location': location, 'odata-entityid': location }).end()
    })]
    const changes = { ...(publicUrl !== undefined && { listen: { public_url: publicUrl } }), upstreams: { erp: { url: erp.origin + base } } }
    const gateway = await startGateway(t, { idp, erp, routes, changes })
    for (const [path, sent, seen] of cases) {
      // node:http writes a header's characters as bytes.
      location = Buffer.from(sent.replace('ORIGIN', erp.origin)).toString('latin1')
      const { status, headers } = await gateway.call({ method: 'POST', path, token: idp.mintUser(), headers: { host: 'api.example.com' } })
      t.equal(status, 201)
      t.equal(headers.location, seen.replace('ORIGIN', erp.origin), `${path}: ${sent}`)
      t.equal(headers['content-location'], seen.replace('ORIGIN', erp.origin))
      t.equal(headers['odata-entityid'], seen.replace('ORIGIN', erp.origin))
    }
  })
}

promise('what lies under the upstream lies under the gateway, as the caller calls it', {}, [
  ['/addresses', 'ORIGIN/addresses/7', 'http://api.example.com/addresses/7'],
  ['/addresses', 'ORIGIN', 'http://api.example.com/'],
  ['/addresses', 'ORIGIN/a?b=c#d', 'http://api.example.com/a?b=c#d'],
  ['/addresses', '/addresses/7', '/addresses/7'],
  ['/addresses', '/', '/'],
  ['/addresses', '7', '/7'],
  ['/addresses/', '7?x#y', '/addresses/7?x#y'],
  ['/a/b/c', '../d', '/a/d'],
  ['/a/b?q=1', '?page=2', '/a/b?page=2'],
  ['/a/b', '#part', '/a/b#part'],
  ['/a', '/b%20c/%C3%A9', '/b%20c/%C3%A9'],
  ['/a', '/straße/é', '/stra%C3%9Fe/%C3%A9']
])

promise('what lies elsewhere is left as it is', {}, [
  ['/a', 'https://login.example.com/x?y', 'https://login.example.com/x?y'],
  ['/a', '//evil.example.com/x', '//evil.example.com/x'],
  ['/a', '/\\evil.example.com', '/\\evil.example.com'],
  ['/a', 'mailto:a@example.com', 'mailto:a@example.com'],
  ['/a', 'https://evil.example.com/ORIGIN', 'https://evil.example.com/ORIGIN'],
  ['/a', 'http://[', 'http://[']
])

promise('the path of the upstream\'s URL stays inside', { base: '/erp/v1' }, [
  ['/addresses', 'ORIGIN/erp/v1/addresses/7', 'http://api.example.com/addresses/7'],
  ['/addresses', '/erp/v1/addresses/7', '/addresses/7'],
  ['/addresses', '7', '/7'],
  ['/addresses/', '7', '/addresses/7'],
  ['/addresses', 'ORIGIN/erp/v1', 'http://api.example.com/'],
  ['/addresses', '/erp/v1', '/'],
  ['/addresses', '/erp/v1?x', '/?x'],
  ['/addresses', '/erp/v1/', '/'],
  // Beside it nothing leads anywhere; the upstream's name is not told.
  ['/addresses', 'ORIGIN/login', '/login'],
  ['/addresses', '/erp/v10/x', '/erp/v10/x'],
  // What is left of a path never names another host.
  ['/addresses', '/erp/v1//evil.example.com/x', '/.//evil.example.com/x'],
  ['/addresses', 'ORIGIN/erp/v1//evil.example.com/x', 'http://api.example.com//evil.example.com/x'],
  ['/addresses', 'ORIGIN//evil.example.com/x', '/.//evil.example.com/x']
])

promise('a public_url is what callers know, with its path', { base: '/erp', publicUrl: 'https://api.example.org/gateway' }, [
  ['/addresses', 'ORIGIN/erp/addresses/7', 'https://api.example.org/gateway/addresses/7'],
  ['/addresses', '/erp/addresses/7', '/gateway/addresses/7'],
  ['/addresses', '/erp', '/gateway/'],
  ['/addresses', '/erp//evil.example.com', '/gateway//evil.example.com']
])

promise('a rewrite goes backwards', {
  base: '/erp',
  routes: [
    { match: 'POST /addresses', require: 'user', rewrite: '/api/v2/address' },
    { match: 'ANY /addresses/:id', require: 'user', rewrite: '/api/v2/address/:id' },
    { match: 'ANY /files/*', require: 'user', rewrite: '/blob/store/*' },
    { match: 'ANY /t/:tenant/orders', require: 'user', rewrite: '/orders/:tenant' },
    { match: 'ANY /t/:tenant/notes', require: 'user', rewrite: '/notes' },
    { match: 'ANY /t/:tenant/bills', require: 'user', rewrite: '/api/:tenant/bill' }
  ]
}, [
  ['/addresses', '/erp/api/v2/address/7', '/addresses/7'],
  ['/addresses', 'ORIGIN/erp/api/v2/address/7?x', 'http://api.example.com/addresses/7?x'],
  ['/addresses', '/erp/api/v2/address', '/addresses'],
  ['/addresses/7', '/erp/api/v2/address/8', '/addresses/8'],
  ['/files/a/b', '/erp/blob/store/c/d%20e', '/files/c/d%20e'],
  ['/files/a/b', 'c', '/files/a/c'],
  ['/t/acme/orders', '/erp/orders/other', '/t/other/orders'],
  ['/t/acme/notes', '/erp/notes', '/t/acme/notes'],
  ['/t/acme/notes', '/erp/notes/7', '/t/acme/notes/7'],
  ['/t/a%20b/bills', '/erp/api/a%20b/bill/7', '/t/a%20b/bills/7'],
  ['/t/acme/bills', '/erp/api/other/bill/7', '/api/other/bill/7'],
  ['/addresses', '/erp/elsewhere', '/elsewhere'],
  ['/addresses', '/erp', '/'],
  ['/files/x', '/erp/blob/store//evil.example.com', '/files//evil.example.com']
])
