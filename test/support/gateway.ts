import { join } from 'node:path'
import { run } from '../../src/run.ts'
import { collectLog } from './gateway-log.ts'
import { filesOf, gatewayPorts, type GatewayPorts, type GatewaySetup } from './gateway-ports.ts'
import { writeFiles } from './settings.ts'
import { tearDown, type TestContext } from './teardown.ts'

export { registerSecret } from './secrets.ts'

export interface TestGateway extends GatewayPorts {
  /** Where its two files are, gateway.yaml and routes.yaml. */
  readonly dir: string
  /** As SIGHUP does. */
  reload (): Promise<void>
  /** As SIGTERM does, without the exit: drains and closes both ports. */
  close (): Promise<void>
}

/**
 * The gateway in this process, on free ports, with a log of its own at level trace. When the test is
 * over it is closed, and the test fails if the log shows any token or secret of this process.
 * `shadow` names one of `files`, another routes.yaml. Throws what `run` throws: a configuration with mistakes, say.
 */
export async function startGateway (t: TestContext, setup: GatewaySetup & { readonly clock?: () => number, readonly keyRefresh?: number, readonly shadow?: string }): Promise<TestGateway> {
  const { dir, config, routes } = await writeFiles(t, filesOf(setup))
  const log = collectLog(t)
  const { env = {}, clock, keyRefresh, shadow } = setup
  const running = await run({ config, routes, env, ...shadow !== undefined && { shadow: join(dir, shadow) }, log: log.stream, ...(clock === undefined ? {} : { clock }), ...(keyRefresh === undefined ? {} : { keyRefresh }) })
  let closed: Promise<void> | undefined
  const close = async (): Promise<void> => { await (closed ??= running.close()) }
  tearDown(t, close)
  return Object.assign(gatewayPorts(running.dataPort, running.adminPort, log), { dir, reload: running.reload, close })
}
