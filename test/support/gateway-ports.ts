import { call, type Called, type CallOptions } from './call.ts'
import type { GatewayLog } from './gateway-log.ts'
import type { Idp } from './idp.ts'
import { rawRequest, type RawInput, type RawOptions, type RawResult } from './raw-http.ts'
import { standardGateway, type Files, type Settings } from './settings.ts'

/** routes.yaml, and either gateway.yaml itself or idp and erp for the standard one, with changes to it. */
export type GatewaySetup = Omit<Files, 'gateway'> & {
  readonly env?: Readonly<Record<string, string>>
} & ({
  readonly gateway: string | Settings
} | {
  readonly gateway?: undefined
  readonly idp: Idp
  readonly erp: { readonly origin: string }
  /** Laid over the standard gateway.yaml: `{ listen: { rate_limit: … } }`. */
  readonly changes?: Settings
})

/** Talks to a running gateway, in this process or another. */
export interface GatewayPorts {
  readonly port: number
  readonly adminPort: number
  /** One request to the data port. */
  call (options?: CallOptions): Promise<Called>
  /** One request to the admin port: a GET, unless the options say otherwise. */
  admin (path: string, options?: CallOptions): Promise<Called>
  /** Bytes to the data port. */
  raw (input: RawInput, options?: RawOptions): Promise<RawResult>
  /** All that it has logged so far. */
  readonly log: string
  /** Its JSON lines, parsed. */
  logLines (): Array<Record<string, unknown>>
}

export function gatewayPorts (port: number, adminPort: number, log: GatewayLog): GatewayPorts {
  return {
    port,
    adminPort,
    call: async options => await call(port, options),
    admin: async (path, options) => await call(adminPort, { ...options, path }),
    raw: async (input, options) => await rawRequest(port, input, options),
    get log () { return log.text },
    logLines: log.lines
  }
}

export function filesOf (setup: GatewaySetup): Files {
  return { ...setup, gateway: setup.gateway ?? standardGateway(setup, setup.changes) }
}
