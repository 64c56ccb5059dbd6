import { Command } from 'commander'
import { CommandError } from './failure.ts'
import { packageVersion } from './package.ts'

// In the order of the help. Only the one that is asked for is loaded: most of them need a part of the gateway, and none all.
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  start: async () => (await import('./start.ts')).startCommand(),
  init: async () => (await import('./init.ts')).initCommand(),
  check: async () => (await import('./check.ts')).checkCommand(),
  routes: async () => (await import('./routes.ts')).routesCommand(),
  explain: async () => (await import('./explain.ts')).explainCommand(),
  test: async () => (await import('./test.ts')).testCommand(),
  shadow: async () => (await import('./shadow.ts')).shadowCommand(),
  token: async () => (await import('./token.ts')).tokenCommand(),
  doctor: async () => (await import('./doctor.ts')).doctorCommand(),
  import: async () => (await import('./import.ts')).importCommand(),
  coverage: async () => (await import('./coverage.ts')).coverageCommand(),
  demo: async () => (await import('./demo.ts')).demoCommand()
}

/** The command line as it was given, done. */
export async function runProgram (): Promise<void> {
  const program = new Command('countersign')
    .description('An API gateway between a SaaS and an ERP: it proves who is calling, drops the caller\'s credentials, and calls the ERP with its own.')
    .version(packageVersion(), '--version', 'print the version')
    .showHelpAfterError('(countersign --help lists the commands)')
  for (const command of await commandsFor(process.argv[2])) program.addCommand(command)

  // Exit status: 0 good, 1 what was asked did not hold, 2 bad usage or configuration.
  for (const command of [program, ...program.commands]) {
    command.exitOverride(error => { process.exit(error.exitCode === 0 ? 0 : 2) })
  }
  try {
    await program.parseAsync()
  } catch (error) {
    if (!(error instanceof CommandError)) throw error
    console.error(`countersign: ${error.message}`)
    process.exitCode = 2
  }
}

async function commandsFor (word: string | undefined): Promise<readonly Command[]> {
  if (word === '--version') return []
  const asked = word !== undefined && Object.hasOwn(COMMANDS, word) ? COMMANDS[word] : undefined
  return await Promise.all((asked === undefined ? Object.values(COMMANDS) : [asked]).map(load => load()))
}
