import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { tryOut } from '../../src/commands/rehearsing.ts'
import type { Rehearsal } from '../../src/rehearsal/rehearse.ts'

const FILES = { config: 'config/gateway.yaml', routes: 'routes.yaml', cases: 'routes.test.yaml' }

/** The policy that ships with one text in it replaced. */
async function edited (t: Test, find: string, put: string): Promise<Rehearsal> {
  const text = await readFile(FILES.routes, 'utf8')
  t.equal(text.split(find).length, 2, `${find.trim()} stands in routes.yaml once`)
  const routes = join(t.testdir({}), 'routes.yaml')
  await writeFile(routes, text.replace(find, put))
  const { rehearsal, mistakes } = await tryOut({ ...FILES, routes })
  if (rehearsal === undefined) throw new Error(mistakes.map(({ message }) => message).join('; '))
  return rehearsal
}

t.test('the policy that ships does what its cases say: every rule, alternative and method is covered, and no weakening would go unnoticed', async t => {
  const { rehearsal, mistakes } = await tryOut(FILES)
  t.same(mistakes.filter(({ severity }) => severity === 'error'), [])
  t.match(rehearsal, { ok: true, coverage: { required: true, whole: true } })
  t.same(rehearsal?.cases.filter(({ ok }) => !ok), [])
  t.same(rehearsal?.negatives.filter(({ ok }) => !ok), [])
  t.equal(rehearsal?.coverage.rules.length, 5)
  t.ok(rehearsal?.coverage.rules.every(({ alternatives, methods, letIn }) => letIn > 0 && [...alternatives, ...methods].every(({ covered }) => covered)))
  t.same(rehearsal?.coverage.rules.flatMap(({ unmade }) => unmade), [], 'and a principal can be made for each')
  // What spoils any token, and a missing scope here and there, for each rule that is not public.
  t.ok((rehearsal?.negatives.length ?? 0) > 30)
})

const POST = '  - match: POST /addresses\n    require: user  '
const LIST = '  - match: GET /addresses\n    require: [user, { client: { scope: read:address } }]'
const READ = '  - match: GET /addresses/:id\n    require: [user, { client: { scope: read:address } }]'
const WRITE = '  - match: PUT|PATCH /addresses/:id\n    require: { client: { scope: write:address } }'
const STATUS = '  - match: GET /status\n    require: public'

const WEAKENINGS: ReadonlyArray<readonly [promise: string, find: string, put: string]> = [
  ['a scope dropped from a rule', WRITE, '  - match: PUT|PATCH /addresses/:id\n    require: client'],
  ['a scope dropped from an alternative', LIST, '  - match: GET /addresses\n    require: [user, client]'],
  ['a scope that becomes one of several', READ, '  - match: GET /addresses/:id\n    require: [user, { client: { any_scope: [read:address, write:address] } }]'],
  ['another, wider scope', WRITE, '  - match: PUT|PATCH /addresses/:id\n    require: { client: { scope: read:address } }'],
  ['a user\'s rule for clients too', POST, '  - match: POST /addresses\n    require: user|client'],
  ['a client\'s rule for users too, with its scope', WRITE, '  - match: PUT|PATCH /addresses/:id\n    require: { user|client: { scope: write:address } }'],
  ['an alternative more', WRITE, '  - match: PUT|PATCH /addresses/:id\n    require: [user, { client: { scope: write:address } }]'],
  ['an alternative more, which needs much', POST, '  - match: POST /addresses\n    require: [user, { client: { scope: [admin, root] } }]'],
  ['a rule made public', POST, '  - match: POST /addresses\n    require: public  '],
  ['a rule with a scope made public', WRITE, '  - match: PUT|PATCH /addresses/:id\n    require: public'],
  ['a list made public', LIST, '  - match: GET /addresses\n    require: public'],
  ['a method more', WRITE, WRITE.replace('PUT|PATCH', 'PUT|PATCH|DELETE')],
  ['every method', STATUS, STATUS.replace('GET', 'ANY')],
  ['a rule more', STATUS, `${STATUS}\n  - match: DELETE /invoices/:id\n    require: user`],
  ['a public rule more', STATUS, `${STATUS}\n  - match: GET /debug\n    require: public`],
  ['all that is below a path', STATUS, `${STATUS}\n  - match: GET /addresses/*\n    require: user`],
  ['another principal altogether', POST, '  - match: POST /addresses\n    require: client  ']
]

for (const [promise, find, put] of WEAKENINGS) {
  t.test(`red: ${promise}`, async t => {
    const { ok, cases, coverage } = await edited(t, find, put)
    t.notOk(ok)
    t.ok(cases.some(one => !one.ok) || !coverage.whole, 'by a case, or by what no case speaks of')
  })
}

t.test('an edit that changes nothing for anybody stays green', async t => {
  t.ok((await edited(t, STATUS, `${STATUS}\n    description: whether it is up`)).ok)
  t.ok((await edited(t, LIST, LIST.replace('user, ', '{ client: { scope: read:address } }, ').replace('{ client: { scope: read:address } }]', 'user]'))).ok)
})
