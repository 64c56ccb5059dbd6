import * as z from 'zod'
import { gatewaySchema } from './gateway-schema.ts'
import { isObject } from './objects.ts'
import { routesSchema } from './routes-schema.ts'

/** The published JSON Schemas, by the name of their file under config/: what an editor checks and completes. */
export function jsonSchemas (): Record<string, object> {
  return {
    'gateway.schema.json': jsonSchema(gatewaySchema, 'urn:countersign:schema:gateway'),
    'routes.schema.json': jsonSchema(routesSchema, 'urn:countersign:schema:routes')
  }
}

/** As it is written to disk. */
export function formatSchema (schema: object): string {
  return `${JSON.stringify(schema, undefined, 2)}\n`
}

function jsonSchema (schema: z.ZodType, id: string): object {
  const { $schema, ...rest } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })
  const shared: Record<string, unknown> = {}
  const { title, ...body } = rest
  const hoisted = hoist(body, shared)
  return { $schema, $id: id, title, ...isObject(hoisted) ? hoisted : {}, $defs: shared }
}

// What has a title stands in many places: it is written once, under $defs.
function hoist (part: unknown, shared: Record<string, unknown>): unknown {
  if (Array.isArray(part)) return part.map(item => hoist(item, shared))
  if (!isObject(part)) return part
  const { title, ...rest } = Object.fromEntries(Object.entries(part).map(([key, item]) => [key, hoist(item, shared)]))
  if (typeof title !== 'string') return { ...title !== undefined && { title }, ...rest }
  const { description, default: preset, ...body } = rest
  shared[title] = body
  return { ...description !== undefined && { description }, ...preset !== undefined && { default: preset }, $ref: `#/$defs/${title}` }
}
