// deploy/prometheus and deploy/grafana: each expression is PromQL, of metrics and labels that a gateway's /metrics has.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { join } from 'node:path'
import t from 'tap'
import { parser } from '@prometheus-io/lezer-promql'
import { parse } from 'yaml'
import { createLeaderMetrics } from '../../src/observe/metrics.ts'
import { PROBLEMS } from '../../src/policy/problems.ts'
import { ownMetrics } from '../house/own-metrics.ts'
import { read, root } from '../house/repository.ts'
import { startErp } from '../support/erp.ts'
import { startGateway } from '../support/gateway.ts'
import { startIdp } from '../support/idp.ts'

interface Alert {
  readonly alert: string
  readonly expr: string
  readonly for: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

interface Panel {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly gridPos: { readonly x: number, readonly y: number, readonly w: number, readonly h: number }
  readonly datasource?: { readonly type: string, readonly uid: string }
  readonly targets?: ReadonlyArray<{ readonly refId: string, readonly expr: string, readonly legendFormat: string, readonly datasource: { readonly uid: string } }>
}

interface Dashboard {
  readonly uid: string
  readonly title: string
  readonly schemaVersion: number
  readonly templating: { readonly list: ReadonlyArray<{ readonly name: string, readonly type: string, readonly definition?: string }> }
  readonly panels: readonly Panel[]
}

// Of the repository's own files, whose shape is asserted below.
const { groups } = parse(read('deploy/prometheus/alerts.yaml')) as { groups: ReadonlyArray<{ readonly name: string, readonly rules: readonly Alert[] }> }
const alerts = groups.flatMap(({ rules }) => rules)
const dashboard = JSON.parse(read('deploy/grafana/dashboard.json')) as Dashboard
const drawn = dashboard.panels.filter(({ type }) => type !== 'row')
const queries = drawn.flatMap(({ title, targets = [] }) => targets.map(({ expr, legendFormat }) => ({ title, expr: filledIn(expr), labels: [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = '']) => label) })))

