import { loadConfiguration, type Loaded } from '../../src/config/load.ts'
import type { Configuration } from '../../src/config/configuration.ts'
import { readDescription, type Description } from '../../src/openapi/description.ts'
import { importRules, type Imported, type ImportRequest } from '../../src/openapi/import.ts'
import { writeFiles } from '../support/settings.ts'
import type { TestContext } from '../support/teardown.ts'

export const GATEWAY = {
  issuers: { main: { issuer: 'https://idp.example.com', idp: 'rfc9068', audience: 'https://api.example.com' } },
  upstreams: { erp: { url: 'https://erp.example.com', credential: 'none' } }
}

const SCHEMES = {
  both: { type: 'oauth2', flows: { authorizationCode: { scopes: { read: '', write: '', login: '' } }, clientCredentials: { scopes: { read: '', write: '' } } } },
  user: { type: 'oauth2', flows: { authorizationCode: { scopes: { read: '', write: '' } } } },
  client: { type: 'oauth2', flows: { clientCredentials: { scopes: { read: '', write: '' } } } },
  oidc: { type: 'openIdConnect', openIdConnectUrl: 'https://idp.example.com/.well-known/openid-configuration' },
  key: { type: 'apiKey', in: 'header', name: 'X-Api-Key' },
  bearer: { type: 'http', scheme: 'bearer' },
  basic: { type: 'http', scheme: 'basic' },
  mtls: { type: 'mutualTLS' }
}

/** A description of OpenAPI 3 with a scheme of each kind. */
export function openapi (paths: object, more: object = {}): Record<string, unknown> {
  return { openapi: '3.1.0', info: { title: 'Pets', version: '1' }, paths, components: { securitySchemes: SCHEMES }, ...more }
}

export function described (paths: object, more: object = {}): Description {
  return readDescription(openapi(paths, more))
}

export function imported (description: Description, request: Partial<ImportRequest> = {}): Imported {
  return importRules(description, { file: 'openapi.yaml', ...request })
}

/** What of it stands below routes:, a line each. */
export function linesOf ({ routes }: Imported): string[] {
  return routes.slice(routes.indexOf('routes:\n') + 'routes:\n'.length).split('\n').slice(0, -1)
}

/** What check says of such a routes.yaml, beside a gateway of one issuer. */
export async function checked (t: TestContext, routes: string): Promise<Loaded & { readonly errors: readonly string[] }> {
  const files = await writeFiles(t, { gateway: GATEWAY, routes })
  const loaded = await loadConfiguration(files, {})
  return { ...loaded, errors: loaded.mistakes.filter(({ severity }) => severity === 'error').map(({ line, path, message }) => `${line} ${path}: ${message}`) }
}

export async function settled (t: TestContext, routes: string): Promise<Configuration> {
  const { configuration, errors } = await checked(t, routes)
  if (configuration === undefined) throw new Error(errors.join('\n'))
  return configuration
}
