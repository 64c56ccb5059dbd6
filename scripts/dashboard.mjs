// Writes deploy/grafana/dashboard.json from the list below; test/deploy looks whether it is what this says.
//
//   node scripts/dashboard.mjs           writes it
//   node scripts/dashboard.mjs --print   prints it
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const WIDTH = 24
const HEIGHT = 8
const DATASOURCE = { type: 'prometheus', uid: '${datasource}' }

// Of the replicas that are chosen above the panels.
const requests = more => `countersign_requests_total{${[PLACE, ...more].join(',')}}`
const PLACE = 'job=~"$job",instance=~"$instance"'
const of = name => `${name}{${PLACE}}`
const rate = (by, name) => `sum by (${by}) (rate(${of(name)}[$__rate_interval]))`
const quantile = (q, by, name) => `histogram_quantile(${q}, sum by (${[...by, 'le'].join(', ')}) (rate(${of(`${name}_bucket`)}[$__rate_interval])))`
const highest = (by, name) => `max by (${by}) (${of(name)})`

/** Each row: its panels, and of each what it shows: [PromQL, legend]. */
const ROWS = {
  Traffic: [
    panel('Requests by status', 'reqps', [`sum by (status) (rate(${of('countersign_requests_total')}[$__rate_interval]))`, '{{status}}'], { stacked: true }),
    panel('Requests by rule', 'reqps', [`topk(10, ${rate('rule', 'countersign_requests_total')})`, '{{rule}}']),
    panel('Open requests', 'short', [`sum(${of('countersign_requests_in_flight')})`, 'open']),
    panel('Requests within batches', 'reqps', [rate('outcome', 'countersign_batch_parts_total'), '{{outcome}}'])
  ],
  'Not answered well': [
    panel('Share of 5xx', 'percentunit', [`sum(rate(${requests(['status=~"5.."', 'code!="upstream-maintenance"'])}[$__rate_interval])) / sum(rate(${of('countersign_requests_total')}[$__rate_interval]))`, '5xx']),
    panel('5xx by code', 'reqps', [`sum by (code) (rate(${requests(['status=~"5.."'])}[$__rate_interval]))`, '{{code}}'], { stacked: true }),
    panel('Refused callers by code', 'reqps', [`topk(10, sum by (code) (rate(${requests(['status=~"4..",code!=""'])}[$__rate_interval])))`, '{{code}}'], { stacked: true }),
    panel('Refused callers by rule', 'reqps', [`topk(10, sum by (rule) (rate(${requests(['status=~"4..",code!=""'])}[$__rate_interval])))`, '{{rule}}'])
  ],
  'Tried out': [
    panel('Let through by rules that only report', 'reqps', [rate('rule, code', 'countersign_reported_total'), '{{rule}} {{code}}']),
    panel('What the routes of --shadow would change', 'reqps', [rate('outcome', 'countersign_shadow_decisions_total'), '{{outcome}}']),
    panel('Routes of --shadow are compared', 'short', [`min by (instance) (${of('countersign_shadow_compares')})`, '{{instance}}'])
  ],
  Time: [
    panel('Whole requests', 's', ...[0.5, 0.95, 0.99].map(q => [quantile(q, [], 'countersign_request_duration_seconds'), `p${q * 100}`])),
    panel('Whole requests by rule, 99 of 100', 's', [`topk(10, ${quantile(0.99, ['rule'], 'countersign_request_duration_seconds')})`, '{{rule}}']),
    panel('At the ERP', 's', ...[0.5, 0.99].map(q => [quantile(q, ['upstream'], 'countersign_upstream_duration_seconds'), `{{upstream}} p${q * 100}`]))
  ],
  ERP: [
    panel('Open and waiting', 'short', [`sum by (upstream) (${of('countersign_upstream_requests_open')})`, '{{upstream}} open'], [`sum by (upstream) (${of('countersign_upstream_requests_queued')})`, '{{upstream}} waiting']),
    panel('Circuit (0 closed, 1 half-open, 2 open) and maintenance', 'short', [highest('upstream', 'countersign_upstream_circuit_state'), '{{upstream}} circuit'], [highest('upstream', 'countersign_upstream_maintenance'), '{{upstream}} maintenance']),
    panel('Hosts that are out', 'short', [highest('upstream', 'countersign_upstream_hosts_ejected'), '{{upstream}} for failing'], [highest('upstream', 'countersign_upstream_hosts_unhealthy'), '{{upstream}} by health check']),
    panel('Asked again', 'reqps', [rate('upstream, reason', 'countersign_upstream_retries_total'), '{{upstream}} {{reason}}']),
    panel('Sessions with CSRF tokens', 'short', [`sum by (upstream) (${of('countersign_csrf_sessions')})`, '{{upstream}} in hand'], [`sum by (upstream, outcome) (increase(${of('countersign_csrf_fetches_total')}[$__rate_interval]))`, '{{upstream}} fetched: {{outcome}}']),
    panel('Writes with a key', 'reqps', [rate('outcome', 'countersign_idempotency_total'), '{{outcome}}'], [`sum(${of('countersign_idempotency_remembered')})`, 'remembered'])
  ],
  IdP: [
    panel('Usable keys', 'short', [`min by (issuer) (${of('countersign_issuer_keys')})`, '{{issuer}}']),
    panel('Age of the keys', 's', [`time() - min by (issuer) (${of('countersign_issuer_keys_fetched_timestamp_seconds')} > 0)`, '{{issuer}}']),
    panel('Fetches of keys', 'short', [`sum by (issuer, outcome) (increase(${of('countersign_key_fetches_total')}[$__rate_interval]))`, '{{issuer}} {{outcome}}']),
    panel('What is left of machine tokens', 's', [`min by (credential) (${of('countersign_machine_token_ends_timestamp_seconds')} > 0) - time()`, '{{credential}}']),
    panel('Machine tokens', 'short', [`sum by (credential, outcome) (increase(${of('countersign_machine_token_fetches_total')}[$__rate_interval]))`, '{{credential}} asked for: {{outcome}}'], [`sum by (credential, origin) (increase(${of('countersign_machine_tokens_total')}[$__rate_interval]))`, '{{credential}} {{origin}}']),
    panel('Had by the old client secret', 'short', [`sum by (credential) (increase(${of('countersign_old_client_secret_used_total')}[$__rate_interval]))`, '{{credential}}'])
  ],
  'Redis and load': [
    panel('Redis is there', 'short', [`min by (instance) (${of('countersign_store_up')})`, '{{instance}}']),
    panel('What was asked of Redis', 'ops', [rate('operation, outcome', 'countersign_store_operations_total'), '{{operation}} {{outcome}}']),
    panel('Turned away for overload', 'percentunit', [`max by (instance) (${of('countersign_shed_ratio')})`, '{{instance}}']),
    panel('Connections', 'short', [`sum(increase(${of('countersign_connections_dropped_total')}[$__rate_interval]))`, 'dropped'], [`sum by (reason) (increase(${of('countersign_tls_errors_total')}[$__rate_interval]))`, 'TLS: {{reason}}'], [`sum by (reason) (increase(${of('countersign_http2_connections_ended_total')}[$__rate_interval]))`, 'HTTP/2: {{reason}}']),
    panel('Tokens that are remembered', 'short', [`sum by (instance) (${of('countersign_tokens_known')})`, '{{instance}}']),
    panel('Workers', 'short', [`sum by (instance) (${of('countersign_workers')})`, '{{instance}}'], [`sum by (instance) (increase(${of('countersign_workers_lost_total')}[$__rate_interval]))`, '{{instance}} lost'])
  ],
  'Configuration and process': [
    panel('The files as they are now are in use', 'short', [`min by (instance) (${of('countersign_config_accepted')})`, '{{instance}}'], [`sum by (outcome) (increase(${of('countersign_config_reloads_total')}[$__rate_interval]))`, 'read again: {{outcome}}']),
    panel('What is left of certificates', 's', [`min by (certificate) (${of('countersign_certificate_ends_timestamp_seconds')}) - time()`, '{{certificate}}']),
    panel('CPU', 'short', [`sum by (instance) (rate(${of('process_cpu_seconds_total')}[$__rate_interval]))`, '{{instance}}']),
    panel('Memory', 'bytes', [of('process_resident_memory_bytes'), '{{instance}} resident'], [of('nodejs_heap_size_used_bytes'), '{{instance}} heap']),
    panel('Delay of the event loop', 's', [of('nodejs_eventloop_lag_p99_seconds'), '{{instance}} p99']),
    panel('Open files', 'short', [of('process_open_fds'), '{{instance}}']),
    panel('Requests to the collector', 'short', [`sum by (signal, outcome) (increase(${of('countersign_telemetry_exports_total')}[$__rate_interval]))`, '{{signal}} {{outcome}}']),
    panel('Spans', 'reqps', [rate('outcome', 'countersign_telemetry_spans_total'), '{{outcome}}'])
  ]
}

