import { Command, InvalidArgumentError, Option } from 'commander'
import { loadConfiguration } from '../config/load.ts'
import { explain } from '../explain/explain.ts'
import type { Explanation } from '../explain/explanation.ts'
import { openFiles } from '../file-world.ts'
import { readQuestion } from '../explain/question.ts'
import { openIdpClient } from '../outbound/idp-client.ts'
import { askAdmin, withAdmin, type AdminOptions } from './admin-client.ts'
import { report } from './check.ts'
import { explanationText } from './explanation-text.ts'
import { withFiles, type FileOptions } from './files.ts'
import { CommandError } from './failure.ts'
import { readText, readToken } from './token-option.ts'

/** `countersign explain`: why a request passes, or does not. */
export function explainCommand (): Command {
  return withAdmin(withFiles(new Command('explain')))
    .description('Say why a request would pass, or why it is refused: each check, the proof of who calls, and what to do.')
    .argument('[method]', 'GET, POST, …')
    .argument('[target]', 'path and query')
    .option('--token <token>', 'the token that it carries: @file, - for standard input, or the token itself (which others on this machine can see)')
    .option('--claims <file>', 'in its place, the claims of a token as JSON; no signature is checked then')
    .option('--issuer <name>', 'whose claims they are, where they have no iss')
    .addOption(new Option('-H, --header <header>', 'a header of the request, "Name: value"; more than once').argParser(addHeader).default([]))
    .option('--decision <id>', 'in place of all these: a past refusal, asked of the running gateway by its admin port')
    .option('--json', 'print JSON')
    .option('--no-color', 'print without colours (NO_COLOR does the same)')
    .addHelpText('after', `
The keys of the issuers are fetched as the gateway fetches them. Nothing is sent to the ERP, and no machine token is asked for.
Exit status: 0 it would pass, 1 it is refused, 2 it could not be asked.

Examples:
  $ countersign explain POST /addresses --token @token.jwt
  $ countersign explain GET /addresses/17 --claims claims.json
  $ countersign explain --decision 5b0c4c1e-…`)
    .action(run)
}

type Options = FileOptions & AdminOptions & {
  readonly token?: string
  readonly claims?: string
  readonly issuer?: string
  readonly header: ReadonlyArray<readonly [string, string]>
  readonly decision?: string
  readonly json?: boolean
  readonly color: boolean
}

async function run (method: string | undefined, target: string | undefined, options: Options): Promise<void> {
  const explanation = options.decision === undefined ? await explainNew(method, target, options) : await explainPast(options.decision, options)
  if (explanation === undefined) return
  console.log(options.json === true ? JSON.stringify(explanation, undefined, 2) : explanationText(explanation, options.color && process.stdout.isTTY && process.env.NO_COLOR === undefined))
  process.exitCode = explanation.passes ? 0 : 1
}

async function explainPast (decision: string, options: Options): Promise<Explanation> {
  // Of this very program, or of another version of it.
  return await askAdmin(options, `/decisions/${encodeURIComponent(decision)}`) as Explanation
}

async function explainNew (method: string | undefined, target: string | undefined, options: Options): Promise<Explanation | undefined> {
  if (method === undefined || target === undefined) throw new CommandError('say a method and a path: countersign explain POST /addresses --token @token.jwt')
  if (options.token !== undefined && options.claims !== undefined) throw new CommandError('--token and --claims exclude each other')
  const question = readQuestion({
    method: method.toUpperCase(),
    target,
    headers: options.header,
    token: options.token === undefined ? undefined : await readToken(options.token),
    claims: options.claims === undefined ? undefined : await readClaims(options.claims),
    issuer: options.issuer
  })
  if (typeof question === 'string') throw new CommandError(question)
  const { configuration, mistakes } = await loadConfiguration({ config: options.config, routes: options.routes }, process.env, { secrets: 'optional' })
  if (configuration === undefined) {
    report(mistakes, undefined)
    process.exitCode = 2
    return undefined
  }
  if (options.issuer !== undefined && !Object.hasOwn(configuration.gateway.issuers, options.issuer)) throw new CommandError(`--issuer: no such issuer; known are ${Object.keys(configuration.gateway.issuers).join(', ')}`)
  const world = openFiles(configuration, { now: Date.now, createClient: question.shown !== undefined && 'token' in question.shown ? openIdpClient : undefined })
  try {
    return await explain(question, world)
  } finally {
    world.close()
  }
}

async function readClaims (file: string): Promise<unknown> {
  try {
    return JSON.parse(await readText(file))
  } catch (error) {
    if (error instanceof SyntaxError) throw new CommandError(`${file} holds no JSON`)
    throw error
  }
}

function addHeader (text: string, before: ReadonlyArray<readonly [string, string]>): ReadonlyArray<readonly [string, string]> {
  const [, name, value] = /^([^:\s]+):\s*(.*)$/.exec(text) ?? []
  if (name === undefined || value === undefined) throw new InvalidArgumentError('A header is written "Name: value".')
  return [...before, [name, value]]
}
