import { styleText } from 'node:util'
import { missingOf } from '../rehearsal/checks.ts'
import type { Rehearsal } from '../rehearsal/rehearse.ts'
import { matrixLines, triedLines, type Paint } from './rehearsal-tables.ts'
import { onOneLine } from './terminal-text.ts'

/** A rehearsal for people to read: who gets what, what was tried, what was a surprise, what is not covered, and the sum. */
export function rehearsalText (rehearsal: Rehearsal, { color, width = 100 }: { readonly color: boolean, readonly width?: number }): string {
  const paint: Paint = (style, text) => color ? styleText(style, text, { validateStream: false }) : text
  return [
    ...matrixLines(rehearsal, paint, width),
    '',
    ...triedLines(rehearsal, paint, width),
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
  const reported = negatives.filter(one => one.reported).length
  return [
    `cases      ${cases.length} requests${wrong(cases)}`,
    `negatives  ${negatives.length} generated${reported === 0 ? '' : paint('yellow', `, ${reported} let through for now by enforce: report`)}${wrong(negatives)}`,
    `coverage   ${rulesLetIn} of ${rules.length} rules, ${covered(alternatives)} alternatives, ${covered(methods)} methods; ${unnoticed === 0 ? 'a weaker rule would be noticed' : `${unnoticed} weaker rules would go unnoticed`}`,
    ok ? paint('green', 'good') : paint('red', 'not as expected')
  ]
}
