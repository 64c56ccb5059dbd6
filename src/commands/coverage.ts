import { Command } from 'commander'
import { loadConfiguration } from '../config/load.ts'
import { sentenceOf } from '../explain/sentence.ts'
import type { Coverage, Difference } from '../openapi/coverage.ts'
import { report } from './check.ts'
import { withFiles, type FileOptions } from './files.ts'
import { assertKnown, openDescription, withDescription, type DescriptionOptions } from './import.ts'
import { onOneLine } from './terminal-text.ts'

/** `countersign coverage`: whether an OpenAPI description and the rules are about the same. */
export function coverageCommand (): Command {
  return withDescription(withFiles(new Command('coverage')))
    .description('Say which operations of an OpenAPI description no rule takes, and which rules are about no operation.')
    .option('--json', 'print JSON')
    .addHelpText('after', `
Each operation is looked up as a request would be. Where a rule lets in others than the description says, it is told too.
Exit status: 0 they fit, 1 an operation has no rule, a rule no operation, or a part was not read; 2 bad usage or configuration.

Example:
  $ countersign coverage openapi.yaml --routes routes.yaml`)
    .action(run)
}

async function run (file: string, { config, routes, base, who, json = false }: FileOptions & DescriptionOptions & { readonly json?: boolean }): Promise<void> {
  const description = await openDescription(file)
  assertKnown(who, description)
  const { configuration, mistakes } = await loadConfiguration({ config, routes }, process.env, { secrets: 'optional' })
  if (configuration === undefined) {
    report(mistakes, undefined)
    process.exitCode = 2
    return
  }
  const [{ coverageOf }, { openFiles }] = await Promise.all([import('../openapi/coverage.ts'), import('../file-world.ts')])
  const world = openFiles(configuration, { now: Date.now, createClient: undefined })
  try {
    const coverage = coverageOf(description, configuration.routes, world.matcher, { base, said: who })
    const { missing, unknown, unread } = coverage
    console.log(json ? JSON.stringify(jsonOf(coverage), undefined, 2) : textOf(coverage))
    if (missing.length + unknown.length + unread.length > 0) process.exitCode = 1
  } finally {
    world.close()
  }
}

function jsonOf ({ different, ...coverage }: Coverage): object {
  return { ...coverage, different: different.map(one => ({ operation: one.operation, comparison: one.comparison, at: one.rule.at, rule: sentenceOf(one.rule), description: describedBy(one) })) }
}

function textOf ({ operations, rules, missing, unknown, different, unread }: Coverage): string {
  return [
    ...section('operations without a rule:', missing.map(({ operation, code }) => `${operation}: ${code}`)),
    ...section('rules without an operation:', unknown.map(({ methods, path, at }) => `${methods.join('|')} ${path}  (${at})`)),
    ...section('parts of the description that were not read:', unread.map(({ path, why }) => `${path}: ${why}`)),
    ...section('operations whose rule lets in more than the description, or others:', different.flatMap(one => [
      `${one.operation}  (${one.rule.at})`,
      `  description: ${describedBy(one)}`,
      `  rule: ${sentenceOf(one.rule)}`
    ])),
    `${operations - missing.length} of ${operations} operations have a rule; ${unknown.length} of ${rules} rules have none, or a method without one`
  ].map(onOneLine).join('\n')
}

function section (heading: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [heading, ...lines.map(line => `  ${line}`)]
}

function describedBy ({ told, left }: Difference): string {
  return [...told === undefined ? [] : [sentenceOf(told)], ...left].join('; or ')
}
