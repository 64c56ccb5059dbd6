import { Command } from 'commander'
import { loadConfiguration } from '../config/load.ts'
import type { Configuration, Route } from '../config/configuration.ts'
import { openFiles } from '../file-world.ts'
import type { RuleRow } from '../explain/explanation.ts'
import { rowOf } from '../explain/rule-row.ts'
import { sentenceOf } from '../explain/sentence.ts'
import { Refusal } from '../policy/problems.ts'
import { parseTarget } from '../policy/target.ts'
import { report } from './check.ts'
import { CommandError } from './failure.ts'
import { withFiles, type FileOptions } from './files.ts'
import { onOneLine } from './terminal-text.ts'

/** `countersign routes`: the table of rules, or which of them a request meets. */
export function routesCommand (): Command {
  return withFiles(new Command('routes'))
    .description('List the rules: who may do what, with which limits, at which upstream, and where it stands.')
    .option('--check <method and path...>', 'which rule a request meets, and which others it could have: --check GET /addresses/17')
    .option('--json', 'print JSON')
    .addHelpText('after', `
Exit status: 0, or with --check 1 where no rule takes the request; 2 bad usage or configuration.

Examples:
  $ countersign routes
  $ countersign routes --check GET /addresses/17`)
    .action(run)
}

async function run ({ config, routes, check, json = false }: FileOptions & { readonly check?: readonly string[], readonly json?: boolean }): Promise<void> {
  const { configuration, mistakes } = await loadConfiguration({ config, routes }, process.env, { secrets: 'optional' })
  if (configuration === undefined) {
    report(mistakes, undefined)
    process.exitCode = 2
  } else if (check === undefined) {
    const rows = configuration.routes.map(rowOf)
    console.log(json ? JSON.stringify(rows, undefined, 2) : table(rows))
  } else {
    checkOne(configuration, check, json)
  }
}

function table (rows: readonly RuleRow[]): string {
  const all = [{ methods: 'METHODS', path: 'PATH', who: 'WHO MAY', limits: 'LIMITS', upstream: 'UPSTREAM', at: 'AT' }, ...rows]
  const keys = ['methods', 'path', 'who', 'limits', 'upstream', 'at'] as const
  const shown = keys.filter(key => rows.some(row => row[key] !== ''))
  const widths = new Map(shown.map(key => [key, Math.max(...all.map(row => row[key].length))]))
  return all.map(row => shown.map(key => onOneLine(row[key]).padEnd(widths.get(key) ?? 0)).join('  ').trimEnd()).join('\n')
}

function checkOne (configuration: Configuration, words: readonly string[], json: boolean): void {
  const [method = '', target] = words.flatMap(word => word.split(' '))
  if (target?.startsWith('/') !== true) throw new CommandError('--check wants a method and a path: --check GET /addresses/17')
  const world = openFiles(configuration, { now: Date.now, createClient: undefined })
  try {
    const { wins, others, refusal } = meet(world, method.toUpperCase(), target)
    if (wins === undefined) process.exitCode = 1
    if (json) console.log(JSON.stringify({ rule: wins && rowOf(wins), others: others.map(rowOf), ...refusal && { status: refusal.problem.status, code: refusal.code, detail: refusal.detail } }, undefined, 2))
    else console.log(checkText(wins, others, refusal))
  } finally {
    world.close()
  }
}

interface Meeting {
  readonly wins: Route | undefined
  readonly others: readonly Route[]
  readonly refusal: Refusal | undefined
}

function meet ({ matcher }: ReturnType<typeof openFiles>, method: string, target: string): Meeting {
  try {
    const { path } = parseTarget(target)
    const candidates = matcher.candidates(path).map(({ route }) => route)
    try {
      const { rule: { route } } = matcher.find(method, path)
      return { wins: route, others: candidates.filter(one => one !== route), refusal: undefined }
    } catch (error) {
      if (error instanceof Refusal) return { wins: undefined, others: candidates, refusal: error }
      throw error
    }
  } catch (error) {
    if (error instanceof Refusal) return { wins: undefined, others: [], refusal: error }
    throw error
  }
}

function checkText (wins: Route | undefined, others: readonly Route[], refusal: Refusal | undefined): string {
  const lines = wins === undefined
    ? [`refused: ${refusal?.problem.status ?? ''} ${refusal?.code ?? ''}`, `  ${refusal?.detail ?? ''}`]
    : [`met by ${wins.name}  ${wins.at}`, `  for ${sentenceOf(wins)}`]
  if (others.length > 0) lines.push(wins === undefined ? 'rules whose path it meets:' : 'other rules whose path it meets:', ...others.map(other => `  ${other.name}  ${other.at}`))
  return lines.map(onOneLine).join('\n')
}
