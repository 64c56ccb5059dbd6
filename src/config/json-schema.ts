import * as z from 'zod'
import { casesSchema } from './cases-schema.ts'
import { gatewaySchema } from './gateway-schema.ts'
import { isObject } from './objects.ts'
import { routesSchema } from './routes-schema.ts'

/** The published JSON Schemas, by the name of their file under config/: what an editor checks and completes. */
export function jsonSchemas (): Record<string, object> {
  return {
    'gateway.schema.json': jsonSchema(gatewaySchema, 'urn:countersign:schema:gateway', withEnvironment),
    'routes.schema.json': jsonSchema(routesSchema, 'urn:countersign:schema:routes', same => same),
    'routes-test.schema.json': jsonSchema(casesSchema, 'urn:countersign:schema:routes-test', same => same)
  }
}

/** As it is written to disk. */
export function formatSchema (schema: object): string {
  return `${JSON.stringify(schema, undefined, 2)}\n`
}

function jsonSchema (schema: z.ZodType, id: string, adapt: (part: unknown) => unknown): object {
  const { $schema, title, ...body } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })
  const shared: Record<string, unknown> = {}
  const adapted = adapt(hoist(body, shared))
  return { $schema, $id: id, title, ...isObject(adapted) ? adapted : {}, $defs: adapt(shared) }
}

/** Lets "${NAME}" stand where a number, a truth value or a certain text is wanted: the editor cannot know its value. */
function withEnvironment (part: unknown): unknown {
  if (Array.isArray(part)) return part.map(withEnvironment)
  if (!isObject(part)) return part
  const { propertyNames, ...rest } = part
  const inner = Object.fromEntries(Object.entries(rest).map(([key, item]) => [key, withEnvironment(item)]))
  const names = propertyNames === undefined ? {} : { propertyNames }
  const isLimited = ['pattern', 'enum', 'const'].some(key => key in part && typeof part[key] !== 'object') || Array.isArray(part.enum)
  if (!(part.type === 'integer' || part.type === 'boolean' || part.type === 'number' || (part.type === 'string' && isLimited))) return { ...inner, ...names }
  const { description, default: preset, $ref, ...limits } = inner
  return {
    ...description !== undefined && { description },
    ...preset !== undefined && { default: preset },
    anyOf: [limits, { type: 'string', pattern: '\\$\\{' }]
  }
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
