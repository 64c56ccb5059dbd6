import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { formatMistake, loadConfiguration, type LoadOptions, type Loaded } from '../../src/config/load.ts'

export const GATEWAY = `issuers:
  main:
    issuer: https://tenant.eu.auth0.com/
    idp: auth0
    audience: https://api.example.com
upstreams:
  erp:
    url: https://erp.example.com
    credential:
      client_credentials:
        issuer: main
        client_id: middleware
        client_secret: { env: ERP_SECRET }
        audience: https://erp.example.com
`

export const ROUTES = `routes:
  - match: POST /addresses
    require: user
`

/** Is nowhere in the two files: whatever prints it prints a secret. */
export const SECRET = 'hunter2-never-print-me'

export interface Files {
  readonly gateway?: string | Uint8Array
  readonly routes?: string | Uint8Array
  readonly env?: NodeJS.ProcessEnv
  readonly options?: LoadOptions
  /** further files beside gateway.yaml */
  readonly beside?: Readonly<Record<string, string>>
}

export interface LoadedFiles extends Loaded {
  /** `routes.yaml:2:5 routes[0].require` each, `warning ` in front of a warning */
  readonly places: readonly string[]
  /** as they are printed, with the folder left out */
  readonly lines: readonly string[]
}

/** Writes the files, loads them, and tells what was wrong where. */
export async function load ({ gateway = GATEWAY, routes = ROUTES, env = { ERP_SECRET: SECRET }, options, beside = {} }: Files): Promise<LoadedFiles> {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-config-'))
  try {
    const paths = { config: join(folder, 'gateway.yaml'), routes: join(folder, 'routes.yaml') }
    for (const [name, text] of Object.entries({ 'gateway.yaml': gateway, 'routes.yaml': routes, ...beside })) await writeFile(join(folder, name), text)
    const loaded = await loadConfiguration(paths, env, options)
    const short = (text: string) => text.replaceAll(`${folder}/`, '')
    return {
      ...loaded,
      places: loaded.mistakes.map(({ file, line, column, path, severity }) => `${severity === 'warning' ? 'warning ' : ''}${short(file)}:${line}:${column} ${path}`.trimEnd()),
      lines: loaded.mistakes.map(mistake => short(formatMistake(mistake)))
    }
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** GATEWAY with one line replaced, or with lines behind it. */
export function gatewayWith (line: string, replacement: string): string {
  if (!GATEWAY.includes(line)) throw new Error(`GATEWAY has no ${line}`)
  return GATEWAY.replace(line, replacement)
}
