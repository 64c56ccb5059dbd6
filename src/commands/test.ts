import { Command } from 'commander'
import { casesBeside } from '../config/load-cases.ts'
import { withFiles, type FileOptions } from './files.ts'
import { CommandError } from './failure.ts'

/** `countersign test`: tries the policy out by the cases beside it. */
export function testCommand (): Command {
  return withFiles(new Command('test'))
    .description('Try the policy out: the cases of routes.test.yaml, and what is generated from the rules. No network, no IdP, no secrets.')
    .option('--cases <file>', 'what the policy is to say; routes.test.yaml beside routes.yaml when left out')
    .option('--watch', 'again when one of the files changes, until Ctrl-C')
    .option('--tap', 'print TAP')
    .option('--junit [file]', 'write a JUnit report to this file; without a file, print it')
    .option('--json', 'print JSON')
    .option('--no-color', 'print without colours (NO_COLOR does the same)')
    .addHelpText('after', `
Each issuer of gateway.yaml is played by this process: tokens in the shape of its idp, signed by a key made for this run.
Exit status: 0 all is as expected, 1 something is not, 2 bad usage or configuration.

Examples:
  $ countersign test
  $ countersign test --watch
  $ countersign test --junit policy.xml`)
    .action(run)
}

export type TestOptions = FileOptions & {
  readonly cases?: string
  readonly watch?: boolean
  readonly tap?: boolean
  readonly junit?: string | true
  readonly json?: boolean
  readonly color: boolean
}

async function run (options: TestOptions): Promise<void> {
  const printed = [options.json === true && '--json', options.tap === true && '--tap', options.junit === true && '--junit without a file'].filter(one => one !== false)
  if (printed.length > 1) throw new CommandError(`${printed.join(' and ')} exclude each other: standard output holds one of them`)
  if (options.watch === true && printed.length > 0) throw new CommandError(`--watch and ${printed.join()} exclude each other: --watch prints for people`)
  const files = { config: options.config, routes: options.routes, cases: options.cases ?? casesBeside(options.routes) }
  // Loaded here, so that no other command loads it.
  const { keepTrying, tryOnce } = await import('./rehearsing.ts')
  if (options.watch === true) await keepTrying(files, options)
  else process.exitCode = await tryOnce(files, options)
}
