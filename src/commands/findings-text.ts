import { styleText } from 'node:util'
import type { Finding } from '../doctor/finding.ts'
import { onOneLine, printable } from './terminal-text.ts'

type Verdict = Finding['verdict']

const COLORS = { good: 'green', warning: 'yellow', bad: 'red' } as const

/** Findings for people to read: a line each, under the name of their group, and below each that is not good what to do. */
export function findingsText (findings: readonly Finding[], color: boolean): string {
  const paint = (style: Parameters<typeof styleText>[0], text: string): string => color ? styleText(style, text, { validateStream: false }) : text
  const lines: string[] = []
  let group: string | undefined
  for (const finding of findings) {
    if (finding.group !== group) {
      if (group !== undefined) lines.push('')
      group = finding.group
      lines.push(paint('bold', group))
    }
    lines.push(`  ${paint(COLORS[finding.verdict], finding.verdict.padEnd(7))}  ${paint('dim', `${onOneLine(finding.about)}:`)} ${onOneLine(finding.said)}`)
    if (finding.verdict !== 'good') lines.push(`           → ${onOneLine(finding.remedy)}`)
  }
  return [...lines, '', summary(findings, paint)].join('\n')
}

/** The same for machines. */
export function findingsJson (findings: readonly Finding[]): string {
  return printable(JSON.stringify({ ok: count(findings, 'bad') === 0, bad: count(findings, 'bad'), warnings: count(findings, 'warning'), good: count(findings, 'good'), findings }, undefined, 2))
}

function summary (findings: readonly Finding[], paint: (style: Parameters<typeof styleText>[0], text: string) => string): string {
  const [bad, warnings, good] = [count(findings, 'bad'), count(findings, 'warning'), count(findings, 'good')]
  return [
    paint(bad > 0 ? 'red' : 'green', `${bad} bad`),
    paint(warnings > 0 ? 'yellow' : 'green', `${warnings} ${warnings === 1 ? 'warning' : 'warnings'}`),
    `${good} good`
  ].join(', ')
}

function count (findings: readonly Finding[], verdict: Verdict): number {
  return findings.filter(one => one.verdict === verdict).length
}