/** @param shown [PromQL, legend] each; an object at the end says how */
function panel (title, unit, ...shown) {
  const last = shown.at(-1)
  const { stacked = false } = Array.isArray(last) ? {} : shown.pop()
  return { title, unit, stacked, targets: shown }
}

function rows () {
  let id = 0
  let y = 0
  return Object.entries(ROWS).flatMap(([title, panels]) => {
    const across = panels.length % 3 === 0 ? 3 : 2
    const width = WIDTH / across
    const row = { id: ++id, type: 'row', title, collapsed: false, gridPos: { x: 0, y: y++, w: WIDTH, h: 1 }, panels: [] }
    const placed = panels.map((one, at) => drawn(one, ++id, { x: (at % across) * width, y: y + Math.floor(at / across) * HEIGHT, w: width, h: HEIGHT }))
    y += Math.ceil(panels.length / across) * HEIGHT
    return [row, ...placed]
  })
}

function drawn ({ title, unit, stacked, targets }, id, gridPos) {
  return {
    id,
    type: 'timeseries',
    title,
    datasource: DATASOURCE,
    gridPos,
    fieldConfig: {
      defaults: { unit, min: 0, custom: { drawStyle: 'line', lineWidth: 1, fillOpacity: stacked ? 30 : 5, showPoints: 'never', stacking: { mode: stacked ? 'normal' : 'none', group: 'A' } } },
      overrides: []
    },
    options: { legend: { displayMode: 'list', placement: 'bottom', showLegend: true }, tooltip: { mode: 'multi', sort: 'desc' } },
    targets: targets.map(([expr, legendFormat], at) => ({ refId: String.fromCharCode(65 + at), datasource: DATASOURCE, expr, legendFormat }))
  }
}

