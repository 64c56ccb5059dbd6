import { styleText } from 'node:util'
import { missingOf } from '../rehearsal/checks.ts'
import type { Cell, MatrixRow } from '../rehearsal/matrix.ts'
import type { Rehearsal } from '../rehearsal/rehearse.ts'
import { onOneLine } from './terminal-text.ts'

type Paint = (style: Parameters<typeof styleText>[0], text: string) => string

/** A rehearsal for people to read: the matrix, what was a surprise, what is not covered, and the sum. */
export function rehearsalText (rehearsal: Rehearsal, { color, width = 100 }: { readonly color: boolean, readonly width?: number }): string {
  const paint: Paint = (style, text) => color ? styleText(style, text, { validateStream: false }) : text
  return [
    ...matrixLines(rehearsal, paint, width),
    '',
    ...surprises(rehearsal, paint),
    ...coverageLines(rehearsal, paint),
    ...sumLines(rehearsal, paint)
  ].join('\n')
}

function surprises ({ cases, negatives }: Rehearsal, paint: Paint): string[] {
  const lines: string[] = []
  const say = (title: string, at: string, rows: readonly string[]): void => {
    lines.push(`${paint('red', '✗')} ${paint('bold', onOneLine(title))}  ${paint('dim', onOneLine(at))}`, ...rows.map(row => `    ${onOneLine(row)}`), '')
  }
  for (const { ok, request, as, name, at, expected, got, reasons } of cases) if (!ok) say(`${request} as ${as}${name === undefined ? '' : ` (${name})`}`, at, [`expected ${expected}, got ${got}`, ...reasons])
  for (const { ok, rule, request, of, what, at, expected, got, reasons } of negatives) if (!ok) say(`${rule}: ${what}`, at, [`generated from ${of}, by ${request}`, `expected ${expected}, got ${got}`, ...reasons])
  return lines
}

function coverageLines ({ coverage: { required, rules } }: Rehearsal, paint: Paint): string[] {
  const lines: string[] = []
  const mark = required ? paint('red', '✗') : paint('yellow', '!')
  for (const rule of rules) {
    const missing = missingOf(rule)
    if (missing.length === 0 && rule.unmade.length === 0) continue
    lines.push(`${missing.length === 0 ? paint('dim', '·') : mark} ${paint('bold', onOneLine(rule.rule))}  ${paint('dim', onOneLine(rule.at))}`)
    lines.push(...missing.map(row => `    ${onOneLine(row)}`))
    lines.push(...rule.unmade.map(({ who, issuer, why }) => `    ${paint('dim', onOneLine(`no negatives were generated for ${who} of ${issuer}: ${why}`))}`))
  }
  return lines.length === 0 ? [] : [...lines, '']
}

function sumLines ({ ok, cases, negatives, coverage }: Rehearsal, paint: Paint): string[] {
  const { rules } = coverage
  const alternatives = rules.flatMap(rule => rule.alternatives)
  const methods = rules.flatMap(rule => rule.methods)
  const covered = (list: ReadonlyArray<{ readonly covered: boolean }>): string => `${list.filter(one => one.covered).length} of ${list.length}`
  const rulesLetIn = rules.filter(({ letIn }) => letIn > 0).length
  const unnoticed = rules.reduce((sum, rule) => sum + rule.unnoticed.length, 0)
  const wrong = (list: ReadonlyArray<{ readonly ok: boolean }>): string => {
    const number = list.filter(one => !one.ok).length
    return number === 0 ? '' : paint('red', `, ${number} not as expected`)
  }
  return [
    `cases      ${cases.length} requests${wrong(cases)}`,
    `negatives  ${negatives.length} generated${wrong(negatives)}`,
    `coverage   ${rulesLetIn} of ${rules.length} rules, ${covered(alternatives)} alternatives, ${covered(methods)} methods; ${unnoticed === 0 ? 'a weaker rule would be noticed' : `${unnoticed} weaker rules would go unnoticed`}`,
    ok ? paint('green', 'good') : paint('red', 'not as expected')
  ]
}

const NARROW = [6, 8]
const MOST_NAMED = 20
const COLUMNS = ['nobody', 'id_token', 'user', 'client'] as const

function matrixLines ({ matrix: { rows, grants } }: Rehearsal, paint: Paint, width: number): string[] {
  if (rows.length === 0) return []
  const issuers = new Set(rows.map(({ issuer }) => issuer))
  const named = (row: MatrixRow): string => onOneLine(issuers.size > 1 ? `${row.rule} (${row.issuer})` : row.rule)
  const ruleWidth = Math.min(Math.max(4, ...rows.map(row => named(row).length)), Math.floor(width * 0.4))
  // The two narrow ones have a status each; the others share what is left.
  const cellWidth = Math.max(12, Math.floor((width - ruleWidth - NARROW.reduce((sum, one) => sum + one) - 4 * 2) / 2))
  const widths = [...NARROW, cellWidth, cellWidth]
  const head = ['rule'.padEnd(ruleWidth), ...COLUMNS.map((name, at) => name.padEnd(widths[at] ?? 0))].join('  ').trimEnd()
  const lines = [paint('bold', head)]
  for (const row of rows) {
    const cells = [wrapped(named(row), ruleWidth), ...COLUMNS.map((name, at) => wrapped(cellText(row[name]), widths[at] ?? 0))]
    for (let line = 0; line < Math.max(...cells.map(cell => cell.length)); line++) {
      const texts = cells.map((cell, at) => {
        const text = (cell[line] ?? '').padEnd(at === 0 ? ruleWidth : widths[at - 1] ?? 0)
        return at === 0 ? text : paint(cell[0]?.startsWith('allow') === true ? 'green' : cell[0]?.includes('with') === true ? 'yellow' : 'dim', text)
      })
      lines.push(texts.join('  ').trimEnd())
    }
  }
  if (grants.length > 0) lines.push(...wrapped(`with …: 403 without. Tried: ${grants.slice(0, MOST_NAMED).map(({ kind, name }) => `${kind} ${name}`).join(', ')}${grants.length > MOST_NAMED ? ' and others' : ''}`, width).map(line => paint('dim', line)))
  return lines
}

function cellText ({ plain, with: doors }: Cell): string {
  if (doors.length === 0) return String(plain)
  return `with ${doors.join(' or ')}${plain === 403 ? '' : `, else ${plain}`}`
}

function wrapped (text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of onOneLine(text).split(' ').flatMap(one => one.match(new RegExp(`.{1,${width}}`, 'gu')) ?? [''])) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line]
}
