import { Command } from 'commander'
import type { Said, ShadowDifference, ShadowReport } from '../observe/shadow-tally.ts'
import { askAdmin, withAdmin, type AdminOptions } from './admin-client.ts'
import { onOneLine } from './terminal-text.ts'

/** `countersign shadow`: what the routes that a gateway tries out would change. */
export function shadowCommand (): Command {
  return withAdmin(new Command('shadow'))
    .description('Say what the routes that a running gateway tries out (start --shadow) would change: for which rules, and whom.')
    .option('--json', 'print JSON')
    .addHelpText('after', `
Exit status: 0; 1 where the routes have mistakes, so that nothing is compared; 2 it could not be asked.

Examples:
  $ countersign start --shadow routes.next.yaml
  $ countersign shadow`)
    .action(run)
}

async function run (options: AdminOptions & { readonly json?: boolean }): Promise<void> {
  // Of this very program, or of another version of it.
  const report = await askAdmin(options, '/shadow') as ShadowReport
  console.log(options.json === true ? JSON.stringify(report, undefined, 2) : reportText(report))
  if (!report.compares) process.exitCode = 1
}

function reportText ({ file, compares, mistakes, since, requests, outcomes, differences, others }: ShadowReport): string {
  const lines = [`${file}, since ${since}${compares ? '' : ': not compared, for it has mistakes'}`, ...mistakes.map(place => `  ${place}`)]
  const counts = SENTENCES.flatMap(([outcome, words]) => outcome === 'now_refused' || outcomes[outcome] > 0 ? [`${outcomes[outcome]} of ${requests} requests ${words}`] : [])
  lines.push(...counts)
  if (outcomes.undecided > 0) lines.push(`${outcomes.undecided} more could not be decided, for a token could not be verified just then`)
  if (outcomes.failed > 0) lines.push(`${outcomes.failed} more failed: see the log`)
  if (differences.length > 0) lines.push('', ...table(differences))
  if (others > 0) lines.push(`and ${others} more requests of kinds that are not listed`)
  return lines.map(onOneLine).join('\n')
}

const SENTENCES = [
  ['now_refused', 'would now be refused'],
  ['now_passed', 'would now pass'],
  ['other_refusal', 'would be refused for another reason'],
  ['other_rule', 'would pass, and be dealt with otherwise']
] as const

function table (differences: readonly ShadowDifference[]): string[] {
  const rows = differences.map(({ count, outcome, before, now, keys, client, last }) => [
    String(count),
    outcome === 'other_rule' ? `other ${keys.join(', ')}` : `${wordOf(before)} → ${wordOf(now)}`,
    ruleOf(now.rule ?? before.rule),
    client ?? '-',
    `${last.method} ${last.path}`
  ])
  const all = [['COUNT', 'WHAT', 'RULE', 'CLIENT', 'LAST'], ...rows]
  const widths = all[0]?.map((_, at) => Math.max(...all.map(row => row[at]?.length ?? 0))) ?? []
  return all.map(row => row.map((cell, at) => at === 0 ? cell.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0)).join('  ').trimEnd())
}

function wordOf ({ code }: Said): string {
  return code ?? 'passes'
}

function ruleOf (rule: Said['rule']): string {
  return rule === undefined ? 'no rule' : `${rule.id} (${rule.at})`
}
