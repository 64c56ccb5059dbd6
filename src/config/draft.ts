import type * as z from 'zod'
import { adminSchema, gatewaySchema, issuerSchema, listenSchema, upstreamSchema, type Admin, type GatewayFile, type Issuer, type Listen, type Upstream } from './gateway-schema.ts'
import { isObject } from './objects.ts'
import { redisSchema, type Redis } from './redis-schema.ts'
import { defaultsSchema, ruleSchema, type Defaults, type RoutesFile, type Rule } from './routes-schema.ts'
import { telemetrySchema, type Telemetry } from './telemetry-schema.ts'
import type { Source } from './yaml.ts'

/**
 * What of the two files could be understood, mistakes elsewhere or not: the cross checks look at this, so that all
 * mistakes come in one go. A part that is undefined was not there or was reported already.
 */
export interface Draft {
  readonly config: Source
  readonly routes: Source
  readonly listen: Partial<Listen>
  readonly admin: Partial<Admin>
  /** undefined where gateway.yaml cannot tell which names there are */
  readonly issuers: Readonly<Record<string, Partial<Issuer>>> | undefined
  readonly upstreams: Readonly<Record<string, Partial<Upstream>>> | undefined
  readonly redis: Partial<Redis>
  readonly telemetry: Partial<Telemetry>
  readonly workers: number | undefined
  readonly rules: ReadonlyArray<Partial<Rule>>
  readonly defaults: Partial<Defaults>
}

/**
 * @param gateway the data of gateway.yaml after the environment and the secrets were put in
 * @param understood routes.yaml, where all of it was
 */
export function draftOf (config: Source, gateway: unknown, routes: Source, understood: RoutesFile | undefined): Draft {
  const part = (name: keyof GatewayFile) => isObject(gateway) ? gateway[name] : undefined
  const rulesFile = isObject(routes.value) ? routes.value : {}
  const rules: readonly unknown[] = Array.isArray(rulesFile.routes) && !routes.isFull() ? rulesFile.routes : []
  return {
    config,
    routes,
    listen: partial(listenSchema, part('listen') ?? {}),
    admin: partial(adminSchema, part('admin') ?? {}),
    issuers: named(issuerSchema, isObject(gateway) ? part('issuers') ?? {} : undefined),
    upstreams: named(upstreamSchema, part('upstreams')),
    redis: partial(redisSchema, part('redis')),
    telemetry: partial(telemetrySchema, part('telemetry')),
    workers: partial(gatewaySchema.pick({ workers: true }), gateway).workers,
    rules: understood?.routes ?? rules.map(rule => partial(ruleSchema, rule)),
    defaults: understood === undefined ? partial(defaultsSchema, rulesFile.defaults) : understood.defaults ?? {}
  }
}

function named<S extends z.ZodObject> (schema: S, value: unknown): Record<string, Partial<z.output<S>>> | undefined {
  if (!isObject(value)) return undefined
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, partial(schema, one)]))
}

function partial<S extends z.ZodObject> (schema: S, value: unknown): Partial<z.output<S>> {
  if (!isObject(value)) return {}
  const parts = Object.entries<z.ZodType>(schema.shape).flatMap(([key, part]) => {
    const result = part.safeParse(Object.hasOwn(value, key) ? value[key] : undefined)
    return result.success && result.data !== undefined ? [[key, result.data]] : []
  })
  // Each part was parsed by the schema of its own key, which Object.fromEntries cannot know.
  return Object.fromEntries(parts) as Partial<z.output<S>>
}
