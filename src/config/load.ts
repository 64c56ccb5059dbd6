import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type * as z from 'zod'
import { checkGateway } from './check-gateway.ts'
import { checkLimits } from './check-limits.ts'
import { checkRoutes } from './check-routes.ts'
import type { Configuration } from './configuration.ts'
import { draftOf } from './draft.ts'
import { fromEnvironment, referencesIn } from './env.ts'
import { gatewaySchema } from './gateway-schema.ts'
import { settle } from './merge.ts'
import { sortMistakes, type Mistake } from './mistakes.ts'
import { isSecretPath } from './private.ts'
import { readSource } from './read-file.ts'
import { routesSchema } from './routes-schema.ts'
import { putSecrets, type SecretsAround } from './put-secrets.ts'
import type { Source } from './yaml.ts'
import { reportIssues } from './zod-mistakes.ts'

export type { Configuration } from './configuration.ts'
export { formatMistake, type Mistake } from './mistakes.ts'

// This file is dist/src/config/load.js of the package.
const SHIPPED = fileURLToPath(new URL('../../../', import.meta.url))

export interface Loaded {
  /** absent where any mistake is an error */
  readonly configuration?: Configuration
  /** of both files, in reading order */
  readonly mistakes: readonly Mistake[]
  /** absolute paths of all that was read, or should have been: both files, and those of secrets */
  readonly read: readonly string[]
}

export interface LoadOptions {
  /** `required`: a missing secret is an error; `optional` (for `check`): a warning, and its `reveal` throws */
  readonly secrets?: 'required' | 'optional'
  /** ms since the epoch, for certificates that end */
  readonly now?: number
}

/**
 * Reads, checks and settles gateway.yaml and routes.yaml. All mistakes of both come at once; nothing is started, no
 * connection made. Never throws for what the files hold.
 */
export async function loadConfiguration (paths: Configuration['files'], env: NodeJS.ProcessEnv, { secrets = 'required', now = Date.now() }: LoadOptions = {}): Promise<Loaded> {
  const start = `countersign start --config ${paths.config} --routes ${paths.routes}`
  const config = await readSource(paths.config, `Begin with the one that ships:\n  cp ${SHIPPED}config/gateway.yaml ${paths.config}\n  ${start}`)
  const routes = await readSource(paths.routes, `Begin with the one that ships:\n  cp ${SHIPPED}routes.yaml ${paths.routes}\n  ${start}`)

  const read = new Set([paths.config, paths.routes].map(file => resolve(file)))
  const gateway = await fillIn(config, { env, secrets, read })
  for (const path of referencesIn(routes.value)) {
    routes.report(path, 'the environment serves in gateway.yaml only: the policy is the same everywhere')
    routes.spoiled.push(path)
  }
  const parsedGateway = parse(gatewaySchema, gateway, config)
  const parsedRoutes = parse(routesSchema, routes.value, routes)
  const draft = draftOf(config, gateway, routes, parsedRoutes)
  checkGateway(draft, now)
  checkRoutes(draft)
  checkLimits(draft)

  const mistakes = [...sortMistakes(config.mistakes), ...sortMistakes(routes.mistakes)]
  if (parsedGateway === undefined || parsedRoutes === undefined || mistakes.some(({ severity }) => severity === 'error')) return { mistakes, read: [...read] }
  return { mistakes, read: [...read], configuration: settle(parsedGateway, parsedRoutes, paths, routes.linesOf(['routes'])) }
}

async function fillIn (config: Source, { env, secrets, read }: Pick<SecretsAround, 'env' | 'secrets' | 'read'>): Promise<unknown> {
  const { value, missing } = fromEnvironment(config.value, env)
  for (const { path, message, malformed } of missing) {
    const forgiven = secrets === 'optional' && !malformed && isSecretPath(path)
    config.report(path, message, { severity: forgiven ? 'warning' : 'error' })
    config.spoiled.push(path)
  }
  return await putSecrets(value, { config, env, folder: dirname(resolve(config.file)), secrets, read })
}

function parse<S extends z.ZodType> (schema: S, value: unknown, source: Source): z.output<S> | undefined {
  if (value === undefined) return undefined
  const result = schema.safeParse(value)
  if (result.success) return result.data
  reportIssues(result.error.issues, schema, source)
  return undefined
}
