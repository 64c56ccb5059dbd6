import t from 'tap'
import { patternOf, requestPath } from '../../src/openapi/path.ts'
import { compileMatcher } from '../../src/policy/match.ts'
import { parseMatch } from '../../src/policy/pattern.ts'
import { described, imported, linesOf } from './described.ts'

const user = { security: [{ user: [] }] }

t.test('a parameter is a segment, whatever its name', async t => {
  const paths = {
    '/': '/',
    '/pets/{petId}': '/pets/:petId',
    '/pets/{pet-id}/{pet.id}/': '/pets/:pet_id/:pet_id_2/',
    '/{2fa}/{日本}': '/:p2fa/:_',
    '/{proxy+}': '/*',
    '/files/{path*}': '/files/*',
    '/files/{+path}': '/files/*',
    "/Orders({key})/Items('{id}')": "/Orders(:key)/Items(':id')",
    '/v1/orders:cancel': '/v1/orders:cancel',
    '/:id/a*b': '/%3Aid/a%2Ab',
    '/a b/Ä/%C3%84/a%20b': '/a%20b/%C3%84/%C3%84/a%20b',
    '/$metadata': '/$metadata'
  }
  for (const [template, path] of Object.entries(paths)) t.same(patternOf(template), { path }, template)
})

t.test('what no rule can say has a reason, and what would match it, and more', async t => {
  t.match(patternOf('/a/{id}.json'), { problem: String, wider: '/a/:id_json' })
  t.match(patternOf('/a/{id}:cancel'), { problem: String, wider: '/a/:id_cancel' })
  t.match(patternOf('/a/{x}-{y}'), { problem: String, wider: '/a/:x_y' })
  t.match(patternOf('/Orders(a={a},b={b})'), { problem: String, wider: '/:Orders_a_a_b_b' })
  t.match(patternOf('/{path+}/end'), { problem: String, wider: '/:path/end' })
  for (const template of ['/a?x={x}', '/#Action=Do', '/a//b', '/a/../b', '/a;b', '/a%2fb', '/100%']) {
    const pattern = patternOf(template)
    t.ok('problem' in pattern && pattern.wider === undefined, template)
  }
})

t.test('a request of an operation meets the rule that is made of it', async t => {
  for (const template of ['/pets/{petId}', '/a b/{x}/Ä', "/Orders({key})/Items('{id}')", '/{proxy+}', '/:id/a*b', '/v1/orders:cancel']) {
    const pattern = patternOf(template)
    const matcher = compileMatcher([{ match: parseMatch(`GET ${'path' in pattern ? pattern.path : ''}`) }])
    t.ok(matcher.find('GET', requestPath(template, 'x')), template)
  }
})

t.test('the path of the first server stands in front, that of the operation before that of the document', async t => {
  const match = (servers: unknown, own?: unknown, base?: string) => imported(described({ '/a': { get: { ...user, ...own !== undefined && { servers: own } } } }, { servers }), { base }).routes.match(/match: GET (.*)/)?.[1]
  t.equal(match([{ url: 'https://api.example.com/v1/' }, { url: '/v2' }]), '/v1/a')
  t.equal(match([{ url: '/api/v3' }]), '/api/v3/a')
  t.equal(match([{ url: 'https://{region}.example.com/{stage}', variables: { region: { default: 'eu' }, stage: { default: 'prod' } } }]), '/prod/a')
  t.equal(match([{ url: 'https://{host}/{tenant}?x=1' }]), '/:tenant/a')
  t.equal(match([{ url: 'v1' }]), '/v1/a')
  t.equal(match([{ url: '/' }]), '/a')
  t.equal(match('none'), '/a')
  t.equal(match([{ url: '/v1' }], [{ url: '/own' }]), '/own/a')
  t.equal(match([{ url: '/v1' }], undefined, '/base'), '/base/a')
  t.equal(match([{ url: '/v1' }], undefined, ''), '/a')
})

t.test('methods of a path of which the same is asked are one rule; others are rules of their own', async t => {
  const result = imported(described({ '/a': { get: { ...user, summary: 'Read.' }, delete: { ...user, summary: 'Take away.' }, post: { security: [{ client: [] }], operationId: 'make' }, trace: user, query: user } }))
  t.same(linesOf(result), [
    '  - match: GET|DELETE /a',
    '    description: Read.; Take away.',
    '    require: user',
    '  - match: POST /a',
    '    id: make',
    '    require: client',
    '  # TRACE /a: no rule, for TRACE is never served',
    '  # QUERY /a: no rule, for QUERY is never served'
  ].map(line => line.replace('Read.; Take away.', '"Read.; Take away."')))
})

t.test('of two that get in each other\'s way the first is a rule; of two of one path that ask for different things, neither', async t => {
  const client = { security: [{ client: [] }] }
  const result = imported(described({
    '/a/{id}': { get: user },
    '/a/{name}': { get: client, put: user },
    '/b': { get: user },
    '/b/': { get: user },
    '/Orders': { get: user },
    '/orders': { get: user },
    '/c/{id}': { get: user },
    '/c/{name}': { get: user }
  }))
  t.same(result.inexpressible.map(({ operation }) => operation), ['GET /a/{id}', 'GET /a/{name}', 'GET /b/', 'GET /orders'])
  t.match(result, { operations: 9, told: 5, rules: 4 })
})
