// docs/operations.md: what to watch, the alerts, and a runbook for each failure that is not the caller's.
import t from 'tap'
import { parser } from '@prometheus-io/lezer-promql'
import { PROBLEMS } from '../../src/policy/problems.ts'
import { ownMetrics } from './own-metrics.ts'
import { read } from './repository.ts'

const page = read('docs/operations.md')
const metrics = ownMetrics()

t.test('every code of 5xx has its runbook, in the order of the source, and no other is there', async t => {
  const headings = [...section('## Runbooks').matchAll(/^### (.+)$/gm)].map(found => found[1])
  t.same(headings, Object.entries(PROBLEMS).filter(([, { status }]) => status >= 500).map(([code]) => code))
})

t.test('a runbook says what the caller sees, where to look, and what to do first', async t => {
  for (const runbook of section('## Runbooks').split(/^### /m).slice(1)) {
    const [code = ''] = runbook.split('\n', 1)
    const { status } = PROBLEMS[code as keyof typeof PROBLEMS]
    const [, seen = '', look = '', first = ''] = /^\*\*Caller sees\*\*([^]*?)^\*\*Look at\*\*([^]*?)^1\. ([^]*)/m.exec(runbook) ?? []
    t.ok(seen.includes(String(status)), `${code}: the status`)
    t.ok(look.trim() !== '' && first.trim() !== '', code)
  }
})

t.test('every metric is named among what to watch', async t => {
  const named = new Set(section('## What to watch').split('### Alerts')[0]?.match(/`countersign_\w+`/g))
  t.same([...metrics.keys()].filter(name => !named.has(`\`${name}\``)), [])
})

t.test('every alert has its reason, and no other', async t => {
  const names = [...section('## What to watch').matchAll(/^\| (\w+) \| (?:yes|no) \| \d+[mh] \| `[^`]+` \|$/gm)].map(found => found[1])
  const reasons = [...section('## What to watch').matchAll(/^- \*\*(\w+)\*\*: \S/gm)].map(found => found[1])
  t.ok(names.length > 10)
  t.same(names, reasons)
})

t.test('every expression is PromQL, of metrics, labels and codes that there are', async t => {
  const expressions = [...page.matchAll(/`([^`]*\bcountersign_\w[^`]*)`/g)].map(([, text = '']) => text)
  t.ok(expressions.length > 40)
  for (const text of expressions) {
    t.same(errorsIn(text), [], text)
    const names = (text.match(/\bcountersign_\w+/g) ?? []).map(name => metrics.has(name) ? name : name.replace(/_(bucket|sum|count)$/, ''))
    t.same(names.filter(name => !metrics.has(name)), [], text)
    // `le` is that of histograms, whose label is registered by hand.
    const labels = new Set(['le', 'upstream', 'rule', ...names.flatMap(name => metrics.get(name) ?? [])])
    t.same(nodesIn(text, 'LabelName').filter(label => !labels.has(label)), [], text)
    const codes = [...text.matchAll(/\bcode!?="([^"]*)"/g)].map(found => found[1] ?? '')
    t.same(codes.filter(code => !Object.hasOwn(PROBLEMS, code)), [], text)
  }
  t.not(errorsIn('sum by (a (b)').length, 0, 'a mistake would be seen')
})

function section (heading: string): string {
  const from = page.indexOf(`\n${heading}\n`)
  if (from < 0) throw new Error(`docs/operations.md has no ${heading}`)
  const next = page.indexOf('\n## ', from + 1)
  return page.slice(from, next < 0 ? undefined : next)
}

/** Where the parser could not go on. */
function errorsIn (text: string): readonly string[] {
  const errors: string[] = []
  parser.parse(text).iterate({ enter ({ type, from, to }) { if (type.isError) errors.push(`at ${from}: ${text.slice(from, to)}`) } })
  return errors
}

function nodesIn (text: string, name: string): readonly string[] {
  const found: string[] = []
  parser.parse(text).iterate({ enter ({ type, from, to }) { if (type.name === name) found.push(text.slice(from, to)) } })
  return found
}
