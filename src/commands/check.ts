import { Command } from 'commander'
import { styleText } from 'node:util'
import { formatMistake, loadConfiguration, type Mistake } from '../config/load.ts'
import { withFiles, type FileOptions } from './files.ts'

export function checkCommand (): Command {
  return withFiles(new Command('check'))
    .description('Check both files as start does, without starting anything.')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', '\nExample:\n  countersign check --config config/gateway.yaml --routes routes.yaml')
    .action(check)
}

async function check ({ config, routes, json = false }: FileOptions & { json?: boolean }): Promise<void> {
  const { configuration, mistakes } = await loadConfiguration({ config, routes }, process.env, { secrets: 'optional' })
  const ok = configuration !== undefined
  if (json) console.log(JSON.stringify({ ok, routes: configuration?.routes.length ?? 0, mistakes }, undefined, 2))
  else report(mistakes, configuration?.routes.length)
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
