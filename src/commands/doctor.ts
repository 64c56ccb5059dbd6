import { Command, InvalidArgumentError, Option } from 'commander'
import { loadConfiguration, type Configuration, type Mistake } from '../config/load.ts'
import type { Finding } from '../doctor/finding.ts'
import type { Through } from '../doctor/leak-through.ts'
import { report } from './check.ts'
import { CommandError } from './failure.ts'
import { withFiles, type FileOptions } from './files.ts'
import { findingsJson, findingsText } from './findings-text.ts'
import { whyNotToStart } from './runtime.ts'
import { readToken } from './token-option.ts'

/** `countersign doctor`: the two files against what is really there. */
export function doctorCommand (): Command {
  return withFiles(new Command('doctor'))
    .description('Look at the real surroundings: issuers, keys, clocks, machine tokens, ERPs, certificates, and the gateway that runs. Each line is good, a warning or bad, with what to do.')
    .addOption(new Option('--admin <url>', 'the admin port of the running gateway (default: the one that gateway.yaml names)').argParser(readUrl))
    .option('--leak', 'in place of all that: send made-up credentials through each rule to an echo; none may arrive')
    .addOption(new Option('--through <url>', 'with --leak: through this gateway, which runs, and has the echo as the url of an upstream').argParser(readUrl))
    .addOption(new Option('--echo <host:port>', 'with --through: where the echo listens (default: 127.0.0.1:7777)').argParser(readPlace))
    .option('--request <method and path>', 'with --through: the request that its rule lets pass, such as "GET /addresses/17"')
    .option('--token <token>', 'with --through: its token: @file, - for standard input, or the token itself (which others on this machine can see)')
    .option('--json', 'print JSON')
    .option('--no-color', 'print without colours (NO_COLOR does the same)')
    .addHelpText('after', `
It asks each token endpoint for one token, which some IdPs bill. No request and no credential goes to an ERP but its health
check, where one is configured. No token and no secret is ever printed.

With --leak nothing leaves this machine: a gateway is started from the two files on loopback, with an echo in the place of
each ERP and issuers that the command plays; no secret has to be there.

Exit status: 0 no line is bad, 1 one is, 2 bad usage or configuration.

Examples:
  $ countersign doctor --config config/gateway.yaml --routes routes.yaml
  $ countersign doctor --admin http://127.0.0.1:9091 --json
  $ countersign doctor --leak
  $ countersign doctor --leak --through http://127.0.0.1:8080 --request "GET /addresses/17" --token @token.jwt`)
    .action(doctor)
}

type Options = FileOptions & {
  readonly admin?: string
  readonly leak?: boolean
  readonly through?: string
  readonly echo?: Through['echo']
  readonly request?: string
  readonly token?: string
  readonly json?: boolean
  readonly color: boolean
}

async function doctor (options: Options): Promise<void> {
  const { config, routes, leak = false, json = false, color } = options
  const { refusal, warning } = whyNotToStart(process.versions.node, process.env)
  if (refusal !== undefined) throw new CommandError(refusal)
  const through = await throughOf(options)
  const { configuration, mistakes } = await loadConfiguration({ config, routes }, process.env, { secrets: leak ? 'optional' : 'required' })
  if (configuration === undefined) {
    report(mistakes, undefined)
    process.exitCode = 2
    return
  }
  const found = leak ? await lookForLeaks(configuration, through) : await lookAround(configuration, mistakes, options.admin)
  const findings = warning === undefined ? found : [ofNode(warning), ...found]
  console.log(json ? findingsJson(findings) : findingsText(findings, color && process.stdout.isTTY && process.env.NO_COLOR === undefined))
  // Not left to the event loop: a name that resolves to nothing would keep it for a minute.
  process.exit(findings.some(({ verdict }) => verdict === 'bad') ? 1 : 0)
}

async function lookAround (configuration: Configuration, mistakes: readonly Mistake[], admin = adminOf(configuration)): Promise<readonly Finding[]> {
  const { examine } = await import('../doctor/doctor.ts')
  return await examine(configuration, { mistakes, admin, now: Date.now })
}

async function lookForLeaks (configuration: Configuration, through: Through | undefined): Promise<readonly Finding[]> {
  if (through === undefined) {
    const { examineLeaks } = await import('../doctor/leak.ts')
    return await examineLeaks(configuration)
  }
  const { examineLeaksThrough } = await import('../doctor/leak-through.ts')
  try {
    return await examineLeaksThrough(configuration, through)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    if (!['EADDRINUSE', 'EACCES', 'EADDRNOTAVAIL', 'ENOTFOUND'].includes(code)) throw error
    throw new CommandError(`the echo cannot listen at ${through.echo.host}:${through.echo.port} (${code}): say another place by --echo, and give it to the upstream`)
  }
}

async function throughOf ({ leak, through, echo = { host: '127.0.0.1', port: 7777 }, request, token }: Options): Promise<Through | undefined> {
  if (through !== undefined && leak !== true) throw new CommandError('--through wants --leak beside it')
  if (through === undefined) {
    if (request !== undefined || token !== undefined) throw new CommandError('--request and --token want --leak --through beside them')
    return undefined
  }
  const [, method, target] = /^([A-Z]+) (\/[\x21-\x7e]*)$/.exec(request ?? '') ?? []
  if (method === undefined || target === undefined) throw new CommandError('--through wants --request with a method and a path: --request "GET /addresses/17"')
  const url = new URL(through)
  return { url, echo, method, target, token: token === undefined ? undefined : await readToken(token) }
}

function adminOf ({ gateway: { admin: { host, port } } }: Configuration): string {
  const near = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
  return `http://${near.includes(':') ? `[${near}]` : near}:${port}`
}

function ofNode (warning: string): Finding {
  return { group: 'files', about: 'Node', verdict: 'warning', said: warning, remedy: 'The image has one that is kept up to date.' }
}

function readUrl (text: string): string {
  if (!URL.canParse(text) || !/^https?:\/\//.test(text)) throw new InvalidArgumentError('Here a URL such as http://127.0.0.1:9090 is wanted.')
  return text
}

function readPlace (text: string): Through['echo'] {
  const [, host, port] = /^(?:\[([0-9a-f:]+)\]|([A-Za-z0-9.-]+)):(\d{1,5})$/.exec(text)?.filter(part => part !== undefined) ?? []
  if (host === undefined || port === undefined || Number(port) > 65_535) throw new InvalidArgumentError('Here host:port is wanted, such as 127.0.0.1:7777.')
  return { host, port: Number(port) }
}
