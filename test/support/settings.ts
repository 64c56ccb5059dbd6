import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { tempDir } from './files.ts'
import type { Idp } from './idp.ts'
import { apiAudience } from './mint.ts'
import type { TestContext } from './teardown.ts'

export type Settings = Readonly<Record<string, unknown>>

/** The two files of a test's gateway: YAML text to the letter, or values. */
export interface Files {
  /** gateway.yaml; from `standard` where only idp and erp are given. */
  readonly gateway: string | Settings
  /** routes.yaml; a list is the `routes` of a file without defaults. */
  readonly routes: string | Settings | readonly Settings[]
  /** More files beside them, by name: secrets, say. */
  readonly files?: Readonly<Record<string, string>>
}

/**
 * gateway.yaml for one issuer `main` and one upstream `erp`, which gets a machine token of that
 * issuer's for its first client. `changes` are laid over it, objects key by key; undefined deletes.
 */
export function standardGateway ({ idp, erp }: { readonly idp: Idp, readonly erp: { readonly origin: string } }, changes: Settings = {}): Settings {
  const [client_id, client] = Object.entries(idp.clients)[0] ?? []
  const discovery = idp.issuer.startsWith(idp.origin) ? {} : { discovery: idp.discoveryUrl }
  return merge({
    listen: { host: '127.0.0.1', port: 0 },
    admin: { host: '127.0.0.1', port: 0 },
    log: { level: 'trace' },
    issuers: { main: { issuer: idp.issuer, idp: 'rfc9068', audience: apiAudience, ...discovery } },
    upstreams: {
      erp: {
        url: erp.origin,
        credential: {
          client_credentials: { issuer: 'main', client_id, client_secret: client?.secret, audience: 'https://erp.example.com' }
        }
      }
    }
  }, changes)
}

/** Writes the files into a folder that lives as long as the test. */
export async function writeFiles (t: TestContext, { gateway, routes, files = {} }: Files): Promise<{ dir: string, config: string, routes: string }> {
  const dir = await tempDir(t, {
    ...files,
    'gateway.yaml': yaml(gateway),
    'routes.yaml': yaml(isList(routes) ? { routes } : routes)
  })
  return { dir, config: join(dir, 'gateway.yaml'), routes: join(dir, 'routes.yaml') }
}

/** Writes files of a gateway that runs anew, each at once, as an editor does that renames. */
export async function rewrite (dir: string, { gateway, routes, files = {} }: Partial<Files>): Promise<void> {
  const texts: Record<string, string> = { ...files }
  if (gateway !== undefined) texts['gateway.yaml'] = yaml(gateway)
  if (routes !== undefined) texts['routes.yaml'] = yaml(isList(routes) ? { routes } : routes)
  for (const [name, text] of Object.entries(texts)) {
    await writeFile(join(dir, `.${name}.new`), text)
    await rename(join(dir, `.${name}.new`), join(dir, name))
  }
}

function yaml (value: string | Settings): string {
  // An object used twice would become an alias, which the gateway refuses.
  return typeof value === 'string' ? value : stringify(value, { aliasDuplicateObjects: false })
}

function merge (base: Settings, changes: Settings): Settings {
  const merged: Record<string, unknown> = { ...base }
  for (const [name, change] of Object.entries(changes)) {
    const before = merged[name]
    if (change === undefined) delete merged[name]
    else merged[name] = isSettings(before) && isSettings(change) ? merge(before, change) : change
  }
  return merged
}

function isSettings (value: unknown): value is Settings {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

// Array.isArray alone does not narrow a readonly list.
function isList (value: Files['routes']): value is readonly Settings[] {
  return Array.isArray(value)
}
