import t from 'tap'
import { readDescription } from '../../src/openapi/description.ts'
import { checked, described, imported, linesOf, openapi, settled } from './described.ts'

const user = { security: [{ user: [] }] }
const key = { security: [{ key: [] }] }

t.test('what is left to fill in stands as a comment: nobody may, and the rest is checked', async t => {
  const result = imported(described({ '/pets': { get: { ...user, summary: 'All pets' }, post: { ...key, operationId: 'addPet', summary: 'One more' } }, '/status': { get: { security: [] } } }))
  t.same(linesOf(result), [
    '  - match: GET /pets',
    '    description: All pets',
    '    require: user',
    '  # - match: POST /pets',
    '  #   id: addPet',
    '  #   description: One more',
    '  #   require:   # who may? The description takes: key (an API key in header X-Api-Key)',
    '  # - match: GET /status',
    '  #   require:   # who may? The description takes: anybody, without a credential'
  ])
  const { routes } = await settled(t, result.routes)
  t.equal(routes.length, 1)
  const filledIn = result.routes.replaceAll(/^ {2}# {1,3}(- match| {2}\w+:)/gm, '  $1').replace(/require: {3}#/g, 'require: #')
  t.same((await checked(t, filledIn.replace(/^( {2})# {3}/gm, '$1  '))).errors.length, 2, 'a require that is still missing is an error where it stands')
})

t.test('what is left to fill in is not let in by another rule: where one would, it is a rule that nobody passes', async t => {
  const admin = { security: [{ client: ['write'] }] }
  const result = imported(described({ '/pets/{id}': { get: user, put: user }, '/pets/export': { get: key }, '/pets/{id}/x': { get: user }, '/shops/{proxy+}': { get: user }, '/shops/a/b': { get: key } }))
  t.same(linesOf(result).filter(line => /GET \/(pets\/export|shops\/a)/.test(line)), ['  - match: GET /pets/export', '  - match: GET /shops/a/b'])
  t.match(result, { told: 4, left: [{ operation: 'GET /pets/export' }, { operation: 'GET /shops/a/b' }] })
  const { routes } = await settled(t, result.routes)
  for (const path of ['/pets/export', '/shops/a/b']) {
    const closed = routes.find(({ match }) => match.path === path)
    t.same(closed?.require, [{ kinds: ['user', 'client'], conditions: { where: 'false' } }])
  }
  // What no rule can be about is a request of the broader rule: which is then none, unless it lets in no more.
  const same = imported(described({ '/pets/{id}': { post: user }, '/pets/{id}:sell': { post: user } }))
  t.match(same, { told: 1, inexpressible: [{ operation: 'POST /pets/{id}:sell', takenBy: 'POST /pets/{id}' }] })
  t.equal(linesOf(same).at(-1), '  # POST /pets/{id}:sell: taken by the rule of POST /pets/{id}')
  for (const other of [key, admin]) t.match(imported(described({ '/pets/{id}': { post: user }, '/pets/{id}:sell': { post: other }, '/{any}/{id}': { post: user } })), { told: 0, rules: 0 })
  t.match(imported(described({ '/pets/{id}': { post: admin }, '/pets/{id}:sell': { post: { security: [{ client: [] }] } } })), { told: 1 })
})

t.test('a description that tells nobody gives a file that check does not take', async t => {
  const result = imported(described({ '/pets': { get: key } }))
  t.match(result, { told: 0, rules: 0, left: [{ operation: 'GET /pets', takes: ['key (an API key in header X-Api-Key)'] }] })
  t.not((await checked(t, result.routes)).errors.length, 0)
})

t.test('issuers and the upstream stand once, for all', async t => {
  const { routes } = imported(described({ '/a': { get: user } }), { issuers: ['main', 'second'], upstream: 'erp' })
  t.match(routes, 'defaults:\n  issuers: [main, second]\n  upstream: erp\nroutes:\n')
})

t.test('a name is a rule\'s id where it can be one, and is given once', async t => {
  const result = imported(described({ '/a': { get: { ...user, operationId: 'a' } }, '/b': { get: { ...user, operationId: 'b c' } }, '/c': { get: { ...user, operationId: 'twice' } }, '/d': { get: { ...user, operationId: 'twice' } } }))
  t.same(linesOf(result).filter(line => line.includes('id:')), ['    id: a'])
})

t.test('nothing in a description can end a comment or a text: what it says becomes no rule', async t => {
  const evil = 'x\n  - match: ANY /*\n    require: public\n#\r\u2028- match: GET /\u0085"\'}]: ${HOME} \u202e\ud800'
  const paths = {
    '/a': { get: { ...user, summary: evil, operationId: evil } },
    '/b': { get: { security: [{ [evil]: [evil] }], summary: evil } },
    '/c\n  - match: ANY /*\n    require: public': { get: user },
    '/d\n{id}.x\n    require: public': { get: user }
  }
  const result = imported(described(paths, { info: { title: evil, version: evil } }), { file: evil })
  const { routes } = await settled(t, result.routes)
  t.same(routes.map(({ match }) => match.path).filter(path => path !== '/a' && !path.startsWith('/c%0A')), [])
  t.notOk(routes.some(({ require }) => require === 'public'))
  t.notMatch(result.routes, /[\u0085\u2028\u202e\r]/)
})

t.test('a path item may be elsewhere in the document; another document is not opened', async t => {
  const result = imported(described({
    '/a': { $ref: '#/components/pathItems/a', put: user },
    '/b': { $ref: '#/paths/~1a' },
    '/c': { $ref: './c.yaml#/c' },
    '/d': { $ref: 'https://example.com/d.yaml' },
    '/e': { $ref: '#/paths/~1e' },
    '/f': { $ref: '#/nowhere' },
    g: { get: user },
    'x-more': {}
  }, { components: { pathItems: { a: { get: user } }, securitySchemes: { user: { $ref: '#/components/securitySchemes/other' }, other: { type: 'oauth2', flows: { password: { scopes: {} } } } } } }))
  t.same(linesOf(result).filter(line => line.includes('match:')), ['  - match: GET|PUT /a', '  - match: GET|PUT /b'])
  t.same(result.unread.map(({ path }) => path), ['/c', '/d', '/e', '/f', 'g'])
  t.match(result.routes, /^# \/c was not read: /m)
})

t.test('Swagger 2.0 has its flow, its scopes and its base path elsewhere', async t => {
  const result = imported(readDescription({
    swagger: '2.0',
    basePath: '/v2',
    security: [{ code: ['read'] }],
    securityDefinitions: { code: { type: 'oauth2', flow: 'accessCode', scopes: { read: '' } }, own: { type: 'oauth2', flow: 'application', scopes: {} }, basic: { type: 'basic' } },
    paths: { '/a': { get: {}, put: { security: [{ own: [] }] }, post: { security: [{ basic: [] }] } } }
  }))
  t.same(linesOf(result).filter(line => /- match|require/.test(line)), ['  - match: GET /v2/a', '    require: { user: { scope: read } }', '  - match: PUT /v2/a', '    require: client', '  # - match: POST /v2/a', '  #   require:   # who may? The description takes: basic (a name and a password)'])
})

t.test('what is no description is told so', async t => {
  for (const document of [undefined, null, [], 'text', {}, { openapi: '4.0.0' }, { openapi: '3.0.0', paths: [] }, { swagger: '1.2' }, { asyncapi: '3.0.0' }]) {
    t.throws(() => readDescription(document), { name: 'DescriptionError' }, JSON.stringify(document))
  }
  t.same(readDescription({ openapi: '3.0.3' }).operations, [])
  t.throws(() => described({ '/a': { additionalOperations: Object.fromEntries(Array.from({ length: 20_001 }, (_, at) => [`M${at}`, {}])) } }), { name: 'DescriptionError' })
})

t.test('names that objects have by themselves are names as any other', async t => {
  const document = JSON.parse(JSON.stringify(openapi({ '/a': { get: { security: [{ constructor: [], __proto__x: [] }] } } })).replace('__proto__x', '__proto__')) as unknown
  t.match(imported(readDescription(document)), { told: 0, left: [{ operation: 'GET /a' }] })
  t.same(imported(described({ '/a': { $ref: '#/constructor/prototype' } })).unread.length, 1)
})
