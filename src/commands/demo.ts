import { Command, InvalidArgumentError, Option } from 'commander'
import { runDemo } from '../demo/run.ts'

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
    .addHelpText('after', `
Everything runs on 127.0.0.1 and in memory, until Ctrl-C.

Examples:
  $ countersign demo
  $ countersign demo --port 3000 --gateway-port 8080`)
    .action(async (options: Options) => {
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
}

function port (flags: string, description: string): Option {
  return new Option(flags, description).argParser(readPort).default(0, 'a free one')
}

function readPort (text: string): number {
  const port = Number(text)
  if (!/^\d{1,5}$/.test(text) || port > 65_535) throw new InvalidArgumentError('A port is a number from 0 (a free one) to 65535.')
  return port
}
