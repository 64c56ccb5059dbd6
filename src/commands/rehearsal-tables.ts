import type { styleText } from 'node:util'
import { DAMAGES } from '../rehearsal/damage.ts'
import type { Cell, MatrixRow } from '../rehearsal/matrix.ts'
import type { NegativeResult } from '../rehearsal/negatives.ts'
import type { Rehearsal } from '../rehearsal/rehearse.ts'
import { onOneLine } from './terminal-text.ts'

export type Style = Parameters<typeof styleText>[0]
export type Paint = (style: Style, text: string) => string

const PRINCIPALS = ['nobody', 'id_token', 'user', 'client'] as const
const NARROW = [6, 8]
const MOST_NAMED = 20

/** Who gets what of each rule. */
export function matrixLines ({ matrix: { rows, grants } }: Rehearsal, paint: Paint, width: number): string[] {
  const issuers = new Set(rows.map(({ issuer }) => issuer))
  const named = (row: MatrixRow): string => onOneLine(issuers.size > 1 ? `${row.rule} (${row.issuer})` : row.rule)
  const ruleWidth = Math.min(Math.max(4, ...rows.map(row => named(row).length)), Math.floor(width * 0.4))
  // The two narrow ones have a status each; the others share what is left.
  const cellWidth = Math.max(12, Math.floor((width - ruleWidth - NARROW.reduce((sum, one) => sum + one) - 4 * 2) / 2))
  const widths = [ruleWidth, ...NARROW, cellWidth, cellWidth]
  const lines = table(['rule', ...PRINCIPALS], rows.map(row => [{ text: named(row) }, ...PRINCIPALS.map(name => cellOf(row[name]))]), widths, paint)
  if (grants.length > 0) lines.push(...wrapped(`with …: 403 without. Tried: ${grants.slice(0, MOST_NAMED).map(({ kind, name }) => `${kind} ${name}`).join(', ')}${grants.length > MOST_NAMED ? ' and others' : ''}`, width).map(line => paint('dim', line)))
  return lines
}

const LEGEND = 'in, out: requests of cases that were let in, and refused; alt: alternatives with a case. Generated, and refused: none: no token; exp: expired; aud: wrong audience, or client; alg: none; key: signed by another; id: an ID token; agent: an AI agent\'s; other: of the other kind, or another issuer; lacks: a condition not met, each in turn'

/** What was tried on each rule: by cases, and by what was generated. */
export function triedLines ({ coverage: { rules }, negatives }: Rehearsal, paint: Paint, width: number): string[] {
  const byRule = new Map<string, NegativeResult[]>()
  for (const one of negatives) {
    const key = `${one.at} ${one.rule}`
    byRule.set(key, [...byRule.get(key) ?? [], one])
  }
  const heads = ['rule', 'in', 'out', 'alt', ...DAMAGES]
  const rows = rules.map(rule => {
    const own = byRule.get(`${rule.at} ${rule.rule}`) ?? []
    const { alternatives } = rule
    const covered = alternatives.filter(one => one.covered).length
    return [
      { text: onOneLine(rule.rule) }, { text: String(rule.letIn) }, { text: String(rule.refused) },
      alternatives.length === 0 ? { text: '–' } : { text: `${covered}/${alternatives.length}`, style: covered === alternatives.length ? 'green' : 'yellow' } as const,
      ...DAMAGES.map(kind => marked(own.filter(one => one.kind === kind)))
    ]
  })
  const others = heads.slice(1).map((head, at) => Math.max(3, head.length, ...rows.map(row => row[at + 1]?.text.length ?? 0)))
  const left = width - others.reduce((sum, one) => sum + one + 2, 0)
  const ruleWidth = Math.min(Math.max(20, left), Math.max(4, ...rows.map(([rule]) => rule?.text.length ?? 0)))
  return [...table(heads, rows, [ruleWidth, ...others], paint), ...wrapped(negatives.some(({ reported }) => reported) ? `${LEGEND}; !: let through for now by enforce: report` : LEGEND, width).map(line => paint('dim', line))]
}

interface TableCell {
  readonly text: string
  readonly style?: Style
}

function table (heads: readonly string[], rows: ReadonlyArray<readonly TableCell[]>, widths: readonly number[], paint: Paint): string[] {
  const lines = [paint('bold', heads.map((head, at) => head.padEnd(widths[at] ?? 0)).join('  ').trimEnd())]
  for (const row of rows) {
    const cells = row.map(({ text }, at) => wrapped(text, widths[at] ?? 1))
    for (let line = 0; line < Math.max(...cells.map(cell => cell.length)); line++) {
      lines.push(cells.map((cell, at) => {
        const { style } = row[at] ?? {}
        const text = cell[line] ?? ''
        // What is painted has no blanks at its end, so that those of a line can be cut.
        return (style === undefined || text === '' ? text : paint(style, text)) + ' '.repeat(Math.max(0, (widths[at] ?? 0) - text.length))
      }).join('  ').trimEnd())
    }
  }
  return lines
}

function cellOf ({ plain, with: doors }: Cell): TableCell {
  if (doors.length === 0) return { text: String(plain), style: plain === 'allow' ? 'green' : 'dim' }
  return { text: `with ${doors.join(' or ')}${plain === 403 ? '' : `, else ${plain}`}`, style: 'yellow' }
}

function marked (negatives: readonly NegativeResult[]): TableCell {
  if (negatives.length === 0) return { text: '–', style: 'dim' }
  const wrong = negatives.filter(({ ok }) => !ok).length
  if (wrong > 0) return { text: `✗${wrong}`, style: 'red' }
  if (negatives.some(({ reported }) => reported)) return { text: `!${negatives.filter(({ reported }) => reported).length}`, style: 'yellow' }
  return { text: negatives.length === 1 ? '✓' : `✓${negatives.length}`, style: 'green' }
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
