import type { Command } from 'commander'

/** The two files that most commands read. */
export interface FileOptions {
  readonly config: string
  readonly routes: string
}

/** Adds `--config` and `--routes`, with the defaults that hold everywhere. */
export function withFiles (command: Command): Command {
  return command
    .option('--config <file>', 'where things are', 'config/gateway.yaml')
    .option('--routes <file>', 'who may do what', 'routes.yaml')
}