function choice (name, query) {
  return { name, type: 'query', datasource: DATASOURCE, definition: query, query: { query, refId: name }, refresh: 2, sort: 1, multi: true, includeAll: true, allValue: '.*', current: { text: 'All', value: '$__all' }, hide: 0 }
}

const dashboard = {
  uid: 'countersign',
  title: 'Countersign',
  description: 'What docs/metrics.md lists, by the questions of docs/operations.md.',
  tags: ['countersign'],
  schemaVersion: 39,
  version: 1,
  editable: true,
  graphTooltip: 1,
  refresh: '30s',
  time: { from: 'now-3h', to: 'now' },
  timezone: 'browser',
  annotations: { list: [] },
  links: [],
  templating: {
    list: [
      { name: 'datasource', type: 'datasource', label: 'Data source', query: 'prometheus', refresh: 1, hide: 0, current: {} },
      choice('job', 'label_values(countersign_requests_in_flight, job)'),
      choice('instance', 'label_values(countersign_requests_in_flight{job=~"$job"}, instance)')
    ]
  },
  panels: rows()
}

const text = `${JSON.stringify(dashboard, undefined, 2)}\n`
if (process.argv.includes('--print')) process.stdout.write(text)
else writeFileSync(fileURLToPath(new URL('../deploy/grafana/dashboard.json', import.meta.url)), text)
