import { Command, InvalidArgumentError, Option } from 'commander'
import { neededUrls, partNames } from '../demo/part.ts'
import type { PartName, PartUrls } from '../demo/part.ts'
import { runDemo, runPart } from '../demo/run.ts'

/** `countersign demo`: an IdP, a SaaS, an ERP, and the gateway between them, in one command. */
export function demoCommand (): Command {
  return new Command('demo')
    .description('Start an identity provider, a SaaS, an ERP, and the gateway between them; say where to click and what to paste.')
    .addOption(port('--port <port>', 'port of the SaaS'))
    .addOption(port('--gateway-port <port>', 'port of the gateway'))
    .addOption(port('--idp-port <port>', 'port of the identity provider'))
    .addOption(port('--erp-port <port>', 'port of the ERP'))
    .option('--json', 'print URLs, tokens and curl lines as JSON, and nothing else')
    .option('--no-color', 'print without colours (NO_COLOR does the same)')
    .addOption(new Option('--only <part>', 'start this part alone, as a process or a container of its own').choices(partNames))
    .option('--host <address>', 'with --only: the address to listen on (default: 127.0.0.1)')
    .addOption(url('--idp-url <url>', 'with --only: the URL of the identity provider, for browsers and for all the others'))
    .addOption(url('--saas-url <url>', 'with --only: the URL of the SaaS, for browsers'))
    .addOption(url('--gateway-url <url>', 'with --only: the URL of the gateway, for the SaaS'))
    .addHelpText('after', `
Everything runs on 127.0.0.1 and in memory, until Ctrl-C.

With --only one part runs by itself; the gateway is "countersign start" then, and deploy/compose.yaml has all of them.
The idp needs --saas-url, the erp --idp-url, the saas --idp-url and --gateway-url. All of it is plain http, with
passwords and secrets that everybody can read in the source: put nothing of it where others reach it.

Examples:
  $ countersign demo
  $ countersign demo --port 3000 --gateway-port 8080
  $ countersign demo --only erp --erp-port 8082 --idp-url http://127.0.0.1:8081`)
    .action(async (options: Options, command: Command) => {
      if (options.only !== undefined) return process.exit(await runOnly(options.only, options, command))
      const alone = aloneOptions.find((name) => options[name] !== undefined)
      if (alone !== undefined) command.error(`error: ${flagOf(alone)} needs --only`)
      const status = await runDemo({
        ports: { saas: options.port, gateway: options.gatewayPort, idp: options.idpPort, erp: options.erpPort },
        json: options.json === true,
        color: options.color
      })
      // Not left to the event loop: a browser's open connection must not keep an ended demo alive.
      process.exit(status)
    })
}

interface Options {
  readonly port: number
  readonly gatewayPort: number
  readonly idpPort: number
  readonly erpPort: number
  readonly json?: boolean
  readonly color: boolean
  readonly only?: PartName
  readonly host?: string
  readonly idpUrl?: string
  readonly saasUrl?: string
  readonly gatewayUrl?: string
}

const aloneOptions = ['host', 'idpUrl', 'saasUrl', 'gatewayUrl'] as const

async function runOnly (part: PartName, options: Options, command: Command): Promise<0 | 1> {
  const { host = '127.0.0.1', idpUrl, saasUrl, gatewayUrl } = options
  const urls: PartUrls = { idp: idpUrl, saas: saasUrl, gateway: gatewayUrl }
  const missing = neededUrls[part].filter((name) => urls[name] === undefined)
  if (missing.length > 0) command.error(`error: --only ${part} needs ${missing.map((name) => `--${name}-url`).join(' and ')}`)
  const port = { idp: options.idpPort, saas: options.port, erp: options.erpPort }[part]
  return runPart({ part, host, port, urls })
}

function flagOf (name: string): string {
  return `--${name.replace('Url', '-url')}`
}

function url (flags: string, description: string): Option {
  return new Option(flags, description).argParser(readUrl)
}

// Others compare it as text (an issuer, a redirect URI): it is taken as it is written, or not at all.
function readUrl (text: string): string {
  if (!URL.canParse(text) || new URL(text).origin !== text || !/^https?:/.test(text)) throw new InvalidArgumentError('A URL here is http://host:port, with nothing behind it.')
  return text
}

function port (flags: string, description: string): Option {
  return new Option(flags, description).argParser(readPort).default(0, 'a free one')
}

function readPort (text: string): number {
  const port = Number(text)
  if (!/^\d{1,5}$/.test(text) || port > 65_535) throw new InvalidArgumentError('A port is a number from 0 (a free one) to 65535.')
  return port
}
