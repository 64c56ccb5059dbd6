import { Command } from 'commander'
import { checkCommand } from './check.ts'
import { coverageCommand } from './coverage.ts'
import { demoCommand } from './demo.ts'
import { explainCommand } from './explain.ts'
import { CommandError } from './failure.ts'
import { importCommand } from './import.ts'
import { packageVersion } from './package.ts'
import { routesCommand } from './routes.ts'
import { startCommand } from './start.ts'
import { testCommand } from './test.ts'
import { tokenCommand } from './token.ts'

/** The command line as it was given, done. */
export async function runProgram (): Promise<void> {
  const program = new Command('countersign')
    .description('An API gateway between a SaaS and an ERP: it proves who is calling, drops the caller\'s credentials, and calls the ERP with its own.')
    .version(packageVersion(), '--version', 'print the version')
    .showHelpAfterError('(countersign --help lists the commands)')
    .addCommand(startCommand())
    .addCommand(checkCommand())
    .addCommand(routesCommand())
    .addCommand(explainCommand())
    .addCommand(testCommand())
    .addCommand(tokenCommand())
    .addCommand(importCommand())
    .addCommand(coverageCommand())
    .addCommand(demoCommand())

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
