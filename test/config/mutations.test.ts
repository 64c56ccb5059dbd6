import fc from 'fast-check'
import t from 'tap'
import { GATEWAY, load, ROUTES, SECRET } from './files.ts'

const GATEWAY_FULL = `listen: { host: 0.0.0.0, port: "\${PORT:-8080}", trusted_proxies: [10.0.0.0/8], rate_limit: { max: 5, per: 1s } }
${GATEWAY}    headers: { set: { X-A: b }, remove: [X-C] }
`
const ROUTES_FULL = `defaults: { timeout: 5s, rate_limit: { max: 5, per: 1s, by: user } }
${ROUTES}    id: one
  - match: GET /b/:id
    require: [user, { client: { scope: a, claims: { b: [1, c] }, where: "claims.x == 1" } }]
    rewrite: /c/:id
    identity: { headers: { X-User: sub } }
`

// What a slip, a merge or an attacker puts into YAML.
const SPLICES = [' ', '\n', '\t', ':', ': ', '- ', '[', ']', '{', '}', ',', '#', '&a ', '*a', '!a ', '|', '>', '%', '@', '`', '"', '\'', '\\', '~', '? ', '<<: ', '---\n', '...\n', '${', '${A}', '$${', '\0', '\u{feff}', '\u2028', '__proto__', 'constructor', 'null', 'no', '1e309', '0', '-1', '\u{1f600}', '\ud800']

const mutation = fc.record({
  at: fc.nat(),
  cut: fc.nat({ max: 12 }),
  put: fc.oneof(fc.constantFrom(...SPLICES), fc.string({ unit: 'binary', maxLength: 6 }))
})

function mutate (text: string, mutations: ReadonlyArray<{ at: number, cut: number, put: string }>): string {
  return mutations.reduce((now, { at, cut, put }) => {
    const from = at % (now.length + 1)
    return now.slice(0, from) + put + now.slice(from + cut)
  }, text)
}

t.test('whatever the files hold, they load or are refused with a place: nothing throws', async t => {
  await fc.assert(fc.asyncProperty(fc.array(mutation, { maxLength: 4 }), fc.array(mutation, { maxLength: 4 }), async (forGateway, forRoutes) => {
    const { configuration, mistakes } = await load({ gateway: mutate(GATEWAY_FULL, forGateway), routes: mutate(ROUTES_FULL, forRoutes) })
    const isRefused = mistakes.some(({ severity }) => severity === 'error')
    return isRefused === (configuration === undefined) && mistakes.every(({ line, column, message }) => line >= 1 && column >= 1 && message !== '')
  }), { numRuns: 300 })
  t.pass()
})

t.test('whatever bytes the files hold, nothing throws', async t => {
  await fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async bytes => {
    const { configuration } = await load({ gateway: bytes, routes: bytes })
    return configuration === undefined
  }), { numRuns: 100 })
  t.pass()
})

t.test('whatever is done to the file around it, no mistake shows the secret', async t => {
  const gateway = GATEWAY_FULL.replace('{ env: ERP_SECRET }', SECRET)
  const start = gateway.indexOf(SECRET)
  const elsewhere = mutation.filter(({ put }) => !put.includes(SECRET))
  await fc.assert(fc.asyncProperty(fc.array(elsewhere, { minLength: 1, maxLength: 3 }), async mutations => {
    const near = mutations.map(one => ({ ...one, at: start - 60 + one.at % (120 + SECRET.length) }))
    const { lines } = await load({ gateway: mutate(gateway, near) })
    return !lines.join('\n').includes(SECRET)
  }), { numRuns: 300 })
  t.pass()
})

t.test('require is never taken for less than it says', async t => {
  const word = fc.constantFrom('user', 'client', 'public', 'usr', '', 'null', '[]', '{}', 'no', '~')
  const conditions = fc.constantFrom('{}', '{ scope: a }', '{ scope: [] }', '{ scope: "" }', '{ scop: a }', '{ scope: }', '[]', '""')
  const alternative = fc.oneof(word, fc.tuple(word, conditions).map(([kind, wanted]) => `{ ${kind}: ${wanted} }`))
  const value = fc.oneof(alternative, fc.array(alternative, { maxLength: 3 }).map(all => `[${all.join(', ')}]`))
  await fc.assert(fc.asyncProperty(value, async require => {
    const { configuration } = await load({ routes: `routes:\n  - match: GET /a\n    require: ${require}\n` })
    if (configuration === undefined) return true
    const [route] = configuration.routes
    if (route?.require === 'public') return require === 'public'
    return route?.require.every(({ kinds, conditions: { scope } }) => kinds.length > 0 && (scope === undefined || scope.includes('a'))) === true &&
      route.require.length === Math.max(1, require.split(/user|client/).length - 1)
  }), { numRuns: 300 })
  t.pass()
})
