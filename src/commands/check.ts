import { Command } from 'commander'
import { styleText } from 'node:util'
import type { Route } from '../config/configuration.ts'
import { configurationHash } from '../config/fingerprint.ts'
import { formatMistake, loadConfiguration, type Mistake } from '../config/load.ts'
import { policyDifference, type PolicyChange } from '../explain/policy-difference.ts'
import { sentenceOf } from '../explain/sentence.ts'
import { withFiles, type FileOptions } from './files.ts'
import { onOneLine } from './terminal-text.ts'

export function checkCommand (): Command {
  return withFiles(new Command('check'))
    .description('Check both files as start does, without starting anything; say each rule as a sentence, or what another routes.yaml changes.')
    .option('--against <file>', 'say what changed since this routes.yaml, what opens more first')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', `
Examples:
  countersign check --config config/gateway.yaml --routes routes.yaml
  git show main:routes.yaml > /tmp/before.yaml && countersign check --against /tmp/before.yaml`)
    .action(check)
}

type Options = FileOptions & { readonly against?: string, readonly json?: boolean }

async function check ({ config, routes, against, json = false }: Options): Promise<void> {
  const { configuration, mistakes } = await loadConfiguration({ config, routes }, process.env, { secrets: 'optional' })
  const before = against === undefined ? undefined : await loadConfiguration({ config, routes: against }, process.env, { secrets: 'optional' })
  const all = [...mistakes, ...before?.mistakes.filter(({ file, severity }) => file === against && severity === 'error') ?? []]
  const ok = configuration !== undefined && (before === undefined || before.configuration !== undefined)
  const rules = configuration?.routes.map(route => ({ match: matchOf(route), who: sentenceOf(route), at: route.at }))
  const hash = configuration && configurationHash(configuration)
  const changes = configuration !== undefined && before?.configuration !== undefined ? policyDifference(before.configuration.routes, configuration.routes) : undefined
  if (json) {
    console.log(JSON.stringify({ ok, routes: rules?.length ?? 0, config: hash, mistakes: all, ...rules && { rules }, ...changes && { changes } }, undefined, 2))
  } else {
    report(all, ok ? rules?.length : undefined)
    if (ok && hash !== undefined) console.log(`configuration ${hash}`)
    if (ok && changes !== undefined) console.log(changesText(changes))
    else if (ok && rules !== undefined) for (const { match, who } of rules) console.log(onOneLine(`  ${match}: ${who}`))
  }
  if (!ok) process.exitCode = 2
}

/** Prints mistakes to standard error, and to standard output that all is well where it is. */
export function report (mistakes: readonly Mistake[], routes: number | undefined): void {
  for (const mistake of mistakes) {
    console.error(styleText(mistake.severity === 'error' ? 'red' : 'yellow', formatMistake(mistake), { stream: process.stderr }))
  }
  const errors = mistakes.filter(({ severity }) => severity === 'error').length
  const warnings = mistakes.length - errors
  const counted = [count(errors, 'error'), count(warnings, 'warning')].filter(Boolean).join(', ')
  if (routes === undefined) console.error(`${counted}; nothing was started`)
  else console.log(`good: ${count(routes, 'rule')}${counted === '' ? '' : `, ${counted}`}`)
}

function count (number: number, word: string): string {
  return number === 0 ? '' : `${number} ${word}${number === 1 ? '' : 's'}`
}

function matchOf ({ match }: Route): string {
  return `${match.any ? 'ANY' : match.methods.join('|')} ${match.path}`
}

const HEADINGS: Readonly<Record<PolicyChange['comparison'], string>> = {
  wider: 'lets in more',
  other: 'lets in others',
  narrower: 'lets in fewer',
  same: 'lets in the same, and is otherwise dealt with'
}

function changesText (changes: readonly PolicyChange[]): string {
  if (changes.length === 0) return 'nothing changed for any caller'
  const lines: string[] = []
  let heading: string | undefined
  for (const { comparison, methods, path, before, now, at, keys } of changes) {
    if (heading !== HEADINGS[comparison]) {
      heading = HEADINGS[comparison]
      lines.push(`${heading}:`)
    }
    lines.push(`  ${methods.join('|')} ${path}  (${at})`)
    if (comparison !== 'same') lines.push(`    was: ${before}`, `    now: ${now}`)
    if (keys.length > 0) lines.push(`    changed: ${keys.join(', ')}`)
  }
  return lines.map(onOneLine).join('\n')
}
