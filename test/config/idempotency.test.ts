import t from 'tap'
import { GATEWAY, load, SECRET } from './files.ts'

const rule = (idempotency: string, more = '') => `routes:\n  - match: POST /orders\n    require: user\n    idempotency: ${idempotency}\n${more}`
const KEY = Buffer.alloc(32, 7).toString('base64')
const REDIS = 'redis:\n  url: rediss://redis.example.com\n'

t.test('what it does not say', async t => {
  const { configuration, lines } = await load({ routes: rule('{}', '    timeout: 7s\n') })
  t.same(lines, [])
  t.same(configuration?.routes[0]?.idempotency, { header: 'Idempotency-Key', ttl: 86_400_000, store: 'memory', required: false, wait: 7000, max_body: 1_048_576 })
  t.same(configuration?.gateway.idempotency_memory, { max: 10_000, max_size: 64 * 1_048_576 })
  t.equal((await load({})).configuration?.routes[0]?.idempotency, undefined)
})

t.test('all that it can say', async t => {
  const { configuration, lines } = await load({
    gateway: `idempotency_memory: { max: 5, max_size: 1MiB }\n${REDIS}  keys: ${KEY}\n${GATEWAY}`,
    routes: rule('{ header: X-Write-Id, ttl: 168h, store: redis, required: true, wait: 0ms, max_body: 16MiB }')
  })
  t.same(lines, [])
  t.match(configuration?.routes[0]?.idempotency, { header: 'X-Write-Id', ttl: 604_800_000, store: 'redis', required: true, wait: 0 })
})

t.test('what cannot be', async t => {
  for (const [idempotency, place] of Object.entries({
    '{ header: Authorization }': 'routes.yaml:4:28 routes[0].idempotency.header',
    '{ header: Content-Length }': 'routes.yaml:4:28 routes[0].idempotency.header',
    '{ header: "a b" }': 'routes.yaml:4:28 routes[0].idempotency.header',
    '{ ttl: 0s }': 'routes.yaml:4:25 routes[0].idempotency.ttl',
    '{ store: disk }': 'routes.yaml:4:27 routes[0].idempotency.store',
    '{ max_body: 1GiB }': 'routes.yaml:4:30 routes[0].idempotency.max_body',
    '{ key: x }': 'routes.yaml:4:20 routes[0].idempotency.key',
    true: 'routes.yaml:4:18 routes[0].idempotency'
  })) {
    const { configuration, places } = await load({ routes: rule(idempotency) })
    t.equal(configuration, undefined, idempotency)
    t.same(places, [place], idempotency)
  }
})

t.test('a public rule knows no caller', async t => {
  const { configuration, places } = await load({ routes: 'routes:\n  - match: POST /orders\n    require: public\n    idempotency: {}\n' })
  t.equal(configuration, undefined)
  t.same(places, ['routes.yaml:4:5 routes[0].idempotency'])
})

t.test('a rule that only reads has no use for it, and is told so', async t => {
  const { configuration, places } = await load({ routes: 'routes:\n  - match: GET|OPTIONS /orders\n    require: user\n    idempotency: {}\n' })
  t.ok(configuration)
  t.same(places, ['warning routes.yaml:4:5 routes[0].idempotency'])
})

t.test('redis has to be there, with a key to seal what is kept', async t => {
  const env = { ERP_SECRET: SECRET }
  for (const gateway of [GATEWAY, `${REDIS}${GATEWAY}`]) {
    const { configuration, places } = await load({ gateway, routes: rule('{ store: redis }'), env })
    t.equal(configuration, undefined)
    t.ok(places.includes('routes.yaml:4:20 routes[0].idempotency.store'), places.join())
  }
})

t.test('several workers remember together or not at all', async t => {
  for (const workers of ['2', 'auto', '"2"']) {
    for (const [idempotency, place] of [['{}', 'routes.yaml:4:5 routes[0].idempotency'], ['{ store: memory }', 'routes.yaml:4:20 routes[0].idempotency.store']] as const) {
      const { configuration, places } = await load({ gateway: `workers: ${workers}\n${GATEWAY}`, routes: rule(idempotency) })
      t.equal(configuration, undefined, workers)
      t.same(places, [place], workers)
    }
    t.same((await load({ gateway: `workers: ${workers}\n${REDIS}  keys: ${KEY}\n${GATEWAY}`, routes: rule('{ store: redis }') })).lines, [])
  }
  t.same((await load({ gateway: `workers: 1\n${GATEWAY}`, routes: rule('{}') })).lines, [])
})
