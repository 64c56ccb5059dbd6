import t from 'tap'
import { casesBeside } from '../../src/config/load-cases.ts'
import { tryOut } from '../../src/commands/rehearsing.ts'
import { MAIN, tried } from './tried.ts'
import { writePolicy } from './issuers.ts'

const routes = [{ match: 'GET /a/:id', require: 'user', id: 'read-a' }]

t.test('each mistake is told with its place, what is allowed, and the nearest spelling', async t => {
  const { rehearsal, lines } = await tried(t, {
    routes,
    cases: `coverage: requird
cases:
  - request: GTE /a/1
    as: usr
    expect: alow
    scop: a
  - request: GET a
    as: [user, keycloak-bear-client]
    expect: deny 403 scope-mising
  - as: nobody
    expect: deny 999
    request: GET /a/1
  - request: GET /a/1
    as: nobody
    scope: a
    rule: reed-a
    expect: deny 401 scope-missing
  - { request: GET /a/1, as: user, expect: deny, login_age: 5, headers: { Authorization: x } }
  - { request: GET /a/1, as: user, expect: deny, claims: { a..b: 1 } }
  - { request: GET /a/1 }
`
  })
  t.equal(rehearsal, undefined)
  const place = (text: string): string => text.replace(/:.*/, '')
  t.ok(lines.every(line => place(line) === 'routes.test.yaml'))
  const has = (start: string, ...words: readonly string[]): void => {
    const line = lines.find(one => one.startsWith(start))
    t.ok(line !== undefined && words.every(word => line.includes(word)), `${start}: ${words.join(', ')} in ${line ?? 'nothing'}`)
  }
  has('routes.test.yaml:1:11 coverage', '"required"')
  has('routes.test.yaml:3:14 cases[0].request', 'GTE', 'GET')
  has('routes.test.yaml:4:9 cases[0].as', 'nobody', '"user"')
  has('routes.test.yaml:5:13 cases[0].expect', 'allow')
  has('routes.test.yaml:6:5 cases[0].scop', '"scope"')
  has('routes.test.yaml:7:14 cases[1].request', 'PUT|PATCH /addresses/17')
  has('routes.test.yaml:9:13 cases[1].expect', '"scope-missing"')
  has('routes.test.yaml:11:13 cases[2].expect', '999')
  has('routes.test.yaml:17:13 cases[3].expect', '403')
  has('routes.test.yaml:18:61 cases[4].login_age', '30s')
  has('routes.test.yaml:18:75 cases[4].headers.Authorization', 'as')
  has('routes.test.yaml:19:60 cases[5].claims', 'path')
  has('routes.test.yaml:20:5 cases[6]', 'as is missing')
  t.equal(lines.length, 14)
})

t.test('what only the other two files can tell is told likewise', async t => {
  const { rehearsal, lines } = await tried(t, {
    issuers: { ...MAIN, partner: { issuer: 'https://partner.example.com', audience: 'https://api.example.com' } },
    defaults: { issuers: 'main' },
    routes,
    cases: `cases:
  - request: GET /a/1
    as: [user, keycloak-bear-client]
    issuer: partnr
    expect: deny
  - { request: GET /a/1, as: user, expect: allow }
  - { request: GET /a/1, as: nobody, scope: a, rule: reed-a, expect: deny }
`
  })
  t.equal(rehearsal, undefined)
  t.same(lines.map(line => line.split(' ', 2).join(' ').replace(/:$/, '')), [
    'routes.test.yaml:3:16 cases[0].as[1]', 'routes.test.yaml:4:13 cases[0].issuer', 'routes.test.yaml:6:5 cases[1]',
    'routes.test.yaml:7:38 cases[2].scope', 'routes.test.yaml:7:54 cases[2].rule'
  ])
  t.match(lines.join('\n'), /"keycloak-bare-client"[^]*"partner"[^]*issuer is missing[^]*nobody[^]*"read-a"/)
})

t.test('mistakes of all three files come at once; a file that is not there says how to begin, and one that is empty that it is', async t => {
  const { lines } = await tried(t, { routes: [{ match: 'GET /a', require: 'usr' }], cases: 'cases: []' })
  t.match(lines, [/^routes\.yaml:.*did you mean "user"/, /^routes\.test\.yaml:1:8 cases: must not be empty/])
  const files = await writePolicy(t, MAIN, routes)
  const { mistakes, rehearsal } = await tryOut({ ...files, cases: `${files.folder}/none.yaml` })
  t.equal(rehearsal, undefined)
  t.match(mistakes, [{ severity: 'error', message: /no such file[^]*cases:/ }])
  t.match((await tried(t, { routes, cases: '' })).lines, [/routes\.test\.yaml:1:1/])
  t.match((await tried(t, { routes, cases: 'cases: [' })).lines, [/routes\.test\.yaml:1/])
  t.match((await tried(t, { routes, cases: 'cases: ${CASES}' })).lines, [/cases/])
})

t.test('the cases stand beside routes.yaml', async t => {
  t.equal(casesBeside('routes.yaml'), 'routes.test.yaml')
  t.equal(casesBeside('/etc/countersign/policy.yml'), '/etc/countersign/policy.test.yaml')
  t.equal(casesBeside('policy'), 'policy.test.yaml')
})
