import t from 'tap'
import { GATEWAY, load } from './files.ts'

const BATCH = 'batch: { each: same_rules }'
const rules = (...all: readonly string[]): string => `routes:\n${all.map(one => `  - ${one.replaceAll('\n', '\n    ')}\n`).join('')}`

t.test('a rule that takes batches ends in /$batch and takes POST', async t => {
  for (const match of ['POST /a/$batch', 'ANY /a/$batch', 'GET|POST /a/%24batch', 'POST /$batch', 'POST /:tenant/$batch']) {
    const { places, configuration } = await load({ routes: rules(`match: ${match}\nrequire: user\n${BATCH}`) })
    t.same(places, [], match)
    t.same(configuration?.routes[0]?.batch, { each: 'same_rules', max_parts: 100 })
  }
  for (const match of ['POST /a', 'GET|PUT /a/$batch', 'POST /a/$batch/b', 'POST /a/:batch', 'POST /$batch/*', 'POST /a/$Batch']) {
    const { places, configuration } = await load({ routes: rules(`match: ${match}\nrequire: user\n${BATCH}`) })
    t.same(places.filter(place => !place.startsWith('warning')), ['routes.yaml:4:5 routes[0].batch'], match)
    t.equal(configuration, undefined)
  }
})

t.test('what it says is checked', async t => {
  for (const [value, place] of [
    ['{}', '4:12 routes[0].batch'], ['true', '4:12 routes[0].batch'], ['{ max_parts: 5 }', '4:12 routes[0].batch'], ['{ each: any }', '4:20 routes[0].batch.each'], ['{ each: same_rules, max_parts: 0 }', '4:43 routes[0].batch.max_parts'],
    ['{ each: same_rules, max_parts: 1001 }', '4:43 routes[0].batch.max_parts'], ['{ each: same_rules, parts: 5 }', '4:32 routes[0].batch.parts']
  ] as const) {
    t.same((await load({ routes: rules(`match: POST /$batch\nrequire: user\nbatch: ${value}`) })).places, [`routes.yaml:${place}`], value)
  }
  t.same((await load({ routes: `defaults:\n  ${BATCH}\n${rules('match: POST /$batch\nrequire: user')}` })).places, ['routes.yaml:2:3 defaults.batch'], 'not in defaults')
})

t.test('a rewrite that is no batch, and a body without a limit that can be held, are refused', async t => {
  const batch = `match: POST /a/$batch\nrequire: user\n${BATCH}`
  t.same((await load({ routes: rules(`${batch}\nrewrite: /b/$batch`) })).places, [])
  t.same((await load({ routes: rules(`${batch}\nrewrite: /b`) })).places, ['routes.yaml:4:5 routes[0].batch'])
  t.same((await load({ routes: `defaults: { rewrite: /b }\n${rules(batch)}` })).places, ['routes.yaml:5:5 routes[0].batch'])
  t.same((await load({ routes: rules(`${batch}\nbody_limit: 32MiB`) })).places, [])
  t.same((await load({ routes: rules(`${batch}\nbody_limit: 33MiB`) })).places, ['routes.yaml:5:17 routes[0].body_limit'])
  t.same((await load({ routes: `defaults: { body_limit: 1GiB }\n${rules(batch)}` })).places, ['routes.yaml:5:5 routes[0].batch'])
})

t.test('check warns of rules that no request in a batch can go by', async t => {
  const gateway = `${GATEWAY}  crm: { url: https://crm.example.com, credential: none }\n`
  const batch = `match: POST /a/$batch\nrequire: user\n${BATCH}`
  const other = (match: string, more = ''): string => `match: ${match}\nrequire: user${more === '' ? '' : `\n${more}`}`
  for (const more of ['credential: none', 'identity: { headers: { X-Customer: sub } }', 'headers: { set: { X-A: b } }', 'response_headers: { remove: [X-A] }', 'rewrite: /b', 'upstream: crm']) {
    for (const match of ['GET /a/b', 'GET /:x/b', 'GET /a/b/c', 'GET /*']) {
      const { places, configuration } = await load({ gateway, routes: `defaults: { upstream: erp }\n${rules(batch, other(match, more))}` })
      t.same(places.filter(place => place.endsWith('routes[1].match')), ['warning routes.yaml:6:12 routes[1].match'], `${match} ${more}`)
      t.ok(configuration)
    }
    for (const match of ['GET /b/c', 'GET /a', 'GET /a/$batch', 'GET /b/*']) {
      t.same((await load({ gateway, routes: `defaults: { upstream: erp }\n${rules(batch, other(match, more))}` })).places.filter(place => !place.endsWith('rewrite')), [], `${match} ${more}`)
    }
  }
  for (const more of ['headers: { remove: [X-A] }', 'timeout: 5s', 'rate_limit: { max: 1, per: 1s, by: user }']) t.same((await load({ routes: rules(batch, other('GET /a/b', more)) })).places, [], more)
  const same = 'headers: { set: { X-A: b, X-C: d } }'
  t.same((await load({ routes: rules(`${batch}\n${same}`, other('GET /a/b', 'headers: { set: { x-c: d, x_a: b } }')) })).places, [])
  t.same((await load({ routes: rules(`${batch}\n${same}`, other('GET /a/b')) })).places, ['warning routes.yaml:6:12 routes[1].match'])
})
