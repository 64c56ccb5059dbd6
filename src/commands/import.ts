import { Command, InvalidArgumentError, Option } from 'commander'
import { writeFile } from 'node:fs/promises'
import type { Description } from '../openapi/description.ts'
import type { Imported } from '../openapi/import.ts'
import type { Said } from '../openapi/security.ts'
import { CommandError } from './failure.ts'
import { onOneLine, quoted } from './terminal-text.ts'

/** `countersign import`: routes.yaml from an OpenAPI description. */
export function importCommand (): Command {
  return withDescription(new Command('import'))
    .description('Write the rules that an OpenAPI description gives: its paths, and what its security schemes ask for.')
    .option('-o, --output <file>', 'write here, and not to standard output; never over a file that is there')
    .option('--force', 'over one that is there too')
    .addOption(new Option('--issuer <name>', 'an issuer whose tokens the rules take, where gateway.yaml has several; more than once').argParser((name: string, before: readonly string[]) => [...before, name]).default([], 'none'))
    .option('--upstream <name>', 'the upstream that answers, where gateway.yaml has several')
    .option('--json', 'print the result as JSON, with what is left to fill in')
    .addHelpText('after', `
What the description does not tell is left as a comment to fill in: until then nobody may. No rule is ever public.
No $ref to another document is followed, and nothing is fetched.
Exit status: 0, also where something is left to fill in; 2 bad usage, or no OpenAPI description.

Examples:
  $ countersign import openapi.yaml -o routes.yaml
  $ countersign import openapi.json --base /api/v2 --who bearerAuth=user --issuer main > routes.yaml`)
    .action(run)
}

/** What tells how a description is to be read. */
export interface DescriptionOptions {
  readonly base?: string
  readonly who: Said
}

/** Adds the description as argument, and how it is to be read. */
export function withDescription (command: Command): Command {
  return command
    .argument('<description>', 'an OpenAPI 3 description or Swagger 2.0, as YAML or JSON, in one file')
    .addOption(new Option('--base <path>', 'what stands in front of its paths; / for nothing; what its first server has, when left out').argParser(basePath))
    .addOption(new Option('--who <scheme=who>', 'who calls by a security scheme that does not say: user, client or "user|client"; more than once').argParser(addWho).default(new Map(), 'what each scheme says'))
}

/** @throws {CommandError} where it is none */
export async function openDescription (file: string): Promise<Description> {
  const [{ DescriptionError, readDocument }, { readDescription }] = await Promise.all([import('../openapi/document.ts'), import('../openapi/description.ts')])
  try {
    return readDescription(await readDocument(file))
  } catch (error) {
    if (error instanceof DescriptionError) throw new CommandError(`${onOneLine(file)}: ${error.message}`)
    throw error
  }
}

interface Options extends DescriptionOptions {
  readonly output?: string
  readonly force?: boolean
  readonly issuer: readonly string[]
  readonly upstream?: string
  readonly json?: boolean
}

async function run (file: string, { base, who, output, force = false, issuer, upstream, json = false }: Options): Promise<void> {
  const description = await openDescription(file)
  assertKnown(who, description)
  const { importRules } = await import('../openapi/import.ts')
  const imported = importRules(description, { file, base, said: who, issuers: issuer, upstream })
  if (output !== undefined) await write(output, imported.routes, force)
  if (json) console.log(JSON.stringify(output === undefined ? imported : { ...imported, routes: undefined, file: output }, undefined, 2))
  else if (output === undefined) process.stdout.write(imported.routes)
  for (const line of summaryOf(imported)) console.error(onOneLine(line))
}

/** A scheme that the description does not have is a slip of the pen. */
export function assertKnown (who: Said, { schemes }: Description): void {
  for (const name of who.keys()) {
    if (!schemes.has(name)) throw new CommandError(`--who: there is no security scheme ${quoted(name)}; there are ${[...schemes.keys()].map(quoted).join(', ') || 'none'}`)
  }
}

async function write (file: string, text: string, force: boolean): Promise<void> {
  try {
    await writeFile(file, text, { flag: force ? 'w' : 'wx' })
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    throw new CommandError(code === 'EEXIST' ? `${onOneLine(file)} is there already: --force writes over it` : `${onOneLine(file)} cannot be written (${String(code)})`)
  }
}

function summaryOf ({ operations, told, rules, narrower, left, inexpressible, unread, basePaths, untold }: Imported): string[] {
  return [
    `${told} of ${operations} operations in ${rules} rules; ${left.length} left to fill in, ${inexpressible.length} that no rule can be about`,
    ...narrower > 0 ? [`${narrower} of them for fewer callers than by the description, which has other ways in beside a token`] : [],
    ...unread.map(({ path, why }) => `${path} was not read: ${why}`),
    ...basePaths.length > 1 ? [`operations stand under ${basePaths.map(path => path || '/').join(', ')}: --base puts one in front of all`] : [],
    ...untold.map(({ scheme, operations: waiting }) => `who calls by ${quoted(scheme)} (${waiting} operations)? --who ${quoted(`${scheme}=client`)}, say`)
  ]
}

function basePath (text: string): string {
  const bare = text.replace(/\/+$/, '')
  if (bare !== '' && !/^(?:\/[^/?#\s]+)+$/.test(bare)) throw new InvalidArgumentError('A base is a path such as /api/v2, or / for none.')
  return bare
}

function addWho (text: string, before: Said): Said {
  const at = text.lastIndexOf('=')
  const [name, who] = [text.slice(0, at), text.slice(at + 1)]
  const kinds = who === 'user|client' || who === 'client|user' ? ['user', 'client'] as const : who === 'user' || who === 'client' ? [who] as const : undefined
  if (at < 1 || kinds === undefined) throw new InvalidArgumentError('It is written scheme=user, scheme=client or "scheme=user|client".')
  return new Map([...before, [name, kinds]])
}
