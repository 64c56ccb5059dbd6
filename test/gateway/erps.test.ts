import t from 'tap'
import { ERP_NAMES, ERPS } from '../../src/config/erps/index.ts'
import { scene } from './upstream-scene.ts'

const SPELLINGS: ReadonlyArray<(name: string) => string> = [
  name => name, name => name.toLowerCase(), name => name.toUpperCase(), name => name.replaceAll(/[-._]/g, '-'), name => name.replaceAll(/[-._]/g, '_'), name => name.replaceAll(/[-._]/g, '.'), name => name.replaceAll(/[-._]/g, '~')
]
const escaped = (text: string) => [...text].map(letter => `%${letter.charCodeAt(0).toString(16)}`).join('')
const QUERY_SPELLINGS: ReadonlyArray<(name: string) => string> = [
  name => `?${name}=1`, name => `?${name.toUpperCase()}=1`, name => `?$top=1&${name}=1`, name => `?$top=1;${name}=1`, name => `?${name}`, name => `?${name}[]=1`, name => `?${escaped(name)}=1`, name => `?${escaped(escaped(name))}=1`, name => `?+${name}=1`, name => `?${name}%5B0%5D=1`
]

for (const name of ERP_NAMES) {
  const { headers, query, methodOverrides, answerHeaders } = ERPS[name]

  t.test(`${name}: no header of its table reaches it, in any spelling`, async t => {
    const { erp, gateway, head } = await scene(t, undefined, { changes: { upstreams: { erp: { erp: name } } } })
    for (const header of headers) {
      for (const spelled of new Set(SPELLINGS.map(spell => spell(header)))) {
        const { response } = await gateway.raw(head('GET /x', `${spelled}: smuggled`, 'X-Stays: 1'))
        const seen = erp.requests.splice(0)
        // With a _ for a - it may be refused outright.
        if (response.status === 400) t.same(seen, [], spelled)
        else {
          t.equal(response.status, 200, spelled)
          t.equal(seen[0]?.headers['x-stays'], '1')
          t.notOk(seen[0]?.rawHeaders.includes('smuggled'), spelled)
        }
      }
    }
  })

  t.test(`${name}: no parameter of its table reaches it, in any spelling, on no rule`, async t => {
    const { erp, gateway, token } = await scene(t, undefined, {
      changes: { upstreams: { erp: { erp: name } } },
      routes: [{ match: 'ANY /x', require: 'user' }, { match: 'GET /public', require: 'public' }]
    })
    for (const [parameters, code] of [[query, 'query-refused'], [methodOverrides, 'method-override']] as const) {
      for (const parameter of parameters) {
        for (const spell of QUERY_SPELLINGS) {
          for (const options of [{ path: `/x${spell(parameter)}`, token }, { path: `/public${spell(parameter)}` }, { path: `/x${spell(parameter)}` }]) {
            const { status, code: refused } = await gateway.call(options)
            t.same([status, refused], [400, code], options.path)
          }
        }
      }
    }
    t.equal(erp.requests.length, 0)
    t.equal((await gateway.call({ path: '/x?$filter=a%20eq%201&$top=5&a=b', token })).status, 200)
    t.equal(erp.requests[0]?.url, '/x?$filter=a%20eq%201&$top=5&a=b')
  })

  t.test(`${name}: no header of its table comes back to a caller`, async t => {
    const { gateway, token } = await scene(t, (_request, response) => {
      response.writeHead(200, Object.fromEntries([...answerHeaders.map(header => [header, 'inner']), ['X-Stays', '1']]) as Record<string, string>).end()
    }, { changes: { upstreams: { erp: { erp: name } } } })
    const { headers: seen } = await gateway.call({ path: '/x', token })
    t.equal(seen['x-stays'], '1')
    t.notOk(Object.values(seen).includes('inner'))
  })
}

t.test('what the operator sets, the ERP gets, and a caller\'s own never', async t => {
  const { erp, gateway, token } = await scene(t, undefined, {
    changes: { upstreams: { erp: { erp: 'sap', headers: { set: { 'sap-client': '100' } } } } },
    rule: { identity: { headers: { 'sap-user': 'sub' } } }
  })
  t.equal((await gateway.call({ path: '/x', token, headers: { 'sap-client': '000', 'sap-user': 'DDIC', 'sap-language': 'DE' } })).status, 200)
  t.match(erp.requests[0]?.headers, { 'sap-client': '100', 'sap-user': 'user-1', 'sap-language': 'DE' })
})

t.test('a rule adds to what is refused, and takes nothing away', async t => {
  const { erp, gateway, token } = await scene(t, undefined, {
    changes: { upstreams: { erp: { erp: 'odoo', refuse_query: ['debug'] } } },
    routes: { defaults: { refuse_query: 'Preview' }, routes: [{ match: 'GET /a', require: 'user', refuse_query: ['company'] }, { match: 'GET /b', require: 'user' }] }
  })
  for (const path of ['/a?db=x', '/a?debug=1', '/a?preview=1', '/a?Company=x', '/b?db=x', '/b?debug', '/b?PREVIEW']) {
    const { status, code } = await gateway.call({ path, token })
    t.same([status, code], [400, 'query-refused'], path)
  }
  t.equal(erp.requests.length, 0)
  t.equal((await gateway.call({ path: '/b?company=x', token })).status, 200)
})

t.test('the log has the name of what was refused, and no value', async t => {
  const { gateway, token } = await scene(t, undefined, { changes: { upstreams: { erp: { erp: 'sap' } } } })
  await gateway.call({ path: '/x?sap-password=open-sesame', token })
  const line = gateway.logLines().find(one => one['code'] === 'query-refused')
  t.match(line, { saw: 'sap-password', status: 400, granted: false })
  t.notMatch(JSON.stringify(gateway.logLines()), 'open-sesame')
})
