import { Command } from 'commander'
import { loadConfiguration, type Configuration } from '../config/load.ts'
import { expectOneOf } from '../config/spelling.ts'
import { tokenReport } from '../token-report.ts'
import { report } from './check.ts'
import { withFiles, type FileOptions } from './files.ts'
import { whyNotToStart } from './runtime.ts'
import { quoted } from './terminal-text.ts'
import { tokenText } from './token-text.ts'

/** `countersign token`: one machine token, and what is in it; never the token itself. */
export function tokenCommand (): Command {
  return withFiles(new Command('token'))
    .description('Fetch a machine token as the gateway would, and show its claims and its life; never the token itself.')
    .option('--upstream <name>', 'whose credential; may be left out where there is one upstream')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', `
It asks the token endpoint once, which some IdPs bill. Nothing of the token is verified.
Exit status: 0 it was had, 1 it was not, 2 bad usage or configuration.

Example:
  countersign token --upstream erp --config config/gateway.yaml --routes routes.yaml`)
    .action(token)
}

async function token ({ config, routes, upstream, json = false }: FileOptions & { readonly upstream?: string, readonly json?: boolean }): Promise<void> {
  process.exitCode = 2
  const { refusal } = whyNotToStart(process.versions.node, process.env)
  if (refusal !== undefined) return console.error(`countersign: ${refusal}`)
  const { configuration, mistakes } = await loadConfiguration({ config, routes }, process.env)
  if (configuration === undefined) return report(mistakes, undefined)
  const { gateway } = configuration
  const chosen = choose(configuration, upstream)
  if ('problem' in chosen) return console.error(`countersign: ${chosen.problem}`)
  const { name, credential } = chosen
  const told = await tokenReport(gateway, credential, Date.now)
  console.log(tokenText({ upstream: name, credential: credential.kind }, told, json))
  process.exitCode = told.ok ? 0 : 1
}

type Upstream = Configuration['gateway']['upstreams'][string]

function choose ({ gateway: { upstreams } }: Configuration, wanted: string | undefined): { readonly problem: string } | { readonly name: string } & Pick<Upstream, 'credential'> {
  const names = Object.keys(upstreams)
  const name = wanted ?? (names.length === 1 ? names[0] : undefined)
  if (name === undefined) return { problem: `there are several upstreams: say --upstream with one of ${names.join(', ')}` }
  const found = Object.hasOwn(upstreams, name) ? upstreams[name] : undefined
  return found === undefined ? { problem: `no such upstream ${quoted(name)}; ${expectOneOf(name, names, 'known are')}` } : { name, credential: found.credential }
}