t.test('the alerts are those of docs/operations.md, with what they wake and when', async t => {
  const rows = [...read('docs/operations.md').matchAll(/^\| (\w+) \| (yes|no) \| (\d+[mh]) \| `([^`]+)` \|$/gm)]
  t.ok(rows.length > 10)
  t.same(alerts.map(({ alert, labels, for: long, expr }) => [alert, labels['severity'], long, expr]), rows.map(([, name = '', wakes, long, expr]) => [`Countersign${name}`, wakes === 'yes' ? 'page' : 'ticket', long, expr]))
  for (const { alert, annotations, expr } of alerts) {
    t.same(Object.keys(annotations), ['summary', 'description'], alert)
    const named = [...annotations['summary']?.matchAll(/\$labels\.(\w+)/g) ?? []].map(([, label = '']) => label)
    t.same(named.filter(label => !expr.includes(`by (${label}`)), [], `${alert}: a label that the expression leaves`)
    for (const [, code = ''] of annotations['description']?.matchAll(/Runbook ([a-z-]+) /g) ?? []) t.ok(Object.hasOwn(PROBLEMS, code), `${alert}: ${code}`)
  }
})

t.test('each expression is PromQL of metrics and labels that /metrics has', async t => {
  const idp = await startIdp(t)
  const erp = await startErp(t)
  const gateway = await startGateway(t, { idp, erp, files: { 'next.yaml': 'routes:\n  - match: GET /a\n    require: client\n' }, shadow: 'next.yaml', routes: [{ match: 'GET /a', require: 'user', retry: { on: ['reset'], attempts: 2 } }], changes: { upstreams: { erp: { concurrency: { max: 10 }, breaker: {} } } } })
  await gateway.call({ path: '/a', token: idp.mintUser() })
  await gateway.call({ path: '/a' })
  const scraped = `${(await gateway.admin('/metrics')).text}\n${await createLeaderMetrics(() => 1).registry.metrics()}`
  const names = new Set([...scraped.matchAll(/^# TYPE (\S+) /gm)].map(([, name = '']) => name))
  const labels = new Map(ownMetrics())
  for (const [, name = '', written = ''] of scraped.matchAll(/^(\w+)\{([^}]*)\} /gm)) {
    const own = [...written.matchAll(/(\w+)="/g)].map(([, label = '']) => label)
    const base = baseOf(name, names)
    labels.set(base, [...new Set([...labels.get(base) ?? [], ...own])])
  }
  t.ok(alerts.length > 10 && queries.length > 40)
  for (const { expr, legend } of [...alerts.map(({ expr }) => ({ expr, legend: [] })), ...queries.map(({ expr, labels }) => ({ expr, legend: labels }))]) {
    t.same(faultsIn(expr), [], expr)
    const used = found(expr, 'Identifier').map(name => baseOf(name, names))
    t.ok(used.length > 0, expr)
    t.same(used.filter(name => !names.has(name)), [], expr)
    // What the scraping adds.
    const known = new Set(['job', 'instance', ...used.flatMap(name => labels.get(name) ?? [])])
    t.same([...found(expr, 'LabelName'), ...legend].filter(label => !known.has(label)), [], expr)
    for (const [, code = ''] of expr.matchAll(/\bcode!?="([^"]+)"/g)) t.ok(Object.hasOwn(PROBLEMS, code), code)
  }
  t.not(faultsIn('sum by (a (b)').length, 0, 'a mistake would be seen')
})

t.test('every metric of the gateway is on the dashboard', async t => {
  const shown = queries.map(({ expr }) => expr).join('\n')
  t.same([...ownMetrics().keys()].filter(name => !new RegExp(`\\b${name}(?:_bucket)?\\{`).test(shown)), [])
})

t.test('the dashboard can be imported anywhere: its data source is chosen, and nothing stands on another', async t => {
  t.match(dashboard, { uid: 'countersign', schemaVersion: Number, title: 'Countersign' })
  t.match(dashboard.templating.list, [{ name: 'datasource', type: 'datasource' }, { name: 'job', type: 'query' }, { name: 'instance', type: 'query' }])
  for (const { definition = '' } of dashboard.templating.list.slice(1)) t.ok([...ownMetrics().keys()].some(name => definition.includes(`${name}{`) || definition.includes(`${name},`)), definition)
  const uids = drawn.flatMap(({ datasource, targets = [] }) => [datasource?.uid, ...targets.map(one => one.datasource.uid)])
  t.same([...new Set(uids)], ['${datasource}'])
  t.equal(new Set(dashboard.panels.map(({ id }) => id)).size, dashboard.panels.length)
  const taken = new Set<string>()
  for (const { title, gridPos: { x, y, w, h } } of dashboard.panels) {
    t.ok(x + w <= 24, title)
    for (let column = x; column < x + w; column++) {
      for (let line = y; line < y + h; line++) {
        if (taken.has(`${column} ${line}`)) t.fail(`${title} stands on another`)
        taken.add(`${column} ${line}`)
      }
    }
  }
})

t.test('it is what scripts/dashboard.mjs writes', async t => {
  const { stdout } = await promisify(execFile)(process.execPath, [join(root, 'scripts/dashboard.mjs'), '--print'])
  t.equal(read('deploy/grafana/dashboard.json'), stdout)
})

// What Grafana puts in before it asks.
function filledIn (expr: string): string {
  return expr.replaceAll('$__rate_interval', '1m').replaceAll(/\$(job|instance)/g, '.*')
}

function baseOf (name: string, names: ReadonlySet<string>): string {
  return names.has(name) ? name : name.replace(/_(bucket|sum|count)$/, '')
}

function faultsIn (text: string): readonly string[] {
  const faults: string[] = []
  parser.parse(text).iterate({ enter ({ type, from, to }) { if (type.isError) faults.push(`at ${from}: ${text.slice(from, to)}`) } })
  return faults
}

function found (text: string, name: string): readonly string[] {
  const nodes: string[] = []
  parser.parse(text).iterate({ enter ({ type, from, to }) { if (type.name === name) nodes.push(text.slice(from, to)) } })
  return nodes
}
