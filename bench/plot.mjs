// One picture of one run: µs of CPU per request of each subject, a panel for each workload that tells them apart.
import { median } from './scale.mjs'
import { subjects } from './subjects.mjs'
import { workloads } from './workloads.mjs'

const PANELS = ['a', 'c', 'd', 'e']
const WIDTH = 980
const LABEL = 440
const BAR = 18
const GAP = 7
const INK = '#1d2733'
const PALE = '#9fb0c0'
const OURS = '#0b6e6e'

/** @param results of run.mjs: [{ subject, workload, log, rows }] @returns {string} SVG */
export function plot (results) {
  let y = 34
  const parts = []
  for (const workload of PANELS) {
    const rows = results.filter(one => one.workload === workload && !one.log).map(({ subject, rows: samples }) => ({
      title: subjects[subject].title.replaceAll('`', ''),
      ours: subject === 'countersign',
      cpu: median(samples.map(({ cpu }) => cpu)),
      low: Math.min(...samples.map(({ cpu }) => cpu)),
      high: Math.max(...samples.map(({ cpu }) => cpu))
    })).sort((one, other) => one.cpu - other.cpu)
    if (rows.length === 0) continue
    const scale = (WIDTH - LABEL - 80) / Math.max(...rows.map(({ high }) => high))
    parts.push(`<text x="16" y="${y}" font-weight="600">(${workload}) ${escape(workloads[workload].title)}</text>`)
    y += 12
    for (const { title, ours, cpu, low, high } of rows) {
      const middle = y + BAR / 2
      const end = LABEL + cpu * scale
      parts.push(
        `<text x="${LABEL - 10}" y="${middle + 4}" text-anchor="end"${ours ? ' font-weight="600"' : ''}>${escape(title)}</text>`,
        `<rect x="${LABEL}" y="${y}" width="${(cpu * scale).toFixed(1)}" height="${BAR}" fill="${ours ? OURS : PALE}"/>`,
        `<line x1="${(LABEL + low * scale).toFixed(1)}" x2="${(LABEL + high * scale).toFixed(1)}" y1="${middle}" y2="${middle}" stroke="${INK}"/>`,
        `<text x="${(Math.max(end, LABEL + high * scale) + 8).toFixed(1)}" y="${middle + 4}">${cpu.toFixed(cpu < 100 ? 1 : 0)}</text>`
      )
      y += BAR + GAP
    }
    y += 30
  }
  const height = y
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="system-ui, sans-serif" font-size="13" fill="${INK}">
<title>µs of CPU per request</title>
<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>
${parts.join('\n')}
<text x="16" y="${height - 10}" fill="#5b6b7a">µs of CPU per request, medians; the line is the spread of the rounds. Logging off.</text>
</svg>
`
}

function escape (text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}
