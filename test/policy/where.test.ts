import t from 'tap'
import type { Principal } from '../../src/policy/principal.ts'
import { compileWhere, WhereError, type WhereRequest } from '../../src/policy/where.ts'

const principal: Principal = {
  tokenKind: 'access',
  kind: 'user',
  issuer: 'main',
  subject: 'user-1',
  client: 'saas',
  scopes: ['read:address'],
  permissions: [],
  roles: [],
  claims: JSON.parse('{"level":2,"ratio":2.5,"dept":"sales","tags":["a","b"],"org":{"id":"7","deep":{"x":true}},"blocked":false,"nothing":null,"https://example.com/x":"ns"}') as Principal['claims'],
  evidence: []
}
const request: WhereRequest = { method: 'GET', path: '/orgs/7', params: { id: '7', name: 'a b' }, address: '192.0.2.1' }
const holds = (where: string, subject: Principal = principal): boolean => compileWhere(where)(subject, request)

/** What the operator is told; undefined where it compiles. */
function mistakeIn (where: string): string | undefined {
  try {
    compileWhere(where)
    return undefined
  } catch (error) {
    if (error instanceof WhereError) return error.message
    throw error
  }
}

t.test('an expression over claims, principal and request holds', async t => {
  for (const where of ['true', 'claims.level == 2', 'claims.level >= 2', 'claims.ratio > 2.0', 'claims.dept == "sales"', 'claims.dept in ["hr", "sales"]', '"b" in claims.tags', 'claims.tags.exists(x, x == "a")', 'claims.tags.all(x, size(x) == 1)',
    'claims.org.id == request.params.id', 'claims.org.deep.x', '!claims.blocked', 'has(claims.dept) && !has(claims.other)', 'claims["https://example.com/x"] == "ns"', 'claims.nothing == null', 'int(claims.level) + 1 == 3',
    'principal.kind == "user"', 'principal.subject == "user-1"', 'principal.client == "saas"', 'principal.issuer == "main"', '"read:address" in principal.scopes',
    'request.method == "GET"', 'request.path.startsWith("/orgs/")', 'request.params.name == "a b"', 'request.address == "192.0.2.1"', 'claims.dept.contains("ale") && claims.dept.endsWith("s")', 'claims.other == 1 || true', 'claims.level == 2 ? claims.dept == "sales" : false']) {
    t.equal(holds(where), true, where)
  }
})

t.test('what does not hold, does not', async t => {
  for (const where of ['false', 'claims.level == 3', 'claims.level == "2"', 'claims.dept == "Sales"', '"c" in claims.tags', 'claims.blocked', 'request.method == "POST"']) t.equal(holds(where), false, where)
})

t.test('on something absent nothing holds, however it is asked', async t => {
  for (const where of ['claims.other == 1', 'claims.other != 1', '!(claims.other == 1)', 'claims.org.other != "x"', 'claims.other.deep == 1', 'request.params.other != "x"', 'claims.other in ["x"]', '!(claims.other in ["x"])', 'claims.tags[9] != "x"', 'size(claims.other) == 0']) {
    t.equal(holds(where), false, where)
  }
  const anonymous: Principal = { ...principal, subject: undefined, client: undefined }
  for (const where of ['principal.subject != "x"', '!(principal.client == "x")', 'principal.subject == ""', 'has(principal.subject)', 'principal.client == claims.other']) t.equal(holds(where, anonymous), false, where)
})

t.test('what fails, or is no yes or no in the end, does not hold', async t => {
  for (const where of ['claims.dept', 'claims.level', 'claims.tags', 'claims.level > "x"', 'claims.dept + 1 == 2', 'claims.nothing > 1', 'int(claims.dept) == 1']) t.equal(holds(where), false, where)
})

t.test('an inherited member is no claim', async t => {
  for (const where of ['has(claims.constructor)', 'claims.constructor != 1', 'claims.toString != 1', '"constructor" in claims', 'has(claims.org.hasOwnProperty)', 'claims.org.__proto__ != 1', 'request.params.constructor != "x"', 'claims["__proto__"] != 1']) t.equal(holds(where), false, where)
})

t.test('an expression that cannot be one is refused at load', async t => {
  for (const where of ['', ' ', 'claims.level ==', 'clams.level == 1', 'level == 1', 'principal.roles == 1', 'principal.kind == 1', 'request.body == 1', 'request.params.id == 1', '1 + 1', '"true"', 'principal.scopes', 'claims', 'claims.dept.matches("^(a+)+$")', 'claims.tags.exists(x, x.matches("a"))', 'matches(claims.dept, "a")', 'true ? claims.dept.matches("a") : true', 'claims.dept.lowerAscii() == "a"', 'claims.tags.exists(x, x.upperAscii() == "A")', 'claims.x = 1', 'process.exit(1)', 'claims.dept.nope()', `${'('.repeat(60)}true${')'.repeat(60)} && ${'!'.repeat(200)}true`]) {
    t.match(mistakeIn(where), /^[^\n]+ [^\n]+$/, `${where}: in one line`)
  }
})

t.test('an expression changes nothing', async t => {
  const before = JSON.stringify([principal, request])
  for (const where of ['claims.tags.map(x, x + "!").size() == 2', 'claims.tags.filter(x, x == "a").size() == 1']) t.equal(holds(where), true, where)
  t.equal(JSON.stringify([principal, request]), before)
})
