import { startCommand, untilOutput, type CommandOptions, type RunningCommand } from './command.ts'
import { filesOf, gatewayPorts, type GatewayPorts, type GatewaySetup } from './gateway-ports.ts'
import { writeFiles } from './settings.ts'
import type { TestContext } from './teardown.ts'

export type ForkedGateway = GatewayPorts & RunningCommand & {
  /** Where its two files are, gateway.yaml and routes.yaml. */
  readonly dir: string
}

/**
 * The real `countersign start` in a process of its own, once it says that it listens. Throws, with
 * its output, when it ends before (for a start that must fail, use runCommand).
 */
export async function forkGateway (t: TestContext, setup: GatewaySetup & CommandOptions): Promise<ForkedGateway> {
  const { dir, config, routes } = await writeFiles(t, filesOf(setup))
  const command = startCommand(t, ['start', '--config', config, '--routes', routes], { cwd: dir, ...setup })
  const listening = await untilOutput(command, () => command.output.lines().find(line => line['msg'] === 'listening'))
  const ports = gatewayPorts(portOf(listening['data']), portOf(listening['admin']), command.output)
  // Getters are moved, not read: log, stdout and stderr grow. defineProperties forgets to say what it added.
  return Object.defineProperties(command, { ...Object.getOwnPropertyDescriptors(ports), dir: { value: dir } }) as ForkedGateway
}

function portOf (address: unknown): number {
  return Number(new URL(String(address)).port)
}
