import t from 'tap'
import { Parser } from 'tap-parser'
import { rehearsalText } from '../../src/commands/rehearsal-text.ts'
import { checksOf, type Check } from '../../src/rehearsal/checks.ts'
import { junitText } from '../../src/rehearsal/junit.ts'
import { tapText } from '../../src/rehearsal/tap.ts'
import { rehearsed } from './tried.ts'
import { readXml } from './xml.ts'

const NASTY = '</failure> & <b a="1\'"> # todo ]]> \\# %s \u0007 \ud800 \u202e\nnot ok 9 - x\n  ...\n€ 𝄞'
const CHECKS: readonly Check[] = [
  { group: 'cases', at: 'routes.test.yaml:3', name: 'GET /a as user → allow', ok: true, details: [] },
  { group: 'cases', at: 'C:\\policy\\routes.test.yaml:7', name: `GET /a as user → deny (${NASTY})`, ok: false, details: [`expected deny, got ${NASTY}`, '- - : {', NASTY] },
  { group: 'negatives', at: 'routes.yaml:2', name: 'GET /a: a user: expired → deny 401 # SKIP', ok: true, details: [] },
  { group: 'coverage', at: 'routes.yaml:2', name: '', ok: false, details: [] }
]

t.test('what is printed as TAP is TAP to a parser that others wrote, whatever stands in names and reasons', async t => {
  const { wellFormed, points } = readTap(tapText(CHECKS))
  t.ok(wellFormed)
  t.same(points.map(({ ok, id, skip, todo }) => [ok, id, skip, todo]), [true, false, true, false].map((ok, at) => [ok, at + 1, false, false]), 'and no word in a name is a directive')
  t.match(points[0]?.name, /^cases: routes\.test\.yaml:3 GET \/a as user → allow$/)
  t.match(points[2]?.name, /deny 401 # SKIP$/)
  t.match(points[1]?.diag, { at: 'C:\\policy\\routes.test.yaml:7', details: [/^expected deny, got <\/failure>/, '- - : {', NASTY] })
})

interface Point { readonly ok: boolean, readonly id: number, readonly name: string, readonly skip: unknown, readonly todo: unknown, readonly diag: unknown }

function readTap (text: string): { readonly wellFormed: boolean, readonly points: readonly Point[] } {
  const events = Parser.parse(text).map(([kind, what]: readonly [string, ...unknown[]]) => [kind, what] as const)
  const points = events.flatMap(([kind, what]) => kind === 'assert' ? [what as Point] : [])
  const complete = events.find(([kind]) => kind === 'complete')?.[1] as { readonly count?: number, readonly bailout?: unknown } | undefined
  return { wellFormed: complete?.count === points.length && complete.bailout === false && !events.some(([kind]) => kind === 'extra'), points }
}

t.test('what is written as JUnit is well-formed, counts what it holds, and gives back each name', async t => {
  const root = readXml(junitText(CHECKS))
  t.match(root, { name: 'testsuites', attributes: { tests: '4', failures: '2' } })
  t.same(root.children.map(({ name, attributes }) => [name, attributes['name'], attributes['tests'], attributes['failures']]), [['testsuite', 'cases', '2', '1'], ['testsuite', 'negatives', '1', '0'], ['testsuite', 'coverage', '1', '1']])
  const [fine, bad] = root.children[0]?.children ?? []
  t.match(fine, { name: 'testcase', attributes: { name: 'GET /a as user → allow', classname: 'cases', file: 'routes.test.yaml', line: '3' }, children: [] })
  const kept = NASTY.replace(/[\u0007\ud800]/g, '\ufffd')
  t.equal(bad?.attributes['name'], `GET /a as user → deny (${kept})`)
  t.match(bad?.attributes, { file: 'C:\\policy\\routes.test.yaml', line: '7' })
  t.match(bad?.children, [{ name: 'failure', attributes: { message: `expected deny, got ${kept}` } }])
  t.equal(bad?.children[0]?.text, [`expected deny, got ${kept}`, '- - : {', kept].join('\n'))
})

t.test('the reader of these tests knows what is not well-formed', async t => {
  for (const bad of ['<a>', '<a></b>', '<a b="1" b="2"/>', '<a>&</a>', '<a>&nbsp;</a>', '<a b="<"/>', '<a/><b/>', '<a>\u0001</a>', 'x<a/>', '<a b=1/>', '<a>1 < 2</a>']) t.throws(() => readXml(bad), bad)
  t.equal(readXml('<a b="&quot;&#10;">x&amp;y</a>').text, 'x&y')
})

const POLICY = {
  routes: [
    { match: 'GET /a', require: [{ user: { scope: 'read:a' } }, { client: { scope: 'read:a' } }] },
    { match: 'PUT /documents/of/a/:customer/that/has/a/long/path/:id', require: { client: { any_scope: ['write:documents', 'administer:documents', 'write:everything'] } } }
  ],
  cases: {
    coverage: 'required',
    cases: [
      { request: 'GET /a', as: 'user', scope: 'read:a', expect: 'allow' },
      { request: 'GET /a', as: 'client', expect: 'allow', name: 'not so\u202e' }
    ]
  }
}

t.test('what people read fits into 100 columns but for reasons, has colours only where asked for, and nothing that a terminal would obey', async t => {
  const rehearsal = await rehearsed(t, POLICY)
  const text = rehearsalText(rehearsal, { color: false, width: 100 })
  t.notMatch(text, /\u001b/)
  const lines = text.split('\n')
  const table = lines.slice(0, lines.findIndex(line => line.startsWith('✗')))
  t.ok(table.length > 10)
  t.ok(table.every(line => [...line].length <= 100), table.join('\n'))
  t.match(table[0], /^rule +nobody +id_token +user +client$/)
  t.match(text, /\nGET \/a +1 +1 +1\/2( +✓2?){7} +– +✓2\n/)
  t.match(text, /✗ GET \/a as client \(not so\\u202e\) {2}.*routes\.test\.yaml:\d+\n {4}expected allow, got deny 403 scope-missing\n/)
  t.match(text, /✗ PUT \/documents.*\n {4}no case lets in a client with scope write:documents/)
  t.match(lines.slice(-4), [/^cases +2 requests, 1 not as expected$/, /^negatives +\d+ generated$/, /^coverage +1 of 2 rules, 1 of 3 alternatives, 1 of 2 methods; \d+ weaker rules would go unnoticed$/, 'not as expected'])
  t.match(rehearsalText(rehearsal, { color: true }), /\u001b\[31m✗/)
})

t.test('checks are the cases, the negatives and the coverage, and say no more than the rehearsal', async t => {
  const rehearsal = await rehearsed(t, POLICY)
  const checks = checksOf(rehearsal)
  t.equal(checks.length, 2 + rehearsal.negatives.length + 2)
  t.equal(checks.every(({ ok }) => ok), rehearsal.ok)
  t.same(checks.filter(({ group, ok }) => group === 'coverage' && !ok).length, 2)
  t.ok(readTap(tapText(checks)).wellFormed)
  t.equal(readXml(junitText(checks)).attributes['failures'], '3')
})

t.test('no token is in what is told of them', async t => {
  const rehearsal = await rehearsed(t, POLICY)
  const checks = checksOf(rehearsal)
  for (const text of [JSON.stringify(rehearsal), tapText(checks), junitText(checks), rehearsalText(rehearsal, { color: false })]) t.notMatch(text, /eyJ/)
})
